"""GGUF: weights, tokenizer and configuration of a model in one file, as llama.cpp reads them."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox.errors import StateError

Array = npt.NDArray[np.float32]

# Type numbers of the format: of values in the header, with struct's letters ...
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
# ... and limits that no real file comes near, so that a damaged length is noticed before memory is asked for.
_MOST_ENTRIES, _MOST_DIMENSIONS = 1 << 24, 4


@dataclass(frozen=True)
class Encoding:
    """How numbers are packed.

    Attributes:
        name: As llama.cpp calls it.
        numbers: In a block.
        size: Bytes of a block.
        decode: From blocks, shape (blocks, size) of bytes, to numbers, shape (blocks, numbers).
    """

    name: str
    numbers: int
    size: int
    decode: Callable[[npt.NDArray[np.uint8]], Array]


@dataclass(frozen=True)
class GGUF:
    """A file's header, and its tensors as long as the file is open.

    Attributes:
        metadata: Configuration and tokenizer, by their names in the file.
        shapes: Shape of each tensor, in NumPy's order: (rows, columns).
        encodings: Name of each tensor's encoding.
    """

    metadata: Mapping[str, Any]
    shapes: Mapping[str, tuple[int, ...]]
    encodings: Mapping[str, str]
    _places: Mapping[str, tuple[Encoding, int]]
    _memory: mmap.mmap

    def tensor(self, name: str) -> Array:
        r"""Numbers of a tensor, decoded to single precision.

        The block encodings store, for 32 numbers, whole numbers q with a scale d and perhaps a minimum m:
        :math:`x = d (q - 2^{b-1})` or :math:`x = d\, q + m`.

        Raises:
            StateError: The file has no such tensor.
        """
        if name not in self._places:
            raise StateError(f"the file has no tensor {name!r}; it has {', '.join(list(self.shapes)[:5])}, ...")
        encoding, place = self._places[name]
        count = int(np.prod(self.shapes[name], dtype=np.int64))
        packed = np.frombuffer(self._memory, np.uint8, count // encoding.numbers * encoding.size, place)
        return encoding.decode(packed.reshape(-1, encoding.size)).reshape(self.shapes[name])


def open_gguf(path: str | Path) -> GGUF:
    """Reads a file's header; tensors are decoded when they are asked for.

    Every length and place is checked against the file before it is used, and nothing of it is executed.

    Raises:
        StateError: The file is damaged, of another format or version, or uses an encoding that is not known here.
        OSError: It cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        if path.stat().st_size < 24:
            raise StateError(f"{path} is no GGUF file: it has {path.stat().st_size} bytes")
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        return _read(_Reader(memory), memory)
    except (struct.error, UnicodeDecodeError, StateError) as error:
        raise StateError(f"{path} is no GGUF file that can be read: {error}") from error


class _Reader:
    """Values one after the other."""

    def __init__(self, memory: mmap.mmap) -> None:
        self.place = 0
        self._memory = memory

    def scalar(self, letter: str) -> Any:
        (value,) = struct.unpack_from("<" + letter, self._memory, self.place)
        self.place += struct.calcsize("<" + letter)
        return value

    def count(self, most: int) -> int:
        number: int = self.scalar("Q")
        if number > most:
            raise StateError(f"at byte {self.place - 8}: a length of {number}")
        return number

    def string(self) -> str:
        length = self.count(len(self._memory) - self.place)
        text = self._memory[self.place : self.place + length].decode()
        self.place += length
        return text

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.string()
        if kind in _SCALARS:
            return self.scalar(_SCALARS[kind])
        if kind != _ARRAY:
            raise StateError(f"at byte {self.place}: a value of type {kind}")
        inner, length = self.scalar("I"), self.count(_MOST_ENTRIES)
        if inner == _STRING:
            return [self.string() for _ in range(length)]
        if inner not in _SCALARS:
            # Lists of lists are allowed by the format and used by nobody: they would need a bound on their depth.
            raise StateError(f"at byte {self.place}: a list of type {inner}")
        letter = _SCALARS[inner]
        values = struct.unpack_from(f"<{length}{letter}", self._memory, self.place)
        self.place += struct.calcsize(f"<{length}{letter}")
        return list(values)


def _read(reader: _Reader, memory: mmap.mmap) -> GGUF:
    if memory[:4] != b"GGUF":
        raise StateError(f"it begins with {memory[:4]!r}")
    reader.place = 4
    if (version := reader.scalar("I")) not in (2, 3):
        raise StateError(f"version {version} is not known, only 2 and 3")
    tensors, entries = reader.count(_MOST_ENTRIES), reader.count(_MOST_ENTRIES)
    metadata = {reader.string(): reader.value(reader.scalar("I")) for _ in range(entries)}
    found = []
    for _ in range(tensors):
        name, dimensions = reader.string(), reader.scalar("I")
        if dimensions > _MOST_DIMENSIONS:
            raise StateError(f"tensor {name!r} has {dimensions} dimensions")
        # The fastest-moving axis comes first.
        shape = tuple(reader.scalar("Q") for _ in range(dimensions))[::-1]
        found.append((name, shape, reader.scalar("I"), reader.scalar("Q")))
    alignment = metadata.get("general.alignment", 32)
    start = -(-reader.place // alignment) * alignment
    shapes, places, encodings = {}, {}, {}
    for name, shape, kind, offset in found:
        if kind not in _ENCODINGS:
            known = ", ".join(one.name for one in _ENCODINGS.values())
            raise StateError(f"tensor {name!r} is packed as type {kind}, known are {known}")
        encoding = _ENCODINGS[kind]
        count = int(np.prod(shape, dtype=object)) if shape else 1
        end = start + offset + count // encoding.numbers * encoding.size
        if count % encoding.numbers or end > len(memory):
            raise StateError(f"tensor {name!r} of shape {shape} does not fit into the file")
        shapes[name], places[name], encodings[name] = shape, (encoding, start + offset), encoding.name
    return GGUF(metadata, shapes, encodings, places, memory)


def _plain(kind: npt.DTypeLike) -> Callable[[npt.NDArray[np.uint8]], Array]:
    return lambda blocks: blocks.view(np.dtype(kind).newbyteorder("<")).astype(np.float32)


def _brain(blocks: npt.NDArray[np.uint8]) -> Array:
    return (blocks.view("<u2").astype(np.uint32) << 16).view(np.float32)


def _half(blocks: npt.NDArray[np.uint8], place: int) -> Array:
    """A half-precision number of each block, as a column."""
    return np.ascontiguousarray(blocks[:, place : place + 2]).view("<f2").astype(np.float32)


def _nibbles(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """32 numbers of four bits: the lower halves of 16 bytes, then the upper ones."""
    return np.concatenate([packed & 15, packed >> 4], axis=1)


def _fifth_bits(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The 32 bits of four bytes as 16 or 0."""
    bits = np.unpackbits(packed, axis=1, bitorder="little")
    return np.left_shift(bits, 4, dtype=np.uint8)


def _q4_0(blocks: npt.NDArray[np.uint8]) -> Array:
    return _half(blocks, 0) * (_nibbles(blocks[:, 2:]).astype(np.float32) - 8)


def _q4_1(blocks: npt.NDArray[np.uint8]) -> Array:
    return _half(blocks, 0) * _nibbles(blocks[:, 4:]) + _half(blocks, 2)


def _q5_0(blocks: npt.NDArray[np.uint8]) -> Array:
    whole = _nibbles(blocks[:, 6:]) | _fifth_bits(blocks[:, 2:6])
    return _half(blocks, 0) * (whole.astype(np.float32) - 16)


def _q5_1(blocks: npt.NDArray[np.uint8]) -> Array:
    return _half(blocks, 0) * (_nibbles(blocks[:, 8:]) | _fifth_bits(blocks[:, 4:8])) + _half(blocks, 2)


def _q8_0(blocks: npt.NDArray[np.uint8]) -> Array:
    return _half(blocks, 0) * blocks[:, 2:].view(np.int8)


_ENCODINGS = {
    0: Encoding("F32", 1, 4, _plain(np.float32)),
    1: Encoding("F16", 1, 2, _plain(np.float16)),
    2: Encoding("Q4_0", 32, 18, _q4_0),
    3: Encoding("Q4_1", 32, 20, _q4_1),
    6: Encoding("Q5_0", 32, 22, _q5_0),
    7: Encoding("Q5_1", 32, 24, _q5_1),
    8: Encoding("Q8_0", 32, 34, _q8_0),
    30: Encoding("BF16", 1, 2, _brain),
}
