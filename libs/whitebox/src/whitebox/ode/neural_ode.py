r"""Neural ordinary differential equations: :math:`y' = f_\theta(t, y)` with a network as right-hand side.

(Chen, Rubanova, Bettencourt, Duvenaud: Neural Ordinary Differential Equations, NeurIPS 2018.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import positive_int
from whitebox.autograd import Tensor, concatenate, no_grad, primitive, stack, tanh
from whitebox.autograd._tensor import AnyArray, Part, Pullback
from whitebox.errors import GradientError, ShapeError
from whitebox.nn import Linear, Module
from whitebox.ode.runge_kutta import checked_times, rk4_step

TensorField = Callable[[float, Tensor], Tensor]


class VectorField(Module):
    r"""A network with tanh between its layers, as a right-hand side :math:`f_\theta(t, y)`.

    Args:
        dimensions: The d of the state.
        hidden: Widths of the layers between.
        with_time: Whether the network is told the time; otherwise the equation is autonomous.
        rng: Draws the weights.
        dtype: Their precision.

    >>> field = VectorField(2, hidden=(8,), rng=np.random.default_rng(0))
    >>> field(0.0, Tensor(np.zeros((5, 2), np.float32))).shape
    (5, 2)
    """

    def __init__(
        self,
        dimensions: int,
        *,
        hidden: Sequence[int] = (32,),
        with_time: bool = False,
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        widths = [positive_int(dimensions, "dimensions") + with_time, *hidden, dimensions]
        self.layers = [Linear(n, m, rng=rng, dtype=dtype) for n, m in pairwise(widths)]
        self.with_time = with_time

    def forward(self, t: float, y: Tensor) -> Tensor:
        """The derivative, in the shape (..., d) of the state."""
        if self.with_time:
            y = concatenate([y, Tensor(np.full((*y.shape[:-1], 1), t, y.dtype))], axis=-1)
        for layer in self.layers[:-1]:
            y = tanh(layer(y))
        derivative: Tensor = self.layers[-1](y)
        return derivative


def odeint(field: TensorField, y0: Tensor, times: npt.ArrayLike, *, steps: int = 1) -> Tensor:
    """The trajectory through given times by `rk4_step`; gradients go back through every step of the solver.

    O(T · steps) evaluations and, where gradients are wanted, as much memory.

    Args:
        field: The right-hand side, from a time and a state to the derivative.
        y0: The state at the first time, any shape.
        times: Strictly rising or falling, shape (T,).
        steps: Between each two times.

    Returns:
        Shape (T, *y0.shape).

    Raises:
        RangeError: The times do not rise or fall strictly, or `steps` is less than 1.
        ShapeError: The derivative has another shape than the state.

    >>> odeint(lambda t, y: -y, Tensor([1.0]), [0.0, 1.0], steps=10).data.round(4).tolist()
    [[1.0], [0.3679]]
    """
    when, steps = checked_times(times).tolist(), positive_int(steps, "steps")
    _check_derivative(field, when[0], y0)
    states = [y0]
    for start, end in pairwise(when):
        states.append(_across(field, start, end, states[-1], steps))
    return stack(states)


def odeint_adjoint(
    field: TensorField, y0: Tensor, times: npt.ArrayLike, *, parameters: Sequence[Tensor], steps: int = 1
) -> Tensor:
    r"""As `odeint`, with gradients by the adjoint equation, in memory that does not grow with the steps.

    With :math:`a = \partial L / \partial y`, backwards in time

    .. math:: \frac{da}{dt} = -a^\top \frac{\partial f}{\partial y}, \qquad
              \frac{dL}{d\theta} = -\int_{t_1}^{t_0} a^\top \frac{\partial f}{\partial \theta}\, dt

    while the state itself is solved backwards from where it ended (Chen et al. 2018, algorithm 1), and anew from each
    of the returned states. These are the gradients of the exact solution: those of the solver differ by
    :math:`O(h^4)`. Between the returned states O(1) memory; O(T · steps) evaluations forward, and with their gradients
    as many backward.

    Args:
        field: The right-hand side, from a time and a state to the derivative.
        y0: The state at the first time, any shape.
        times: Strictly rising or falling, shape (T,).
        parameters: All that the field uses and that require gradients, such as `module.parameters()`.
        steps: Between each two times.

    Returns:
        Shape (T, *y0.shape).

    Raises:
        RangeError: The times do not rise or fall strictly, or `steps` is less than 1.
        ShapeError: The derivative has another shape than the state.
        GradientError: A parameter is the result of other operations, or was not passed.

    >>> rate = Tensor(np.array(-1.0), requires_grad=True)
    >>> end = odeint_adjoint(lambda t, y: rate * y, Tensor([1.0]), [0.0, 1.0], parameters=[rate], steps=10)
    >>> end[1].backward(np.ones(1))
    >>> rate.grad.round(4).item(), float(np.exp(-1.0).round(4))
    (0.3679, 0.3679)
    """
    when, steps = checked_times(times).tolist(), positive_int(steps, "steps")
    _check_derivative(field, when[0], y0)
    learned = [one for one in parameters if one.requires_grad]
    if any(one.node is not None for one in learned):
        raise GradientError("odeint_adjoint: parameters must be leaves, not results of other operations")
    unknown = [one.shape for one in _leaves(field(when[0], y0.detach())) if all(one is not other for other in learned)]
    if unknown:
        raise GradientError(f"odeint_adjoint: the field uses parameters that were not passed, of shapes {unknown}")

    @primitive
    def odeint_adjoint(y0: Any, _: Sequence[Any]) -> tuple[AnyArray, Pullback]:
        with no_grad():
            states = odeint(field, Tensor(y0), when, steps=steps).data
        return states, lambda g: _back(field, states, g, when=when, steps=steps, learned=learned)

    return odeint_adjoint(y0, learned)


class NeuralODE(Module):
    """A network's trajectories from given states, differentiable in both.

    Args:
        field: A module from a time and a state to the derivative, such as `VectorField`.
        steps: Of the solver, between each two times.
        adjoint: Whether gradients come from the adjoint equation, in constant memory, or back through the solver.

    >>> model = NeuralODE(VectorField(2, rng=np.random.default_rng(0)), steps=4)
    >>> model(Tensor(np.ones((5, 2), np.float32)), [0.0, 0.5, 1.0]).shape
    (3, 5, 2)
    """

    def __init__(self, field: Module, *, steps: int = 1, adjoint: bool = False) -> None:
        super().__init__()
        self.field, self.steps, self.adjoint = field, positive_int(steps, "steps"), adjoint

    def forward(self, y0: Tensor, times: npt.ArrayLike) -> Tensor:
        """From states of shape (..., d) to trajectories of shape (T, ..., d). Raises as `odeint`."""
        if self.adjoint:
            return odeint_adjoint(self.field, y0, times, parameters=self.field.parameters(), steps=self.steps)
        return odeint(self.field, y0, times, steps=self.steps)


def _back(
    field: TensorField, states: AnyArray, g: AnyArray, *, when: Sequence[float], steps: int, learned: Sequence[Tensor]
) -> Sequence[Part]:
    """Gradients of the first state and of what is learned, from those of all states."""
    size, shape, dtype = states[0].size, states.shape[1:], states.dtype
    sizes = [one.size for one in learned]
    before = [one.grad for one in learned]

    def augmented(t: float, held: AnyArray) -> AnyArray:
        """Of state, adjoint, and the integral so far, one behind the other."""
        leaf = Tensor(held[:size].reshape(shape), requires_grad=True)
        for one in learned:
            one.grad = None
        derivative = field(t, leaf)
        if derivative.requires_grad:
            derivative.backward(held[size : 2 * size].reshape(shape))
        found = [np.zeros(one.shape, dtype) if one.grad is None else one.grad for one in (leaf, *learned)]
        return np.concatenate([derivative.data.ravel(), *(-part.ravel() for part in found)])

    adjoint, integral = np.zeros(size, dtype), np.zeros(sum(sizes), dtype)
    try:
        for place in range(len(when) - 1, 0, -1):
            adjoint = adjoint + g[place].ravel()
            held = np.concatenate([states[place].ravel(), adjoint, integral])
            h = (when[place - 1] - when[place]) / steps
            for number in range(steps):
                held = rk4_step(augmented, when[place] + number * h, held, h)
            adjoint, integral = held[size : 2 * size], held[2 * size :]
    finally:
        for one, kept in zip(learned, before, strict=True):
            one.grad = kept
    parts = np.split(integral, np.cumsum(sizes)[:-1]) if sizes else []
    return (
        (adjoint + g[0].ravel()).reshape(shape),
        *(part.reshape(one.shape).astype(one.dtype, copy=False) for part, one in zip(parts, learned, strict=True)),
    )


def _across(field: TensorField, start: float, end: float, y: Tensor, steps: int) -> Tensor:
    h = (end - start) / steps
    for number in range(steps):
        y = rk4_step(field, start + number * h, y, h)
    return y


def _leaves(end: Tensor) -> list[Tensor]:
    """What a result was made of that requires a gradient."""
    found, seen, waiting = [], set(), [end]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or not one.requires_grad:
            continue
        seen.add(id(one))
        if one.node is None:
            found.append(one)
        else:
            waiting.extend(one.node.inputs)
    return found


def _check_derivative(field: TensorField, t: float, y: Tensor) -> None:
    with no_grad():
        shape = field(t, y.detach()).shape
    if shape != y.shape:
        raise ShapeError(f"the derivative has shape {shape}, the state has {y.shape}")
