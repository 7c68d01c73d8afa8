"""Posterior distributions of average effects."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, number_in, positive_int
from whitebox.causal._aipw import potential_outcome_scores
from whitebox.causal._effect import observations
from whitebox.causal._nuisance import cross_fit
from whitebox.causal._propensity import standardise
from whitebox.errors import RangeError
from whitebox.linalg import cholesky, solve_positive_definite, solve_triangular
from whitebox.stats import Gamma, Normal
from whitebox.stats._distribution import check_confidence

# Weights that are drawn at a time.
_BATCH = 1 << 22


class PosteriorEffect(NamedTuple):
    """A posterior distribution of an average treatment effect.

    Attributes:
        mean: Posterior mean.
        standard_deviation: Posterior standard deviation.
        low: Lower end of the credible interval with equal tails.
        high: Upper end.
        draws: Independent draws, shape (draws,).
    """

    mean: float
    standard_deviation: float
    low: float
    high: float
    draws: Array


def bayesian_ate(
    X: npt.ArrayLike,
    treatment: npt.ArrayLike,
    outcome: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    method: Literal["g_computation", "bootstrap"] = "g_computation",
    draws: int = 2000,
    prior_precision: float = 0.01,
    confidence: float = 0.95,
    folds: int = 5,
    outcome_model: Any = None,
    propensity_model: Any = None,
) -> PosteriorEffect:
    r"""The posterior distribution of the average treatment effect.

    "g_computation" is a linear regression in either group with a conjugate prior, for standardised columns and outcome

    .. math:: \beta \mid \sigma^2 \sim N(0, \sigma^2 \Lambda_0^{-1}), \quad \sigma^2 \sim \mathrm{IG}(a_0, b_0), \qquad
              \Lambda_n = Z^\top Z + \Lambda_0, \quad \mu_n = \Lambda_n^{-1} Z^\top y, \\
              a_n = a_0 + \tfrac n2, \quad b_n = b_0 + \tfrac12 (y^\top y - \mu_n^\top \Lambda_n \mu_n)

    (Gelman et al.: Bayesian Data Analysis, 3rd ed., 2013, section 14.2), averaged over the covariates, whose
    distribution has the posterior of the Bayesian bootstrap: weights of the rows from Dirichlet(1, …, 1) (Rubin: The
    Bayesian Bootstrap, 1981). Right if the outcome is linear in X with the same noise in a group. O(nd² + draws · n).

    "bootstrap" gives such weights to the brackets of `aipw` with predictions from `cross_fit`, and assumes no model of
    the noise; the predictions are taken as they are, so that the interval is about that of `doubly_robust`.

    Args:
        X: Covariates, shape (n, d).
        treatment: 0 or 1, shape (n,).
        outcome: Shape (n,).
        rng: Source of the draws.
        method: "g_computation" or "bootstrap".
        draws: How many.
        prior_precision: Diagonal of Λ₀ but for the intercept, which has a ten thousandth of it; a₀ = b₀ are that too.
        confidence: Of the credible interval.
        folds: For "bootstrap", as `cross_fit`.
        outcome_model: For "bootstrap", as `cross_fit`.
        propensity_model: For "bootstrap", as `cross_fit`.

    Raises:
        RangeError: for treatments other than 0 and 1, or options out of range.
        SingleClassError: if all rows are treated, or none.
        ShapeError, EmptyInputError, NotFiniteError, DtypeError: for unusable arrays.

    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((400, 2))
    >>> treatment = rng.random(400) < 1 / (1 + np.exp(-X[:, 0]))
    >>> posterior = bayesian_ate(X, treatment, X[:, 0] + 2 * treatment + 0.1 * rng.standard_normal(400), rng)
    >>> posterior.low < 2.0 < posterior.high, round(posterior.mean, 1)
    (True, 2.0)
    """
    rows, t, y = observations(X, treatment, outcome)
    positive_int(draws, "draws")
    number_in(prior_precision, "prior_precision", 0, open_low=True)
    tail = (1 - check_confidence(confidence)) / 2
    if method == "g_computation":
        effects = _g_computation(rows, t, y, rng, draws=draws, precision=prior_precision)
    elif method == "bootstrap":
        found = cross_fit(rows, t, y, rng, folds=folds, outcome_model=outcome_model, propensity_model=propensity_model)
        treated, control = potential_outcome_scores(y, t, *found)
        effects = _weighted_means((treated - control)[:, None], rng, draws)[:, 0]
    else:
        raise RangeError(f"method must be 'g_computation' or 'bootstrap', got {method!r}")
    low, high = np.quantile(effects, [tail, 1 - tail])
    spread = float(effects.std(ddof=1)) if draws > 1 else 0.0
    return PosteriorEffect(float(effects.mean()), spread, float(low), float(high), effects)


def _g_computation(rows: Array, t: Array, y: Array, rng: np.random.Generator, *, draws: int, precision: float) -> Array:
    level, spread = float(y.mean()), float(y.std()) or 1.0
    design = np.hstack([np.ones((len(rows), 1)), standardise(rows)])
    scaled = (y - level) / spread
    treated = _coefficients(design[t == 1], scaled[t == 1], rng, draws, precision)
    control = _coefficients(design[t == 0], scaled[t == 0], rng, draws, precision)
    means = _weighted_means(design, rng, draws)
    effects: Array = spread * np.einsum("ij,ij->i", means, treated - control)
    return effects


def _coefficients(Z: Array, y: Array, rng: np.random.Generator, draws: int, precision: float) -> Array:
    """Posterior draws of the coefficients, shape (draws, d + 1)."""
    prior = np.full(Z.shape[1], precision)
    prior[0] *= 1e-4
    posterior = Z.T @ Z + np.diag(prior)
    mean = solve_positive_definite(posterior, Z.T @ y)
    shape = precision + len(y) / 2
    # The residual form of bₙ, which no cancellation can make negative.
    residual = y - Z @ mean
    rate = precision + 0.5 * float(residual @ residual + prior @ mean**2)
    variances = rate / Gamma(shape).sample(rng, draws)
    normal = Normal().sample(rng, (Z.shape[1], draws))
    # With Λ = L Lᵀ the solution of Lᵀ x = z has covariance Λ⁻¹.
    noise = solve_triangular(cholesky(posterior).T, normal, lower=False)
    drawn: Array = mean + (np.sqrt(variances) * noise).T
    return drawn


def _weighted_means(values: Array, rng: np.random.Generator, draws: int) -> Array:
    """Means of the rows with weights from Dirichlet(1, …, 1): exponential numbers over their sum."""
    parts, left = [], draws
    while left > 0:
        count = min(left, max(1, _BATCH // len(values)))
        weights = -np.log1p(-rng.random((count, len(values))))
        parts.append((weights @ values) / weights.sum(axis=1, keepdims=True))
        left -= count
    return np.concatenate(parts)
