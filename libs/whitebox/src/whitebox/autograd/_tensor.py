"""Tensors, the graph they form, and the walk back through it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeAlias

import numpy as np
import numpy.typing as npt

from whitebox.errors import DtypeError, GradientError, ShapeError

P = ParamSpec("P")
AnyArray: TypeAlias = npt.NDArray[Any]
# The gradient of an input, or how to compute it should it be wanted; None where there is none.
Part: TypeAlias = "AnyArray | Callable[[], AnyArray] | None"
# From the gradient of the output to those of the inputs, in their order.
Pullback: TypeAlias = Callable[[AnyArray], Sequence[Part]]


class _Mode(threading.local):
    recording = True


_mode = _Mode()


@contextmanager
def no_grad() -> Iterator[None]:
    """Within it nothing is recorded in this thread: results have no history, and intermediate arrays are freed.

    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> with no_grad():
    ...     (x * 2).requires_grad
    False
    """
    before, _mode.recording = _mode.recording, False
    try:
        yield
    finally:
        _mode.recording = before


def is_recording() -> bool:
    """Whether operations in this thread are recorded."""
    return _mode.recording


class Node:
    """What made a tensor: its inputs, and the pullback that carries its gradient to them."""

    __slots__ = ("inputs", "name", "pullback")

    def __init__(self, name: str, inputs: tuple[Tensor, ...], pullback: Pullback) -> None:
        self.name = name
        self.inputs = inputs
        self.pullback = pullback


class Tensor:
    """An array that knows where it came from.

    Python's operators, comparison and indexing work as on arrays, with NumPy's broadcasting. An operation on tensors of
    which one requires a gradient is recorded, unless inside `no_grad`. The array of a recorded result is read-only: a
    pullback may hold on to it, and writing into it would silently falsify a gradient. Leaves are changed by giving
    them another array (`parameter.data = ...`).

    Args:
        data: The values; whole numbers stay whole numbers, which cannot require a gradient.
        requires_grad: Whether gradients are wanted for this leaf.

    Attributes:
        data: The array.
        grad: Sum of the gradients of all calls of `backward` so far, an array of the same shape; None before the first.
        requires_grad: Whether it is a leaf with a gradient, or made of one.

    >>> x = Tensor(np.array([1.0, 2.0, 3.0]), requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad.tolist()
    [2.0, 4.0, 6.0]
    """

    __slots__ = ("__weakref__", "_node", "data", "grad", "requires_grad")
    # Arrays leave mixed arithmetic to the tensor's own operators.
    __array_ufunc__ = None

    def __init__(self, data: npt.ArrayLike, requires_grad: bool = False) -> None:
        array = np.asarray(data)
        if array.dtype.kind not in "biuf":
            raise DtypeError(f"a tensor holds real numbers, got dtype {array.dtype}")
        if requires_grad and array.dtype.kind != "f":
            raise DtypeError(f"only floating-point tensors have gradients, got dtype {array.dtype}")
        self.data: AnyArray = array
        self.grad: AnyArray | None = None
        self.requires_grad = requires_grad
        self._node: Node | None = None

    # ---- what it is

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.data.shape

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return self.data.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.data.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return self.data.dtype

    @property
    def T(self) -> Tensor:  # noqa: N802  # NumPy's name
        """With all axes in reverse order."""
        return self.transpose()

    @property
    def node(self) -> Node | None:
        """What made it; None for a leaf."""
        return self._node

    def item(self) -> float:
        """The only element as a number."""
        return float(self.data.item())

    def numpy(self) -> AnyArray:
        """The array itself; not a copy."""
        return self.data

    def detach(self) -> Tensor:
        """The same values without their history."""
        return Tensor(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        made_by = f", made by {self._node.name}" if self._node else ", requires_grad=True" if self.requires_grad else ""
        return f"Tensor({np.array2string(self.data, separator=', ', prefix='Tensor(')}{made_by})"

    def __bool__(self) -> bool:
        return bool(self.data)

    # ---- backwards

    def backward(self, gradient: npt.ArrayLike | None = None, *, retain_graph: bool = False) -> None:
        """Adds to the `grad` of every leaf that this tensor was made of, by reverse accumulation.

        Each node is visited once, after everything that was made of it, in an order found without recursion: graphs
        may be as long as memory allows. O(operations) time; a gradient is freed as soon as it has been passed on.

        Args:
            gradient: Of what is differentiated with respect to this tensor, in its shape; 1 for a single number.
            retain_graph: Keeps the graph, so that backward can be called again. Otherwise it is taken apart, which
                frees what the pullbacks hold.

        Raises:
            GradientError: The tensor depends on nothing that requires a gradient, or its graph was taken apart.
            ShapeError: No gradient was given for several numbers, or one of another shape.
        """
        if not self.requires_grad:
            raise GradientError("backward: nothing that this tensor was made of requires a gradient")
        if gradient is None:
            if self.data.size != 1:
                raise ShapeError(
                    f"backward needs a gradient of shape {self.shape}: only a single number has one of its own"
                )
            seed: AnyArray = np.ones_like(self.data)
        else:
            seed = np.asarray(gradient, dtype=self.data.dtype)
            if seed.shape != self.shape:
                raise ShapeError(f"the gradient must have shape {self.shape}, got {seed.shape}")
        pending: dict[int, AnyArray] = {id(self): seed}
        for tensor in _from_outputs_to_inputs(self):
            arrived = pending.pop(id(tensor), None)
            if arrived is None:
                continue
            node = tensor._node
            if node is None:
                # A copy, or a sum: what arrives may be an array that another leaf was given too.
                tensor.grad = arrived.copy() if tensor.grad is None else tensor.grad + arrived
                continue
            for source, part in zip(node.inputs, node.pullback(arrived), strict=True):
                if part is None or not source.requires_grad:
                    continue
                key, gradient_of_source = id(source), part() if callable(part) else part
                # Never in place: it may be the very array that went to another input.
                pending[key] = pending[key] + gradient_of_source if key in pending else gradient_of_source
            if not retain_graph:
                tensor._node = _TAKEN_APART

    def zero_grad(self) -> None:
        """Forgets the gradient."""
        self.grad = None

    # ---- arithmetic

    def __add__(self, other: Operand) -> Tensor:
        return _ops.add(self, other)

    def __radd__(self, other: Operand) -> Tensor:
        return _ops.add(other, self)

    def __sub__(self, other: Operand) -> Tensor:
        return _ops.subtract(self, other)

    def __rsub__(self, other: Operand) -> Tensor:
        return _ops.subtract(other, self)

    def __mul__(self, other: Operand) -> Tensor:
        return _ops.multiply(self, other)

    def __rmul__(self, other: Operand) -> Tensor:
        return _ops.multiply(other, self)

    def __truediv__(self, other: Operand) -> Tensor:
        return _ops.divide(self, other)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return _ops.divide(other, self)

    def __pow__(self, exponent: float) -> Tensor:
        return _ops.power(self, exponent)

    def __matmul__(self, other: Operand) -> Tensor:
        return _ops.matmul(self, other)

    def __rmatmul__(self, other: Operand) -> Tensor:
        return _ops.matmul(other, self)

    def __neg__(self) -> Tensor:
        return _ops.negative(self)

    def __abs__(self) -> Tensor:
        return _ops.absolute(self)

    def __getitem__(self, index: Any) -> Tensor:
        return _ops.getitem(self, index)

    def __gt__(self, other: Operand) -> AnyArray:
        return np.asarray(self.data > raw(other))

    def __lt__(self, other: Operand) -> AnyArray:
        return np.asarray(self.data < raw(other))

    def __ge__(self, other: Operand) -> AnyArray:
        return np.asarray(self.data >= raw(other))

    def __le__(self, other: Operand) -> AnyArray:
        return np.asarray(self.data <= raw(other))

    # ---- reductions and shapes

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Sum over `axis`, or over all."""
        return _ops.reduce_sum(self, axis, keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        """Mean over `axis`, or over all."""
        return _ops.reduce_mean(self, axis, keepdims)

    def max(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        """Largest value over `axis`, or of all; ties share the gradient equally."""
        return _ops.reduce_max(self, axis, keepdims)

    def reshape(self, *shape: int) -> Tensor:
        """The same elements in another shape; one length may be -1."""
        return _ops.reshape(self, shape)

    def transpose(self, *axes: int) -> Tensor:
        """With the axes in the given order; in reverse order without any."""
        return _ops.transpose(self, axes or None)

    def swapaxes(self, first: int, second: int) -> Tensor:
        """With two axes exchanged."""
        axes = list(range(self.ndim))
        axes[first], axes[second] = axes[second], axes[first]
        return _ops.transpose(self, tuple(axes))

    def broadcast_to(self, shape: tuple[int, ...]) -> Tensor:
        """Repeated along new and unit axes, by NumPy's rules."""
        return _ops.broadcast_to(self, shape)

    def astype(self, dtype: npt.DTypeLike) -> Tensor:
        """With elements of another floating-point type."""
        return _ops.astype(self, dtype)


Operand: TypeAlias = "Tensor | npt.ArrayLike"
Axis: TypeAlias = int | tuple[int, ...] | None


def _gone(_: AnyArray) -> Sequence[Part]:
    raise GradientError("backward was called before and took this graph apart: pass retain_graph=True the first time")


_TAKEN_APART = Node("a graph that was taken apart", (), _gone)


def tensor(data: npt.ArrayLike, requires_grad: bool = False, dtype: npt.DTypeLike | None = None) -> Tensor:
    """A tensor of a copy of the values.

    >>> tensor([1, 2], dtype=np.float32)
    Tensor([1., 2.])
    """
    return Tensor(np.array(data, dtype=dtype), requires_grad)


def as_tensor(value: Operand) -> Tensor:
    """The tensor itself, or a constant of the values.

    >>> as_tensor([1.0, 2.0]).requires_grad
    False
    """
    return value if isinstance(value, Tensor) else Tensor(np.asarray(value))


def raw(value: Operand) -> Any:
    """The array of a tensor; a plain number stays one, so that it takes the other operand's precision."""
    return value.data if isinstance(value, Tensor) else value


def primitive(
    function: Callable[P, tuple[AnyArray, Pullback]],
) -> Callable[P, Tensor]:
    """Turns a function of arrays, which returns its result and its pullback, into an operation on tensors.

    The function sees arrays where tensors were given (also inside a list or tuple of tensors) and everything else as it
    is. The pullback gets the gradient of the result, and returns a gradient for each tensor in their order; it has to
    keep what it needs of the inputs, and must not change any array.

    >>> @primitive
    ... def cube(x):
    ...     return x**3, lambda g: (3 * x**2 * g,)
    >>> x = tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad.item()
    12.0
    """

    @wraps(function)
    def apply(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        inputs: list[Tensor] = []
        arrays = [_taken(argument, inputs) for argument in args]
        if kwargs:
            kwargs = {name: _taken(argument, inputs) for name, argument in kwargs.items()}  # type: ignore[assignment]
        value, pullback = function(*arrays, **kwargs)
        result = Tensor.__new__(Tensor)
        result.data, result.grad, result._node, result.requires_grad = np.asarray(value), None, None, False
        if _mode.recording and any(one.requires_grad for one in inputs):
            result.requires_grad = True
            result._node = Node(function.__name__, tuple(inputs), pullback)
            if result.data.base is None:
                # A view of an input, as reshape gives, is left alone: a leaf's own array may be written by its owner.
                result.data.flags.writeable = False
        return result

    return apply


def elementwise(function: Callable[[Any, Any], tuple[AnyArray, Pullback]]) -> Callable[[Operand, Operand], Tensor]:
    """A primitive of two operands that are broadcast against each other; either may be a plain array or number.

    A plain number takes the precision of the other operand, as it does among arrays.
    """
    operation = primitive(function)

    @wraps(function)
    def apply(x: Operand, y: Operand) -> Tensor:
        return operation(_like(x, y), _like(y, x))

    return apply


def _like(value: Operand, other: Operand) -> Tensor:
    if isinstance(value, Tensor):
        return value
    plain = isinstance(value, int | float) and isinstance(other, Tensor) and other.dtype.kind == "f"
    return Tensor(np.asarray(value, dtype=other.dtype if plain else None))  # type: ignore[union-attr]


def _taken(argument: Any, inputs: list[Tensor]) -> Any:
    if isinstance(argument, Tensor):
        inputs.append(argument)
        return argument.data
    if isinstance(argument, list | tuple) and argument and isinstance(argument[0], Tensor):
        return [_taken(one, inputs) for one in argument]
    return argument


def _from_outputs_to_inputs(end: Tensor) -> list[Tensor]:
    """All tensors that `end` was made of and that require a gradient, each before everything it was made of."""
    order: list[Tensor] = []
    seen = {id(end)}
    # Depth first, with the path as a stack of its own: a tensor is finished when all of its inputs are.
    path: list[tuple[Tensor, Iterator[Tensor]]] = [(end, _inputs(end))]
    while path:
        current, rest = path[-1]
        for source in rest:
            if id(source) not in seen and source.requires_grad:
                seen.add(id(source))
                path.append((source, _inputs(source)))
                break
        else:
            order.append(current)
            path.pop()
    order.reverse()
    return order


def _inputs(one: Tensor) -> Iterator[Tensor]:
    return iter(one._node.inputs if one._node is not None else ())


# The primitives are made with the decorators above, and the operators call them: the one circle in this package.
from whitebox.autograd import primitives as _ops  # noqa: E402
