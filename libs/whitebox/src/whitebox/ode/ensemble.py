"""How sure a learned differential equation is of where it leads: ensembles of networks, and bands of trajectories."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array, as_matrix, number_in, positive_int
from whitebox.autograd import Tensor, no_grad, tanh
from whitebox.base import BaseEstimator
from whitebox.errors import NotFittedError, RangeError, ShapeError
from whitebox.linalg import solve
from whitebox.nn import Module, Optimizer, Parameter
from whitebox.ode.neural_ode import odeint
from whitebox.ode.runge_kutta import checked_times
from whitebox.optimize.first_order import Adam


class Bands(NamedTuple):
    """Trajectories and how sure they are, each of shape (n, T, d).

    Attributes:
        mean: Over members and draws.
        epistemic: Standard deviation of the members' means: what more data would take away.
        aleatoric: Standard deviation within the members, noise of start and observation: what data cannot take away.
    """

    mean: Array
    epistemic: Array
    aleatoric: Array

    @property
    def std(self) -> Array:
        """Of an observation, by the law of total variance."""
        total: Array = np.sqrt(self.epistemic**2 + self.aleatoric**2)
        return total


class EnsembleField(Module):
    """Autonomous right-hand sides of several networks at once, with weights stacked along the first axis.

    Args:
        members: The m.
        dimensions: The d of the state.
        hidden: Widths of the layers between, which tanh follows.
        rng: Draws the weights, as `whitebox.nn.Linear` does.
        dtype: Their precision.

    >>> field = EnsembleField(3, 2, hidden=(8,), rng=np.random.default_rng(0))
    >>> field(0.0, Tensor(np.zeros((3, 5, 2), np.float32))).shape
    (3, 5, 2)
    """

    def __init__(
        self,
        members: int,
        dimensions: int,
        *,
        hidden: Sequence[int] = (32,),
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        members, widths = (
            positive_int(members, "members"),
            [positive_int(dimensions, "dimensions"), *hidden, dimensions],
        )
        self.weights, self.biases = [], []
        for n, m in pairwise(widths):
            bound = 1 / math.sqrt(n)
            self.weights.append(Parameter(rng.uniform(-bound, bound, (members, n, m)).astype(dtype)))
            self.biases.append(Parameter(rng.uniform(-bound, bound, (members, 1, m)).astype(dtype)))

    def forward(self, t: float, y: Tensor) -> Tensor:  # noqa: ARG002  # as every right-hand side has it
        """The derivatives, shape (m, n, d), from states of that shape."""
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            y = tanh(y @ weight + bias)
        return y @ self.weights[-1] + self.biases[-1]


class NeuralODEEnsemble(BaseEstimator):
    r"""Learns an autonomous equation :math:`y' = f(y)` from noisy trajectories, and bands of where it leads.

    Several networks start from weights of their own and learn from trajectories drawn with replacement
    (Lakshminarayanan et al. 2017, with the bootstrap of Breiman 1996). Each step of training solves from the
    observations at a time drawn at random to those that follow, and descends on the mean squared error (multiple
    shooting). Noise of variance :math:`\sigma^2` stands in the observation that a prediction starts from, and in the
    one it is compared with: with J the Jacobian of the flow over one interval, residuals of members that have not seen
    a trajectory satisfy

    .. math:: E[r_i^2] = \sigma_i^2 + \sum_j J_{ij}^2 \sigma_j^2

    which is solved for :math:`\sigma^2`. Predictions draw starts from the noise around the given one, and each member
    carries them on. What all members get wrong alike, their disagreement does not show; so it is multiplied by the
    factor :math:`\kappa \ge 1` with which whole trajectories deviate from members that have not seen them as far as
    they should, :math:`\sum r^2 = \sum (\kappa^2 \text{epistemic}^2 + \text{aleatoric}^2)`.

    Args:
        n_members: Networks, at least 2.
        hidden: Widths of their hidden layers.
        horizon: How many observations ahead each step of training looks.
        steps: Of the solver between two observations.
        max_iter: Steps of training.
        learning_rate: Of Adam; falls to 0 along half a cosine.
        random_state: Seed.

    Attributes:
        field_: The networks, on scaled states.
        noise_: Standard deviation of an observation's noise, shape (d,).
        inflation_: :math:`\kappa`.
        mean_: Of all observations, shape (d,).
        scale_: Their standard deviation, shape (d,).
        losses_: Mean squared error of scaled states at each step of training.

    >>> times = np.linspace(0.0, 1.0, 6)
    >>> decays = np.array([[1.0], [2.0], [0.5], [1.5]])[:, None] * np.exp(-times)[:, None]
    >>> model = NeuralODEEnsemble(n_members=2, hidden=(4,), max_iter=200, random_state=0).fit(times, decays)
    >>> bands = model.predict([[1.0]], [0.0, 1.0])
    >>> bands.mean.shape, bool(abs(bands.mean[0, 1, 0] - np.exp(-1.0)) < 0.15)
    ((1, 2, 1), True)
    """

    def __init__(
        self,
        n_members: int = 5,
        *,
        hidden: Sequence[int] = (32,),
        horizon: int = 4,
        steps: int = 1,
        max_iter: int = 500,
        learning_rate: float = 0.01,
        random_state: int | None = None,
    ) -> None:
        self.n_members = n_members
        self.hidden = hidden
        self.horizon = horizon
        self.steps = steps
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.random_state = random_state

    def fit(self, times: npt.ArrayLike, trajectories: npt.ArrayLike) -> Self:
        """Learns from trajectories that were observed at the same times.

        Args:
            times: Strictly rising or falling, shape (T,).
            trajectories: Shape (n, T, d).

        Raises:
            ShapeError: They do not fit together.
            RangeError: There is one trajectory or one member only, or a parameter is out of its range.
            DtypeError, EmptyInputError, NotFiniteError: For unusable input.
        """
        when, observed = checked_times(times), as_array(trajectories, "trajectories")
        if observed.ndim != 3 or observed.shape[1] != len(when):
            raise ShapeError(f"trajectories must have shape (n, {len(when)}, d), got {observed.shape}")
        if len(observed) < 2 or positive_int(self.n_members, "n_members") < 2:
            raise RangeError("an ensemble needs at least two trajectories and two members")
        iterations = positive_int(self.max_iter, "max_iter")
        horizon = min(positive_int(self.horizon, "horizon"), len(when) - 1)
        rate = number_in(self.learning_rate, "learning_rate", 0, open_low=True)
        rng = np.random.default_rng(self.random_state)
        self.mean_ = observed.mean(axis=(0, 1))
        spread = observed.std(axis=(0, 1))
        self.scale_ = np.where(spread > 0, spread, 1.0)
        scaled = ((observed - self.mean_) / self.scale_).astype(np.float32)
        n = len(observed)
        counts = rng.multinomial(n, np.full(n, 1 / n), self.n_members)
        weights = (counts / n)[None, :, :, None].astype(np.float32)
        self.field_ = EnsembleField(self.n_members, observed.shape[2], hidden=self.hidden, rng=rng)
        optimizer = Optimizer(
            self.field_, Adam(lambda step: 0.5 * rate * (1 + math.cos(math.pi * step / iterations))), max_norm=1.0
        )
        self.losses_ = np.empty(iterations)
        for number in range(iterations):
            first = int(rng.integers(len(when) - horizon))
            window = scaled[:, first : first + horizon + 1].swapaxes(0, 1)[:, None]
            ahead = odeint(
                self.field_, self._repeated(window[0, 0]), when[first : first + horizon + 1], steps=self.steps
            )
            error = ahead[1:] - Tensor(window[1:])
            loss = (error * error * weights).sum() / (horizon * self.n_members * observed.shape[2])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            self.losses_[number] = loss.item()
        self.noise_ = self._noise(when, scaled, counts) * self.scale_
        self.inflation_ = 1.0
        self.inflation_ = self._inflation(when, observed, counts, rng)
        return self

    def predict(
        self, y0: npt.ArrayLike, times: npt.ArrayLike, *, draws: int = 20, random_state: int | None = 0
    ) -> Bands:
        """Trajectories from noisy observations of the first state, and how sure they are.

        Args:
            y0: Shape (n, d).
            times: Strictly rising or falling, shape (T,).
            draws: Of each start, carried on by each member.
            random_state: Seed of the draws.

        Raises:
            NotFittedError: Before `fit`.
            ShapeError: The states have another width.
            RangeError, DtypeError, EmptyInputError, NotFiniteError: For unusable input.
        """
        carried = self._carried(y0, times, draws, np.random.default_rng(random_state))
        means = carried.mean(axis=1)
        within = carried.var(axis=1).mean(axis=0) + self.noise_**2
        return Bands(means.mean(axis=0), means.std(axis=0), np.sqrt(within))

    def sample(
        self, y0: npt.ArrayLike, times: npt.ArrayLike, *, draws: int = 20, random_state: int | None = 0
    ) -> Array:
        """Trajectories as they may be observed, with noise at the start and at every time.

        Args:
            y0: Shape (n, d).
            times: Strictly rising or falling, shape (T,).
            draws: For each member.
            random_state: Seed of the draws.

        Returns:
            Shape (members · draws, n, T, d). Raises as `predict`.
        """
        rng = np.random.default_rng(random_state)
        carried = self._carried(y0, times, draws, rng)
        carried = carried.reshape(-1, *carried.shape[2:])
        return carried + self.noise_ * rng.standard_normal(carried.shape)

    def predict_interval(
        self,
        y0: npt.ArrayLike,
        times: npt.ArrayLike,
        *,
        level: float = 0.9,
        draws: int = 40,
        random_state: int | None = 0,
    ) -> tuple[Array, Array]:
        """Quantiles of `sample` that a share of observations falls between, each of shape (n, T, d).

        Args:
            y0: Shape (n, d).
            times: Strictly rising or falling, shape (T,).
            level: The share, in (0, 1).
            draws: For each member.
            random_state: Seed of the draws.

        Raises:
            RangeError: The level is out of range. Otherwise as `predict`.
        """
        if number_in(level, "level", 0, 1, open_low=True) == 1:
            raise RangeError("level must be below 1")
        drawn = self.sample(y0, times, draws=draws, random_state=random_state)
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return low, high

    def _carried(self, y0: npt.ArrayLike, times: npt.ArrayLike, draws: int, rng: np.random.Generator) -> Array:
        """Where each member carries each draw of a start, shape (members, draws, n, T, d)."""
        if not hasattr(self, "field_"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit first")
        starts, when = as_matrix(y0, "y0"), checked_times(times)
        if starts.shape[1] != len(self.mean_):
            raise ShapeError(f"y0 has {starts.shape[1]} columns, the trajectories had {len(self.mean_)}")
        draws = positive_int(draws, "draws")
        moved = starts + self.noise_ * rng.standard_normal((draws, *starts.shape))
        scaled = ((moved - self.mean_) / self.scale_).astype(np.float32).reshape(-1, starts.shape[1])
        with no_grad():
            states = odeint(self.field_, self._repeated(scaled), when, steps=self.steps).data
        carried = states.reshape(len(when), self.n_members, draws, *starts.shape).transpose(1, 2, 3, 0, 4)
        within = carried.mean(axis=1, keepdims=True)
        spread = (self.inflation_ - 1) * (within - within.mean(axis=0))
        found: Array = (carried + spread) * self.scale_ + self.mean_
        return found

    def _inflation(
        self, when: Array, observed: Array, counts: npt.NDArray[np.int64], rng: np.random.Generator
    ) -> float:
        """How much further the members should lie apart."""
        unseen = counts == 0
        judged = unseen.any(axis=0)
        if not judged.any():
            return 1.0
        carried = self._carried(observed[judged, 0], when, 20, rng)[..., 1:, :]
        means, members = carried.mean(axis=1), unseen[:, judged, None, None]
        residuals = observed[judged, 1:] - (means * members).sum(axis=0) / members.sum(axis=0)
        aleatoric = carried.var(axis=1).mean(axis=0) + self.noise_**2
        scale = self.scale_**2
        excess = float(((residuals**2 - aleatoric) / scale).sum())
        return math.sqrt(max(1.0, excess / max(float((means.var(axis=0) / scale).sum()), 1e-12)))

    def _noise(self, when: Array, scaled: npt.NDArray[np.float32], counts: npt.NDArray[np.int64]) -> Array:
        """Standard deviation of the noise of scaled states, from steps of one interval."""
        unseen = counts == 0
        # A trajectory that every member has seen is predicted by all.
        members = np.where(unseen.any(axis=0), unseen, True)[:, :, None]
        dimensions = scaled.shape[2]
        residuals, slopes, h = [], [], 1e-2
        for place in range(len(when) - 1):
            shifted = [scaled[:, place] + h * row for row in np.vstack([np.zeros(dimensions), np.eye(dimensions)])]
            start = self._repeated(np.concatenate(shifted).astype(np.float32))
            with no_grad():
                ahead = odeint(self.field_, start, when[place : place + 2], steps=self.steps).data[1]
            ahead = ahead.reshape(self.n_members, dimensions + 1, *scaled[:, place].shape).swapaxes(0, 1)
            means = (ahead * members).sum(axis=1) / members.sum(axis=0)
            residuals.append(scaled[:, place + 1] - means[0])
            slopes.append((means[1:] - means[0]) / h)
        squares = np.mean(np.square(residuals), axis=(0, 1), dtype=np.float64)
        jacobian = np.mean(np.square(slopes), axis=(0, 2), dtype=np.float64).T
        variance = solve(np.eye(dimensions) + jacobian, squares)
        # Where a strong pull to one direction makes the solution negative, all of the residual is noise.
        return np.sqrt(np.where(variance > 0, variance, squares))

    def _repeated(self, states: npt.NDArray[np.float32]) -> Tensor:
        return Tensor(np.broadcast_to(states, (self.n_members, *states.shape)))
