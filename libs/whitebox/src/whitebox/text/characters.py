"""Texts written character by character, by a recurrent network (Karpathy 2015; Graves 2013)."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, positive_int
from whitebox.autograd import Tensor, log_softmax, no_grad
from whitebox.errors import DtypeError, EmptyInputError, RangeError, ShapeError
from whitebox.nn import LSTM, Dropout, Embedding, Linear, Module
from whitebox.transformers.sampling import Sampling

Gate = Literal["input", "forget", "output"]
Numbers = npt.NDArray[np.int64]
State = tuple[Tensor, Tensor]
# Steps of a long text that are held at once.
_PIECE = 512


class Openings(NamedTuple):
    """How far the gates of a layer stand open, from 0 to 1.

    Attributes:
        characters: Those of the text, each once, in the order of the alphabet.
        opening: Mean over all places where the character is read, shape (characters, hidden).
        always_open: Share of all places where a unit's gate is above 0.9, shape (hidden,).
        always_closed: Share of all places where it is below 0.1, shape (hidden,).
    """

    characters: str
    opening: Array
    always_open: Array
    always_closed: Array


class CharacterModel(Module):
    r"""A recurrent network that gives each next character a probability.

    .. math:: p(x_1 \dots x_n) = \prod_t p(x_t \mid x_{<t}), \qquad
              p(\cdot \mid x_{<t}) = \mathrm{softmax}(W h_{t-1} + b)

    with :math:`h` the last state of an LSTM (Hochreiter, Schmidhuber: Long Short-Term Memory, 1997) that has read
    :math:`x_{<t}` (Karpathy: The Unreasonable Effectiveness of Recurrent Neural Networks, 2015). O(n · h²) for each
    layer.

    Args:
        alphabet: The characters it knows, each once; `"".join(sorted(set(text)))` are those of a text.
        hidden: Width h of the state.
        layers: Of LSTM.
        embedding: Numbers that stand for a character at the input.
        dropout: Share of the last state that is set to 0 in training.
        rng: Draws the weights, and what is dropped.
        dtype: Precision of the weights.

    Raises:
        EmptyInputError: The alphabet is empty.
        RangeError: It has a character twice, or a number is out of its range.

    >>> model = CharacterModel("ab ", hidden=8, rng=np.random.default_rng(0))
    >>> logits, state = model(model.encode("abba")[None])
    >>> logits.shape
    (1, 4, 3)
    >>> len(model.sample("ab", 5, rng=np.random.default_rng(0)))
    5
    """

    def __init__(
        self,
        alphabet: str,
        *,
        hidden: int = 128,
        layers: int = 1,
        embedding: int = 32,
        dropout: float = 0.0,
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        if not alphabet:
            raise EmptyInputError("the alphabet is empty")
        if len(set(alphabet)) != len(alphabet):
            raise RangeError("the alphabet has a character twice")
        self.alphabet = alphabet
        self._numbers = {character: number for number, character in enumerate(alphabet)}
        self.embedding = Embedding(len(alphabet), embedding, rng=rng, dtype=dtype)
        self.lstm = LSTM(embedding, hidden, layers=layers, rng=rng, dtype=dtype)
        self.dropout = Dropout(dropout, rng=rng)
        self.head = Linear(hidden, len(alphabet), rng=rng, dtype=dtype)

    def encode(self, text: str) -> Numbers:
        """Places of the characters in the alphabet, shape (n,).

        Raises:
            RangeError: A character is not in it.
        """
        try:
            return np.array([self._numbers[character] for character in text], dtype=np.int64)
        except KeyError as error:
            raise RangeError(f"the alphabet has no {error.args[0]!r}") from error

    def decode(self, numbers: npt.ArrayLike) -> str:
        """The text that `encode` would give these numbers for.

        Raises:
            DtypeError: They are not whole.
            RangeError: One is no place of the alphabet.
        """
        places = np.asarray(numbers, dtype=None if np.size(numbers) else np.int64)
        if places.dtype.kind not in "iu":
            raise DtypeError(f"characters are looked up by whole numbers, got dtype {places.dtype}")
        if places.size and not 0 <= places.min() <= places.max() < len(self.alphabet):
            raise RangeError(f"the alphabet has {len(self.alphabet)} characters, got {places.min()} to {places.max()}")
        return "".join(self.alphabet[place] for place in places.reshape(-1))

    def forward(self, numbers: npt.ArrayLike, state: State | None = None) -> tuple[Tensor, State]:
        """Reads characters, and says after each what may come next.

        Args:
            numbers: Of the characters, shape (b, n), n at least 1.
            state: Where to go on, as a call before gave it; the beginning by default.

        Returns:
            Logits, shape (b, n, characters): those at place t are for the character after it. And the state at the end.

        Raises:
            ShapeError: The numbers are no rows, or the state is one of other rows.
            EmptyInputError: The rows are empty.
            DtypeError, RangeError: A number is no place of the alphabet.
        """
        hidden, state = self.lstm(self._read(numbers), state)
        logits: Tensor = self.head(self.dropout(hidden))
        return logits, state

    def _read(self, numbers: npt.ArrayLike) -> Tensor:
        rows = np.asarray(numbers)
        if rows.ndim != 2:
            raise ShapeError(f"characters must come in rows, shape (b, n), got {rows.shape}")
        vectors: Tensor = self.embedding(rows)
        return vectors

    def bits_per_character(self, text: str) -> float:
        r"""Mean of :math:`-\log_2 p(x_t \mid x_{<t})` over all characters but the first, in evaluation mode.

        So many bits a character would take from an ideal coder that knows the model (Shannon 1951).

        Raises:
            EmptyInputError: The text has fewer than two characters.
            RangeError: A character is not in the alphabet.

        >>> model = CharacterModel("abcd", rng=np.random.default_rng(0))
        >>> model.head.weight.data, model.head.bias.data = np.zeros((4, 128)), np.zeros(4)
        >>> model.bits_per_character("dacab")
        2.0
        """
        numbers = self.encode(text)
        if len(numbers) < 2:
            raise EmptyInputError("a text of at least two characters has something to predict")
        total, state = 0.0, None
        training = self.training
        self.eval()
        with no_grad():
            for start in range(0, len(numbers) - 1, _PIECE):
                piece = numbers[start : start + _PIECE + 1]
                logits, state = self(piece[None, :-1], state)
                logs = log_softmax(logits.astype(np.float64)).data[0]
                total -= float(logs[np.arange(len(piece) - 1), piece[1:]].sum())
        self.train(training)
        return total / (len(numbers) - 1) / math.log(2)

    def sample(self, prompt: str, length: int, sampling: Sampling | None = None, *, rng: np.random.Generator) -> str:
        """Goes on writing, in evaluation mode.

        Args:
            prompt: What is there already, at least one character.
            length: Characters to write.
            sampling: How one is chosen: greedily, at a temperature, among the most probable ones...; from the model's
                own probabilities by default.
            rng: One number is drawn for each character.

        Returns:
            What was written, without the prompt.

        Raises:
            EmptyInputError: The prompt is empty.
            RangeError: It has a character that is not in the alphabet, or `length` is below 1.
        """
        strategy = Sampling() if sampling is None else sampling
        numbers = self.encode(prompt).tolist()
        if not numbers:
            raise EmptyInputError("the prompt is empty")
        training = self.training
        self.eval()
        with no_grad():
            unread, state = list(numbers), None
            for _ in range(positive_int(length, "length")):
                logits, state = self(np.array([unread]), state)
                numbers.append(strategy.draw(logits.data[0, -1], rng.random(), numbers))
                unread = numbers[-1:]
        self.train(training)
        return self.decode(numbers[len(prompt) :])

    def openings(self, text: str, gate: Gate = "forget", *, layer: int = 0) -> Openings:
        """Which characters open which units' gates, and which gates hardly ever move.

        (Karpathy, Johnson, Fei-Fei: Visualizing and Understanding Recurrent Networks, 2016, section 4.2.)

        Args:
            text: To read.
            gate: "input": what a character may write into the cells; "forget": how much of them it lets stay;
                "output": how much of them it shows.
            layer: Of LSTM.

        Raises:
            EmptyInputError: The text is empty.
            RangeError: A character is not in the alphabet, or there is no such gate or layer.

        >>> model = CharacterModel("abc", hidden=4, rng=np.random.default_rng(0))
        >>> found = model.openings("abba", "input")
        >>> found.characters, found.opening.shape
        ('ab', (2, 4))
        """
        if gate not in ("input", "forget", "output"):
            raise RangeError(f"gate must be 'input', 'forget' or 'output', got {gate!r}")
        if not 0 <= layer < self.lstm.layers:
            raise RangeError(f"there are {self.lstm.layers} layers, asked for {layer}")
        numbers = self.encode(text)
        if not len(numbers):
            raise EmptyInputError("the text is empty")
        opened = getattr(self.lstm.gates(self._read(numbers[None]))[layer], gate)[0].astype(np.float64)
        present, places = np.unique(numbers, return_inverse=True)
        sums = np.zeros((len(present), opened.shape[1]))
        np.add.at(sums, places, opened)
        return Openings(
            self.decode(present),
            sums / np.bincount(places)[:, None],
            (opened > 0.9).mean(axis=0),
            (opened < 0.1).mean(axis=0),
        )


def windows(numbers: npt.ArrayLike, length: int) -> Numbers:
    """A text in pieces to learn from: each predicts `length` characters, and begins with the last of the one before.

    Args:
        numbers: Of the text, shape (n,).
        length: Characters to predict in a piece.

    Returns:
        Shape (⌊(n - 1) / length⌋, length + 1); the end that fills no piece is left out.

    Raises:
        ShapeError: The text is no vector, or shorter than a piece.
        RangeError: `length` is below 1.

    >>> windows([0, 1, 2, 3, 4, 5], 2).tolist()
    [[0, 1, 2], [2, 3, 4]]
    """
    text = np.asarray(numbers)
    if text.ndim != 1 or len(text) <= positive_int(length, "length"):
        raise ShapeError(f"a text must be a vector of more than {length} characters, got shape {text.shape}")
    count = (len(text) - 1) // length
    places = np.arange(count)[:, None] * length + np.arange(length + 1)
    pieces: Numbers = text[places]
    return pieces
