"""Invertible maps whose Jacobian determinants are cheap.

Rezende, Mohamed: Variational Inference with Normalizing Flows, 2015 ("RM15" below). Every map takes z to x, row by row.
Its parameters may be any numbers: what must hold for it to be invertible is built into how they are used.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, as_vector, number_in
from whitebox.errors import EmptyInputError, RangeError, ShapeError

_EPS = float(np.finfo(np.float64).eps)


class Flow(ABC):
    """Base of the maps. Rows are given as (s, d), one number a row as (s,)."""

    @property
    @abstractmethod
    def size(self) -> int:
        """d, how many coordinates it maps."""

    @property
    @abstractmethod
    def parameters(self) -> Array:
        """All in one vector, shape (k,)."""

    @abstractmethod
    def with_parameters(self, parameters: Array) -> Flow:
        """The same map with others."""

    @abstractmethod
    def _forward(self, z: Array) -> tuple[Array, Array]:
        """As `forward`, for input that is checked already."""

    @abstractmethod
    def _inverse(self, x: Array) -> Array:
        """As `inverse`, for input that is checked already."""

    @abstractmethod
    def pullback(self, z: Array, by_x: Array, by_log_det: Array) -> tuple[Array, Array]:
        r"""How a function f of x and log det changes with z and with the parameters.

        Args:
            z: Shape (s, d).
            by_x: :math:`\partial f / \partial x`, shape (s, d).
            by_log_det: :math:`\partial f / \partial \log \det`, shape (s,).

        Returns:
            :math:`\partial f / \partial z`, shape (s, d), and :math:`\partial f / \partial \theta`, shape (k,).
        """

    @abstractmethod
    def solve_transposed(self, z: Array, g: Array) -> Array:
        r""":math:`J^{-\top} g` with the Jacobian J at z, both (s, d): takes a gradient by z to one by x."""

    def forward(self, z: npt.ArrayLike) -> tuple[Array, Array]:
        r"""x, shape (s, d), and :math:`\log |\det \partial x / \partial z|`, shape (s,).

        Raises:
            ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        return self._forward(self._rows(z, "z"))

    def inverse(self, x: npt.ArrayLike) -> Array:
        """The z that `forward` takes to x, shape (s, d).

        Raises:
            ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        return self._inverse(self._rows(x, "x"))

    def _rows(self, values: npt.ArrayLike, name: str) -> Array:
        rows = as_matrix(values, name)
        if rows.shape[1] != self.size:
            raise ShapeError(f"{name} has {rows.shape[1]} columns, {type(self).__name__} maps {self.size}")
        return rows


@dataclass(frozen=True)
class Affine(Flow):
    r"""Units: :math:`x = \mu + \sigma \odot z`, with :math:`\log \det = \sum_d \log \sigma_d`.

    Args:
        shift: μ, shape (d,).
        log_scale: :math:`\log \sigma`, shape (d,).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> x, log_det = Affine([1.0], [math.log(2.0)]).forward([[3.0]])
    >>> x.round(6).tolist(), log_det.round(4).tolist()
    ([[7.0]], [0.6931])
    """

    shift: npt.ArrayLike
    log_scale: npt.ArrayLike

    def __post_init__(self) -> None:
        shift, log_scale = as_vector(self.shift, "shift"), as_vector(self.log_scale, "log_scale")
        if shift.shape != log_scale.shape:
            raise ShapeError(f"shift has shape {shift.shape}, log_scale has {log_scale.shape}")
        object.__setattr__(self, "shift", shift)
        object.__setattr__(self, "log_scale", log_scale)

    @property
    def size(self) -> int:
        """How many coordinates."""
        return np.size(self.shift)

    @property
    def parameters(self) -> Array:
        """Shift, then logarithms of the scales."""
        return np.concatenate([np.asarray(self.shift), np.asarray(self.log_scale)])

    def with_parameters(self, parameters: Array) -> Affine:
        """The same map with others."""
        return Affine(parameters[: self.size], parameters[self.size :])

    def _forward(self, z: Array) -> tuple[Array, Array]:
        log_scale = np.asarray(self.log_scale)
        return np.asarray(self.shift) + np.exp(log_scale) * z, np.full(len(z), float(log_scale.sum()))

    def _inverse(self, x: Array) -> Array:
        z: Array = (x - np.asarray(self.shift)) * np.exp(-np.asarray(self.log_scale))
        return z

    def pullback(self, z: Array, by_x: Array, by_log_det: Array) -> tuple[Array, Array]:
        """How f changes with z and the parameters."""
        by_z: Array = by_x * np.exp(self.log_scale)
        return by_z, np.concatenate([by_x.sum(axis=0), (by_z * z).sum(axis=0) + by_log_det.sum()])

    def solve_transposed(self, z: Array, g: Array) -> Array:  # noqa: ARG002  # the Jacobian is the same everywhere
        """A gradient by z as one by x."""
        solved: Array = g * np.exp(-np.asarray(self.log_scale))
        return solved


@dataclass(frozen=True)
class Planar(Flow):
    r"""Pulls and pushes along one direction, where another coordinate says.

    .. math:: x = z + \hat u \tanh(a), \quad a = w \cdot z + b, \qquad
              \log \det = \log(1 + (1 - \tanh^2 a)\, w \cdot \hat u)

    (RM15, equations 10 to 12), invertible if :math:`w \cdot \hat u > -1`, which RM15, appendix A.1, makes sure of:

    .. math:: \hat u = u + (m(w \cdot u) - w \cdot u) \frac{w}{\lVert w \rVert^2}, \qquad m(s) = -1 + \log(1 + e^s)

    The inverse knows :math:`w \cdot x`, so that a is the root of a monotone function of one variable; it is found by
    Newton's method between bounds. O(d) a row.

    Args:
        w: Shape (d,), not all zero.
        u: Shape (d,).
        b: A number.

    Raises:
        RangeError: if all of w is zero.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> flow = Planar([1.0, 0.0], [1.0, -1.0], 0.0)
    >>> x, log_det = flow.forward([[1.0, 2.0]])
    >>> flow.inverse(x).round(6).tolist(), log_det.round(4).tolist()
    ([[1.0, 2.0]], [0.1236])
    """

    w: npt.ArrayLike
    u: npt.ArrayLike
    b: float = 0.0

    def __post_init__(self) -> None:
        w, u = as_vector(self.w, "w"), as_vector(self.u, "u")
        if w.shape != u.shape:
            raise ShapeError(f"w has shape {w.shape}, u has {u.shape}")
        if not w.any():
            raise RangeError("w must not be zero: it is a direction")
        object.__setattr__(self, "w", w)
        object.__setattr__(self, "u", u)
        object.__setattr__(self, "b", number_in(self.b, "b"))

    @property
    def size(self) -> int:
        """How many coordinates."""
        return np.size(self.w)

    @property
    def parameters(self) -> Array:
        """w, u, b."""
        return np.concatenate([np.asarray(self.w), np.asarray(self.u), [self.b]])

    def with_parameters(self, parameters: Array) -> Planar:
        """The same map with others."""
        return Planar(parameters[: self.size], parameters[self.size : -1], float(parameters[-1]))

    def _constrained(self) -> tuple[Array, Array, float]:
        """w, û, and 1 + w · û."""
        w, u = np.asarray(self.w), np.asarray(self.u)
        s = float(w @ u)
        margin = _softplus(s)
        return w, u + (margin - 1 - s) / float(w @ w) * w, margin

    def _forward(self, z: Array) -> tuple[Array, Array]:
        w, u, margin = self._constrained()
        h = np.tanh(z @ w + self.b)
        return z + np.outer(h, u), np.log(_stretch(h, margin))

    def _inverse(self, x: Array) -> Array:
        w, u, margin = self._constrained()
        return x - np.outer(np.tanh(_root(x @ w + self.b, margin)), u)

    def pullback(self, z: Array, by_x: Array, by_log_det: Array) -> tuple[Array, Array]:
        """How f changes with z and the parameters."""
        w, u_hat, margin = self._constrained()
        h = np.tanh(z @ w + self.b)
        slope = 1 - h * h
        share = by_log_det / _stretch(h, margin)
        by_a = slope * (by_x @ u_hat - 2 * h * (margin - 1) * share)
        by_w, by_u, by_margin = by_a @ z, h @ by_x, float(share @ slope)
        # Through û = u + q w with q = (m(s) - s) / |w|² and s = w · u.
        u, norm = np.asarray(self.u), float(w @ w)
        s = float(w @ u)
        q, m_slope = (margin - 1 - s) / norm, _sigmoid(s)
        by_q = float(by_u @ w)
        by_s = by_q * (m_slope - 1) / norm + by_margin * m_slope
        by_w = by_w + q * by_u - 2 * by_q * q / norm * w + by_s * u
        return by_x + np.outer(by_a, w), np.concatenate([by_w, by_u + by_s * w, [by_a.sum()]])

    def solve_transposed(self, z: Array, g: Array) -> Array:
        """A gradient by z as one by x."""
        w, u, margin = self._constrained()
        h = np.tanh(z @ w + self.b)
        return g - np.outer((1 - h * h) * (g @ u) / _stretch(h, margin), w)


@dataclass(frozen=True)
class Radial(Flow):
    r"""Draws towards a centre or pushes away from it, the more the nearer.

    .. math:: x = z + \hat\beta h\, (z - z_0), \quad h = \frac{1}{\alpha + r}, \quad r = \lVert z - z_0 \rVert, \qquad
              \log \det = (d - 1) \log(1 + \hat\beta h) + \log(1 + \alpha \hat\beta h^2)

    (RM15, equations 13 and 14, simplified), invertible as :math:`\hat\beta = -\alpha + \log(1 + e^\beta) > -\alpha`
    (appendix A.2). The inverse keeps the direction; its radius is the positive root of
    :math:`r^2 + (\alpha + \hat\beta - r_x)\, r = \alpha r_x`. O(d) a row.

    Args:
        centre: :math:`z_0`, shape (d,).
        log_alpha: :math:`\log \alpha`.
        beta: β.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> flow = Radial([0.0, 0.0], 0.0, 2.0)
    >>> x, log_det = flow.forward([[3.0, 4.0]])
    >>> flow.inverse(x).round(6).tolist(), log_det.round(4).tolist()
    ([[3.0, 4.0]], [0.2029])
    """

    centre: npt.ArrayLike
    log_alpha: float = 0.0
    beta: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "centre", as_vector(self.centre, "centre"))
        object.__setattr__(self, "log_alpha", number_in(self.log_alpha, "log_alpha"))
        object.__setattr__(self, "beta", number_in(self.beta, "beta"))

    @property
    def size(self) -> int:
        """How many coordinates."""
        return np.size(self.centre)

    @property
    def parameters(self) -> Array:
        """Centre, log α, β."""
        return np.concatenate([np.asarray(self.centre), [self.log_alpha, self.beta]])

    def with_parameters(self, parameters: Array) -> Radial:
        """The same map with others."""
        return Radial(parameters[:-2], float(parameters[-2]), float(parameters[-1]))

    def _constrained(self) -> tuple[float, float]:
        """α and α + β̂."""
        return math.exp(self.log_alpha), _softplus(self.beta)

    def _at(self, z: Array) -> tuple[Array, Array, Array, Array, Array]:
        """Z - z₀, r, h, and how much is stretched across and along the radius."""
        alpha, margin = self._constrained()
        away = z - np.asarray(self.centre)
        r = np.sqrt(np.einsum("ij,ij->i", away, away))
        h = 1 / (alpha + r)
        # 1 + β̂ h and 1 + α β̂ h², written so that nothing cancels as β̂ comes near -α.
        return away, r, h, h * (r + margin), h * h * (r * (2 * alpha + r) + alpha * margin)

    def _forward(self, z: Array) -> tuple[Array, Array]:
        away, _, _, across, along = self._at(z)
        x: Array = np.asarray(self.centre) + across[:, None] * away
        return x, (self.size - 1) * np.log(across) + np.log(along)

    def _inverse(self, x: Array) -> Array:
        alpha, margin = self._constrained()
        away = x - np.asarray(self.centre)
        r_x = np.sqrt(np.einsum("ij,ij->i", away, away))
        q = r_x - margin
        root = np.sqrt(q * q + 4 * alpha * r_x)
        # Where q is negative, q + root would cancel.
        r = np.where(q >= 0, (q + root) / 2, 2 * alpha * r_x / np.where(q >= 0, 1.0, root - q))
        shrink = np.divide(r, r_x, out=np.zeros_like(r), where=r_x > 0)
        z: Array = np.asarray(self.centre) + shrink[:, None] * away
        return z

    def pullback(self, z: Array, by_x: Array, by_log_det: Array) -> tuple[Array, Array]:
        """How f changes with z and the parameters."""
        alpha, margin = self._constrained()
        beta = margin - alpha
        away, r, h, across, along = self._at(z)
        lean = np.einsum("ij,ij->i", by_x, away)
        by_across, by_along = lean + (self.size - 1) * by_log_det / across, by_log_det / along
        by_beta = float((by_across * h + by_along * alpha * h * h).sum())
        by_h = by_across * beta + by_along * 2 * alpha * beta * h
        by_r = -h * h * by_h
        by_alpha = float((by_r + by_along * beta * h * h).sum()) - by_beta
        unit = np.divide(away, r[:, None], out=np.zeros_like(away), where=r[:, None] > 0)
        by_z = across[:, None] * by_x + by_r[:, None] * unit
        by_raw = by_beta * _sigmoid(self.beta)
        return by_z, np.concatenate([(by_x - by_z).sum(axis=0), [by_alpha * alpha, by_raw]])

    def solve_transposed(self, z: Array, g: Array) -> Array:
        """A gradient by z as one by x; the Jacobian is symmetric, with the radius as one eigenvector."""
        away, r, _, across, along = self._at(z)
        unit = np.divide(away, r[:, None], out=np.zeros_like(away), where=r[:, None] > 0)
        part = (1 / along - 1 / across) * np.einsum("ij,ij->i", g, unit)
        solved: Array = g / across[:, None] + part[:, None] * unit
        return solved


@dataclass(frozen=True)
class Chain(Flow):
    r"""One map after the other: :math:`x = f_K(\dots f_1(z))`, whose log-determinants add up (RM15, equation 7).

    Args:
        flows: The maps, the first to be applied first.

    Raises:
        EmptyInputError: of nothing.
        ShapeError: if they differ in size.

    >>> chain = Chain([Affine([0.0], [1.0]), Affine([1.0], [1.0])])
    >>> x, log_det = chain.forward([[0.0]])
    >>> x.tolist(), log_det.tolist(), chain.inverse(x).tolist()
    ([[1.0]], [2.0], [[0.0]])
    """

    flows: Sequence[Flow]

    def __post_init__(self) -> None:
        flows = tuple(self.flows)
        if not flows:
            raise EmptyInputError("a chain of no maps has no size")
        if len({flow.size for flow in flows}) > 1:
            raise ShapeError(f"maps of a chain must have one size, got {[flow.size for flow in flows]}")
        object.__setattr__(self, "flows", flows)

    @property
    def size(self) -> int:
        """How many coordinates."""
        return self.flows[0].size

    @property
    def parameters(self) -> Array:
        """Of all."""
        return np.concatenate([flow.parameters for flow in self.flows])

    def with_parameters(self, parameters: Array) -> Chain:
        """The same maps with others."""
        ends = np.cumsum([len(flow.parameters) for flow in self.flows])[:-1]
        parts = np.split(parameters, ends)
        return Chain([flow.with_parameters(part) for flow, part in zip(self.flows, parts, strict=True)])

    def _forward(self, z: Array) -> tuple[Array, Array]:
        total = np.zeros(len(z))
        for flow in self.flows:
            z, log_det = flow._forward(z)
            total += log_det
        return z, total

    def _inverse(self, x: Array) -> Array:
        for flow in reversed(self.flows):
            x = flow._inverse(x)
        return x

    def _path(self, z: Array) -> list[Array]:
        """What each map is given."""
        path = [z]
        for flow in self.flows[:-1]:
            path.append(flow._forward(path[-1])[0])
        return path

    def pullback(self, z: Array, by_x: Array, by_log_det: Array) -> tuple[Array, Array]:
        """How f changes with z and the parameters: from the last map back to the first."""
        parts = []
        for flow, place in zip(reversed(self.flows), reversed(self._path(z)), strict=True):
            by_x, part = flow.pullback(place, by_x, by_log_det)
            parts.append(part)
        return by_x, np.concatenate(parts[::-1])

    def solve_transposed(self, z: Array, g: Array) -> Array:
        """A gradient by z as one by x, from the first map to the last."""
        for flow, place in zip(self.flows, self._path(z), strict=True):
            g = flow.solve_transposed(place, g)
        return g


def _softplus(s: float) -> float:
    r""":math:`\log(1 + e^s)`, positive however small."""
    return max(float(np.logaddexp(0.0, s)), 1e-300)


def _sigmoid(s: float) -> float:
    """The derivative of `_softplus`."""
    return math.exp(min(0.0, s)) / (1 + math.exp(-abs(s)))


def _stretch(h: Array, margin: float) -> Array:
    """1 + (1 - h²) w · û, written so that nothing cancels as w · û comes near -1."""
    return h * h + (1 - h * h) * margin


def _root(v: Array, margin: float) -> Array:
    """The a with a + c tanh(a) = v, elementwise, for c = margin - 1; Newton's method between bounds that close in."""
    c = margin - 1
    low, high = v - abs(c), v + abs(c)
    a = v - c * np.tanh(v) if c < 0 else v / (1 + c)
    for _ in range(200):
        a = np.where((low <= a) & (a <= high), a, (low + high) / 2)
        h = np.tanh(a)
        error = a + c * h - v
        low, high = np.where(error <= 0, a, low), np.where(error >= 0, a, high)
        if (np.abs(error) <= 2 * _EPS * (1 + np.abs(v))).all() or not (high - low > _EPS * (1 + np.abs(a))).any():
            break
        with np.errstate(over="ignore"):  # where it is flat, the step leads out of the bounds
            a = a - error / np.maximum(_stretch(h, margin), 1e-300)
    return a
