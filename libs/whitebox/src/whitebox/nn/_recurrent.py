"""Recurrent networks: all steps of a layer in one operation, with backpropagation through time as its pullback."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import positive_int
from whitebox.autograd import Tensor, primitive, stack
from whitebox.autograd._tensor import AnyArray, Part, Pullback
from whitebox.errors import EmptyInputError, ShapeError
from whitebox.nn._module import Module, Parameter


class LSTMGates(NamedTuple):
    """What the gates of one layer let through at each step, arrays of shape (b, n, h).

    Attributes:
        input: The i, how much of the candidate enters the cell.
        forget: The f, how much of the cell stays.
        cell: The candidate g.
        output: The o, how much of the cell is shown.
        state: The cell c itself, after the step.
    """

    input: AnyArray
    forget: AnyArray
    cell: AnyArray
    output: AnyArray
    state: AnyArray


class GRUGates(NamedTuple):
    """What the gates of one layer let through at each step, arrays of shape (b, n, h).

    Attributes:
        reset: The r, how much of the former state the candidate sees.
        update: The z, how much of the former state stays.
        new: The candidate.
    """

    reset: AnyArray
    update: AnyArray
    new: AnyArray


class _Recurrent(Module):
    """Weights of layers that lie on each other, named as PyTorch names them."""

    blocks: ClassVar[int]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        layers: int = 1,
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size = (
            positive_int(input_size, "input_size"),
            positive_int(hidden_size, "hidden_size"),
        )
        self.layers = positive_int(layers, "layers")
        bound = 1 / math.sqrt(hidden_size)
        rows = self.blocks * hidden_size
        for layer in range(layers):
            shapes = {
                "weight_ih": (rows, hidden_size if layer else input_size),
                "weight_hh": (rows, hidden_size),
                "bias_ih": (rows,),
                "bias_hh": (rows,),
            }
            for name, shape in shapes.items():
                setattr(self, f"{name}_l{layer}", Parameter(rng.uniform(-bound, bound, shape).astype(dtype)))

    def _weights(self) -> Iterator[list[Tensor]]:
        for layer in range(self.layers):
            yield [getattr(self, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]

    def _states(self, x: Tensor, given: Tensor | None, name: str) -> list[Tensor]:
        """The state of each layer before the first step, shape (b, h)."""
        if x.ndim != 3 or x.shape[2] != self.input_size:
            raise ShapeError(f"{type(self).__name__} takes (batch, steps, {self.input_size}), got shape {x.shape}")
        if x.shape[1] == 0:
            raise EmptyInputError(f"{type(self).__name__} has no step to take: shape {x.shape}")
        shape = (self.layers, x.shape[0], self.hidden_size)
        if given is None:
            return [Tensor(np.zeros(shape[1:], x.dtype))] * self.layers
        if given.shape != shape:
            raise ShapeError(f"{name} must have shape {shape}, got {given.shape}")
        return [given[layer] for layer in range(self.layers)]


class LSTM(_Recurrent):
    r"""Long short-term memory, layers of it on each other.

    .. math::
        (i_t, f_t, o_t) &= \sigma(W x_t + b + U h_{t-1} + b') \\
        g_t &= \tanh(W_g x_t + b_g + U_g h_{t-1} + b'_g) \\
        c_t &= f_t \odot c_{t-1} + i_t \odot g_t, \qquad h_t = o_t \odot \tanh c_t

    (Hochreiter, Schmidhuber 1997; with the forget gate of Gers, Schmidhuber, Cummins 2000). The inputs of all steps go
    through one product; the steps then follow each other. Backward is backpropagation through time (Werbos 1990): along
    the cell :math:`\bar c_{t-1} = f_t \odot \bar c_t` flows without a matrix in between. Weights are named and ordered
    as PyTorch's (`weight_ih_l0`, gates i, f, g, o), and drawn uniformly from :math:`\pm 1 / \sqrt h`, as it does.
    O(b · n · h · (d + h)) for each layer.

    Args:
        input_size: The d.
        hidden_size: The h.
        layers: How many; each takes the outputs of the one before it.
        rng: Draws the weights.
        dtype: Their precision.

    >>> layer = LSTM(3, 4, rng=np.random.default_rng(0))
    >>> outputs, (hidden, cell) = layer(Tensor(np.ones((2, 5, 3), np.float32)))
    >>> outputs.shape, hidden.shape, cell.shape
    ((2, 5, 4), (1, 2, 4), (1, 2, 4))
    """

    blocks = 4

    def forward(self, x: Tensor, initial: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """All steps.

        Args:
            x: Shape (b, n, d).
            initial: Hidden and cell state of all layers before the first step, shape (layers, b, h) each; 0 by default.

        Returns:
            The last layer's hidden states at all steps, shape (b, n, h), and hidden and cell state of all layers after
            the last step, shape (layers, b, h) each.

        Raises:
            ShapeError: The shapes do not fit.
            EmptyInputError: There is no step.
        """
        hidden, cell = self._before(x, initial)
        last_hidden, last_cell = [], []
        for layer, weights in enumerate(self._weights()):
            steps = _lstm(x, weights, (hidden[layer], cell[layer]))
            x = steps[:, :-1]
            last_hidden.append(x[:, -1])
            last_cell.append(steps[:, -1])
        return x, (stack(last_hidden), stack(last_cell))

    def gates(self, x: Tensor, initial: tuple[Tensor, Tensor] | None = None) -> list[LSTMGates]:
        """What each layer's gates let through, to look at; arguments and errors as of a call.

        >>> gates = LSTM(3, 4, rng=np.random.default_rng(0)).gates(Tensor(np.ones((2, 5, 3), np.float32)))
        >>> gates[0].forget.shape
        (2, 5, 4)
        """
        hidden, cell = self._before(x, initial)
        found, inputs = [], x.data
        for layer, weights in enumerate(self._weights()):
            states = hidden[layer].data, cell[layer].data
            activations, outputs, cells = _lstm_steps(inputs, [one.data for one in weights], states)
            parts = [one.swapaxes(0, 1) for one in (*_split(activations, 4), cells)]
            found.append(LSTMGates(*parts))
            inputs = outputs.swapaxes(0, 1)
        return found

    def _before(self, x: Tensor, initial: tuple[Tensor, Tensor] | None) -> tuple[list[Tensor], list[Tensor]]:
        hidden, cell = (None, None) if initial is None else initial
        return self._states(x, hidden, "the hidden state"), self._states(x, cell, "the cell state")


def _lstm_steps(
    x: AnyArray, weights: Sequence[AnyArray], states: Sequence[AnyArray]
) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Activations of the gates (n, b, 4h), hidden states and cells (n, b, h): steps first, each in one piece."""
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    h, c = states
    batch, steps, _ = x.shape
    width = h.shape[-1]
    # sigmoid(z) = (1 + tanh(z / 2)) / 2: with the halves in the weights, one call of tanh serves all gates.
    halves = np.repeat(np.array([0.5, 0.5, 1, 0.5], weight_ih.dtype), width)
    gates = _projected(x, weight_ih * halves[:, None], (bias_ih + bias_hh) * halves)
    recurrent = (weight_hh * halves[:, None]).T
    hidden, cells = np.empty((steps, batch, width), gates.dtype), np.empty((steps, batch, width), gates.dtype)
    for t in range(steps):
        z = gates[t]
        z += h @ recurrent
        np.tanh(z, out=z)
        for gate in (z[:, : 2 * width], z[:, 3 * width :]):
            np.multiply(gate, 0.5, out=gate)
            np.add(gate, 0.5, out=gate)
        i, f, g, o = _split(z, 4)
        c = np.multiply(f, c, out=cells[t])
        c += i * g
        h = np.multiply(o, np.tanh(c), out=hidden[t])
    return gates, hidden, cells


@primitive
def _lstm(x: Any, weights: Any, states: Any) -> tuple[AnyArray, Pullback]:
    """Hidden states of all steps and, behind them, the last cell: shape (b, n + 1, h)."""
    gates, hidden, cells = _lstm_steps(x, weights, states)
    (weight_ih, weight_hh, *_), (h, c) = weights, states

    def pullback(gradient: AnyArray) -> tuple[Part, ...]:
        ends = gradient.swapaxes(0, 1)
        of_gates = np.empty_like(gates)
        of_h, of_c = np.zeros_like(hidden[0]), ends[-1]
        for t in reversed(range(len(gates))):
            i, f, g, o = _split(gates[t], 4)
            shown = np.tanh(cells[t])
            of_h = of_h + ends[t]
            of_c = of_c + of_h * o * (1 - shown * shown)
            of_i, of_f, of_g, of_o = _split(of_gates[t], 4)
            np.multiply(of_c * g, i * (1 - i), out=of_i)
            np.multiply(of_c * (cells[t - 1] if t else c), f * (1 - f), out=of_f)
            np.multiply(of_c * i, 1 - g * g, out=of_g)
            np.multiply(of_h * shown, o * (1 - o), out=of_o)
            of_h, of_c = of_gates[t] @ weight_hh, of_c * f
        of_x, of_weight_ih, of_bias = _of_projection(x, weight_ih, of_gates)
        return of_x, of_weight_ih, _of_recurrence(of_gates, h, hidden), of_bias, of_bias, of_h, of_c

    return np.concatenate([hidden, cells[-1:]]).swapaxes(0, 1), pullback


class GRU(_Recurrent):
    r"""Gated recurrent units, layers of them on each other.

    .. math::
        (r_t, z_t) &= \sigma(W x_t + b + U h_{t-1} + b') \\
        n_t &= \tanh(W_n x_t + b_n + r_t \odot (U_n h_{t-1} + b'_n)) \\
        h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}

    (Cho et al. 2014; the reset gate acts after the product, as in cuDNN and PyTorch, and z keeps the former state).
    Weights are named and ordered as PyTorch's (`weight_ih_l0`, gates r, z, n), and drawn as those of `LSTM`.
    O(b · n · h · (d + h)) for each layer.

    Args:
        input_size: The d.
        hidden_size: The h.
        layers: How many; each takes the outputs of the one before it.
        rng: Draws the weights.
        dtype: Their precision.

    >>> outputs, hidden = GRU(3, 4, layers=2, rng=np.random.default_rng(0))(Tensor(np.ones((2, 5, 3), np.float32)))
    >>> outputs.shape, hidden.shape
    ((2, 5, 4), (2, 2, 4))
    """

    blocks = 3

    def forward(self, x: Tensor, initial: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """All steps.

        Args:
            x: Shape (b, n, d).
            initial: State of all layers before the first step, shape (layers, b, h); 0 by default.

        Returns:
            The last layer's states at all steps, shape (b, n, h), and those of all layers after the last step, shape
            (layers, b, h).

        Raises:
            ShapeError: The shapes do not fit.
            EmptyInputError: There is no step.
        """
        states = self._states(x, initial, "the hidden state")
        last = []
        for layer, weights in enumerate(self._weights()):
            x = _gru(x, weights, states[layer])
            last.append(x[:, -1])
        return x, stack(last)

    def gates(self, x: Tensor, initial: Tensor | None = None) -> list[GRUGates]:
        """What each layer's gates let through, to look at; arguments and errors as of a call.

        >>> gates = GRU(3, 4, rng=np.random.default_rng(0)).gates(Tensor(np.ones((2, 5, 3), np.float32)))
        >>> gates[0].update.shape
        (2, 5, 4)
        """
        states = self._states(x, initial, "the hidden state")
        found, inputs = [], x.data
        for layer, weights in enumerate(self._weights()):
            activations, outputs, _ = _gru_steps(inputs, [one.data for one in weights], states[layer].data)
            found.append(GRUGates(*(one.swapaxes(0, 1) for one in _split(activations, 3))))
            inputs = outputs.swapaxes(0, 1)
        return found


def _gru_steps(x: AnyArray, weights: Sequence[AnyArray], h: AnyArray) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Activations of the gates (n, b, 3h), states (n, b, h), and what the reset gate was multiplied with (n, b, h)."""
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    batch, steps, _ = x.shape
    width = h.shape[-1]
    halves = np.repeat(np.array([0.5, 0.5, 1], weight_ih.dtype), width)
    gates = _projected(x, weight_ih * halves[:, None], bias_ih * halves)
    recurrent, bias = (weight_hh * halves[:, None]).T, bias_hh * halves
    hidden, inner = np.empty((steps, batch, width), gates.dtype), np.empty((steps, batch, width), gates.dtype)
    for t in range(steps):
        former = h @ recurrent
        former += bias
        opened = gates[t, :, : 2 * width]
        opened += former[:, : 2 * width]
        np.tanh(opened, out=opened)
        opened *= 0.5
        opened += 0.5
        r, z, new = _split(gates[t], 3)
        inner[t] = former[:, 2 * width :]
        new += r * inner[t]
        np.tanh(new, out=new)
        h = np.multiply(z, h - new, out=hidden[t])
        h += new
    return gates, hidden, inner


@primitive
def _gru(x: Any, weights: Any, h: Any) -> tuple[AnyArray, Pullback]:
    """States of all steps, shape (b, n, h)."""
    gates, hidden, inner = _gru_steps(x, weights, h)
    weight_ih, weight_hh, *_ = weights

    def pullback(gradient: AnyArray) -> tuple[Part, ...]:
        ends = gradient.swapaxes(0, 1)
        # Of what the gates get from the inputs, and of what they get from the former state: the reset gate parts them.
        of_gates, of_former = np.empty_like(gates), np.empty_like(gates)
        width = h.shape[-1]
        of_h = np.zeros_like(hidden[0])
        for t in reversed(range(len(gates))):
            r, z, new = _split(gates[t], 3)
            of_h = of_h + ends[t]
            of_r, of_z, of_new = _split(of_gates[t], 3)
            np.multiply(of_h * (1 - z), 1 - new * new, out=of_new)
            np.multiply(of_h * ((hidden[t - 1] if t else h) - new), z * (1 - z), out=of_z)
            np.multiply(of_new * inner[t], r * (1 - r), out=of_r)
            of_former[t, :, : 2 * width] = of_gates[t, :, : 2 * width]
            np.multiply(of_new, r, out=of_former[t, :, 2 * width :])
            of_h = of_h * z + of_former[t] @ weight_hh
        of_x, of_weight_ih, of_bias = _of_projection(x, weight_ih, of_gates)
        return (
            of_x,
            of_weight_ih,
            _of_recurrence(of_former, h, hidden),
            of_bias,
            lambda: of_former.sum(axis=(0, 1)),
            of_h,
        )

    return hidden.swapaxes(0, 1), pullback


def _split(gates: AnyArray, count: int) -> list[AnyArray]:
    """The blocks that lie side by side on the last axis; views."""
    width = gates.shape[-1] // count
    return [gates[..., place * width : (place + 1) * width] for place in range(count)]


def _projected(x: AnyArray, weight: AnyArray, bias: AnyArray) -> AnyArray:
    """What all steps get from the inputs, steps first: from (b, n, d) to (n, b, rows)."""
    batch, steps, features = x.shape
    projected = x.swapaxes(0, 1).reshape(steps * batch, features) @ weight.T
    projected += bias
    return projected.reshape(steps, batch, len(weight))


def _of_projection(x: AnyArray, weight: AnyArray, of_gates: AnyArray) -> tuple[Part, Part, Part]:
    """Gradients of inputs, weights and bias from those of all steps, (n, b, rows)."""
    steps, batch, rows = of_gates.shape
    flat = of_gates.reshape(steps * batch, rows)
    return (
        lambda: (flat @ weight).reshape(steps, batch, -1).swapaxes(0, 1),
        lambda: flat.T @ x.swapaxes(0, 1).reshape(steps * batch, -1),
        lambda: flat.sum(axis=0),
    )


def _of_recurrence(of_former: AnyArray, h: AnyArray, hidden: AnyArray) -> Part:
    """Gradient of the weights that each step's former state went through."""
    flat = of_former.reshape(-1, of_former.shape[-1])
    return lambda: flat.T @ np.concatenate([h[None], hidden[:-1]]).reshape(len(flat), -1)
