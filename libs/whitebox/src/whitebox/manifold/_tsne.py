"""t-distributed stochastic neighbour embedding, exactly."""

from __future__ import annotations

import math
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, number_in, positive_int
from whitebox.base import BaseEstimator
from whitebox.decomposition import PCA
from whitebox.errors import EmptyInputError, RangeError, ShapeError

# Probabilities are never quite zero, so that their logarithms exist.
_TINY = float(np.finfo(np.float64).eps)
_BISECTIONS = 100
# Steps during which attractions are exaggerated and the momentum is low.
_EXPLORATION = 250


def conditional_probabilities(squared_distances: npt.ArrayLike, perplexity: float, *, tol: float = 1e-10) -> Array:
    r"""How likely each row is to choose each other one as its neighbour.

    .. math:: p_{j \mid i} = \frac{\exp(-\beta_i d_{ij}^2)}{\sum_{k \ne i} \exp(-\beta_i d_{ik}^2)}, \qquad
              2^{H(p_{\cdot \mid i})} = \text{perplexity}

    (van der Maaten, Hinton: Visualizing Data using t-SNE, 2008, equation 1, with :math:`\beta_i = 1 / 2 \sigma_i^2`.)
    The entropy falls as :math:`\beta_i` grows, so bisection finds it, for all rows at once. Where so many others are
    equally near that no width gives the perplexity, they get equal shares. O(n² · log(1 / tol)).

    Args:
        squared_distances: Shape (n, n).
        perplexity: Effective number of neighbours, from 1 to n - 1.
        tol: Largest deviation of the entropy in nats.

    Returns:
        Shape (n, n), zero on the diagonal; rows sum to 1.

    Raises:
        RangeError: if the perplexity is out of its range, or a squared distance is negative.
        ShapeError: if the matrix is not square.
        DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> conditional_probabilities([[0.0, 1.0, 4.0], [1.0, 0.0, 1.0], [4.0, 1.0, 0.0]], perplexity=2.0).round(3).tolist()
    [[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]
    """
    distances = as_matrix(squared_distances, "squared_distances")
    n = len(distances)
    if distances.shape != (n, n):
        raise ShapeError(f"squared_distances must be square, got shape {distances.shape}")
    if n < 2:
        raise ShapeError("squared_distances must be of two rows or more")
    if (distances < 0).any():
        raise RangeError("squared_distances must not be negative")
    if not 1 <= number_in(perplexity, "perplexity", 1) <= n - 1:
        raise RangeError(f"perplexity must be at most n - 1 = {n - 1}, got {perplexity}")
    wanted = math.log(perplexity)
    own = np.eye(n, dtype=bool)
    others = np.where(own, np.inf, distances)
    # Subtracting the nearest changes no probability, and keeps the largest exponential at 1.
    others -= others.min(axis=1, keepdims=True)
    finite = np.where(own, 0.0, others)
    spread = finite.mean(axis=1)
    low, high = np.zeros(n), np.full(n, np.inf)
    beta = 1 / np.where(spread > 0, spread, 1.0)
    active = np.arange(n)
    P = np.empty((n, n))
    for _ in range(_BISECTIONS):
        weights = np.exp(-beta[active, None] * others[active])
        totals = weights.sum(axis=1)
        P[active] = weights / totals[:, None]
        entropy = np.log(totals) + beta[active] * np.einsum("ij,ij->i", P[active], finite[active])
        excess = entropy - wanted
        flat = excess > 0
        low[active] = np.where(flat, beta[active], low[active])
        high[active] = np.where(flat, high[active], beta[active])
        beta[active] = np.where(np.isinf(high[active]), 2 * beta[active], (low[active] + high[active]) / 2)
        active = active[np.abs(excess) > tol]
        if active.size == 0:
            break
    return P


def joint_probabilities(X: npt.ArrayLike, perplexity: float) -> Array:
    r"""The symmetric affinities of all pairs of rows.

    .. math:: p_{ij} = \frac{p_{j \mid i} + p_{i \mid j}}{2 n}

    (van der Maaten, Hinton 2008, section 3.1), so that every row has a share of at least 1 / 2n, outliers too. O(n² ·
    d).

    Args:
        X: Shape (n, d).
        perplexity: Effective number of neighbours, from 1 to n - 1.

    Returns:
        Shape (n, n), zero on the diagonal, summing to 1.

    Raises:
        RangeError: if the perplexity is out of its range.
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> joint_probabilities([[0.0], [1.0], [2.0]], perplexity=2.0).round(3).tolist()
    [[0.0, 0.167, 0.167], [0.167, 0.0, 0.167], [0.167, 0.167, 0.0]]
    """
    rows = as_matrix(X, "X")
    conditional = conditional_probabilities(_squared_distances(rows - rows.mean(axis=0)), perplexity)
    joint: Array = (conditional + conditional.T) / (2 * len(rows))
    return joint


def kl_divergence_and_gradient(P: npt.ArrayLike, Y: npt.ArrayLike) -> tuple[float, Array]:
    r"""How badly a map shows affinities, and where to move its points.

    .. math:: C = \sum_{i \ne j} p_{ij} \log \frac{p_{ij}}{q_{ij}}, \qquad
              q_{ij} = \frac{(1 + \lVert y_i - y_j \rVert^2)^{-1}}{\sum_{k \ne l} (1 + \lVert y_k - y_l \rVert^2)^{-1}},
              \qquad
              \frac{\partial C}{\partial y_i} = 4 \sum_j (p_{ij} - q_{ij}) (1 + \lVert y_i - y_j \rVert^2)^{-1} (y_i -
              y_j)

    (van der Maaten, Hinton 2008, equations 2, 4 and 5.) Student's distribution, whose tails are heavy, lets moderately
    distant rows lie far apart. O(n² · k).

    Args:
        P: Affinities, shape (n, n), summing to 1.
        Y: Points of the map, shape (n, k).

    Returns:
        The divergence in nats, and the gradient of shape (n, k).

    Raises:
        ShapeError: if the shapes do not fit together.
        RangeError: if an affinity is negative.
        DtypeError, EmptyInputError, NotFiniteError: for unusable input.

    >>> P = np.array([[0.0, 0.5], [0.5, 0.0]])
    >>> divergence, gradient = kl_divergence_and_gradient(P, [[0.0], [1.0]])
    >>> divergence, gradient.tolist()
    (0.0, [[0.0], [0.0]])
    """
    affinities, points = as_matrix(P, "P"), as_matrix(Y, "Y")
    if affinities.shape != (len(points), len(points)):
        raise ShapeError(f"P must have shape ({len(points)}, {len(points)}), got {affinities.shape}")
    if (affinities < 0).any():
        raise RangeError("P must not hold negative affinities")
    work = np.empty_like(affinities)
    gradient = _gradient(affinities, points, 1.0, work, np.empty_like(affinities))
    return _divergence(affinities, points), gradient


class TSNE(BaseEstimator):
    r"""t-SNE: points in the plane, near each other where the rows are.

    Gradient descent on `kl_divergence_and_gradient` for `joint_probabilities`, with momentum and with a gain for every
    coordinate, which grows as long as its steps keep their direction (Jacobs 1988). For the first 250 steps affinities
    are exaggerated, so that groups form and can pass each other (van der Maaten, Hinton: Visualizing Data using t-SNE,
    2008, section 3.4). Exact, not approximated by trees: O(n²) memory, O(n²) a step.

    Args:
        n_components: Dimensions of the map.
        perplexity: Effective number of neighbours, below the number of rows.
        early_exaggeration: Factor of the affinities at the beginning.
        learning_rate: "auto" for :math:`\max(n / \text{early\_exaggeration} / 4,\, 50)` (Belkina et al. 2019), or a
            number.
        max_iter: Steps.
        min_grad_norm: Stops where the gradient is shorter.
        init: "pca" for the first principal components, scaled to a standard deviation of 1e-4, "random" for normal
            noise of that size, or the points, shape (n, n_components).
        random_state: Seed of the start.

    Attributes:
        embedding_: The map, shape (n, n_components).
        kl_divergence_: Of the map, in nats.
        n_iter_: Steps made.

    >>> rows = np.vstack([np.eye(6)[:3] / 9, np.eye(6)[3:] / 9 + 5])
    >>> Y = TSNE(perplexity=2.0, random_state=0).fit_transform(rows)
    >>> bool(np.abs(Y[:3] - Y[:3].mean(axis=0)).max() < np.abs(Y[:3].mean(axis=0) - Y[3:].mean(axis=0)).max())
    True
    """

    embedding_: Array
    kl_divergence_: float
    n_iter_: int

    def __init__(
        self,
        n_components: int = 2,
        *,
        perplexity: float = 30.0,
        early_exaggeration: float = 12.0,
        learning_rate: float | Literal["auto"] = "auto",
        max_iter: int = 1000,
        min_grad_norm: float = 1e-7,
        init: Any = "pca",
        random_state: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.perplexity = perplexity
        self.early_exaggeration = early_exaggeration
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.min_grad_norm = min_grad_norm
        self.init = init
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: Any = None) -> Self:
        """Draws the map.

        Raises:
            RangeError: if a parameter is out of its range, or the perplexity not below the number of rows.
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input.
        """
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: npt.ArrayLike, y: Any = None) -> Array:  # noqa: ARG002  # scikit-learn's signature
        """Draws the map, shape (n, n_components). There is no map of other rows. Raises as `fit`."""
        positive_int(self.n_components, "n_components")
        positive_int(self.max_iter, "max_iter")
        exaggeration = number_in(self.early_exaggeration, "early_exaggeration", 1)
        number_in(self.min_grad_norm, "min_grad_norm", 0)
        rows = self._rows_to_fit(X)
        if len(rows) < 2:
            raise EmptyInputError(f"X has 1 sample (shape={rows.shape}), and there is no map of one row")
        if self.learning_rate == "auto":
            rate = max(len(rows) / exaggeration / 4, 50.0)
        else:
            rate = number_in(self.learning_rate, "learning_rate", 0, open_low=True)
        if not 1 <= number_in(self.perplexity, "perplexity", 1) < len(rows):
            raise RangeError(f"perplexity must be less than n_samples = {len(rows)}, got {self.perplexity}")
        P = joint_probabilities(rows, self.perplexity)
        points = self._start(rows)
        self.embedding_ = self._descend(P, points, exaggeration, rate)
        self.kl_divergence_ = _divergence(P, self.embedding_)
        return self.embedding_

    def _start(self, rows: Array) -> Array:
        shape = (len(rows), self.n_components)
        if not isinstance(self.init, str):
            points = as_matrix(self.init, "init")
            if points.shape != shape:
                raise ShapeError(f"init must have shape {shape}, got {points.shape}")
            return points.copy()
        if self.init == "random":
            return 1e-4 * np.random.default_rng(self.random_state).standard_normal(shape)
        if self.init != "pca":
            raise RangeError(f"init must be 'pca', 'random' or an array of points, got {self.init!r}")
        known = min(self.n_components, *rows.shape)
        points = 1e-6 * np.random.default_rng(self.random_state).standard_normal(shape)
        components = PCA(known, solver="randomized", random_state=self.random_state).fit_transform(rows)
        spread = float(components[:, 0].std())
        points[:, :known] += 1e-4 * components / (spread or 1.0)
        return points

    def _descend(self, P: Array, points: Array, exaggeration: float, rate: float) -> Array:
        velocity, gains = np.zeros_like(points), np.ones_like(points)
        memory = np.empty_like(P), np.empty_like(P)
        self.n_iter_ = self.max_iter
        for step in range(self.max_iter):
            early = step < _EXPLORATION
            if step == _EXPLORATION:  # what was learned of the exaggerated landscape does not hold in the true one
                velocity, gains = np.zeros_like(points), np.ones_like(points)
            gradient = _gradient(P, points, exaggeration if early else 1.0, *memory)
            turned = velocity * gradient >= 0
            gains = np.maximum(np.where(turned, 0.8 * gains, gains + 0.2), 0.01)
            velocity = (0.5 if early else 0.8) * velocity - rate * gains * gradient
            points = points + velocity
            if not early and math.sqrt(float(np.einsum("ij,ij->", gradient, gradient))) <= self.min_grad_norm:
                self.n_iter_ = step + 1
                break
        return points


def _squared_distances(points: Array, out: Array | None = None) -> Array:
    """Of all pairs of points, zero on the diagonal."""
    squares = np.einsum("ij,ij->i", points, points)
    distances: Array = np.matmul(-2 * points, points.T, out=out)
    distances += squares
    distances += squares[:, None]
    np.maximum(distances, 0.0, out=distances)
    np.fill_diagonal(distances, 0.0)
    return distances


def _kernel(points: Array, out: Array | None = None) -> Array:
    """Student's 1 / (1 + d²) of all pairs of points, zero on the diagonal."""
    kernel = _squared_distances(points, out)
    kernel += 1.0
    np.reciprocal(kernel, out=kernel)
    np.fill_diagonal(kernel, 0.0)
    return kernel


def _gradient(P: Array, points: Array, exaggeration: float, kernel: Array, work: Array) -> Array:
    """Of the divergence with affinities magnified; the last two are memory to work in."""
    kernel = _kernel(points, kernel)
    # (p − q) k, of which row sums and one product make all the forces.
    np.multiply(kernel, -1 / kernel.sum(), out=work)
    if exaggeration == 1.0:
        work += P
    else:
        work += exaggeration * P
    work *= kernel
    gradient: Array = 4 * (work.sum(axis=1)[:, None] * points - work @ points)
    return gradient


def _divergence(P: Array, points: Array) -> float:
    kernel = _kernel(points)
    Q = np.maximum(kernel / kernel.sum(), _TINY)
    joined = P > 0
    return float((P[joined] * np.log(P[joined] / Q[joined])).sum())
