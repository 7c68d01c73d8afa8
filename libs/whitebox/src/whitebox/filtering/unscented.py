"""The unscented Kalman filter: points around the best guess go through the system, and show where the rest would go."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, number_in
from whitebox.errors import NotFiniteError, NotPositiveDefiniteError, RangeError, ShapeError
from whitebox.filtering._models import (
    Filtered,
    NonlinearGaussian,
    Update,
    all_observations,
    one_observation,
)
from whitebox.filtering._steps import empty_results, semidefinite_root
from whitebox.linalg import qr, solve_triangular

_LOG_2PI = math.log(2 * math.pi)


class SquareRoot(NamedTuple):
    """What the filter knows of the state: no covariance but a square root of it, whose square cannot be indefinite.

    Attributes:
        mean: Shape (n,).
        root: U with covariance Uᵀ U, shape (n, n).
    """

    mean: Array
    root: Array

    @property
    def covariance(self) -> Array:
        """Shape (n, n)."""
        return self.root.T @ self.root


@dataclass(frozen=True)
class Spread:
    r"""How far the sigma points lie from the mean, and what they weigh (van der Merwe 2004).

    .. math:: c^2 = \alpha^2 (n + \kappa), \qquad \mathcal X_0 = m, \quad \mathcal X_{\pm i} = m \pm c\, U_i, \qquad
              w = \frac{1}{2 c^2}

    with :math:`U_i` the rows of the root. The point in the middle weighs :math:`1 - n/c^2` in means and
    :math:`2 - n/c^2 - \alpha^2 + \beta` in covariances.

    Args:
        alpha: Above 0: small values see the neighbourhood of the mean only, 1 about a standard deviation.
        beta: What is known of the distribution's tails, at least 0: 2 is best for Gaussian ones.
        kappa: At least 0.

    Raises:
        RangeError: if a number lies outside its range.

    >>> Spread(alpha=1.0).radius(4)
    2.0
    """

    alpha: float = 1e-3
    beta: float = 2.0
    kappa: float = 0.0

    def __post_init__(self) -> None:
        number_in(self.alpha, "alpha", 0, open_low=True)
        number_in(self.beta, "beta", 0)
        number_in(self.kappa, "kappa", 0)

    def radius(self, n: int) -> float:
        """c, for n dimensions."""
        return self.alpha * math.sqrt(n + self.kappa)


_MERWE = Spread()


def init(model: NonlinearGaussian) -> SquareRoot:
    """What is known before the first observation.

    >>> init(NonlinearGaussian(np.sin, np.square, [[0.1]], [[1.0]], [0.5], [[4.0]])).root.tolist()
    [[2.0]]
    """
    return SquareRoot(model.mean.copy(), _root(model.covariance))


def sigma_points(state: SquareRoot, spread: Spread = _MERWE) -> Array:
    """The mean, and a point on either side of it along each row of the root.

    Returns:
        Shape (2 n + 1, n).

    >>> sigma_points(SquareRoot(np.zeros(1), np.array([[2.0]])), Spread(alpha=1.0)).ravel().tolist()
    [0.0, 2.0, -2.0]
    """
    offsets = spread.radius(len(state.mean)) * state.root
    return state.mean + np.vstack([np.zeros_like(state.mean), offsets, -offsets])


def predict(model: NonlinearGaussian, state: SquareRoot, spread: Spread = _MERWE) -> SquareRoot:
    r"""One step of time: mean and covariance of f at the sigma points, plus Q.

    With the weights of `Spread`, :math:`d_i = f(\mathcal X_i) - f(\mathcal X_0)` and :math:`\delta = \sum_i w d_i`,

    .. math:: m^- = f(\mathcal X_0) + \delta, \qquad
              P^- = \sum_{i \ne 0} w\, d_i d_i^\top + (\beta - \alpha^2)\, \delta \delta^\top + Q

    which is van der Merwe's sum written out (2004, algorithm 3.1; Särkkä 2013, equation 5.84). Written so, no large
    weights of opposite sign cancel, and the root comes from a QR decomposition of what is squared. O(n³) and 2 n + 1
    evaluations.

    Raises:
        ShapeError, DtypeError, NotFiniteError: if f gives anything but n finite numbers.

    >>> double = NonlinearGaussian(lambda x: 2 * x, np.square, [[1.0]], [[1.0]], [1.0], [[2.0]])
    >>> predict(double, init(double)).covariance.round(6).tolist()
    [[9.0]]
    """
    return _predict(model, state, spread)[0]


def _predict(model: NonlinearGaussian, state: SquareRoot, spread: Spread) -> tuple[SquareRoot, Array]:
    """The prediction, and the covariance of the state with the next one."""
    n = len(state.mean)
    mean, deviations = _transform(model.transition, "transition(x)", n, state, spread)
    here = _deviations_of_the_points(state)
    return SquareRoot(mean, _triangle(np.vstack([deviations, _root(model.process_noise)]))), here.T @ deviations


def update(
    model: NonlinearGaussian, state: SquareRoot, observation: npt.ArrayLike, spread: Spread = _MERWE
) -> tuple[SquareRoot, Update]:
    r"""Takes an observation in.

    State and observation at the sigma points, and the root of R, make a matrix whose square is their joint covariance.
    Its triangular form holds everything (the filter's array form: Kailath, Sayed, Hassibi: Linear Estimation, 2000,
    section 12.3):

    .. math:: \begin{pmatrix} R^{1/2} & 0 \\ D_y & D_x \end{pmatrix} =
              Q \begin{pmatrix} U_y & U_{yx} \\ 0 & U_x \end{pmatrix}, \qquad
              S = U_y^\top U_y, \quad K^\top = U_y^{-1} U_{yx}, \quad P = U_x^\top U_x

    Nothing is subtracted, so P stays positive semidefinite. Missing entries are NaN. O((n + m)³) and 2 n + 1
    evaluations.

    Raises:
        ShapeError, DtypeError, NotFiniteError: for an unusable observation, or if h gives no m finite numbers.
        NotPositiveDefiniteError: if the covariance of the innovation is singular.

    >>> level = NonlinearGaussian(lambda x: x, lambda x: x, [[1.0]], [[2.0]], [0.0], [[2.0]])
    >>> state, info = update(level, init(level), [4.0])
    >>> state.mean.round(6).tolist(), state.covariance.round(6).tolist()
    ([2.0], [[1.0]])
    """
    m, n = len(model.observation_noise), len(state.mean)
    y = one_observation(observation, m)
    expected, deviations = _transform(model.observation, "observation(x)", m, state, spread)
    innovation, noise = y - expected, _root(model.observation_noise)
    S = deviations.T @ deviations + model.observation_noise
    seen = np.flatnonzero(~np.isnan(innovation))
    gain = np.zeros((n, m))
    if len(seen) == 0:
        return state, Update(innovation, S, gain, 0.0, 0.0)
    k = len(seen)
    joint = np.zeros((m + 2 * n, k + n))
    joint[:m, :k], joint[m:, :k] = noise[:, seen], deviations[:, seen]
    joint[m:, k:] = _deviations_of_the_points(state)
    triangle = _triangle(joint)
    own, shared = triangle[:k, :k], triangle[:k, k:]
    pivots = np.abs(own.diagonal())
    if not pivots.min() > 1e-14 * k * np.abs(joint).max():
        raise NotPositiveDefiniteError("the covariance of the innovation is singular: see kalman.update")
    weights = solve_triangular(own, shared, lower=False)
    gain[:, seen] = weights.T
    whitened = solve_triangular(own.T, innovation[seen], lower=True)
    nis = float(whitened @ whitened)
    log_likelihood = -(k * _LOG_2PI + nis) / 2 - float(np.log(pivots).sum())
    mean = state.mean + whitened @ shared
    return SquareRoot(mean, triangle[k:, k:]), Update(innovation, S, gain, nis, log_likelihood)


def filter(  # noqa: A001  # as kalman.filter
    model: NonlinearGaussian, observations: npt.ArrayLike, spread: Spread = _MERWE
) -> Filtered:
    """Updates and predicts through a sequence. O(T (n + m)³) and T (4 n + 2) evaluations.

    Args:
        model: The system.
        observations: Shape (T, m), or (T,) where m is 1; NaN where missing.
        spread: Of the sigma points.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, NotPositiveDefiniteError: as `predict` and `update`.

    >>> model = NonlinearGaussian(np.sin, np.exp, [[0.1]], [[1.0]], [0.0], [[1.0]])
    >>> filter(model, [1.0, 2.0]).means.shape
    (2, 1)
    """
    if not isinstance(spread, Spread):
        raise RangeError(f"spread must be a Spread, got {spread!r}")
    n, m = len(model.mean), len(model.observation_noise)
    rows = all_observations(observations, m)
    results = Filtered(*empty_results(len(rows), n, m))
    state = init(model)
    for t, y in enumerate(rows):
        if t:
            state, results.cross_covariances[t - 1] = _predict(model, state, spread)
        try:
            updated, info = update(model, state, y, spread)
        except (NotPositiveDefiniteError, NotFiniteError) as error:
            raise type(error)(f"at time {t}: {error}") from error
        results.record(t, state, updated, info)
        state = updated
    return results


def _deviations_of_the_points(state: SquareRoot) -> Array:
    """Rows whose sum of squares is the covariance: what `_transform` gives for the identity."""
    half = state.root / math.sqrt(2)
    return np.vstack([half, -half])


def _transform(
    function: Callable[[Any], Any], name: str, size: int, state: SquareRoot, spread: Spread
) -> tuple[Array, Array]:
    r"""Mean of a function of the state, and rows whose sum of squares is its covariance, shape (2 n, size).

    With rows :math:`e_i = \sqrt w\, d_i` and :math:`\omega = \sqrt w\, \mathbf 1`, so that :math:`\delta = e^\top
    \omega`, the covariance is :math:`e^\top (I + \gamma \omega \omega^\top) e` with :math:`\gamma = \beta - \alpha^2`.
    The matrix in the middle is the square of :math:`I + \eta \omega \omega^\top`, where :math:`(1 + \eta |\omega|^2)^2
    = 1 + \gamma |\omega|^2`.
    """
    n = len(state.mean)
    values = as_array([function(point) for point in sigma_points(state, spread)], name)
    if values.shape != (2 * n + 1, size):
        raise ShapeError(f"{name} must have shape ({size},), got {values.shape[1:]}")
    root_weight = 1 / (math.sqrt(2) * spread.radius(n))
    rows = root_weight * (values[1:] - values[0])
    shift = root_weight * rows.sum(axis=0)
    length = 2 * n * root_weight**2
    # Not negative, since beta and kappa are not; rounding may have it otherwise.
    stretch = max(0.0, 1 + (spread.beta - spread.alpha**2) * length)
    eta = (math.sqrt(stretch) - 1) / length
    return values[0] + shift, rows + eta * root_weight * shift


def _triangle(rows: Array) -> Array:
    """The upper triangular U with Uᵀ U = rowsᵀ rows, square."""
    return qr(rows).R


def _root(covariance: Array) -> Array:
    """An upper triangular U with Uᵀ U the covariance, which may be singular."""
    return semidefinite_root(covariance).T
