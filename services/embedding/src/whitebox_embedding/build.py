"""Builds the configured model ahead of time, for an image: `python -m whitebox_embedding.build`.

Reads the service's own settings, so what it builds is what the service will look for; prints where it is.
"""

from whitebox_runtime.settings import load_settings

from whitebox_embedding.adapters.tokenizer import HuggingFaceTokenizer
from whitebox_embedding.bundle import ensure_bundle
from whitebox_embedding.errors import ModelError
from whitebox_embedding.settings import EmbeddingSettings


def main() -> None:
    """Entry point."""
    settings = load_settings(EmbeddingSettings)
    try:
        bundle = ensure_bundle(settings.data_dir, settings.choice, HuggingFaceTokenizer)
    except ModelError as error:
        raise SystemExit(f"embedding: {error}") from error
    print(bundle.path)


if __name__ == "__main__":
    main()
