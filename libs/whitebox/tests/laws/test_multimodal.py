from __future__ import annotations

import itertools

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm
from whitebox.autograd import Tensor, gradcheck
from whitebox.multimodal.calibration import calibration_error, interval_coverage
from whitebox.multimodal.experts import heteroscedastic_loss, product_of_categoricals, product_of_experts
from whitebox.multimodal.fusion import ConcatenationRegressor, ProductOfExpertsRegressor


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return Tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def beliefs(experts: int = 3, seed: int = 0) -> tuple[list[Tensor], list[Tensor]]:
    means = [drawn(5, 2, seed=seed + place) for place in range(experts)]
    return means, [drawn(5, 2, seed=seed + 10 + place) for place in range(experts)]


# ---- products


@EXAMPLES
@given(st.integers(0, 2**31), st.integers(1, 4))
def test_the_fused_variance_is_at_most_that_of_each_expert(seed: int, experts: int) -> None:
    means, log_variances = beliefs(experts, seed)
    fused = product_of_experts(means, log_variances)
    least = np.min([one.data for one in log_variances], axis=0)
    assert (fused.log_variance.data <= least + 1e-12).all()
    # The mean lies among theirs.
    held = [one.data for one in means]
    assert (np.min(held, axis=0) - 1e-12 <= fused.mean.data).all()
    assert (fused.mean.data <= np.max(held, axis=0) + 1e-12).all()


def test_it_is_the_posterior_of_conditionally_independent_measurements() -> None:
    """Against the conditional distribution of a joint normal: Schur's complement."""
    slopes, noise, prior = np.array([1.0, 0.5, -2.0]), np.array([0.3, 1.0, 2.0]), 1.7
    x = np.random.default_rng(0).standard_normal((4, 3)) * 2
    joint = prior * np.outer(slopes, slopes) + np.diag(noise)
    expected = prior * slopes @ np.linalg.solve(joint, x.T)
    variance = prior - prior * slopes @ np.linalg.solve(joint, prior * slopes)
    # As functions of the target, likelihoods are normal around x / slope.
    means = [Tensor(x[:, [m]] / slopes[m]) for m in range(3)]
    log_variances = [Tensor(np.full((4, 1), np.log(noise[m] / slopes[m] ** 2))) for m in range(3)]
    fused = product_of_experts(means, log_variances, prior_variance=prior)
    np.testing.assert_allclose(fused.mean.data[:, 0], expected, rtol=1e-12)
    np.testing.assert_allclose(np.exp(fused.log_variance.data), variance, rtol=1e-12)


def test_a_missing_modality_is_one_of_infinite_variance() -> None:
    means, log_variances = beliefs()
    seen = np.random.default_rng(0).random((5, 3)) < 0.6
    seen[0] = False
    found = product_of_experts(means, log_variances, present=seen, prior_variance=1.0)
    endless = [where_missing(one, seen[:, m], np.inf) for m, one in enumerate(log_variances)]
    expected = product_of_experts(means, endless, prior_variance=1.0)
    np.testing.assert_allclose(found.mean.data, expected.mean.data, rtol=1e-12)
    np.testing.assert_allclose(found.log_variance.data, expected.log_variance.data, rtol=1e-12)
    np.testing.assert_array_equal(found.mean.data[0], 0)
    np.testing.assert_array_equal(found.log_variance.data[0], 0)
    # Whatever stands where nothing is, nothing comes of it, not even in a gradient.
    garbage = [where_missing(one, seen[:, m], np.nan) for m, one in enumerate(means)]
    again = product_of_experts(garbage, log_variances, present=seen, prior_variance=1.0)
    np.testing.assert_array_equal(again.mean.data, found.mean.data)
    (found.mean.sum() + found.log_variance.sum()).backward()
    for m, one in enumerate(means):
        assert (one.grad[~seen[:, m]] == 0).all()
        assert (log_variances[m].grad[~seen[:, m]] == 0).all()


def where_missing(one: Tensor, seen: np.ndarray, value: float) -> Tensor:
    return Tensor(np.where(seen[:, None], one.data, value))


def test_gradients_are_those_of_differences() -> None:
    means, log_variances = beliefs(2)
    seen = np.array([[1, 1], [0, 1], [1, 0], [1, 1], [0, 0]], bool)
    for part in ("mean", "log_variance"):
        assert gradcheck(
            lambda a, b, c, d, part=part: getattr(
                product_of_experts([a, b], [c, d], present=seen, prior_variance=2.0), part
            ),
            *means,
            *log_variances,
        )
    assert gradcheck(lambda a, b: heteroscedastic_loss(a, b, np.arange(10.0).reshape(5, 2)), means[0], log_variances[0])
    assert gradcheck(lambda a, b: product_of_categoricals([a, b], log_prior=[-0.1, -2.0], present=seen), *means)


def test_single_precision_stays_single() -> None:
    one = Tensor(np.ones((2, 1), np.float32))
    assert product_of_experts([one], [one], prior_variance=1.0).mean.dtype == np.float32
    assert product_of_categoricals([one, one]).dtype == np.float32
    assert heteroscedastic_loss(one, one, [[1.0], [2.0]]).dtype == np.float32


def test_classes_by_several_experts_are_those_of_bayes_rule() -> None:
    rng = np.random.default_rng(0)
    prior = np.array([0.6, 0.3, 0.1])
    first, second = rng.standard_normal((3, 2)), rng.standard_normal((3, 1))
    x, z = rng.standard_normal((50, 2)), rng.standard_normal((50, 1))

    def log_posterior(*densities: np.ndarray) -> np.ndarray:
        joint = np.log(prior) + sum(densities)
        return joint - np.log(np.exp(joint).sum(axis=1, keepdims=True))

    by_x = np.column_stack([multivariate_normal(first[c], np.eye(2)).logpdf(x) for c in range(3)])
    by_z = np.column_stack([norm(second[c], 0.5).logpdf(z)[:, 0] for c in range(3)])
    experts = [Tensor(log_posterior(by_x)), Tensor(log_posterior(by_z))]
    found = product_of_categoricals(experts, log_prior=np.log(prior)).data
    np.testing.assert_allclose(found, log_posterior(by_x, by_z), rtol=1e-9, atol=1e-12)
    alone = product_of_categoricals(experts, log_prior=np.log(prior), present=np.tile([False, True], (50, 1))).data
    np.testing.assert_allclose(alone, log_posterior(by_z), rtol=1e-9, atol=1e-12)
    none = product_of_categoricals(experts, log_prior=np.log(prior), present=np.zeros((50, 2), bool)).data
    np.testing.assert_allclose(np.exp(none), np.tile(prior, (50, 1)), rtol=1e-9)


def test_the_loss_is_the_normal_likelihood_and_least_at_the_squared_error() -> None:
    mean, log_variance, target = drawn(6), drawn(6, seed=1), np.arange(6.0)
    density = norm(mean.data, np.exp(log_variance.data / 2)).logpdf(target)
    found = heteroscedastic_loss(mean, log_variance, target).item()
    np.testing.assert_allclose(found, -density.mean() - 0.5 * np.log(2 * np.pi), rtol=1e-12)
    best = Tensor(np.log((target - mean.data) ** 2), requires_grad=True)
    heteroscedastic_loss(mean, best, target).backward()
    np.testing.assert_allclose(best.grad, 0, atol=1e-12)


# ---- calibration


def test_draws_of_what_is_predicted_are_calibrated_and_others_are_not() -> None:
    rng = np.random.default_rng(0)
    mean, std = rng.standard_normal(4000), rng.uniform(0.5, 2, 4000)
    y = mean + std * rng.standard_normal(4000)
    levels = np.array([0.5, 0.8, 0.95])
    assert (np.abs(interval_coverage(y, mean, std, levels) - levels) < 4 * np.sqrt(levels * (1 - levels) / 4000)).all()
    assert calibration_error(y, mean, std) < 0.02
    assert calibration_error(y, mean, std / 2) > 0.15
    assert calibration_error(y, mean, std * 2) > 0.15
    np.testing.assert_allclose(calibration_error(y, mean, std * 1e6), 0.5)


# ---- fusion


def measured(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A target that five columns in three modalities measure independently, and each modality's precision."""
    rng = np.random.default_rng(seed)
    y = rng.standard_normal(n)
    slopes, noise = np.array([1.0, 0.5, -1.0, 0.0, 2.0]), np.array([0.5, 0.5, 1.5, 1.0, 1.0])
    X = y[:, None] * slopes + noise * rng.standard_normal((n, 5))
    return X, 2 * y + 1, np.add.reduceat(slopes**2 / noise**2, [0, 2, 4])


def test_late_fusion_is_as_sure_as_bayes_rule_with_any_modalities_missing() -> None:
    X, y, precision = measured(600, 0)
    fresh, target, _ = measured(1000, 1)
    model = ProductOfExpertsRegressor([2, 2, 1], hidden=(16,), epochs=30, random_state=0).fit(X, y)
    previous = {}
    for seen in itertools.product([False, True], repeat=3):
        mean, std = model.predict_distribution(fresh, np.tile(seen, (1000, 1)))
        exact = 2 / np.sqrt(1 + precision @ seen)
        np.testing.assert_allclose(std.mean(), exact, rtol=0.15)
        np.testing.assert_allclose(np.sqrt(np.mean((mean - target) ** 2)), exact, rtol=0.1)
        assert calibration_error(target, mean, std) < 0.05
        previous[seen] = std
    # Each modality that is added makes each row surer.
    for seen, std in previous.items():
        for place in range(3):
            if not seen[place]:
                more = tuple(there or other == place for other, there in enumerate(seen))
                assert (previous[more] <= std * (1 + 1e-6)).all()
    means, stds = model.predict_each(fresh)
    assert means.shape == (1000, 3)
    np.testing.assert_allclose(stds[:, 2], previous[False, False, True], rtol=1e-6)


def test_early_fusion_knows_as_much_of_whole_rows_and_roughly_what_is_missing() -> None:
    X, y, precision = measured(600, 0)
    fresh, target, _ = measured(1000, 1)
    model = ConcatenationRegressor([2, 2, 1], hidden=(16,), epochs=30, random_state=0).fit(X, y)
    error = np.sqrt(np.mean((model.predict(fresh) - target) ** 2))
    np.testing.assert_allclose(error, 2 / np.sqrt(1 + precision.sum()), rtol=0.1)
    parts = [np.tile(seen, (1000, 1)) for seen in itertools.product([0, 1], repeat=3)]
    assert np.mean([calibration_error(target, *model.predict_distribution(fresh, part)) for part in parts]) < 0.06


@pytest.mark.parametrize("make", [ProductOfExpertsRegressor, ConcatenationRegressor])
def test_what_is_missing_may_be_any_number(make) -> None:
    X, y, _ = measured(80, 0)
    seen = np.random.default_rng(0).random((80, 3)) < 0.7
    filled = np.where(np.repeat(seen, [2, 2, 1], axis=1), X, 1e6)
    found = [make([2, 2, 1], epochs=2, random_state=0).fit(rows, y, seen).predict(rows, seen) for rows in (X, filled)]
    np.testing.assert_array_equal(found[0], found[1])


def test_noise_that_depends_on_the_input_is_learned() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (800, 1))
    y = X[:, 0] + np.where(X[:, 0] > 0, 0.6, 0.1) * rng.standard_normal(800)
    model = ProductOfExpertsRegressor(hidden=(16,), modality_dropout=0.0, epochs=40, random_state=0).fit(X, y)
    calm, loud = model.predict_distribution([[-0.6], [0.6]])[1]
    assert 0.07 < calm < 0.15
    assert 0.45 < loud < 0.75
