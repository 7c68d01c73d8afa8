"""One module per external library: Hugging Face tokenizers and ONNX Runtime."""
