"""What the domain asks of a tokenizer and of an encoder, and what passes between them."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Precision = Literal["fp32", "int8"]


class EncodedText(NamedTuple):
    """A text as the model reads it.

    Attributes:
        ids: (tokens,) int32, special tokens included, within the model's window.
        truncated: Whether the text was longer than the window and lost its tail.
    """

    ids: NDArray[np.int32]
    truncated: bool


class Tokenizer(Protocol):
    """Turns texts into token ids; callable from several threads at once."""

    @property
    def padding_id(self) -> int:
        """What to fill the right end of a shorter row with."""

    def encode(self, texts: Sequence[str]) -> list[EncodedText]:
        """Token ids with special tokens, cut to the model's window."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """Numbers of tokens without special tokens and without a limit."""


class Encoder(Protocol):
    """Turns token ids into vectors; callable from several threads at once."""

    def encode(self, token_ids: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.float32]:
        """(batch, sequence) padded ids and (batch,) lengths to (batch, dimensions) unit vectors."""
