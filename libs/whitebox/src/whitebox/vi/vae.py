"""Variational autoencoders: a generative model, and the network that inverts it, learned as one.

(Kingma, Welling: Auto-Encoding Variational Bayes, ICLR 2014; Rezende, Mohamed, Wierstra 2014.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, number_in, positive_int
from whitebox.autograd import Tensor, exp, logsumexp, no_grad, primitive, relu, sigmoid, softplus
from whitebox.autograd._tensor import AnyArray, Pullback
from whitebox.base import BaseEstimator
from whitebox.errors import NotFittedError, RangeError, ShapeError
from whitebox.nn import Linear, Module, Optimizer, Parameter
from whitebox.optimize.first_order import Adam

_LOG_2PI = math.log(2 * math.pi)
Likelihood = Literal["gaussian", "bernoulli"]


@primitive
def gaussian_kl(mean: Any, log_variance: Any) -> tuple[AnyArray, Pullback]:
    r"""How far normal distributions with independent coordinates lie from the standard one, in nats.

    .. math:: \mathrm{KL}\big(N(\mu, \operatorname{diag} \sigma^2) \,\|\, N(0, I)\big)
              = \tfrac12 \sum_j (\mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2)

    (Kingma, Welling 2014, appendix B.) O(n · k).

    Args:
        mean: Shape (..., k).
        log_variance: :math:`\log \sigma^2`, shape (..., k).

    Returns:
        Shape (...).

    Raises:
        ShapeError: The two have different shapes.

    >>> gaussian_kl(Tensor([[0.0, 0.0], [3.0, 4.0]]), Tensor([[0.0, 0.0], [0.0, 0.0]])).data.tolist()
    [0.0, 12.5]
    """
    if mean.shape != log_variance.shape or mean.ndim == 0:
        raise ShapeError(f"mean and log_variance must have one shape (..., k), got {mean.shape}, {log_variance.shape}")
    variance = np.exp(log_variance)
    value = 0.5 * (mean * mean + variance - 1 - log_variance).sum(axis=-1)
    return value, lambda g: (g[..., None] * mean, g[..., None] * (0.5 * (variance - 1)))


def reparameterize(mean: Tensor, log_variance: Tensor, noise: npt.ArrayLike) -> Tensor:
    r"""Draws of a normal distribution as a function of its parameters, :math:`z = \mu + \sigma \odot \epsilon`.

    Gradients of expectations become expectations of gradients (Kingma, Welling 2014, section 2.4).

    Args:
        mean: Shape (n, k).
        log_variance: :math:`\log \sigma^2`, shape (n, k).
        noise: Standard normal draws, shape (..., n, k) or what broadcasts to it.

    >>> reparameterize(Tensor([[1.0]]), Tensor([[0.0]]), [[2.0]]).data.tolist()
    [[3.0]]
    """
    return mean + exp(log_variance * 0.5) * np.asarray(noise, mean.dtype)


def importance_weighted_bound(log_weights: Tensor) -> Tensor:
    r"""Bound of the log-likelihood from several draws, :math:`\log \frac1K \sum_k w_k`.

    With :math:`w_k = p(x, z_k) / q(z_k \mid x)` its expectation grows with K, from the evidence lower bound at 1
    towards :math:`\log p(x)` (Burda, Grosse, Salakhutdinov: Importance Weighted Autoencoders, ICLR 2016, theorem 1).

    Args:
        log_weights: :math:`\log w_k`, shape (K, n).

    Returns:
        Shape (n,).

    >>> importance_weighted_bound(Tensor([[0.0], [np.log(3.0)]])).data.round(4).tolist()
    [0.6931]
    """
    return logsumexp(log_weights, axis=0) - math.log(len(log_weights))


class VariationalAutoencoder(Module):
    r"""Decoder :math:`p(x \mid z)` under a standard normal prior, and encoder :math:`q(z \mid x)`.

    The encoder gives means and variances of independent normal coordinates. The decoder gives means of normal
    coordinates of one common variance, which is learned, or the logits of binary ones. ReLU stands between layers; with
    none hidden and a normal likelihood the model is probabilistic PCA (Tipping, Bishop 1999).

    Args:
        features: The d of x.
        components: The k of z.
        hidden: Widths of the encoder's hidden layers; the decoder has them in reverse.
        likelihood: "gaussian" or "bernoulli".
        rng: Draws the weights.
        dtype: Their precision.

    Raises:
        RangeError: The likelihood is another one.

    >>> model = VariationalAutoencoder(5, 2, rng=np.random.default_rng(0), dtype=np.float64)
    >>> x, noise = Tensor(np.ones((3, 5))), np.zeros((4, 3, 2))
    >>> model.elbo(x, noise[0]).shape, model.log_weights(x, noise).shape
    ((3,), (4, 3))
    """

    def __init__(
        self,
        features: int,
        components: int,
        *,
        hidden: Sequence[int] = (64,),
        likelihood: Likelihood = "gaussian",
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        if likelihood not in ("gaussian", "bernoulli"):
            raise RangeError(f"likelihood must be 'gaussian' or 'bernoulli', got {likelihood!r}")
        self.likelihood = likelihood
        widths = [positive_int(features, "features"), *hidden]
        k = positive_int(components, "components")
        self.encoder = [Linear(n, m, rng=rng, dtype=dtype) for n, m in pairwise(widths)]
        self.mean = Linear(widths[-1], k, rng=rng, dtype=dtype)
        self.log_variance = Linear(widths[-1], k, rng=rng, dtype=dtype)
        self.decoder = [Linear(n, m, rng=rng, dtype=dtype) for n, m in pairwise([k, *reversed(widths)])]
        self.log_noise = Parameter(np.zeros(1, dtype)) if likelihood == "gaussian" else None

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Means and logarithms of the variances of z, each of shape (n, k), from x of shape (n, d)."""
        for layer in self.encoder:
            x = relu(layer(x))
        return self.mean(x), self.log_variance(x)

    def decode(self, z: Tensor) -> Tensor:
        """Means of x, or logits of binary ones, shape (..., d), from z of shape (..., k)."""
        for layer in self.decoder[:-1]:
            z = relu(layer(z))
        decoded: Tensor = self.decoder[-1](z)
        return decoded

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        r""":math:`\log p(x \mid z)`, shape (...), from (n, d) and (..., n, k)."""
        decoded = self.decode(z)
        if self.log_noise is None:
            # log σ(l) where x is 1, log σ(-l) where it is 0, and their mixture between.
            return (decoded * x - softplus(decoded)).sum(axis=-1)
        error = x - decoded
        scaled = (error * error).sum(axis=-1) * exp(-self.log_noise)
        return (scaled + self.log_noise * float(x.shape[-1]) + x.shape[-1] * _LOG_2PI) * -0.5

    def elbo(self, x: Tensor, noise: npt.ArrayLike, *, beta: float = 1.0) -> Tensor:
        r"""The evidence lower bound of each row, with one draw and the divergence in closed form, shape (n,).

        .. math:: \log p(x \mid z) - \beta\, \mathrm{KL}(q(z \mid x) \,\|\, p(z)) \quad\text{(in expectation)}
                  \;\le\; \log p(x) \text{ for } \beta = 1

        (Kingma, Welling 2014, eq. 10; :math:`\beta`: Higgins et al. 2017.)

        Args:
            x: Shape (n, d).
            noise: Standard normal draws, shape (n, k).
            beta: Weight of the divergence.
        """
        mean, log_variance = self.encode(x)
        z = reparameterize(mean, log_variance, noise)
        return self.log_likelihood(x, z) - gaussian_kl(mean, log_variance) * beta

    def log_weights(self, x: Tensor, noise: npt.ArrayLike) -> Tensor:
        r""":math:`\log p(x, z) - \log q(z \mid x)` at draws of z, shape (K, n).

        Args:
            x: Shape (n, d).
            noise: Standard normal draws, shape (K, n, k) or (K, 1, k).
        """
        mean, log_variance = self.encode(x)
        drawn = np.asarray(noise, x.dtype)
        z = reparameterize(mean, log_variance, drawn)
        # log p(z) - log q(z | x): the constants of both cancel.
        prior_over_posterior = (log_variance + drawn * drawn - z * z).sum(axis=-1) * 0.5
        weights: Tensor = self.log_likelihood(x, z) + prior_over_posterior
        return weights


class VAE(BaseEstimator):
    r"""Variational autoencoder, as scikit-learn's transformers and density estimators.

    Maximises `VariationalAutoencoder.elbo` by Adam over shuffled batches. Normal likelihoods see rows less their mean,
    over one scale for all columns, so that the common variance means the same in each; densities are those of X itself.
    O(epochs · n · weights).

    Args:
        n_components: The k of z.
        hidden: Widths of the encoder's hidden layers; the decoder has them in reverse.
        likelihood: "gaussian", or "bernoulli" for numbers from 0 to 1.
        beta: Weight of the divergence.
        learning_rate: Of Adam, falling to 0 along half a cosine.
        batch_size: Rows a step of training.
        epochs: Passes over the rows.
        random_state: Seed.

    Attributes:
        network_: The `VariationalAutoencoder`.
        mean_: What is taken from each column, shape (d,).
        scale_: What rows are divided by.
        losses_: Mean of minus the bound, in each epoch.

    >>> X = np.random.default_rng(0).standard_normal((200, 1)) @ [[3.0, -2.0, 1.0]] + 1.0
    >>> model = VAE(1, hidden=(), learning_rate=0.05, batch_size=20, epochs=40, random_state=0).fit(X)
    >>> Z = model.transform(X)
    >>> Z.shape, bool(np.abs(model.inverse_transform(Z) - X).mean() < 0.5)
    ((200, 1), True)
    """

    _kind = "transformer"

    def __init__(
        self,
        n_components: int = 2,
        *,
        hidden: Sequence[int] = (64,),
        likelihood: Likelihood = "gaussian",
        beta: float = 1.0,
        learning_rate: float = 0.01,
        batch_size: int = 128,
        epochs: int = 100,
        random_state: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.hidden = hidden
        self.likelihood = likelihood
        self.beta = beta
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: object = None) -> Self:  # noqa: ARG002  # scikit-learn's signature
        """Learns encoder and decoder.

        Args:
            X: Shape (n, d); from 0 to 1 for a Bernoulli likelihood.
            y: Of no account.

        Raises:
            RangeError: A number in X or a parameter is out of its range.
            ShapeError, DtypeError, EmptyInputError, NotFiniteError: For unusable input.
        """
        rows = self._rows_to_fit(X)
        beta, rate = number_in(self.beta, "beta", 0), number_in(self.learning_rate, "learning_rate", 0, open_low=True)
        epochs, batch = positive_int(self.epochs, "epochs"), positive_int(self.batch_size, "batch_size")
        rng = np.random.default_rng(self.random_state)
        self.network_ = VariationalAutoencoder(
            rows.shape[1],
            self.n_components,
            hidden=self.hidden,
            likelihood=self.likelihood,
            rng=rng,
            dtype=np.float64,
        )
        self.mean_, self.scale_ = np.zeros(rows.shape[1]), 1.0
        if self.likelihood == "gaussian":
            self.mean_ = rows.mean(axis=0)
            self.scale_ = math.sqrt(float(rows.var(axis=0).mean())) or 1.0
        scaled = self._scaled(rows)
        steps = epochs * -(-len(rows) // batch)
        schedule = Adam(lambda step: 0.5 * rate * (1 + math.cos(math.pi * step / steps)))
        optimizer = Optimizer(self.network_, schedule, max_norm=100.0)
        self.losses_ = np.zeros(epochs)
        for epoch in range(epochs):
            order = rng.permutation(len(rows))
            for start in range(0, len(order), batch):
                some = scaled[order[start : start + batch]]
                noise = rng.standard_normal((len(some), self.n_components))
                loss = -self.network_.elbo(Tensor(some), noise, beta=beta).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                self.losses_[epoch] += loss.item() * len(some) / len(rows)
        return self

    def transform(self, X: npt.ArrayLike) -> Array:
        """Means of the encoder, shape (n, k).

        Raises:
            NotFittedError: Before `fit`.
            ShapeError, RangeError, DtypeError, EmptyInputError, NotFiniteError: For unusable input.
        """
        rows = Tensor(self._checked(X))
        with no_grad():
            return self.network_.encode(rows)[0].data

    def fit_transform(self, X: npt.ArrayLike, y: object = None) -> Array:
        """`fit`, then `transform`."""
        return self.fit(X, y).transform(X)

    def inverse_transform(self, Z: npt.ArrayLike) -> Array:
        """Means of X, shape (n, d), from latent rows of shape (n, k).

        Raises:
            NotFittedError: Before `fit`.
            ShapeError, DtypeError, EmptyInputError, NotFiniteError: For unusable input.
        """
        self._check_fitted()
        latent = as_matrix(Z, "Z")
        if latent.shape[1] != self.n_components:
            raise ShapeError(f"Z has {latent.shape[1]} columns, the model has {self.n_components} components")
        with no_grad():
            decoded = self.network_.decode(Tensor(latent))
            means: Array = sigmoid(decoded).data if self.likelihood == "bernoulli" else decoded.data
        return means * self.scale_ + self.mean_

    def sample(self, n_samples: int = 1, random_state: int | None = None) -> Array:
        """Draws of X from the model, noise included, shape (n_samples, d).

        Raises:
            NotFittedError: Before `fit`.
            RangeError: `n_samples` is less than 1.
        """
        self._check_fitted()
        rng = np.random.default_rng(random_state)
        means = self.inverse_transform(rng.standard_normal((positive_int(n_samples, "n_samples"), self.n_components)))
        if self.network_.log_noise is None:
            return (rng.random(means.shape) < means).astype(np.float64)
        deviation = self.scale_ * math.exp(0.5 * self.network_.log_noise.item())
        return means + deviation * rng.standard_normal(means.shape)

    def score_samples(self, X: npt.ArrayLike, *, draws: int = 100, random_state: int | None = 0) -> Array:
        """Log-densities of rows, as `importance_weighted_bound` estimates them from below, shape (n,).

        All rows are given the same draws of noise, so that each one's estimate does not depend on the others.

        Args:
            X: Shape (n, d).
            draws: The K; 1 gives an estimate of the evidence lower bound.
            random_state: Seed of the draws.

        Raises:
            RangeError: `draws` is less than 1. Otherwise as `transform`.
        """
        rows, count = self._checked(X), positive_int(draws, "draws")
        noise = np.random.default_rng(random_state).standard_normal((count, 1, self.n_components))
        with no_grad():
            bound = importance_weighted_bound(self.network_.log_weights(Tensor(rows), noise)).data
        density: Array = bound - rows.shape[1] * math.log(self.scale_)
        return density

    def score(self, X: npt.ArrayLike, y: object = None) -> float:  # noqa: ARG002  # scikit-learn's signature
        """Mean of `score_samples`."""
        return float(self.score_samples(X).mean())

    def _scaled(self, rows: Array) -> Array:
        if self.likelihood == "bernoulli" and (rows.min() < 0 or rows.max() > 1):
            raise RangeError(f"X must hold numbers from 0 to 1, got {rows.min():g} to {rows.max():g}")
        scaled: Array = (rows - self.mean_) / self.scale_
        return scaled

    def _checked(self, X: npt.ArrayLike) -> Array:
        return self._scaled(self._rows_to_use(X, "mean_"))

    def _check_fitted(self) -> None:
        if not hasattr(self, "network_"):
            raise NotFittedError("this VAE is not fitted yet: call fit first")
