from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st
from whitebox import flows
from whitebox.flows import Affine, Chain, NormalizingFlow, Planar, Radial

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(1, 3)
FEW = settings(EXAMPLES, max_examples=12)
KINDS = ["planar", "radial", "affine", "chain"]


def made(kind: str, seed: int, d: int) -> flows.Flow:
    """With parameters far from those of the identity; half of the time near the limit of invertibility."""
    rng = np.random.default_rng(seed)
    push = rng.choice([-4.0, 2.0])
    if kind == "planar":
        w = rng.normal(size=d)
        return Planar(w, rng.normal(size=d) + push * w / (w @ w), rng.normal())
    if kind == "radial":
        return Radial(rng.normal(size=d), rng.normal(), push)
    if kind == "affine":
        return Affine(rng.normal(size=d), rng.normal(size=d))
    return Chain([made(part, seed + place, d) for place, part in enumerate(("planar", "radial", "affine", "planar"))])


def differences(f, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    """Derivatives of an array-valued function by every entry of x, on the last axis."""
    columns = []
    for place in range(x.size):
        step = np.zeros_like(x)
        step.flat[place] = h
        columns.append((np.asarray(f(x + step)) - np.asarray(f(x - step))) / (2 * h))
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("kind", KINDS)
@EXAMPLES
@given(SEEDS, SIZES)
def test_the_determinant_is_that_of_the_numeric_jacobian(kind: str, seed: int, d: int) -> None:
    flow, z = made(kind, seed, d), np.random.default_rng(seed).normal(size=d)
    jacobian = differences(lambda a: flow.forward(a[None])[0][0], z)
    sign, expected = np.linalg.slogdet(jacobian)
    assert sign == 1
    assert flow.forward(z[None])[1][0] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@EXAMPLES
@given(SEEDS, SIZES, st.sampled_from([0.1, 1.0, 100.0]))
def test_the_inverse_undoes_the_flow(kind: str, seed: int, d: int, scale: float) -> None:
    flow, z = made(kind, seed, d), scale * np.random.default_rng(seed).normal(size=(5, d))
    x = flow.forward(z)[0]
    np.testing.assert_allclose(flow.forward(flow.inverse(x))[0], x, rtol=1e-8, atol=1e-8 * scale)
    np.testing.assert_allclose(flow.inverse(x), z, rtol=1e-4, atol=1e-4 * scale)


@EXAMPLES
@given(st.lists(st.floats(-40, 40), min_size=2, max_size=2), SEEDS)
def test_whatever_the_parameters_flows_stay_invertible(raw: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    z = 5 * rng.normal(size=(20, 2))
    for flow in (Planar([raw[0] / 10 or 1.0, 1.0], [raw[1], 0.5], 0.3), Radial([0.0, 1.0], raw[0] / 10, raw[1])):
        assert np.isfinite(flow.forward(z)[1]).all()


@pytest.mark.parametrize("kind", KINDS)
@FEW
@given(SEEDS, SIZES)
def test_pullbacks_are_the_derivatives(kind: str, seed: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    flow, z = made(kind, seed, d), rng.normal(size=(3, d))
    by_x, by_log_det = rng.normal(size=(3, d)), rng.normal(size=3)

    def told(place: np.ndarray, parameters: np.ndarray) -> float:
        x, log_det = flow.with_parameters(parameters).forward(place)
        return float((by_x * x).sum() + by_log_det @ log_det)

    by_z, by_parameters = flow.pullback(z, by_x, by_log_det)
    theta = flow.parameters
    np.testing.assert_allclose(by_z.ravel(), differences(lambda a: told(a, theta), z), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(by_parameters, differences(lambda p: told(z, p), theta), rtol=1e-4, atol=1e-4)
    jacobian = differences(lambda a: flow.forward(a[None])[0][0], z[0])
    solved = flow.solve_transposed(z[:1], by_x[:1])[0]
    np.testing.assert_allclose(jacobian.T @ solved, by_x[0], rtol=1e-4, atol=1e-4)


@FEW
@given(SEEDS, SIZES)
def test_the_gradient_of_the_likelihood_goes_through_the_inverse(seed: int, d: int) -> None:
    flow, x = made("chain", seed, d), np.random.default_rng(seed).normal(size=(4, d))
    value, gradient = flows.log_likelihood_and_gradient(flow, x)
    assert value == pytest.approx(flows.log_density(flow, x).mean())
    expected = differences(lambda p: flows.log_density(flow.with_parameters(p), x).mean(), flow.parameters, 1e-6)
    np.testing.assert_allclose(gradient, expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 1])
def test_densities_integrate_to_one(kind: str, seed: int) -> None:
    flow = made(kind, seed, 2)
    x = flows.sample(flow, np.random.default_rng(0), 4000)
    low, high = x.min(axis=0), x.max(axis=0)
    low, high = low - 0.2 * (high - low), high + 0.2 * (high - low)
    axes = [np.linspace(a, b, 500) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    cell = math.prod(float(axis[1] - axis[0]) for axis in axes)
    assert np.exp(flows.log_density(flow, grid)).sum() * cell == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_drawn_has_the_density_that_is_evaluated(kind: str) -> None:
    """E[1 / (q V)] over a box is its share of the draws: importance sampling the other way round."""
    flow = made(kind, 3, 1)
    x = flows.sample(flow, np.random.default_rng(1), 20_000)
    edges = np.quantile(x, [0.1, 0.3, 0.5, 0.7, 0.9])
    for low, high in itertools.pairwise(edges):
        inside = np.linspace(low, high, 2001)
        density = np.exp(flows.log_density(flow, inside[:, None]))
        share = float((0.5 * (density[1:] + density[:-1])).sum() * (high - low) / 2000)
        assert share == pytest.approx(0.2, abs=4 * math.sqrt(0.2 * 0.8 / 20_000) * 2)


def test_an_affine_flow_is_fitted_to_mean_and_deviation() -> None:
    X = np.random.default_rng(0).normal(3.0, 2.0, (200, 2))
    fitted = flows.fit(Affine([0.0, 0.0], [0.0, 0.0]), X, penalty=0.0)
    np.testing.assert_allclose(fitted.parameters, [*X.mean(axis=0), *np.log(X.std(axis=0))], atol=1e-3)


@pytest.mark.parametrize("kind", ["planar", "radial"])
def test_a_fitted_flow_beats_the_normal_and_keeps_the_units(kind: str) -> None:
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, math.pi, 150)
    X = 100 + 50 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + 5 * rng.standard_normal((150, 2))
    model = NormalizingFlow(kind, 4, random_state=0).fit(X)
    covariance = np.cov(X.T, ddof=0)
    normal = -0.5 * np.linalg.slogdet(2 * math.pi * math.e * covariance)[1]
    assert model.score(X) > normal + 0.1
    draws = model.sample(2000, random_state=1)
    np.testing.assert_allclose(draws.mean(axis=0), X.mean(axis=0), atol=12)
    np.testing.assert_allclose(draws.std(axis=0), X.std(axis=0), rtol=0.3)
    other = NormalizingFlow(kind, 4, random_state=0).fit(X / 8)  # a power of two, which rounds nothing
    np.testing.assert_allclose(other.score(X / 8), model.score(X) + 2 * math.log(8), atol=1e-6)


def test_a_flow_bends_to_an_unnormalised_density() -> None:
    """log ∫ p is known; the bound comes near it from below, and nearer than the best normal's."""

    def skewed(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # the logarithm of a gamma variable of shape 1
        return (x - np.exp(x)).sum(axis=1), 1 - np.exp(x)

    start = Chain([Planar([1.0], [0.5], 0.0), Planar([-1.0], [-0.5], 1.0), Affine([0.0], [0.0])])
    found = flows.fit_to_density(start, skewed, np.random.default_rng(0), steps=400)
    z = np.random.default_rng(1).standard_normal((4000, 1))
    value, error, _ = flows.elbo_and_gradient(found.flow, skewed, z)
    assert -0.03 < value < 3 * error
    assert found.elbo[:20].mean() < found.elbo[-20:].mean()


@FEW
@given(SEEDS, SIZES)
def test_the_gradient_of_the_bound_is_that_of_differences(seed: int, d: int) -> None:
    flow, z = made("chain", seed, d), np.random.default_rng(seed).normal(size=(3, d))

    def target(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return -np.log(np.cosh(x)).sum(axis=1), -np.tanh(x)

    gradient = flows.elbo_and_gradient(flow, target, z)[2]
    expected = differences(
        lambda p: flows.elbo_and_gradient(flow.with_parameters(p), target, z)[0], flow.parameters, 1e-6
    )
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-3)


def test_draws_and_densities_are_in_the_units_of_the_data() -> None:
    X = 1000 + 20 * np.random.default_rng(0).standard_normal((60, 1))
    model = NormalizingFlow("radial", 1, max_iter=5, random_state=0).fit(X)
    draws = model.sample(500, random_state=0)
    assert 990 < draws.mean() < 1010
    assert 10 < draws.std() < 40
    grid = np.linspace(800, 1200, 2001)[:, None]
    assert np.exp(model.score_samples(grid)).sum() * 0.2 == pytest.approx(1, abs=0.01)
