"""Minimising what is expensive to evaluate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, as_vector, number_in, positive_int
from whitebox.errors import EmptyInputError, NotFiniteError, RangeError, ShapeError
from whitebox.gp._acquisition import expected_improvement, probability_of_improvement, upper_confidence_bound
from whitebox.gp._regressor import GaussianProcessRegressor
from whitebox.gp.kernels import Constant, Kernel, Matern

_CANDIDATES = 512
_ROUNDS = 6


class Evaluated(NamedTuple):
    """What has been found.

    Attributes:
        x: The best point, shape (d,).
        value: The objective there.
        points: All points, in order, shape (n, d).
        values: The objective at each, shape (n,).
    """

    x: Array
    value: float
    points: Array
    values: Array


class BayesianOptimizer:
    r"""Asks for the next point to evaluate, and is told what was found there.

    A Gaussian process predicts the objective from all that was told, and an acquisition says where to look next: where
    the prediction is low, or where little is known (Močkus 1975; Jones, Schonlau, Welch 1998). The first points fill
    the box evenly, one in each slice of each axis (McKay, Beckman, Conover 1979: Latin hypercube). The acquisition is
    maximised over points scattered over the box, then ever closer around the best. O(n³) an `ask` after n evaluations.

    Args:
        bounds: The box, shape (d, 2): smallest and largest value of each coordinate.
        acquisition: "ei", "pi" or "ucb".
        kernel: Of the process, over coordinates scaled to [0, 1] and values scaled to variance 1; by default a `Matern`
            5/2 with a length scale for each coordinate.
        noise: Variance of the evaluations' noise, as a share of the variance of the values.
        n_initial: How many points to spread before the model is asked.
        xi: ξ of "ei" and "pi", in units of the values.
        kappa: κ of "ucb".
        random_state: Seed.

    Raises:
        RangeError: for a box without inside, or a parameter out of its range.
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable bounds.

    >>> optimizer = BayesianOptimizer([(-2.0, 2.0)], random_state=0)
    >>> for _ in range(12):
    ...     x = optimizer.ask()
    ...     optimizer.tell(x, (x[0] - 1) ** 2)
    >>> bool(abs(optimizer.best().x[0] - 1) < 0.05)
    True
    """

    def __init__(
        self,
        bounds: npt.ArrayLike,
        *,
        acquisition: Literal["ei", "pi", "ucb"] = "ei",
        kernel: Kernel | None = None,
        noise: float = 1e-8,
        n_initial: int = 5,
        xi: float = 0.0,
        kappa: float = 2.0,
        random_state: int | None = None,
    ) -> None:
        box = as_matrix(bounds, "bounds")
        if box.shape[1] != 2:
            raise ShapeError(f"bounds must have shape (d, 2), got {box.shape}")
        if not (box[:, 0] < box[:, 1]).all():
            raise RangeError(f"each lower bound must be below the upper one, got {box.tolist()}")
        if acquisition not in ("ei", "pi", "ucb"):
            raise RangeError(f"acquisition must be 'ei', 'pi' or 'ucb', got {acquisition!r}")
        self._low, self._width = box[:, 0], box[:, 1] - box[:, 0]
        d = len(box)
        self._acquisition = acquisition
        self._xi, self._kappa = number_in(xi, "xi", 0), number_in(kappa, "kappa", 0)
        self._noise = number_in(noise, "noise", 0)
        self._kernel = kernel or Constant(1.0, (1e-2, 1e2)) * Matern([0.3] * d, (1e-2, 1e1), nu=2.5)
        self._rng = np.random.default_rng(random_state)
        count = positive_int(n_initial, "n_initial")
        slices = np.stack([self._rng.permutation(count) for _ in range(d)], axis=1)
        self._initial = list((slices + self._rng.random((count, d))) / count)
        self._points: list[Array] = []
        self._values: list[float] = []

    def ask(self) -> Array:
        """The point to evaluate next, shape (d,). Asking again before telling may give the same point."""
        if len(self._values) < len(self._initial):
            return self._unscaled(self._initial[len(self._values)])
        points, values = np.array(self._points), np.array(self._values)
        model = GaussianProcessRegressor(self._kernel, alpha=max(self._noise, 1e-10), normalize_y=True)
        model.fit(points, values)
        # The mean where something was evaluated: a lucky draw of the noise is no value to improve on.
        best = float(model.predict(points).min())
        chosen = points[values.argmin()]
        found, radius = -np.inf, 1.0
        for _ in range(_ROUNDS):
            cloud = self._rng.random((_CANDIDATES, len(chosen)))
            if radius < 1:
                cloud = np.clip(chosen + radius * (2 * cloud - 1), 0, 1)
            mean, std = model.predict(cloud, return_std=True)
            promise = self._promise(mean, std, best)
            place = int(promise.argmax())
            if promise[place] > found:
                found, chosen = float(promise[place]), cloud[place]
            radius /= 4
        return self._unscaled(chosen)

    def tell(self, x: npt.ArrayLike, value: float) -> None:
        """Adds an evaluation, whether asked for or not.

        Raises:
            RangeError: if the point lies outside the box.
            NotFiniteError: if the value is not finite.
            DtypeError, ShapeError, EmptyInputError: for an unusable point.
        """
        point = as_vector(x, "x")
        if point.shape != self._low.shape:
            raise ShapeError(f"x must have shape {self._low.shape}, got {point.shape}")
        scaled = (point - self._low) / self._width
        if not ((scaled >= -1e-9) & (scaled <= 1 + 1e-9)).all():
            raise RangeError(f"x lies outside the box: {point.tolist()}")
        if not np.isfinite(value):
            raise NotFiniteError(f"the objective at {point.tolist()} is {value}")
        self._points.append(scaled)
        self._values.append(float(value))

    def best(self) -> Evaluated:
        """The smallest value so far, and everything that was told.

        Raises:
            EmptyInputError: before anything was told.
        """
        if not self._values:
            raise EmptyInputError("nothing has been evaluated yet: tell first")
        points, values = self._unscaled(np.array(self._points)), np.array(self._values)
        place = int(values.argmin())
        return Evaluated(points[place], float(values[place]), points, values)

    def _unscaled(self, scaled: Array) -> Array:
        points: Array = self._low + self._width * scaled
        return points

    def _promise(self, mean: Array, std: Array, best: float) -> Array:
        if self._acquisition == "ei":
            return expected_improvement(mean, std, best, self._xi)
        if self._acquisition == "pi":
            return probability_of_improvement(mean, std, best, self._xi)
        return upper_confidence_bound(mean, std, self._kappa)


def minimise(
    objective: Callable[[Array], float],
    bounds: npt.ArrayLike,
    *,
    evaluations: int = 30,
    acquisition: Literal["ei", "pi", "ucb"] = "ei",
    kernel: Kernel | None = None,
    noise: float = 1e-8,
    n_initial: int = 5,
    random_state: int | None = None,
) -> Evaluated:
    """Minimises a function of a box with few evaluations, by `BayesianOptimizer`.

    Args:
        objective: From a point of shape (d,) to a number.
        bounds: The box, shape (d, 2).
        evaluations: How many.
        acquisition: As in `BayesianOptimizer`.
        kernel: As in `BayesianOptimizer`.
        noise: As in `BayesianOptimizer`.
        n_initial: As in `BayesianOptimizer`.
        random_state: Seed.

    Raises:
        RangeError, NotFiniteError, ShapeError, DtypeError, EmptyInputError: as `BayesianOptimizer`.

    >>> found = minimise(lambda x: abs(x[0] - 0.3), [(0.0, 1.0)], evaluations=15, random_state=0)
    >>> bool(found.value < 0.05)
    True
    """
    optimizer = BayesianOptimizer(
        bounds, acquisition=acquisition, kernel=kernel, noise=noise, n_initial=n_initial, random_state=random_state
    )
    for _ in range(positive_int(evaluations, "evaluations")):
        point = optimizer.ask()
        optimizer.tell(point, objective(point))
    return optimizer.best()
