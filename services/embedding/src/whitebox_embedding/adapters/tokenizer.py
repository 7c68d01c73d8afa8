"""Hugging Face `tokenizers` behind the domain's Tokenizer protocol."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from whitebox_embedding.encoding import EncodedText
from whitebox_embedding.errors import ModelError

# Read by the library when it first runs: its own thread pool would compete with inference for the same cores.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from tokenizers import Encoding, Tokenizer


class HuggingFaceTokenizer:
    """Turns texts into token ids; safe to call from several threads at once.

    Args:
        path: A `tokenizer.json`.
        max_tokens: The model's window, special tokens included.

    Raises:
        ModelError: The file is missing or malformed.
    """

    def __init__(self, path: Path, max_tokens: int) -> None:
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises plain Exception
            raise ModelError(f"{path} is not a usable tokenizer: {error}") from error
        # The file may carry the settings of its training; the batcher pads and encode() cuts.
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._max_tokens = max_tokens
        padding = self._tokenizer.token_to_id("[PAD]")
        self._padding_id = 0 if padding is None else padding

    @property
    def padding_id(self) -> int:
        """What to fill the right end of a shorter row with."""
        return self._padding_id

    def encode(self, texts: Sequence[str]) -> list[EncodedText]:
        """Token ids with special tokens, cut to the model's window."""
        return [self._cut(encoding) for encoding in self._tokenizer.encode_batch_fast(list(texts))]

    def count(self, texts: Sequence[str]) -> list[int]:
        """Numbers of tokens without special tokens and without a limit."""
        return [len(e) for e in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def _cut(self, encoding: Encoding) -> EncodedText:
        ids = np.array(encoding.ids, np.int32)
        if len(ids) <= self._max_tokens:
            return EncodedText(ids, truncated=False)
        # The last token is the separator that the model expects at the end of every text.
        return EncodedText(np.concatenate([ids[: self._max_tokens - 1], ids[-1:]]), truncated=True)
