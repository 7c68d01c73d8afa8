"""Token sequences of which a part is a response, side by side, and how probable a model finds that part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import positive_int
from whitebox.autograd import Tensor, no_grad, primitive, take
from whitebox.autograd._tensor import AnyArray, Part, Pullback
from whitebox.errors import DtypeError, EmptyInputError, RangeError, ShapeError


class Example(NamedTuple):
    """A prompt and its response in one row of tokens.

    Attributes:
        ids: Token numbers.
        response: Of each token, whether it belongs to a response; as long as `ids`.
    """

    ids: Sequence[int]
    response: Sequence[bool]


@dataclass(frozen=True)
class Batch:
    """Rows of tokens of one length.

    A token counts where `response` holds and a token stands before it in its row, which it is predicted from: never the
    first.

    Attributes:
        ids: Shape (b, n), whole numbers.
        response: Shape (b, n), truth values; False for prompts and padding.

    Raises:
        DtypeError: `ids` are not whole numbers, or `response` holds no truth values.
        ShapeError: They are no matrices of one shape.
        EmptyInputError: There is no row or no token.

    >>> Batch(np.array([[5, 6, 7]]), np.array([[True, False, True]])).counts.tolist()
    [1]
    """

    ids: npt.NDArray[np.int64]
    response: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        for name, kinds in (("ids", "iu"), ("response", "b")):
            array = np.asarray(getattr(self, name))
            object.__setattr__(self, name, array)
            if array.dtype.kind not in kinds:
                wanted = "whole numbers" if name == "ids" else "truth values"
                raise DtypeError(f"{name} must hold {wanted}, got dtype {array.dtype}")
        if self.ids.ndim != 2 or self.ids.shape != self.response.shape:
            raise ShapeError(f"ids {self.ids.shape} and response {self.response.shape} must be matrices of one shape")
        if not self.ids.size:
            raise EmptyInputError(f"a batch of shape {self.ids.shape} holds nothing")

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Response tokens that count in each row, shape (b,)."""
        counts: npt.NDArray[np.int64] = self.response[:, 1:].sum(axis=1)
        return counts

    @property
    def places(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Rows and columns of the response tokens that count, in the order of reading."""
        rows, columns = np.nonzero(self.response[:, 1:])
        return rows, columns + 1


def pad(examples: Sequence[Example], *, token: int = 0, length: int | None = None) -> Batch:
    """Examples side by side, the shorter ones followed by a token that does not count.

    Behind the response, where a causal model cannot see it from before: padding changes no number.

    Args:
        examples: At least one.
        token: To fill up with.
        length: Of the rows; that of the longest example by default.

    Raises:
        EmptyInputError: There is no example, or one without tokens.
        ShapeError: An example has not a mark for each token, or is longer than `length`.

    >>> pad([Example([1, 2, 3], [False, True, True]), Example([4, 5], [False, True])]).ids.tolist()
    [[1, 2, 3], [4, 5, 0]]
    """
    longest = _longest(examples)
    width = longest if length is None else positive_int(length, "length")
    if longest > width:
        raise ShapeError(f"an example has {longest} tokens, rows have {width}")
    ids = np.full((len(examples), width), token, np.int64)
    response = np.zeros(ids.shape, np.bool_)
    for row, example in enumerate(examples):
        ids[row, : len(example.ids)] = example.ids
        response[row, : len(example.ids)] = example.response
    return Batch(ids, response)


def pack(examples: Sequence[Example], length: int, *, token: int = 0) -> Batch:
    """Examples one behind the other, in rows of a length: little is computed for padding.

    Each goes into the first row with room for it, the longest ones first (first-fit decreasing). The first token of an
    example is never one that counts: nothing before it belongs to it. Attention still looks back into the examples
    before it in the row, which costs a model without masks for that little (as GPT-3 was trained: Brown et al. 2020,
    appendix B).

    Args:
        examples: At least one.
        length: Of the rows.
        token: To fill up with.

    Raises:
        EmptyInputError: There is no example, or one without tokens.
        ShapeError: An example has not a mark for each token, or is longer than a row.
        RangeError: The length is not positive.

    >>> batch = pack([Example([1, 2], [True, True]), Example([3, 4, 5], [False, False, True])], 6)
    >>> batch.ids.tolist(), batch.response.astype(int).tolist()
    ([[3, 4, 5, 1, 2, 0]], [[0, 0, 1, 0, 1, 0]])
    """
    if _longest(examples) > positive_int(length, "length"):
        raise ShapeError(f"an example has {_longest(examples)} tokens, rows have {length}")
    rows: list[list[Example]] = []
    free: list[int] = []
    for example in sorted(examples, key=lambda one: -len(one.ids)):
        row = next((place for place, room in enumerate(free) if room >= len(example.ids)), None)
        if row is None:
            row = len(rows)
            rows.append([])
            free.append(length)
        rows[row].append(example)
        free[row] -= len(example.ids)
    joined = [
        Example(
            [number for one in row for number in one.ids],
            [mark and place > 0 for one in row for place, mark in enumerate(one.response)],
        )
        for row in rows
    ]
    return pad(joined, token=token, length=length)


@primitive
def token_log_probabilities(logits: Any, targets: npt.NDArray[np.int64]) -> tuple[AnyArray, Pullback]:
    r""":math:`\log p_i(t_i) = z_{i t_i} - \log \sum_v e^{z_{iv}}` for each row i, without overflow.

    The gradient is the one-hot vector of the target minus the probabilities. O(rows · vocabulary).

    Args:
        logits: Shape (k, vocabulary).
        targets: Shape (k,), whole numbers.

    Raises:
        ShapeError: There is not one target for each row.
        RangeError: A target is no token.

    >>> token_log_probabilities(Tensor([[0.0, 0.0], [2.0, 0.0]]), np.array([0, 1])).data.round(4).tolist()
    [-0.6931, -2.1269]
    """
    if logits.ndim != 2 or np.shape(targets) != logits.shape[:1]:
        raise ShapeError(f"logits {logits.shape} and targets {np.shape(targets)} do not fit: one target a row")
    if len(targets) and not 0 <= targets.min() <= targets.max() < logits.shape[1]:
        raise RangeError(f"the vocabulary has {logits.shape[1]} tokens, targets are {targets.min()} to {targets.max()}")
    rows = np.arange(len(targets))
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=1)

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        def of_logits() -> AnyArray:
            of: AnyArray = exponentials * (-g / total)[:, None]
            of[rows, targets] += g
            return of

        return (of_logits,)

    return shifted[rows, targets] - np.log(total), pullback


def response_log_probabilities(model: Any, batch: Batch) -> Tensor:
    """Log-probabilities of the response tokens that count, each given all tokens before it in its row.

    A model that has `hidden` and `logits`, such as `whitebox.transformers.llama.Llama`, computes logits only where they
    are needed.

    Args:
        model: From ids of shape (b, n) to logits of shape (b, n, vocabulary), causal.
        batch: With k tokens that count.

    Returns:
        Shape (k,), in the order of `Batch.places`.

    Raises:
        EmptyInputError: No token counts.
        ShapeError: The logits have another shape.

    >>> batch = Batch(np.array([[0, 1, 1]]), np.array([[False, True, True]]))
    >>> uniform = lambda ids: Tensor(np.zeros((*ids.shape, 4)))
    >>> response_log_probabilities(uniform, batch).data.round(4).tolist()
    [-1.3863, -1.3863]
    """
    rows, columns = batch.places
    if not len(rows):
        raise EmptyInputError("no token of the batch counts: every response is empty")
    targets = batch.ids[rows, columns]
    # What stands before a token predicts it.
    before = rows * batch.ids.shape[1] + columns - 1
    split = hasattr(model, "hidden") and hasattr(model, "logits")
    vectors: Tensor = model.hidden(batch.ids) if split else model(batch.ids)
    if vectors.ndim != 3 or vectors.shape[:2] != batch.ids.shape:
        raise ShapeError(f"a model must give (b, n, vocabulary) for ids {batch.ids.shape}, got {vectors.shape}")
    chosen = take(vectors.reshape(-1, vectors.shape[-1]), before)
    return token_log_probabilities(model.logits(chosen) if split else chosen, targets)


def sequence_log_probabilities(model: Any, batch: Batch) -> Tensor:
    r"""Log-probability of each row's response: the sum over its tokens.

    .. math:: \log \pi(y \mid x) = \sum_{t \in y} \log \pi(y_t \mid x, y_{<t})

    A row whose response is empty has 0. The mean instead of the sum would prefer short or long answers otherwise than
    the probability does.

    Args:
        model: As in `response_log_probabilities`.
        batch: With b rows.

    Returns:
        Shape (b,).

    Raises:
        EmptyInputError, ShapeError: As `response_log_probabilities`.

    >>> batch = Batch(np.array([[0, 1, 1], [0, 1, 2]]), np.array([[False, True, True], [False, True, False]]))
    >>> uniform = lambda ids: Tensor(np.zeros((*ids.shape, 4)))
    >>> sequence_log_probabilities(uniform, batch).data.round(4).tolist()
    [-2.7726, -1.3863]
    """
    return _summed(response_log_probabilities(model, batch), batch.counts)


def reference_log_probabilities(model: Any, batch: Batch) -> npt.NDArray[Any]:
    """`sequence_log_probabilities` of a model that does not learn: no history is kept.

    Args:
        model: As in `response_log_probabilities`; its modes are left as they are (call `eval` before).
        batch: With b rows.

    Returns:
        Shape (b,).

    Raises:
        EmptyInputError, ShapeError: As `response_log_probabilities`.

    >>> batch = Batch(np.array([[0, 1]]), np.array([[False, True]]))
    >>> reference_log_probabilities(lambda ids: Tensor(np.zeros((*ids.shape, 4))), batch).round(4).tolist()
    [-1.3863]
    """
    with no_grad():
        return sequence_log_probabilities(model, batch).data


@primitive
def _summed(values: Any, counts: npt.NDArray[np.int64]) -> tuple[AnyArray, Pullback]:
    """Sums of segments of so many values."""
    rows = np.repeat(np.arange(len(counts)), counts)
    total = np.zeros(len(counts), values.dtype)
    np.add.at(total, rows, values)
    return total, lambda g: (g[rows],)


def _longest(examples: Sequence[Example]) -> int:
    if not len(examples):
        raise EmptyInputError("there is no example")
    for place, example in enumerate(examples):
        if len(example.ids) != len(example.response):
            raise ShapeError(f"example {place} has {len(example.ids)} tokens and {len(example.response)} marks")
        if not len(example.ids):
            raise EmptyInputError(f"example {place} has no tokens")
    return max(len(example.ids) for example in examples)
