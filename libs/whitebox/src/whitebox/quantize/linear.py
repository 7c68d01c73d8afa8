"""Linear layers whose weights are stored in few bits, and models that are made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, cast

import numpy as np
import numpy.typing as npt

from whitebox._validation import positive_int
from whitebox.autograd import Tensor, no_grad, primitive
from whitebox.autograd._tensor import AnyArray, Part, Pullback
from whitebox.errors import RangeError, ShapeError
from whitebox.nn import Linear, Module, Parameter
from whitebox.nn._replacement import replace_modules
from whitebox.quantize.groupwise import Groupwise, dequantize_groupwise, quantize_groupwise
from whitebox.quantize.int8 import (
    MinMaxObserver,
    Quantized,
    affine_parameters,
    dequantize_affine,
    integer_product,
    quantize_affine,
    quantize_int8,
)
from whitebox.quantize.nf4 import (
    NF4,
    DoubleQuantized,
    dequantize_double,
    dequantize_nf4,
    double_quantize,
    quantize_nf4,
)


class PackedWeight(Module):
    """A matrix in few bits: its arrays are buffers, so that they are saved with the model.

    Attributes:
        shape: Of the matrix, (m, d).
        dtype: In which it is unpacked.

    >>> PackedWeight((2, 3)).shape
    (2, 3)
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__()
        self.shape = shape
        self.dtype: np.dtype[Any] = np.dtype(np.float32)

    def unpack(self) -> AnyArray:
        """The matrix, shape (m, d)."""
        raise NotImplementedError(f"{type(self).__name__} packs nothing")


class Int8Weight(PackedWeight):
    """A matrix of eight-bit integers; see `whitebox.quantize.int8`.

    Args:
        weight: Shape (m, d).
        per_channel: Whether each row has its own scale, or all have one.
        symmetric: Whether zero points are 0.

    >>> Int8Weight(np.array([[127.0, -1.0]])).unpack().tolist()
    [[127.0, -1.0]]
    """

    buffers = ("values", "scale", "zero_point")

    def __init__(self, weight: AnyArray, *, per_channel: bool = True, symmetric: bool = True) -> None:
        super().__init__(_matrix_shape(weight))
        self._axis = 0 if per_channel else None
        self.values, self.scale, self.zero_point, _ = quantize_int8(weight, axis=self._axis, symmetric=symmetric)
        self.dtype = self.scale.dtype

    def unpack(self) -> AnyArray:
        """The matrix, shape (m, d)."""
        return dequantize_affine(Quantized(self.values, self.scale, self.zero_point, self._axis))


class NF4Weight(PackedWeight):
    """A matrix in NormalFloat; see `whitebox.quantize.nf4`.

    Args:
        weight: Shape (m, d).
        block: Numbers that share a scale.
        double: Whether the scales are quantised too.

    >>> NF4Weight(np.array([[2.0, -2.0]]), double=False).unpack().tolist()
    [[2.0, -2.0]]
    """

    def __init__(self, weight: AnyArray, *, block: int = 64, double: bool = True) -> None:
        super().__init__(_matrix_shape(weight))
        self.codes, absmax, _, self.block = quantize_nf4(weight, block=block)
        self.double = double
        if double:
            self.absmax, self.absmax_scale, self.absmax_mean, self._absmax_block = double_quantize(absmax)
            self.buffers = ("codes", "absmax", "absmax_scale", "absmax_mean")
        else:
            self.absmax = absmax  # type: ignore[assignment]  # the scales themselves, or whole numbers that stand for them
            self.buffers = ("codes", "absmax")

    def unpack(self) -> AnyArray:
        """The matrix, shape (m, d)."""
        absmax: Any = self.absmax
        if self.double:
            packed = DoubleQuantized(self.absmax, self.absmax_scale, self.absmax_mean, self._absmax_block)
            absmax = dequantize_double(packed)
        return dequantize_nf4(NF4(self.codes, absmax, self.shape, self.block))


class GroupwiseWeight(PackedWeight):
    """A matrix in groups of four bits; see `whitebox.quantize.groupwise`.

    Args:
        weight: Shape (m, d), d a multiple of the group.
        group: Numbers that share a scale and a minimum.

    >>> GroupwiseWeight(np.zeros((1, 32))).unpack().sum().item()
    0.0
    """

    buffers = ("codes", "scale", "minimum")

    def __init__(self, weight: AnyArray, *, group: int = 32) -> None:
        super().__init__(_matrix_shape(weight))
        self.codes, self.scale, self.minimum = quantize_groupwise(weight, group=group)

    def unpack(self) -> AnyArray:
        """The matrix, shape (m, d)."""
        return dequantize_groupwise(Groupwise(self.codes, self.scale, self.minimum))


class Scheme(Protocol):
    """How a model is quantised."""

    @property
    def activations(self) -> Literal["dynamic", "static"] | None:
        """Whether inputs are quantised too, with scales of each row, or with scales that calibration found."""

    def pack(self, weight: AnyArray) -> PackedWeight:
        """A weight of shape (m, d), packed."""


@dataclass(frozen=True)
class Int8Scheme:
    """Eight bits.

    Attributes:
        activations: "dynamic" quantises each row of the input by what it holds; "static" all inputs by ranges that
            calibration found; None only the weights. The first two compute in integers.
        per_channel: As in `Int8Weight`.
        symmetric: As in `Int8Weight`.
        observer: Makes the observer of each layer's inputs, for static ranges.

    >>> Int8Scheme(activations=None).pack(np.ones((2, 3))).values.dtype
    dtype('int8')
    """

    activations: Literal["dynamic", "static"] | None = "dynamic"
    per_channel: bool = True
    symmetric: bool = True
    observer: Callable[[], MinMaxObserver] = field(default=MinMaxObserver)

    def __post_init__(self) -> None:
        if self.activations not in ("dynamic", "static", None):
            raise RangeError(f"activations must be 'dynamic', 'static' or None, got {self.activations!r}")

    def pack(self, weight: AnyArray) -> Int8Weight:
        """A weight of shape (m, d), packed."""
        return Int8Weight(weight, per_channel=self.per_channel, symmetric=self.symmetric)


@dataclass(frozen=True)
class NF4Scheme:
    """Weights in NormalFloat, inputs as they are.

    Attributes:
        block: As in `NF4Weight`.
        double: As in `NF4Weight`.

    >>> NF4Scheme().pack(np.ones((2, 64))).codes.shape
    (64,)
    """

    block: int = 64
    double: bool = True
    activations: None = field(default=None, init=False)

    def pack(self, weight: AnyArray) -> NF4Weight:
        """A weight of shape (m, d), packed."""
        return NF4Weight(weight, block=self.block, double=self.double)


@dataclass(frozen=True)
class GroupwiseScheme:
    """Weights in groups of four bits, inputs as they are.

    Attributes:
        group: As in `GroupwiseWeight`.

    >>> GroupwiseScheme(64).pack(np.ones((2, 64))).scale.shape
    (2, 1)
    """

    group: int = 32
    activations: None = field(default=None, init=False)

    def pack(self, weight: AnyArray) -> GroupwiseWeight:
        """A weight of shape (m, d), packed."""
        return GroupwiseWeight(weight, group=self.group)


class QuantizedLinear(Module):
    r"""An affine map whose weight is packed: :math:`y = x \hat W^\top + b`.

    Without quantised inputs the weight is unpacked for each use, also backwards, and never kept. With them the product
    is one of integers,

    .. math:: y_{ij} = s_i s'_j \sum_k (q_{ik} - z_i)(q'_{jk} - z'_j) + b_j

    (Jacob et al. 2018, eq. 4). The weight is not learned; gradients reach the input as if it had not been rounded
    (straight through: Bengio, Léonard, Courville 2013), and not where a static range cut it.

    Args:
        weight: Packed.
        bias: Shape (m,), or none.
        dynamic: Whether each row of the input is quantised by what it holds; needs an `Int8Weight`.
        input_range: Ends of a static range; needs an `Int8Weight`.

    Raises:
        RangeError: Inputs cannot be quantised for this weight, or both ways are asked for.

    >>> weight = Int8Weight(np.array([[1.0, -1.0]], np.float32))
    >>> QuantizedLinear(weight)(Tensor(np.array([[3.0, 1.0]], np.float32))).data.round(5).tolist()
    [[2.0]]
    """

    def __init__(
        self,
        weight: PackedWeight,
        bias: Parameter | None = None,
        *,
        dynamic: bool = False,
        input_range: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        if (dynamic or input_range) and not isinstance(weight, Int8Weight):
            raise RangeError(f"only eight-bit weights are multiplied as integers, not {type(weight).__name__}")
        if dynamic and input_range:
            raise RangeError("inputs are quantised dynamically or in a static range, not both")
        self.weight = weight
        self.bias = bias
        self.dynamic = dynamic
        self.static = input_range is not None
        if input_range is not None:
            low, high = (np.asarray(end, weight.dtype) for end in input_range)
            self.input_scale, self.input_zero_point = affine_parameters(low, high)
            self.buffers = ("input_scale", "input_zero_point")

    def forward(self, x: Tensor) -> Tensor:
        """From (..., d) to (..., m).

        Raises:
            ShapeError: The last axis is not d long.
            NotFiniteError: Inputs are quantised, and one is NaN or infinite.
        """
        if x.shape[-1:] != self.weight.shape[1:]:
            raise ShapeError(
                f"QuantizedLinear takes {self.weight.shape[1]} features on the last axis, got shape {x.shape}"
            )
        if self.dynamic:
            product = _integer_linear(x, weight=self.weight, ends=None)
        elif self.static:
            product = _integer_linear(x, weight=self.weight, ends=(self.input_scale, self.input_zero_point))
        else:
            product = _unpacked_linear(x, weight=self.weight)
        return product if self.bias is None else product + self.bias


class Memory(NamedTuple):
    """What a model's numbers take.

    Attributes:
        numbers: How many there are; those of a packed matrix as if it were unpacked.
        bytes: What they take.
    """

    numbers: int
    bytes: int

    @property
    def bits_per_number(self) -> float:
        """Bits that a number takes on average, scales and zero points included."""
        return 8 * self.bytes / self.numbers


def quantize(
    model: Module,
    scheme: Scheme,
    targets: Sequence[str] = ("*",),
    *,
    calibrate: Callable[[Module], object] | None = None,
) -> dict[str, QuantizedLinear]:
    """Puts a `QuantizedLinear` in the place of each `Linear` of a model whose name fits.

    Args:
        model: Is changed.
        scheme: How.
        targets: Names, or their ends behind a dot, as patterns of the shell: `"*"`, `"up"`, `"layers.0.*"`.
        calibrate: For static ranges: runs the model, which it is given, on typical inputs.

    Returns:
        The new layers by name.

    Raises:
        RangeError: Nothing fits a target, or calibration is missing or superfluous.
        StateError: Calibration did not reach a layer.
        ShapeError: A weight cannot be divided into groups.

    >>> from whitebox.nn import Sequential
    >>> rng = np.random.default_rng(0)
    >>> model = Sequential(Linear(64, 32, rng=rng), Linear(32, 8, rng=rng))
    >>> list(quantize(model, NF4Scheme(), ["layers.0"])), memory(model).bytes < memory(Linear(64, 32, rng=rng)).bytes
    (['layers.0'], True)
    """
    if (scheme.activations == "static") != (calibrate is not None):
        raise RangeError("calibrate must be given for static activations, and only for them")
    ranges: dict[int, tuple[float, float]] = {}
    if calibrate is not None:
        make = cast("Int8Scheme", scheme).observer
        replace_modules(model, (Linear,), targets, lambda _, layer: _Observed(layer, make()))
        observed = [module for _, module in model.modules() if isinstance(module, _Observed)]
        try:
            with no_grad():
                calibrate(model)
            ranges = {id(one.layer): one.observer.range() for one in observed}
        finally:
            replace_modules(model, (_Observed,), ["*"], lambda _, one: one.layer)

    def packed(_: str, layer: Linear) -> QuantizedLinear:
        return QuantizedLinear(
            scheme.pack(layer.weight.data),
            layer.bias,
            dynamic=scheme.activations == "dynamic",
            input_range=ranges.get(id(layer)),
        )

    return cast("dict[str, QuantizedLinear]", replace_modules(model, (Linear,), targets, packed))


def memory(model: Module) -> Memory:
    """What all parameters and buffers of a model take; one that stands in two places counts once.

    >>> memory(Linear(64, 2, bias=False, rng=np.random.default_rng(0)))
    Memory(numbers=128, bytes=512)
    """
    arrays = {id(array): array for array in map(np.asarray, model.state_dict().values())}
    packed = {id(module): module for _, module in model.modules() if isinstance(module, PackedWeight)}
    inside = {id(array): array for one in packed.values() for array in one.state_dict().values()}
    plain = sum(array.size for key, array in arrays.items() if key not in inside)
    return Memory(
        plain + sum(one.shape[0] * one.shape[1] for one in packed.values()),
        sum(array.nbytes for array in arrays.values()),
    )


class _Observed(Module):
    def __init__(self, layer: Linear, observer: MinMaxObserver) -> None:
        super().__init__()
        self.layer, self.observer = layer, observer

    def forward(self, x: Tensor) -> Tensor:
        self.observer.observe(x.data)
        result: Tensor = self.layer(x)
        return result


@primitive
def _unpacked_linear(x: Any, *, weight: PackedWeight) -> tuple[AnyArray, Pullback]:
    rows = x.reshape(-1, x.shape[-1])

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        ends = g.reshape(-1, g.shape[-1])
        return ((ends @ weight.unpack().astype(x.dtype, copy=False)).reshape(x.shape),)

    product = rows @ weight.unpack().astype(x.dtype, copy=False).T
    return product.reshape(*x.shape[:-1], weight.shape[0]), pullback


@primitive
def _integer_linear(
    x: Any, *, weight: Any, ends: tuple[AnyArray, npt.NDArray[np.int8]] | None
) -> tuple[AnyArray, Pullback]:
    rows = x.reshape(-1, x.shape[-1])
    if ends is None:
        ends = affine_parameters(rows.min(axis=1), rows.max(axis=1))
        quantized = quantize_affine(rows, *ends, axis=0)
    else:
        quantized = quantize_affine(rows, *ends)
    scale, zero = ends
    total = integer_product(quantized.values, weight.values, x_zero=zero, weight_zero=weight.zero_point)
    product = total.astype(x.dtype) * scale.reshape(-1, 1).astype(x.dtype, copy=False)
    product *= weight.scale.astype(x.dtype, copy=False)

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        flat = g.reshape(-1, g.shape[-1])
        of_rows = flat @ weight.unpack().astype(x.dtype, copy=False)
        if scale.ndim == 0:
            steps = np.rint(rows / scale) + zero
            of_rows = np.where((steps >= -128) & (steps <= 127), of_rows, 0)
        return (of_rows.reshape(x.shape),)

    return product.reshape(*x.shape[:-1], weight.shape[0]), pullback


def _matrix_shape(weight: AnyArray) -> tuple[int, int]:
    array = np.asarray(weight)
    if array.ndim != 2:
        raise ShapeError(f"a weight to pack must be a matrix, got shape {array.shape}")
    return positive_int(array.shape[0], "rows"), positive_int(array.shape[1], "columns")
