"""Proportional hazards: how covariates multiply the risk, whatever the risk is."""

from __future__ import annotations

import math
import warnings
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from whitebox._compiled import compiled
from whitebox._validation import Array, as_array, as_matrix, as_vector, number_in, positive_int
from whitebox.base import BaseEstimator
from whitebox.errors import EmptyInputError, RangeError, ShapeError
from whitebox.linalg import eigh
from whitebox.optimize import newton
from whitebox.survival._inputs import times_and_events

Ties = Literal["efron", "breslow"]


def cox_log_likelihood(
    X: npt.ArrayLike,
    times: npt.ArrayLike,
    events: npt.ArrayLike | None,
    coefficients: npt.ArrayLike,
    *,
    ties: Ties = "efron",
) -> float:
    r"""The logarithm of the partial likelihood.

    .. math:: \sum_i \Bigl( \sum_{j \in D_i} \beta \cdot x_j - \sum_{l=0}^{d_i - 1} \log \Bigl(
              \sum_{j \in R_i} e^{\beta \cdot x_j} - \frac{l}{d_i} \sum_{j \in D_i} e^{\beta \cdot x_j} \Bigr) \Bigr)

    over the distinct times, with :math:`D_i` those who have the event then, :math:`d_i` in number, and :math:`R_i`
    those still at risk (Cox 1972; Efron: The Efficiency of Cox's Likelihood Function for Censored Data, 1977). Breslow
    leaves out the subtraction (1974). O(n log n + n d²).

    Args:
        X: Shape (n, d).
        times: Shape (n,).
        events: 1 for an event, 0 for censoring, shape (n,); None for all events.
        coefficients: β, shape (d,).
        ties: "efron" or "breslow".

    Raises:
        DtypeError, ShapeError, EmptyInputError, NotFiniteError, RangeError: for unusable input.

    >>> round(cox_log_likelihood([[0.0], [1.0], [0.0]], [1.0, 1.0, 2.0], [1, 1, 1], [0.0]), 6)
    -1.791759
    """
    rows, beta = as_matrix(X, "X"), as_vector(coefficients, "coefficients")
    durations, happened = times_and_events(times, events)
    if len(durations) != len(rows) or len(beta) != rows.shape[1]:
        raise ShapeError(
            f"times and coefficients must have shapes {rows.shape[:1]} and {rows.shape[1:]} like X's sides"
        )
    return -_PartialLikelihood(rows, durations, happened, ties).value_and_gradient(beta)[0]


class _PartialLikelihood:
    """Minus its logarithm, with derivatives, as `newton` wants them."""

    def __init__(self, rows: Array, durations: Array, happened: npt.NDArray[np.bool_], ties: str) -> None:
        if ties not in ("efron", "breslow"):
            raise RangeError(f"ties must be 'efron' or 'breslow', got {ties!r}")
        order = np.argsort(-durations, kind="stable")
        self._rows = np.ascontiguousarray(rows[order])
        self._durations, self._happened, self._efron = durations[order], happened[order], ties == "efron"
        self._known: tuple[Array, float, Array, Array] | None = None

    def value_and_gradient(self, beta: Array) -> tuple[float, Array]:
        return self._at(beta)[1:3]

    def hessian(self, beta: Array) -> Array:
        return self._at(beta)[3]

    def _at(self, beta: Array) -> tuple[Array, float, Array, Array]:
        if self._known is None or not np.array_equal(self._known[0], beta):
            logits = self._rows @ beta
            d = len(beta)
            gradient, hessian = np.zeros(d), np.zeros((d, d))
            value = _partial_likelihood(
                self._rows, self._durations, self._happened, logits, self._efron, gradient, hessian
            )
            self._known = beta.copy(), value, gradient, hessian
        return self._known


@compiled
def _partial_likelihood(  # noqa: PLR0917  # arrays to be filled, for compiled code
    X: Array,
    times: Array,
    events: npt.NDArray[np.bool_],
    logits: Array,
    efron: bool,
    gradient: Array,
    hessian: Array,
) -> float:
    """Minus the log-likelihood and its derivatives; rows come by falling times, so that the risk set only grows."""
    n, d = X.shape
    highest = logits.max()
    risk, risk_x, risk_xx = 0.0, np.zeros(d), np.zeros((d, d))
    value = 0.0
    start = 0
    while start < n:
        count, tied = 0, 0.0
        tied_x, tied_xx = np.zeros(d), np.zeros((d, d))
        end = start
        while end < n and times[end] == times[start]:
            weight = math.exp(logits[end] - highest)
            first = weight * X[end]
            second = np.outer(first, X[end])
            risk += weight
            risk_x += first
            risk_xx += second
            if events[end]:
                count += 1
                tied += weight
                tied_x += first
                tied_xx += second
                value -= logits[end]
                gradient -= X[end]
            end += 1
        for place in range(count):
            share = place / count if efron else 0.0
            total = risk - share * tied
            mean = (risk_x - share * tied_x) / total
            value += math.log(total) + highest
            gradient += mean
            hessian += (risk_xx - share * tied_xx) / total - np.outer(mean, mean)
        start = end
    return value


class CoxRegression(BaseEstimator):
    r"""Cox's proportional hazards.

    .. math:: h(t \mid x) = h_0(t)\, e^{\beta \cdot x}

    with β the maximum of `cox_log_likelihood`, by Newton's method, O(n d²) a step, and the baseline by Breslow's
    estimate (1972), :math:`\hat H_0(t) = \sum_{t_i \le t} d_i / \sum_{j \in R_i} e^{\beta \cdot (x_j - \bar x)}`.

    Args:
        ties: What to do about events at the same time: "efron" or "breslow".
        tol: Stops when about this is left to gain in the log-likelihood of a row.
        max_iter: Steps at most; a warning is given when they do not suffice.

    Attributes:
        coef_: β, shape (d,).
        standard_errors_: From the inverse of the observed information; infinite along columns that do not vary, shape
            (d,).
        p_values_: Of Wald's test of each coefficient against 0, shape (d,).
        log_likelihood_: At β.
        null_log_likelihood_: At 0.
        mean_: Means of the covariates, shape (d,).
        baseline_times_: Distinct times of events, shape (k,).
        baseline_hazard_: Cumulative, for covariates at their means, shape (k,).
        n_iter_: Steps taken.

    >>> X, y = [[0.0], [1.0], [0.0], [1.0], [0.0]], [[5.0, 1], [1.0, 1], [4.0, 0], [3.0, 1], [2.0, 1]]
    >>> CoxRegression().fit(X, y).coef_.round(3).tolist()
    [1.439]
    """

    coef_: Array
    standard_errors_: Array
    p_values_: Array
    log_likelihood_: float
    null_log_likelihood_: float
    mean_: Array
    baseline_times_: Array
    baseline_hazard_: Array
    n_iter_: int

    def __init__(self, ties: Ties = "efron", tol: float = 1e-12, max_iter: int = 100) -> None:
        self.ties = ties
        self.tol = tol
        self.max_iter = max_iter

    def __sklearn_tags__(self) -> Any:
        """As for other estimators; y is needed."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Fits β and the baseline.

        Args:
            X: Shape (n, d).
            y: Times and events side by side, shape (n, 2), or times that all ended in the event, shape (n,).

        Raises:
            DtypeError, ShapeError, EmptyInputError, NotFiniteError: for unusable input, a single row included.
            RangeError: if an event is neither 0 nor 1, none happened, or a parameter is out of its range.
        """
        tol = number_in(self.tol, "tol", 0)
        steps = positive_int(self.max_iter, "max_iter")
        rows = self._rows_to_fit(X)
        if len(rows) < 2:
            raise EmptyInputError(f"X has 1 sample (shape={rows.shape}), which has nobody to be compared with")
        durations, happened = _target(y, len(rows))
        if not happened.any():
            raise RangeError("no event happened: nothing tells the risks apart")
        # In units of its own, each column has a curvature of about one; a constant one is as good as zero.
        self.mean_ = centre = rows.mean(axis=0)
        unit = rows.std(axis=0)
        unit[unit <= 1e-14 * np.abs(rows).max(axis=0)] = math.inf
        loss = _PartialLikelihood((rows - centre) / unit, durations, happened, self.ties)
        found = newton(
            loss.value_and_gradient, loss.hessian, np.zeros(rows.shape[1]), tol=tol * len(rows), max_iter=steps
        )
        if not found.converged:
            warnings.warn(f"no convergence within {steps} steps", RuntimeWarning, stacklevel=2)
        self.n_iter_ = max(1, found.iterations)
        self.coef_ = found.x / unit
        self.standard_errors_ = _standard_errors(loss.hessian(found.x)) / np.where(unit < math.inf, unit, 1.0)
        self.p_values_ = np.array([math.erfc(abs(z) / math.sqrt(2)) for z in self.coef_ / self.standard_errors_])
        self.log_likelihood_ = -found.value
        self.null_log_likelihood_ = -loss.value_and_gradient(np.zeros(len(found.x)))[0]
        self.baseline_times_, self.baseline_hazard_ = _baseline((rows - centre) @ self.coef_, durations, happened)
        return self

    def predict(self, X: npt.ArrayLike) -> Array:
        """Logarithm of the factor on the baseline's hazard, β · x, shape (n,): the higher, the sooner the event.

        Raises:
            NotFittedError: before `fit`.
            ShapeError: if the number of columns differs.
        """
        return self._rows_to_use(X, "coef_") @ self.coef_

    def predict_survival(self, X: npt.ArrayLike, times: npt.ArrayLike) -> Array:
        r"""Probability of getting beyond each time, :math:`\exp(-\hat H_0(t)\, e^{\beta \cdot (x - \bar x)})`.

        Args:
            X: Shape (n, d).
            times: Shape (k,).

        Returns:
            Shape (n, k).

        Raises:
            NotFittedError, DtypeError, ShapeError, EmptyInputError, NotFiniteError: as `predict`, and for unusable
            times.
        """
        risk = np.exp(self.predict(X) - self.mean_ @ self.coef_)
        hazard = np.append(0.0, self.baseline_hazard_)
        reached = hazard[np.searchsorted(self.baseline_times_, as_vector(times, "times"), side="right")]
        return np.exp(-np.outer(risk, reached))

    def score(self, X: npt.ArrayLike, y: npt.ArrayLike) -> float:
        """Harrell's concordance: of the pairs whose order is known, the share that is predicted in that order.

        Equal predictions count half (Harrell et al. 1982). O(n²) memory.

        Raises:
            NotFittedError, DtypeError, ShapeError, EmptyInputError, NotFiniteError: as `predict` and `fit`.
            RangeError: if no two rows can be compared.
        """
        predicted = self.predict(X)
        durations, happened = _target(y, len(predicted))
        later = durations[:, None] < durations
        # A censored time says of an equal one only that it was survived.
        later |= (durations[:, None] == durations) & ~happened
        comparable = later & happened[:, None]
        if not comparable.any():
            raise RangeError("no two rows can be compared: give an event with somebody who outlived it")
        difference = predicted[:, None] - predicted
        return float((np.sign(difference)[comparable].mean() + 1) / 2)


def _target(y: Any, rows: int) -> tuple[Array, npt.NDArray[np.bool_]]:
    if y is None:
        raise EmptyInputError("CoxRegression requires y to be passed, but the target y is None")
    target = as_array(y, "y")
    if target.shape == (rows,):
        return times_and_events(target, None)
    if target.shape != (rows, 2):
        raise ShapeError(f"y must have shape ({rows}, 2), or ({rows},) if all times are events, got {target.shape}")
    return times_and_events(target[:, 0], target[:, 1])


def _standard_errors(information: Array) -> Array:
    values, vectors = eigh(information)
    known = values > 1e-12 * max(float(values[-1]), 1e-300)
    variances = (vectors[:, known] ** 2 / values[known]).sum(axis=1)
    unknown = (vectors[:, ~known] ** 2).sum(axis=1) > 1e-12
    return np.sqrt(np.where(unknown, math.inf, variances))


def _baseline(logits: Array, durations: Array, happened: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
    order = np.argsort(durations, kind="stable")
    sorted_times = durations[order]
    at_risk = np.cumsum(np.exp(logits[order])[::-1])[::-1]
    times, counts = np.unique(durations[happened], return_counts=True)
    return times, np.cumsum(counts / at_risk[np.searchsorted(sorted_times, times, side="left")])
