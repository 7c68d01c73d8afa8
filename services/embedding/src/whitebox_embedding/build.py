"""Builds models ahead of time, for an image: `python -m whitebox_embedding.build [fp32] [int8]`.

Reads the service's own settings, so what it builds is what the service will look for.
"""

import argparse
from dataclasses import replace
from typing import get_args

from whitebox_runtime.settings import load_settings

from whitebox_embedding.adapters.tokenizer import HuggingFaceTokenizer
from whitebox_embedding.bundle import ensure_bundle
from whitebox_embedding.encoding import Precision
from whitebox_embedding.errors import ModelError
from whitebox_embedding.settings import EmbeddingSettings


def main(arguments: list[str] | None = None) -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m whitebox_embedding.build", description="Builds models ahead of time."
    )
    parser.add_argument(
        "precision", nargs="*", choices=get_args(Precision), help="default: WHITEBOX_EMBEDDING_PRECISION", default=[]
    )
    chosen: list[Precision] = parser.parse_args(arguments).precision
    settings = load_settings(EmbeddingSettings)
    for precision in chosen or [settings.precision]:
        try:
            bundle = ensure_bundle(
                settings.data_dir, replace(settings.choice, precision=precision), HuggingFaceTokenizer
            )
        except ModelError as error:
            raise SystemExit(f"embedding: {error}") from error
        print(bundle.path)


if __name__ == "__main__":
    main()
