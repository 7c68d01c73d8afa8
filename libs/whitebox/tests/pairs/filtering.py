"""The pairs of `whitebox.filtering`."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair, both
from whitebox import reference
from whitebox.filtering import Gaussian, LinearGaussian, NonlinearGaussian, extended, kalman, smoother, unscented

slow = reference.filtering


class System(NamedTuple):
    """Matrices of a linear system, and observations of it, some missing."""

    F: Any
    H: Any
    Q: Any
    R: Any
    mean: Any
    covariance: Any
    observations: Any

    @property
    def lists(self) -> Any:
        return [part.tolist() for part in self]

    @property
    def model(self) -> LinearGaussian:
        return LinearGaussian(*self[:6])


def _covariance(rng: np.random.Generator, n: int) -> Any:
    root = rng.standard_normal((n, n))
    return root @ root.T + 0.2 * np.eye(n)


@st.composite
def systems(draw: st.DrawFn, *, missing: bool = True) -> tuple[System]:
    n, m, steps = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    F = rng.standard_normal((n, n)) / math.sqrt(n)
    observations = rng.standard_normal((steps, m))
    if missing:
        observations[rng.random((steps, m)) < draw(st.sampled_from([0.0, 0.3, 1.0]))] = np.nan
    return (
        System(
            F,
            rng.standard_normal((m, n)),
            _covariance(rng, n),
            _covariance(rng, m),
            rng.standard_normal(n),
            _covariance(rng, n),
            observations,
        ),
    )


def _kalman_step(s: System) -> Any:
    state, info = kalman.update(s.model, Gaussian(s.mean, s.covariance), s.observations[0])
    return *state, info.log_likelihood


def _kalman(run: Any, s: System) -> Any:
    filtered = run(s.model, s.observations)
    return filtered.means, filtered.covariances, filtered.log_likelihoods


def _linear_update(s: System) -> Any:
    state, info = kalman.linear_update(s.H, s.R, s.observations[0], Gaussian(s.mean, s.covariance))
    return *state, info.log_likelihood


def _smoothed(s: System) -> Any:
    return smoother.rts(kalman.filter(s.model, s.observations))[:2]


def _slowly_smoothed(s: System) -> Any:
    F, H, Q, R, mean, covariance, observations = s.lists
    means, covariances, _ = slow.kalman.filter(F, H, Q, R, mean, covariance, observations)
    return slow.smoother.rts(F, Q, means, covariances)


# A bend in each direction, with its Jacobian.
def _bend(A: Any, x: Any) -> Any:
    return np.tanh(A @ x) + 0.1 * (A @ x)


def _slope(A: Any, x: Any) -> Any:
    return (1 / np.cosh(A @ x) ** 2 + 0.1)[:, None] * A


def _on_lists(function: Any, A: Any) -> Any:
    return lambda x: function(A, np.array(x)).tolist()


def _nonlinear(s: System) -> NonlinearGaussian:
    return NonlinearGaussian(lambda x: _bend(s.F, x), lambda x: _bend(s.H, x), s.Q, s.R, s.mean, s.covariance)


def _extended_update(s: System) -> Any:
    state, info = extended.update(_nonlinear(s), Gaussian(s.mean, s.covariance), s.observations[0])
    return *state, info.log_likelihood


def _unscented_update(s: System, alpha: float, beta: float, kappa: float) -> Any:
    model = _nonlinear(s)
    state, info = unscented.update(
        model, unscented.init(model), s.observations[0], unscented.Spread(alpha, beta, kappa)
    )
    return state.mean, state.covariance, info.log_likelihood


def _unscented_predict(s: System, alpha: float, beta: float, kappa: float) -> Any:
    model = _nonlinear(s)
    state = unscented.predict(model, unscented.init(model), unscented.Spread(alpha, beta, kappa))
    return state.mean, state.covariance


SPREADS = (st.sampled_from([0.5, 1.0, 1.5]), st.sampled_from([0.0, 2.0]), st.sampled_from([0.0, 1.0]))
# Sums of sixteenths are exact, so that both cumulate the same.
WEIGHTS = st.lists(st.sampled_from([0.0, 0.0625, 0.125, 0.5]), min_size=1, max_size=7).filter(any)
UNIFORMS = st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=7)


def _of_one(name: str, fast: Any, reference_call: Any, inputs: Any, rtol: float = 1e-9) -> Pair:
    return Pair(f"filtering.{name}", reference_call, fast, inputs, rtol=rtol, atol=rtol)


PAIRS = [
    _of_one(
        "kalman.predict",
        lambda s: tuple(kalman.predict(s.model, Gaussian(s.mean, s.covariance))),
        lambda s: slow.kalman.predict(s.lists[0], s.lists[2], s.lists[4], s.lists[5]),
        systems(),
    ),
    _of_one(
        "kalman.update",
        _kalman_step,
        lambda s: slow.kalman.update(s.lists[1], s.lists[3], s.lists[6][0], s.lists[4], s.lists[5]),
        systems(),
    ),
    _of_one(
        "kalman.linear_update",
        _linear_update,
        lambda s: slow.kalman.linear_update(s.lists[1], s.lists[3], s.lists[6][0], s.lists[4], s.lists[5]),
        systems(missing=False),
    ),
    _of_one(
        "kalman.filter",
        lambda s: _kalman(kalman.filter, s),
        lambda s: slow.kalman.filter(*s.lists),
        systems(),
        1e-8,
    ),
    _of_one("smoother.rts", _smoothed, _slowly_smoothed, systems(), 1e-7),
    _of_one(
        "extended.predict",
        lambda s: tuple(extended.predict(_nonlinear(s), Gaussian(s.mean, s.covariance))),
        lambda s: slow.extended.predict(
            _on_lists(_bend, s.F), _on_lists(_slope, s.F), s.lists[2], s.lists[4], s.lists[5]
        ),
        systems(),
    ),
    _of_one(
        "extended.update",
        _extended_update,
        lambda s: slow.extended.update(
            _on_lists(_bend, s.H), _on_lists(_slope, s.H), s.lists[3], s.lists[6][0], s.lists[4], s.lists[5]
        ),
        systems(missing=False),
    ),
    _of_one(
        "unscented.sigma_points",
        # Those of the reference lie along the columns of the lower root, the same vectors.
        lambda s, *spread: unscented.sigma_points(unscented.init(_nonlinear(s)), unscented.Spread(*spread)),
        lambda s, *spread: slow.unscented.sigma_points(s.lists[4], s.lists[5], spread),
        st.builds(lambda s, *spread: (*s, *spread), systems(), *SPREADS),
    ),
    _of_one(
        "unscented.predict",
        _unscented_predict,
        lambda s, *spread: slow.unscented.predict(_on_lists(_bend, s.F), s.lists[2], s.lists[4], s.lists[5], spread),
        st.builds(lambda s, *spread: (*s, *spread), systems(), *SPREADS),
    ),
    _of_one(
        "unscented.update",
        _unscented_update,
        lambda s, *spread: slow.unscented.update(
            _on_lists(_bend, s.H), s.lists[3], s.lists[6][0], s.lists[4], s.lists[5], spread
        ),
        st.builds(lambda s, *spread: (*s, *spread), systems(missing=False), *SPREADS),
        1e-8,
    ),
    Pair(
        "filtering.particle.effective_sample_size",
        *both("filtering.particle.effective_sample_size"),
        st.tuples(WEIGHTS),
        rtol=1e-12,
    ),
    Pair("filtering.particle.multinomial", *both("filtering.particle.multinomial"), st.tuples(WEIGHTS, UNIFORMS)),
    Pair("filtering.particle.stratified", *both("filtering.particle.stratified"), st.tuples(WEIGHTS, UNIFORMS)),
    Pair(
        "filtering.particle.systematic",
        *both("filtering.particle.systematic"),
        st.tuples(WEIGHTS, st.floats(0, 1, exclude_max=True), st.integers(1, 9)),
    ),
]
