"""Steps of descent over the parameters of a module."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import number_in
from whitebox.errors import EmptyInputError, NotFiniteError, RangeError, ShapeError, StateError
from whitebox.nn._module import AnyArray, Module, Parameter

if TYPE_CHECKING:
    from whitebox.optimize.first_order import Optimizer as Method

# Numbers stepped at a time: what a method makes on the way then stays in the cache, however large the parameter is.
_BLOCK = 1 << 15


class Optimizer:
    r"""Runs a method of `whitebox.optimize.first_order` over parameters, with their gradients clipped together.

    With :math:`g` all gradients as one vector, each step takes :math:`g \cdot \min(1, c / \lVert g \rVert)` (Pascanu,
    Mikolov, Bengio 2013, algorithm 1): the direction stays, whichever parameter it was that made the norm large.
    Parameters without a gradient are left alone, and each counts its own steps, which is what a schedule is asked with.
    A parameter is given a new array of its own precision; arrays taken from it before do not change. O(size) a step.

    Args:
        parameters: A module, parameters, or pairs of names and parameters as `Module.named_parameters` gives them;
            nameless ones are called by their places, "0", "1", ...
        method: How to step, such as `Adam(1e-3)`; its learning rate may be a schedule.
        max_norm: The c, or none for no clipping.

    Raises:
        EmptyInputError: There is no parameter.
        RangeError: One stands there twice, it is no parameter or no method, or `max_norm` is not positive.

    >>> from whitebox.nn import Linear
    >>> from whitebox.optimize.first_order import GradientDescent
    >>> weight = Parameter(np.array([3.0, 4.0]))
    >>> optimizer = Optimizer([weight], GradientDescent(0.5), max_norm=2.5)
    >>> weight.grad = np.array([3.0, 4.0])
    >>> optimizer.step(), weight.data.tolist()
    (5.0, [2.25, 3.0])
    """

    def __init__(
        self,
        parameters: Module | Iterable[Parameter] | Iterable[tuple[str, Parameter]],
        method: Method[Any],
        *,
        max_norm: float | None = None,
    ) -> None:
        self._parameters = _named(parameters)
        if not callable(getattr(method, "step", None)) or not callable(getattr(method, "init", None)):
            raise RangeError(f"method must be one of whitebox.optimize.first_order, got {method!r}")
        self.method = method
        self.max_norm = None if max_norm is None else number_in(max_norm, "max_norm", 0, open_low=True)
        # Of each parameter that ever had a gradient: the method's state, whose arrays are this object's own.
        self._states: dict[str, Any] = {}

    def step(self) -> float:
        """Moves every parameter that has a gradient.

        Returns:
            The norm of all gradients together, before clipping.

        Raises:
            NotFiniteError: A gradient holds NaN or infinity; nothing was changed.
            ShapeError: A gradient has not its parameter's shape; nothing was changed.
        """
        moved = {name: parameter for name, parameter in self._parameters.items() if parameter.grad is not None}
        norm = _global_norm(moved)
        scale = 1.0 if self.max_norm is None or norm <= self.max_norm else self.max_norm / norm
        for name, parameter in moved.items():
            if name not in self._states:
                state = self.method.init(parameter.data)
                self._states[name] = state._replace(**{field: np.array(a) for field, a in _arrays(state).items()})
            self._states[name] = self._move(parameter, scale, self._states[name])
        return norm

    def _move(self, parameter: Parameter, scale: float, state: Any) -> Any:
        """Gives the parameter its next array, and writes the arrays of its state in place."""
        point, gradient = parameter.data.reshape(-1), np.asarray(parameter.grad).reshape(-1)
        arrays = {field: array.reshape(-1) for field, array in _arrays(state).items()}
        following = np.empty(parameter.shape, parameter.dtype)
        flat, after = following.reshape(-1), state
        for start in range(0, flat.size, _BLOCK):
            block = slice(start, start + _BLOCK)
            slope = gradient[block] if scale == 1 else gradient[block] * scale
            part = state._replace(**{field: array[block] for field, array in arrays.items()})
            flat[block], after = self.method.step(point[block], slope, part)
            for field, array in arrays.items():
                array[block] = getattr(after, field)
        parameter.data = following
        return after._replace(**_arrays(state))

    def zero_grad(self) -> None:
        """Forgets the gradients of all parameters."""
        for parameter in self._parameters.values():
            parameter.grad = None

    def state_dict(self) -> dict[str, AnyArray]:
        """What the method remembers, as copies: "name.field" of each parameter that ever had a gradient.

        Counts and numbers are arrays without dimensions, so that all can be stored as safetensors.

        >>> from whitebox.optimize.first_order import Momentum
        >>> weight = Parameter(np.ones(1))
        >>> weight.grad = np.ones(1)
        >>> optimizer = Optimizer({"w": weight}.items(), Momentum(0.5))
        >>> _ = optimizer.step()
        >>> optimizer.state_dict()
        {'w.step': array(1), 'w.velocity': array([1.])}
        """
        return {
            f"{name}.{field}": np.array(value)
            for name, state in self._states.items()
            for field, value in state._asdict().items()
        }

    def load_state_dict(self, state: Mapping[str, npt.ArrayLike]) -> None:
        """Takes over what a method remembered of the same parameters; nothing is changed if something does not fit.

        Raises:
            StateError: A name is unknown, or a parameter's state is there in part.
            ShapeError: An array has another shape than its parameter.
        """
        left = dict(state)
        states = {}
        for name, parameter in self._parameters.items():
            empty = self.method.init(parameter.data)
            found = {field: left.pop(f"{name}.{field}") for field in empty._fields if f"{name}.{field}" in left}
            if found:
                states[name] = _filled(empty, found, name)
        if left:
            raise StateError(f"no part of a state of {type(self.method).__name__} here: {', '.join(sorted(left)[:5])}")
        self._states = states


def _named(parameters: Any) -> dict[str, Parameter]:
    if isinstance(parameters, Module):
        parameters = parameters.named_parameters()
    named: dict[str, Parameter] = {}
    for place, one in enumerate(parameters):
        name, parameter = one if isinstance(one, tuple) else (str(place), one)
        if not isinstance(parameter, Parameter):
            raise RangeError(f"parameter {name} is no parameter but {type(parameter).__name__}")
        if name in named or any(parameter is other for other in named.values()):
            raise RangeError(f"parameter {name} stands there twice: it would be moved twice")
        named[name] = parameter
    if not named:
        raise EmptyInputError("there is no parameter to optimise")
    return named


def _global_norm(parameters: Mapping[str, Parameter]) -> float:
    total = 0.0
    for name, parameter in parameters.items():
        gradient = np.asarray(parameter.grad)
        if gradient.shape != parameter.shape:
            raise ShapeError(f"the gradient of {name} has shape {gradient.shape}, it has {parameter.shape}")
        flat = gradient.reshape(-1)
        with np.errstate(over="ignore"):
            squares = float(flat @ flat)
        if not math.isfinite(squares):
            # The squares of large but finite numbers may not fit single precision.
            squares = float(np.square(flat, dtype=np.float64).sum())
        if not math.isfinite(squares):
            raise NotFiniteError(f"the gradient of {name} holds NaN or infinity")
        total += squares
    return math.sqrt(total)


def _arrays(state: Any) -> dict[str, AnyArray]:
    return {field: value for field, value in state._asdict().items() if isinstance(value, np.ndarray)}


def _filled(empty: Any, found: Mapping[str, npt.ArrayLike], name: str) -> Any:
    """The state with the values found, in the types that it has."""
    if missing := [field for field in empty._fields if field not in found]:
        raise StateError(f"the state of {name} lacks {', '.join(missing)}")
    values = {}
    for field, before in empty._asdict().items():
        value = np.array(found[field], dtype=getattr(before, "dtype", None))
        if value.shape != np.shape(before):
            raise ShapeError(f"{name}.{field} must have shape {np.shape(before)}, got {value.shape}")
        values[field] = value if isinstance(before, np.ndarray) else type(before)(value)
    return type(empty)(**values)
