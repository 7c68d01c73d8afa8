"""Safetensors: named arrays in one file, without code."""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox.errors import DtypeError, StateError

_TYPES = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64, "I32": np.int32, "I16": np.int16,
    "I8": np.int8, "U8": np.uint8, "BOOL": np.bool_,
}  # fmt: skip
_NAMES = {np.dtype(kind): name for name, kind in _TYPES.items()}
# The format's own limit: a header that claims more is no header.
_MAX_HEADER = 100_000_000


def load_safetensors(path: str | Path) -> dict[str, npt.NDArray[Any]]:
    """Reads all tensors of a file; bfloat16 is widened to float32, the others are views of the mapped file.

    The file is an 8-byte little-endian length, a JSON header with type, shape and place of each tensor, and their
    bytes. Nothing of it is executed, and every place is checked against the file before it is read.

    Raises:
        StateError: The file is damaged or none of this format.
        OSError: It cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        size = path.stat().st_size
        if size < 8:
            raise StateError(f"{path} is no safetensors file: it has {size} bytes")
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    length = int.from_bytes(memory[:8], "little")
    if length > min(_MAX_HEADER, size - 8):
        raise StateError(f"{path} is no safetensors file: its header would have {length} of {size} bytes")
    try:
        header = json.loads(memory[8 : 8 + length])
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise StateError(f"{path} is no safetensors file: {error}") from error
    if not isinstance(header, dict):
        raise StateError(f"{path} is no safetensors file: its header is no object")
    return {
        name: _tensor(memory, 8 + length, size, name, entry) for name, entry in header.items() if name != "__metadata__"
    }


def save_safetensors(path: str | Path, tensors: Mapping[str, npt.ArrayLike]) -> None:
    """Writes named arrays; the file appears whole or not at all.

    Raises:
        DtypeError: An array holds something that the format has no name for.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_safetensors(f"{folder}/model.safetensors", {"weight": np.eye(2)})
    ...     load_safetensors(f"{folder}/model.safetensors")["weight"].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    path = Path(path)
    header: dict[str, Any] = {}
    arrays = []
    place = 0
    for name, values in tensors.items():
        array = np.asarray(values)
        kind = _NAMES.get(array.dtype.newbyteorder("="))
        if kind is None:
            raise DtypeError(f"{name} holds {array.dtype}, which safetensors does not know")
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        header[name] = {"dtype": kind, "shape": list(np.shape(values)), "data_offsets": [place, place + array.nbytes]}
        arrays.append(array)
        place += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    # Data begins at a multiple of 8, so that it can be mapped.
    text += b" " * (-len(text) % 8)
    scratch = path.with_name(path.name + ".part")
    with scratch.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays:
            file.write(array.tobytes())
    scratch.replace(path)


def _tensor(memory: mmap.mmap, start: int, size: int, name: str, entry: Any) -> npt.NDArray[Any]:
    try:
        kind, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        count = int(np.prod(shape, dtype=np.int64))
        width = 2 if kind == "BF16" else np.dtype(_TYPES[kind]).itemsize
        sound = all(isinstance(n, int) and n >= 0 for n in (*shape, begin, end))
    except (KeyError, TypeError, ValueError) as error:
        raise StateError(f"tensor {name!r} is described wrongly: {entry!r}") from error
    if not sound or start + end > size or end - begin != count * width:
        raise StateError(f"tensor {name!r} is described wrongly: {entry!r} in a file of {size} bytes")
    if kind == "BF16":
        # The upper half of a float32.
        halves = np.frombuffer(memory, "<u2", count, start + begin).astype(np.uint32)
        return (halves << 16).view(np.float32).reshape(shape)
    array: npt.NDArray[Any] = np.frombuffer(memory, np.dtype(_TYPES[kind]).newbyteorder("<"), count, start + begin)
    return array.reshape(shape)
