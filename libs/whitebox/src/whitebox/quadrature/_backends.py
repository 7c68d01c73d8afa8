"""Where integrands run: as NumPy functions of arrays, as machine code point by point, or on torch's devices."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from whitebox._compiled import numba_is_used
from whitebox._validation import Array
from whitebox.errors import DtypeError, MissingDependencyError, NotFiniteError, RangeError, ShapeError

BackendName = Literal["numpy", "numba", "torch"]

_WORD = 2.0**-32


class PoleError(NotFiniteError):
    """An integrand is not finite somewhere.

    Attributes:
        place: Where: a number or a list of them.
    """

    def __init__(self, message: str, place: Any) -> None:
        super().__init__(message)
        self.place = place


class Backend(Protocol):
    """What methods of integration need; arrays are the backend's own, and only operators are used on them."""

    name: str

    def array(self, values: Array) -> Any:
        """NumPy's numbers, where the integrand runs."""
        ...

    def host(self, values: Any) -> Array:
        """The way back; waits until the values are there."""
        ...

    def values(self, f: Callable[[Any], Any], points: Any) -> Any:
        """One float64 a point, finite or not. Raises ShapeError or DtypeError for anything else."""
        ...

    def uniform(self, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
        """Random numbers from 0 to below 1."""
        ...

    def net(self, start: npt.NDArray[np.uint32], directions: npt.NDArray[np.uint32]) -> Any:
        """Sobol points in (0, 1): `start` with every combination of the directions, shape (2 ** k, d) for (k, d)."""
        ...

    def columns(self, parts: list[Any]) -> Any:
        """Vectors side by side."""
        ...

    def join(self, parts: list[Any]) -> Any:
        """Arrays one below the other."""
        ...


def load_backend(name: str, device: str | None = None) -> Backend:
    """The backend of a name.

    Raises:
        RangeError: for an unknown name, or a device where there is none to choose.
        MissingDependencyError: if what it needs is not installed.
    """
    if name not in get_args(BackendName):
        raise RangeError(f"backend must be one of {', '.join(get_args(BackendName))}, got {name!r}")
    if name == "torch":
        return _Torch(device or "cpu")
    if device is not None:
        raise RangeError(f"only backend='torch' has devices to choose from, got device={device!r} for {name!r}")
    return _Numba() if name == "numba" else _NumPy()


def finite_values(run: Backend, f: Callable[[Any], Any], points: Any) -> Any:
    """One finite float64 a point. Raises NotFiniteError with the first point where there is none."""
    values = run.values(f, points)
    # A sum is finite only if all its terms are, but for overflow: one pass, without a second array.
    if not np.isfinite(float(abs(values).sum())):
        host = run.host(values)
        wrong = np.flatnonzero(~np.isfinite(host))
        if wrong.size:
            place = run.host(points)[wrong[0]].tolist()
            kind = "NaN" if np.isnan(host[wrong[0]]) else f"{host[wrong[0]]}"
            raise PoleError(
                f"the integrand is {kind} at {place}: split the domain there, so that it becomes an end", place
            )
    return values


def numpy_values(f: Callable[[Array], npt.ArrayLike], points: Array) -> Array:
    """One finite float64 a point from a NumPy function. Raises as `finite_values`."""
    values: Array = finite_values(_NumPy(), f, points)
    return values


class _NumPy:
    name = "numpy"

    def array(self, values: Array) -> Array:
        return values

    def host(self, values: Array) -> Array:
        return values

    def values(self, f: Callable[[Any], Any], points: Array) -> Array:
        # Whether a result is finite is looked at by itself; how it became so is the integrand's affair.
        with np.errstate(all="ignore"):
            values = np.asarray(f(points))
        if values.dtype.kind not in "biuf":
            raise DtypeError(f"the integrand must give real numbers, got dtype {values.dtype}")
        _check_shape(values.shape, points.shape)
        return values.astype(np.float64, copy=False)

    def uniform(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return rng.random(shape)

    def net(self, start: npt.NDArray[np.uint32], directions: npt.NDArray[np.uint32]) -> Array:
        points = np.empty((1 << len(directions), len(start)), dtype=np.uint32)
        points[0] = start
        for k, direction in enumerate(directions):
            np.bitwise_xor(points[: 1 << k], direction, out=points[1 << k : 2 << k])
        unit = np.empty(points.shape)
        np.multiply(points + 0.5, _WORD, out=unit)
        return unit

    def columns(self, parts: list[Any]) -> Array:
        return np.stack(parts, axis=1)

    def join(self, parts: list[Any]) -> Array:
        return np.concatenate(parts)


class _Numba(_NumPy):
    """Integrands that take one point, a number or a vector, and are compiled; in Python where compiling is off."""

    name = "numba"

    def __init__(self) -> None:
        if find_spec("numba") is None:
            raise MissingDependencyError("backend='numba' needs numba: pip install 'whitebox[fast]'")

    def values(self, f: Callable[[Any], Any], points: Array) -> Array:
        values = np.empty(len(points))
        if numba_is_used():
            _machine_loop(f)(points, values)
        else:
            with np.errstate(all="ignore"):
                for i, point in enumerate(points):
                    values[i] = getattr(f, "py_func", f)(point)
        return values


class _Torch:
    """Integrands that take a tensor of points and give a tensor of values, on a device of torch's."""

    name = "torch"

    def __init__(self, device: str) -> None:
        if find_spec("torch") is None:
            raise MissingDependencyError("backend='torch' needs PyTorch: pip install torch")
        self._torch: Any = import_module("torch")
        try:
            self._device = self._torch.device(device)
            self._torch.zeros(1, device=self._device, dtype=self._torch.float64)
        except (RuntimeError, AssertionError, TypeError) as error:
            raise MissingDependencyError(
                f"device {device!r} does not serve torch {self._torch.__version__} here: {error}"
            ) from error

    def array(self, values: Array) -> Any:
        return self._torch.tensor(values, dtype=self._torch.float64, device=self._device)

    def host(self, values: Any) -> Array:
        host: Array = values.detach().cpu().numpy()
        return host

    def values(self, f: Callable[[Any], Any], points: Any) -> Any:
        with self._torch.no_grad():
            values = f(points)
        if not isinstance(values, self._torch.Tensor) or values.is_complex():
            kind = getattr(values, "dtype", type(values).__name__)
            raise DtypeError(f"with backend='torch' the integrand must give a tensor of real numbers, got {kind}")
        _check_shape(tuple(values.shape), tuple(points.shape))
        return values.to(device=self._device, dtype=self._torch.float64)

    def uniform(self, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
        generator = self._torch.Generator(device=self._device).manual_seed(int(rng.integers(2**63)))
        return self._torch.rand(shape, dtype=self._torch.float64, device=self._device, generator=generator)

    def net(self, start: npt.NDArray[np.uint32], directions: npt.NDArray[np.uint32]) -> Any:
        # torch has no arithmetic of unsigned words; as long integers they keep their bits.
        def words(values: npt.NDArray[np.uint32]) -> Any:
            return self._torch.tensor(values.astype(np.int64), device=self._device)

        points = words(start)[None, :]
        for direction in words(directions):
            points = self._torch.cat([points, points ^ direction])
        return (points.to(self._torch.float64) + 0.5) * _WORD

    def columns(self, parts: list[Any]) -> Any:
        return self._torch.stack(parts, dim=1)

    def join(self, parts: list[Any]) -> Any:
        return self._torch.cat(parts)


def _check_shape(got: tuple[int, ...], points: tuple[int, ...]) -> None:
    if got != points[:1]:
        raise ShapeError(
            f"the integrand gave shape {got} for points of shape {points}: it must take an array of points and give "
            f"one value for each, shape {points[:1]}; numpy.vectorize makes such a function of one for single numbers"
        )


@lru_cache(maxsize=64)
def _machine_loop(f: Any) -> Any:
    import numba

    scalar = f if hasattr(f, "py_func") else numba.njit(error_model="numpy")(f)

    @numba.njit(nogil=True, error_model="numpy")  # type: ignore[misc, unused-ignore]  # numba is untyped where missing
    def fill(points: Any, values: Any) -> None:
        for i in range(len(values)):
            values[i] = scalar(points[i])

    return fill
