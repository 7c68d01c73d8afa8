"""Examples in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from whitebox._validation import positive_int
from whitebox.errors import DtypeError, EmptyInputError, RangeError, ShapeError, StateError
from whitebox.nn._module import AnyArray

Batch = tuple[Any, ...]


class DataLoader:
    """Batches of examples, each epoch all of them once.

    With a seed, each epoch has an order of its own, which depends on the seed and the number of the epoch only: the
    same seed gives the same batches, and an epoch can be gone on with in its middle. Each loop over the loader is an
    epoch; one that was left before its end is begun anew by the next loop, in the same order. O(batch) memory a batch.

    Args:
        columns: What an example consists of, such as inputs and targets: arrays, or any sequences, equally long.
        batch_size: Examples in a batch; the last one of an epoch may be smaller.
        seed: Of the orders; without it, examples come as they stand.
        drop_last: Whether a smaller last batch is left out.
        collate: From what the examples of a batch have in each column, as lists, to the batch; for examples of
            different lengths: `lambda texts, labels: (*pad(texts), np.array(labels))`. Without it, columns are arrays.

    Raises:
        EmptyInputError: There are no columns or no examples.
        ShapeError: Columns differ in length, or one cannot be made an array of and there is no `collate`.
        RangeError: `batch_size` is below 1, or no batch is full and smaller ones are left out; a negative seed.

    >>> loader = DataLoader(np.arange(5), np.arange(5) ** 2, batch_size=2, seed=0)
    >>> [x.tolist() for x, _ in loader], [x.tolist() for x, _ in loader]
    ([[2, 4], [3, 0], [1]], [[1, 4], [3, 0], [2]])
    """

    def __init__(
        self,
        *columns: Any,
        batch_size: int,
        seed: int | None = None,
        drop_last: bool = False,
        collate: Callable[..., Batch] | None = None,
    ) -> None:
        if not columns:
            raise EmptyInputError("a loader needs at least one column of examples")
        self._columns = [column if collate else _as_column(column, place) for place, column in enumerate(columns)]
        lengths = [len(column) for column in self._columns]
        if len(set(lengths)) > 1:
            raise ShapeError(f"columns must be equally long, got {lengths}")
        if lengths[0] == 0:
            raise EmptyInputError("there are no examples")
        self._examples = lengths[0]
        self._batch_size = positive_int(batch_size, "batch_size")
        if drop_last and self._batch_size > self._examples:
            raise RangeError(f"{self._examples} examples fill no batch of {batch_size}, and smaller ones are left out")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0):
            raise RangeError(f"seed must be a whole number of at least 0, got {seed!r}")
        self._seed = seed
        self._drop_last = drop_last
        self._collate = collate
        self._epoch = self._next_batch = 0
        self._resumed = False

    def __len__(self) -> int:
        """Batches in an epoch."""
        rounded = 0 if self._drop_last else self._batch_size - 1
        return (self._examples + rounded) // self._batch_size

    def __iter__(self) -> Iterator[Batch]:
        """The batches of an epoch; those that are left of it just after a state was loaded."""
        if not self._resumed:
            self._next_batch = 0
        self._resumed = False
        order = np.arange(self._examples)
        if self._seed is not None:
            order = np.random.default_rng([self._seed, self._epoch]).permutation(self._examples)
        for number in range(self._next_batch, len(self)):
            self._next_batch = number + 1
            chosen = order[number * self._batch_size : (number + 1) * self._batch_size]
            if number + 1 == len(self):
                # Whoever asks for no batch beyond the last has seen the whole epoch.
                self._epoch, self._next_batch = self._epoch + 1, 0
            yield self._batch(chosen)

    def _batch(self, chosen: npt.NDArray[np.int64]) -> Batch:
        if self._collate is None:
            return tuple(column[chosen] for column in self._columns)
        return self._collate(*([column[place] for place in chosen] for column in self._columns))

    def state_dict(self) -> dict[str, AnyArray]:
        """How many epochs were finished, and how many batches of the present one were handed out."""
        return {"epoch": np.array(self._epoch), "batch": np.array(self._next_batch)}

    def load_state_dict(self, state: Mapping[str, npt.ArrayLike]) -> None:
        """Goes on where the state was taken, with the same examples, batch size and seed.

        Raises:
            StateError: It lacks a number, or holds one that is not of this loader.

        >>> loader = DataLoader(np.arange(6), batch_size=2, seed=0)
        >>> batches = iter(loader)
        >>> _ = next(batches)
        >>> resumed = DataLoader(np.arange(6), batch_size=2, seed=0)
        >>> resumed.load_state_dict(loader.state_dict())
        >>> [x.tolist() for x, in resumed] == [x.tolist() for x, in batches]
        True
        """
        try:
            epoch, batch = int(np.asarray(state["epoch"])), int(np.asarray(state["batch"]))
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(f"a loader's state is an epoch and a batch, got {dict(state)!r}") from error
        if epoch < 0 or not 0 <= batch < len(self):
            raise StateError(f"epoch {epoch}, batch {batch} is no place among {len(self)} batches")
        self._epoch, self._next_batch, self._resumed = epoch, batch, True


def pad(
    sequences: Sequence[npt.ArrayLike], *, value: float = 0, side: Literal["left", "right"] = "right"
) -> tuple[AnyArray, npt.NDArray[np.int64]]:
    r"""Sequences of different lengths as one array, and their lengths.

    Args:
        sequences: n arrays of shapes (length, \*rest) with the same rest.
        value: Fills up shorter ones.
        side: Where it stands.

    Returns:
        Shapes (n, longest, \*rest) and (n,).

    Raises:
        EmptyInputError: There are no sequences.
        ShapeError: One is a single number, or the shapes differ in more than the length.
        RangeError: The value is none of the sequences' type, or the side is none.

    >>> padded, lengths = pad([[5, 6, 7], [8]])
    >>> padded.tolist(), lengths.tolist()
    ([[5, 6, 7], [8, 0, 0]], [3, 1])
    """
    arrays = [np.asarray(sequence) for sequence in sequences]
    if not arrays:
        raise EmptyInputError("there are no sequences to pad")
    if side not in ("left", "right"):
        raise RangeError(f"side must be 'left' or 'right', got {side!r}")
    for place, array in enumerate(arrays):
        if array.ndim == 0 or array.shape[1:] != arrays[0].shape[1:]:
            raise ShapeError(f"sequence {place} has shape {array.shape}, the first has {arrays[0].shape}")
    lengths = np.array([len(array) for array in arrays])
    # What is empty has no type of its own: a list without numbers is one of floats to NumPy.
    kind = np.result_type(*([array for array in arrays if array.size] or arrays))
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        if not (float(value).is_integer() and limits.min <= value <= limits.max):
            raise RangeError(f"sequences of {kind} cannot be padded with {value!r}")
    padded = np.full((len(arrays), int(lengths.max()), *arrays[0].shape[1:]), value, kind)
    for row, array in zip(padded, arrays, strict=True):
        row[len(row) - len(array) if side == "left" else 0 :][: len(array)] = array
    return padded, lengths


def _as_column(values: Any, place: int) -> AnyArray:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ShapeError(f"column {place} is no rectangular array: pass collate=... with pad") from error
    if array.dtype.kind == "O":
        raise DtypeError(f"column {place} holds objects, which are no array: pass collate=...")
    if array.ndim == 0:
        raise ShapeError(f"column {place} is a single value")
    return array
