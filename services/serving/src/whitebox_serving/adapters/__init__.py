"""One module per outside thing: the model store's folder, ONNX Runtime, Ray, scikit-learn's converter."""
