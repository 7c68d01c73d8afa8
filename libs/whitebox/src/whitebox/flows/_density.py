"""Densities made of a flow and the standard normal: evaluated, drawn from, and fitted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Self, TypeVar

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in, positive_int
from whitebox.base import BaseEstimator
from whitebox.errors import EmptyInputError, NotFiniteError, RangeError, ShapeError
from whitebox.flows._layers import Affine, Chain, Flow, Planar, Radial
from whitebox.optimize import Adam, Optimizer, lbfgs

AnyFlow = TypeVar("AnyFlow", bound=Flow)
# From rows (s, d) to log-densities (s,), up to a constant, and their gradients (s, d).
LogDensities = Callable[[Array], tuple[Array, Array]]


def log_density(flow: Flow, x: npt.ArrayLike) -> Array:
    r"""Of rows that are standard normal before the flow.

    .. math:: \log q(x) = \log N(z; 0, I) - \log \left|\det \frac{\partial x}{\partial z}\right|, \qquad z = f^{-1}(x)

    Args:
        flow: f.
        x: Shape (s, d).

    Returns:
        Shape (s,).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> log_density(Affine([5.0], [math.log(2.0)]), [[5.0]]).round(4).tolist()
    [-1.6121]
    """
    z = flow.inverse(x)
    return _log_normal(z) - flow._forward(z)[1]


def sample(flow: Flow, rng: np.random.Generator, size: int) -> Array:
    """Rows drawn from the density, shape (size, d).

    Raises:
        RangeError: if `size` is less than 1.

    >>> sample(Affine([100.0], [0.0]), np.random.default_rng(0), 2).round(1).tolist()
    [[100.1], [99.9]]
    """
    return flow._forward(rng.standard_normal((positive_int(size, "size"), flow.size)))[0]


def log_likelihood_and_gradient(flow: Flow, x: npt.ArrayLike) -> tuple[float, Array]:
    r"""Mean log-density of rows, and how it changes with the parameters.

    The rows stay and z moves: with :math:`x = f_\theta(z)` held, :math:`\partial_\theta z = -J^{-1} \partial_\theta f`
    (implicit function theorem), so that a gradient g by z comes as :math:`-(J^{-\top} g) \cdot \partial_\theta f`.

    Args:
        flow: f.
        x: Shape (s, d).

    Returns:
        A number, and shape (k,).

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> value, gradient = log_likelihood_and_gradient(Affine([0.0], [0.0]), [[1.0], [3.0]])
    >>> gradient.tolist()
    [2.0, 4.0]
    """
    rows = flow._rows(x, "x")
    flows = list(flow.flows) if isinstance(flow, Chain) else [flow]
    places = [rows]
    for part in reversed(flows):
        places.append(part._inverse(places[-1]))
    z = places.pop()
    value = float(_log_normal(z).mean())
    g, each = -z / len(z), np.full(len(z), -1 / len(z))
    gradients = []
    for part in flows:
        value -= float(part._forward(z)[1].mean())
        # Its own determinant stands at z as well; then the parameters, x being held.
        g = part.solve_transposed(z, g + part.pullback(z, np.zeros_like(z), each)[0])
        gradients.append(part.pullback(z, -g, each)[1])
        z = places.pop()
    return value, np.concatenate(gradients)


def fit(flow: AnyFlow, x: npt.ArrayLike, *, penalty: float = 1e-4, tol: float = 1e-4, max_iter: int = 500) -> AnyFlow:
    r"""The flow with the parameters that make rows most likely, by `whitebox.optimize.lbfgs`.

    Maximises the mean log-density minus :math:`\tfrac12 \lambda \lVert \theta - \theta_0 \rVert^2`, which keeps the
    parameters of a density from running away where rows lie in a plane. O(s · d) a map and step.

    Args:
        flow: Where to start, :math:`\theta_0`.
        x: Shape (s, d).
        penalty: λ, not negative.
        tol: Stops when the norm of the gradient falls to this.
        max_iter: Steps at most.

    Raises:
        RangeError: for an argument out of its range.
        ShapeError, DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> fitted = fit(Affine([0.0], [0.0]), [[1.0], [3.0]], penalty=0.0)
    >>> fitted.parameters.round(3).tolist()
    [2.0, 0.0]
    """
    rows, start = flow._rows(x, "x"), flow.parameters
    number_in(penalty, "penalty", 0)

    def objective(parameters: Array) -> tuple[float, Array]:
        away = parameters - start
        try:
            with np.errstate(all="ignore"):  # a step too long; the line search takes a shorter one
                value, gradient = log_likelihood_and_gradient(flow.with_parameters(parameters), rows)
        except (NotFiniteError, RangeError, OverflowError):
            return math.inf, np.zeros_like(parameters)
        return 0.5 * penalty * float(away @ away) - value, penalty * away - gradient

    best = lbfgs(objective, start, tol=tol, max_iter=max_iter).x
    fitted: Any = flow.with_parameters(best)
    return fitted  # type: ignore[no-any-return]  # of the kind it was given


def elbo_and_gradient(flow: Flow, target: LogDensities, draws: npt.ArrayLike) -> tuple[float, float, Array]:
    r"""Evidence lower bound of a flow, and how it changes with the parameters.

    .. math:: \mathcal L = E_{z \sim N(0, I)} \left[\log p(f(z)) + \log |\det J(z)|\right] + \tfrac d2 \log 2 \pi e
              \le \log \int p

    with equality where the flow's density is p, normalised (RM15, equation 15).

    Args:
        flow: f.
        target: :math:`\log p` and its gradients.
        draws: z, shape (s, d), s at least 2.

    Returns:
        The estimate, its standard error, and its gradient, shape (k,).

    Raises:
        ShapeError: if `target` gives other shapes.
        EmptyInputError: of fewer than two draws.
        DtypeError, NotFiniteError: for unusable input.

    >>> standard = lambda x: (-0.5 * (x**2).sum(axis=1), -x)
    >>> value, error, gradient = elbo_and_gradient(Affine([0.0], [0.0]), standard, [[1.0], [-1.0]])
    >>> round(value, 4), error, gradient.tolist()
    (0.9189, 0.0, [0.0, 0.0])
    """
    z = flow._rows(draws, "draws")
    if len(z) < 2:
        raise EmptyInputError("an error bar takes two draws or more, got 1 sample")
    x, log_det = flow._forward(z)
    values, slopes = (np.asarray(part, dtype=np.float64) for part in target(x))
    if values.shape != (len(z),) or slopes.shape != x.shape:
        raise ShapeError(f"the target gave shapes {values.shape} and {slopes.shape} for rows of shape {x.shape}")
    terms = values + log_det
    if not np.isfinite(terms).all():
        raise NotFiniteError("the log-density or the flow's determinant is not finite at some draw")
    entropy = 0.5 * flow.size * math.log(2 * math.pi * math.e)
    share = np.full(len(z), 1 / len(z))
    gradient = flow.pullback(z, slopes / len(z), share)[1]
    return float(terms.mean()) + entropy, float(terms.std(ddof=1)) / math.sqrt(len(z)), gradient


class FittedToDensity(NamedTuple):
    """What `fit_to_density` gives.

    Attributes:
        flow: With the last parameters.
        elbo: Estimate at every step, shape (steps,).
    """

    flow: Any
    elbo: Array


def fit_to_density(
    flow: Flow,
    target: LogDensities,
    rng: np.random.Generator,
    *,
    steps: int = 1000,
    draws: int = 64,
    optimizer: Optimizer[Any] | None = None,
) -> FittedToDensity:
    """Moves a flow towards a density known up to a constant, by stochastic gradients of the evidence lower bound.

    Args:
        flow: Where to start.
        target: Log-densities of rows, up to a constant, and their gradients.
        rng: Source of chance.
        steps: How many.
        draws: For each step, at least 2.
        optimizer: How to step; `Adam` with a rate of 0.02 by default.

    Raises:
        RangeError, ShapeError, EmptyInputError, NotFiniteError: for unusable arguments, or a target that is not finite.

    >>> shifted = lambda x: (-0.5 * ((x - 3) ** 2).sum(axis=1), 3 - x)
    >>> found = fit_to_density(Affine([0.0], [0.0]), shifted, np.random.default_rng(0), steps=400)
    >>> bool(abs(found.flow.parameters[0] - 3) < 0.1)
    True
    """
    chosen: Optimizer[Any] = Adam(0.02) if optimizer is None else optimizer
    parameters = flow.parameters
    state, path = chosen.init(parameters), np.empty(positive_int(steps, "steps"))
    for step in range(steps):
        z = rng.standard_normal((positive_int(draws, "draws"), flow.size))
        path[step], _, gradient = elbo_and_gradient(flow, target, z)
        parameters, state = chosen.step(parameters, -gradient, state)
        flow = flow.with_parameters(parameters)
    return FittedToDensity(flow, path)


class NormalizingFlow(BaseEstimator):
    """Estimates a density by a chain of planar or radial maps that begins with a standard normal.

    The maps are fitted by `fit`; the last one, `Affine`, gives back the data's units: `sample` draws in them, and
    `score_samples` measures density in them.

    Args:
        kind: "radial", whose inverse is a formula, or "planar", whose inverse is a search.
        n_layers: How many maps.
        penalty: As in `fit`.
        max_iter: Steps of the fit at most.
        random_state: Seed of where the maps start.

    Attributes:
        flow_: The fitted `Chain`.
        mean_: Of the data, shape (d,).

    >>> X = np.concatenate([np.linspace(-9, -7, 50), np.linspace(7, 9, 50)])[:, None]
    >>> model = NormalizingFlow(random_state=0).fit(X)
    >>> bool(np.diff(model.score_samples([[0.0], [8.0]]))[0] > 1)
    True
    """

    flow_: Chain
    mean_: Array

    def __init__(
        self,
        kind: Literal["planar", "radial"] = "radial",
        n_layers: int = 4,
        *,
        penalty: float = 1e-4,
        max_iter: int = 100,
        random_state: int | None = None,
    ) -> None:
        self.kind = kind
        self.n_layers = n_layers
        self.penalty = penalty
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: Any = None) -> Self:  # noqa: ARG002  # scikit-learn's signature
        """Fits the maps.

        Raises:
            RangeError: for a parameter out of its range.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input, a single row included.
        """
        rows = self._rows_to_fit(X)
        if len(rows) < 2:
            raise EmptyInputError(f"X has 1 sample (shape={rows.shape}), which has no spread: give two or more")
        self.mean_ = rows.mean(axis=0)
        scale = rows.std(axis=0)
        # Rounding gives a constant column a spread of some ulps of its values.
        scale[scale <= 1e-12 * np.abs(rows).max(axis=0)] = 1.0
        rng, d = np.random.default_rng(self.random_state), rows.shape[1]
        layers = [self._layer(rng, d) for _ in range(positive_int(self.n_layers, "n_layers"))]
        chain = fit(
            Chain([*layers, Affine(np.zeros(d), np.zeros(d))]),
            (rows - self.mean_) / scale,
            penalty=self.penalty,
            max_iter=self.max_iter,
        )
        self.flow_ = Chain([*chain.flows, Affine(self.mean_, np.log(scale))])
        return self

    def score_samples(self, X: npt.ArrayLike) -> Array:
        """Log-density of each row, shape (n,).

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        rows = self._rows_to_use(X, "mean_")
        return log_density(self.flow_, rows)

    def score(self, X: npt.ArrayLike, y: Any = None) -> float:  # noqa: ARG002  # scikit-learn's signature
        """Mean log-density of the rows."""
        return float(self.score_samples(X).mean())

    def sample(self, n_samples: int = 1, random_state: int | None = None) -> Array:
        """Rows drawn from the density, shape (n_samples, d).

        Raises:
            NotFittedError: before `fit`.
            RangeError: if `n_samples` is less than 1.
        """
        if not hasattr(self, "flow_"):
            self._rows_to_use([[0.0]], "flow_")  # raises, with the words of all estimators
        return sample(self.flow_, np.random.default_rng(random_state), n_samples)

    def _layer(self, rng: np.random.Generator, d: int) -> Flow:
        """A map that does nothing yet, at a random place."""
        if self.kind == "planar":
            w = rng.standard_normal(d)
            # m(s) = 0 where s = log(e - 1): û vanishes.
            return Planar(w, math.log(math.e - 1) * w / float(w @ w), float(rng.standard_normal()))
        if self.kind == "radial":
            # α = log(1 + e^β): β̂ vanishes.
            return Radial(rng.standard_normal(d), 0.0, math.log(math.e - 1))
        raise RangeError(f"kind must be 'planar' or 'radial', got {self.kind!r}")


def _log_normal(z: Array) -> Array:
    values: Array = -0.5 * np.einsum("ij,ij->i", z, z) - 0.5 * z.shape[1] * math.log(2 * math.pi)
    return values
