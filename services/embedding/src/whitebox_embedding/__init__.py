"""Text to vectors: tokenises, batches across concurrent callers and runs one sentence encoder."""
