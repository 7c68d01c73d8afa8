from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from whitebox.autograd import Tensor, gradcheck, no_grad
from whitebox.vi.vae import VAE, VariationalAutoencoder, gaussian_kl, importance_weighted_bound, reparameterize

NOISE_VARIANCE = 0.3


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return Tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def linear_model(*, off: float = 0.0) -> tuple[VariationalAutoencoder, np.ndarray]:
    """A linear decoder with orthogonal columns, whose exact posterior has independent coordinates; and its covariance.

    The encoder is that posterior, moved and widened by `off`.
    """
    rng = np.random.default_rng(0)
    model = VariationalAutoencoder(4, 2, hidden=(), rng=rng, dtype=np.float64)
    W = np.linalg.qr(rng.standard_normal((4, 2)))[0] * [2.0, 0.7]
    b = rng.standard_normal(4)
    posterior = 1 / (np.square(W).sum(axis=0) + NOISE_VARIANCE)  # of M = W'W + s I, which is diagonal
    to_mean = posterior[:, None] * W.T
    model.load_state_dict(
        {
            "mean.weight": to_mean,
            "mean.bias": -to_mean @ b + off,
            "log_variance.weight": np.zeros((2, 4)),
            "log_variance.bias": np.log(NOISE_VARIANCE * posterior) + off,
            "decoder.0.weight": W,
            "decoder.0.bias": b,
            "log_noise": [np.log(NOISE_VARIANCE)],
        }
    )
    return model, W @ W.T + NOISE_VARIANCE * np.eye(4)


def exact(x: np.ndarray, model: VariationalAutoencoder, covariance: np.ndarray) -> np.ndarray:
    return multivariate_normal(model.state_dict()["decoder.0.bias"], covariance).logpdf(x)


def test_the_divergence_is_the_integral_it_stands_for() -> None:
    z, width = np.linspace(-15, 15, 20001, retstep=True)
    for mean, log_variance in ((0.7, -1.2), (-2.0, 0.8), (0.0, 0.0)):
        log_q = -0.5 * ((z - mean) ** 2 / np.exp(log_variance) + log_variance + np.log(2 * np.pi))
        log_p = -0.5 * (z**2 + np.log(2 * np.pi))
        found = gaussian_kl(Tensor([[mean]]), Tensor([[log_variance]])).data[0]
        np.testing.assert_allclose(found, (np.exp(log_q) * (log_q - log_p)).sum() * width, atol=1e-9)


def test_draws_have_the_mean_and_variance_asked_for() -> None:
    noise = np.random.default_rng(0).standard_normal((40_000, 1, 2))
    found = reparameterize(Tensor([[1.0, -2.0]]), Tensor([[-1.0, 1.5]]), noise).data[:, 0]
    # Standard errors: sigma / 200 of the mean, sigma² sqrt(2) / 200 of the variance.
    np.testing.assert_allclose(found.mean(axis=0), [1.0, -2.0], atol=5 * np.exp(0.75) / 200)
    np.testing.assert_allclose(found.var(axis=0), np.exp([-1.0, 1.5]), rtol=5 * np.sqrt(2) / 200)


def test_gradients_are_those_of_differences() -> None:
    assert gradcheck(gaussian_kl, drawn(3, 2), drawn(3, 2, seed=1))
    for likelihood in ("gaussian", "bernoulli"):
        model = VariationalAutoencoder(
            3, 2, hidden=(4,), likelihood=likelihood, rng=np.random.default_rng(0), dtype=float
        )
        x, noise = Tensor(np.random.default_rng(1).random((2, 3))), np.random.default_rng(2).standard_normal((5, 2, 2))
        learned = model.parameters()
        assert gradcheck(lambda *_, model=model, x=x, noise=noise: model.elbo(x, noise[0], beta=0.7), *learned)
        assert gradcheck(
            lambda *_, model=model, x=x, noise=noise: importance_weighted_bound(model.log_weights(x, noise)), *learned
        )


def test_single_precision_stays_single() -> None:
    rng = np.random.default_rng(0)
    for likelihood in ("gaussian", "bernoulli"):
        model = VariationalAutoencoder(3, 2, likelihood=likelihood, rng=rng)
        x, noise = Tensor(rng.random((4, 3)).astype(np.float32)), rng.standard_normal((5, 4, 2))
        bounds = model.elbo(x, noise[0]), importance_weighted_bound(model.log_weights(x, noise))
        (bounds[0] + bounds[1]).sum().backward()
        assert {one.dtype for one in (*bounds, *(one.grad for one in model.parameters()))} == {np.dtype("f4")}


def test_with_the_exact_posterior_every_draw_gives_the_exact_likelihood() -> None:
    model, covariance = linear_model()
    x = np.random.default_rng(1).standard_normal((6, 4)) * 2
    noise = np.random.default_rng(2).standard_normal((50, 6, 2))
    weights = model.log_weights(Tensor(x), noise).data
    np.testing.assert_allclose(weights, np.broadcast_to(exact(x, model, covariance), (50, 6)), rtol=1e-10)


def test_the_bounds_are_bounds_and_close_on_the_exact_likelihood() -> None:
    model, covariance = linear_model(off=0.4)
    x = Tensor(np.random.default_rng(1).standard_normal((6, 4)) * 2)
    truth = exact(x.data, model, covariance)
    rng, repeats = np.random.default_rng(2), 400
    gaps = []
    with no_grad():
        below = np.mean([model.elbo(x, rng.standard_normal((6, 2))).data for _ in range(repeats)], axis=0)
        gaps.append((truth - below).mean())
        for draws in (4, 32):
            bounds = [
                importance_weighted_bound(model.log_weights(x, rng.standard_normal((draws, 6, 2)))).data
                for _ in range(repeats)
            ]
            gaps.append((truth - np.mean(bounds, axis=0)).mean())
    # At each number of draws a bound, and a nearer one with more: Burda et al., theorem 1.
    assert gaps[0] > 2 * gaps[1] > 4 * gaps[2] > 0
    assert gaps[2] < 0.06
    # The first gap is the divergence of encoder and posterior, which is that of shift 0.4 and variance ratio e^0.4.
    variance = np.exp(model.state_dict()["log_variance.bias"] - 0.4)
    expected = 0.5 * (0.4**2 / variance + np.exp(0.4) - 1 - 0.4).sum()
    np.testing.assert_allclose(gaps[0], expected, rtol=0.1)


def test_without_hidden_layers_it_learns_probabilistic_pca() -> None:
    rng = np.random.default_rng(0)
    W = rng.standard_normal((6, 2)) * [2, 1]
    X = rng.standard_normal((500, 2)) @ W.T + 0.5 * rng.standard_normal((500, 6)) + 3
    theirs = PCA(2).fit(X)
    model = VAE(2, hidden=(), learning_rate=0.03, batch_size=50, epochs=60, random_state=0).fit(X)
    assert theirs.score(X) - 0.02 < model.score(X) < theirs.score(X) + 0.005
    np.testing.assert_allclose(model.score_samples(X, draws=200), theirs.score_samples(X), atol=0.6)
    np.testing.assert_allclose(
        model.network_.log_noise.data, np.log(theirs.noise_variance_ / model.scale_**2), atol=0.1
    )
    # Its codes span what PCA's do, and its draws spread as the rows do.
    ours, projected = model.transform(X), theirs.transform(X)
    residual = projected - ours @ np.linalg.lstsq(ours, projected, rcond=None)[0]
    assert np.linalg.norm(residual) < 0.05 * np.linalg.norm(projected)
    np.testing.assert_allclose(np.cov(model.sample(4000, random_state=0).T), np.cov(X.T), atol=0.12 * np.cov(X.T).max())


def test_codes_of_digits_say_more_than_pixels_alone() -> None:
    pixels = (load_digits().data > 7.5).astype(float)
    seen, fresh = pixels[:1000], pixels[1400:]
    model = VAE(8, likelihood="bernoulli", hidden=(48,), epochs=15, batch_size=64, random_state=0).fit(seen)
    p = np.clip(seen.mean(axis=0), 0.01, 0.99)
    alone = (fresh * np.log(p) + (1 - fresh) * np.log(1 - p)).sum(axis=1).mean()
    assert model.score(fresh) > alone + 2.5
    assert (np.round(model.inverse_transform(model.transform(fresh))) == fresh).mean() > 0.87
    assert set(np.unique(model.sample(5, random_state=0))) <= {0.0, 1.0}
    assert model.losses_[-1] < 0.75 * model.losses_[0]


def test_a_dear_divergence_is_avoided() -> None:
    X = np.random.default_rng(0).standard_normal((200, 4)) @ np.diag([3, 2, 1, 0.5])
    found = []
    for beta in (0.1, 1.0, 20.0):
        model = VAE(2, hidden=(8,), beta=beta, learning_rate=0.02, epochs=20, batch_size=50, random_state=0).fit(X)
        mean, log_variance = model.network_.encode(Tensor((X - model.mean_) / model.scale_))
        found.append(gaussian_kl(mean, log_variance).data.mean())
    assert found[0] > found[1] > found[2]
    assert found[2] < 0.1


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_the_same_seed_gives_the_same_numbers_and_rows_do_not_depend_on_each_other(likelihood: str) -> None:
    X = np.random.default_rng(0).random((20, 3))
    make = VAE(2, likelihood=likelihood, epochs=2, random_state=4)
    scores = make.fit(X).score_samples(X, draws=5)
    np.testing.assert_array_equal(make.fit(X).score_samples(X, draws=5), scores)
    np.testing.assert_allclose(make.score_samples(X[3:5], draws=5), scores[3:5])
