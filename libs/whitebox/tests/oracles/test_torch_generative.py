"""Dense formulas in PyTorch on copied weights, forward and backward."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox.autograd import Tensor
from whitebox.graph.edges import adjacency
from whitebox.graph.gcn import GraphConvolution, normalized_adjacency
from whitebox.graph.graphsage import SageLayer, sample_neighbours
from whitebox.multimodal.experts import heteroscedastic_loss, product_of_experts
from whitebox.ode.neural_ode import NeuralODE, VectorField
from whitebox.recsys.two_tower import in_batch_softmax_loss
from whitebox.vi.vae import VariationalAutoencoder, importance_weighted_bound

torch = pytest.importorskip("torch")
F = torch.nn.functional

SEED = st.integers(0, 2**31)


def leaf(array: np.ndarray):
    return torch.tensor(array, requires_grad=True)


def copied(module) -> dict:
    return {name: leaf(array) for name, array in module.state_dict().items()}


def compare(ours: dict[str, Tensor], theirs: dict, rtol: float = 1e-9) -> None:
    for name, one in ours.items():
        expected = theirs[name].grad
        expected = np.zeros(one.shape) if expected is None else expected.numpy()
        np.testing.assert_allclose(one.grad, expected, rtol=rtol, atol=1e-11, err_msg=name)


def drawn_graph(rng: np.random.Generator, n: int):
    pairs = rng.integers(0, n, (int(rng.integers(0, 3 * n)), 2))
    graph = adjacency(pairs, n, weights=rng.uniform(0.5, 2, len(pairs)) if len(pairs) else None)
    return graph, torch.tensor(graph.to_dense())


@EXAMPLES
@given(SEED, st.integers(1, 9), st.integers(1, 5), st.integers(1, 4))
def test_graph_convolution(seed: int, n: int, d: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    graph, A = drawn_graph(rng, n)
    layer = GraphConvolution(d, m, rng=rng, dtype=np.float64)
    x, g = Tensor(rng.standard_normal((n, d)), requires_grad=True), rng.standard_normal((n, m))
    found = layer(normalized_adjacency(graph), x)
    found.backward(g)
    weights, y = copied(layer), leaf(x.data)
    looped = A + torch.eye(n, dtype=torch.float64)
    root = torch.diag(looped.sum(1) ** -0.5)
    expected = root @ looped @ root @ y @ weights["weight"] + weights["bias"]
    np.testing.assert_allclose(found.data, expected.detach().numpy(), rtol=1e-9, atol=1e-12)
    expected.backward(torch.tensor(g))
    compare({**dict(layer.named_parameters()), "x": x}, {**weights, "x": y})


@EXAMPLES
@given(SEED, st.integers(1, 8), st.integers(1, 4), st.sampled_from(["mean", "pool"]))
def test_graphsage_layer(seed: int, n: int, d: int, aggregator: str) -> None:
    rng = np.random.default_rng(seed)
    graph, A = drawn_graph(rng, n)
    layer = SageLayer(d, 3, aggregator=aggregator, rng=rng, dtype=np.float64)
    x, g = Tensor(rng.standard_normal((n, d)), requires_grad=True), rng.standard_normal((n, 3))
    found = layer(sample_neighbours(graph, np.arange(n), None, rng), x)
    found.backward(g)
    weights, y = copied(layer), leaf(x.data)
    if aggregator == "mean":
        gathered = A @ y / A.sum(1, keepdim=True).clamp(min=1e-300)
    else:
        hidden = torch.relu(y @ weights["pool.weight"].T + weights["pool.bias"])
        far = torch.where(A[:, :, None] > 0, hidden[None], torch.tensor(-1.0, dtype=torch.float64))
        # ReLU leaves nothing below 0: where no neighbour is, the largest is 0.
        gathered = torch.relu(far.amax(dim=1))
    expected = torch.cat([y, gathered], 1) @ weights["linear.weight"].T + weights["linear.bias"]
    np.testing.assert_allclose(found.data, expected.detach().numpy(), rtol=1e-9, atol=1e-12)
    expected.backward(torch.tensor(g))
    compare({**dict(layer.named_parameters()), "x": x}, {**weights, "x": y})


@EXAMPLES
@given(SEED, st.integers(1, 6), st.integers(1, 4), st.booleans())
def test_two_tower_loss(seed: int, n: int, d: int, masked: bool) -> None:
    rng = np.random.default_rng(seed)
    queries, keys = (Tensor(rng.standard_normal((n, d)), requires_grad=True) for _ in range(2))
    items, q = rng.integers(0, 4, n), rng.uniform(0.01, 1, n)
    found = in_batch_softmax_loss(queries, keys, temperature=0.3, items=items if masked else None, probabilities=q)
    found.backward()
    a, b = leaf(queries.data), leaf(keys.data)
    logits = a @ b.T / 0.3 - torch.log(torch.tensor(q))
    if masked:
        again = torch.tensor(items[:, None] == items) & ~torch.eye(n, dtype=torch.bool)
        logits = logits.masked_fill(again, float("-inf"))
    expected = F.cross_entropy(logits, torch.arange(n))
    np.testing.assert_allclose(found.item(), expected.item(), rtol=1e-10, atol=1e-13)
    expected.backward()
    compare({"queries": queries, "keys": keys}, {"queries": a, "keys": b})


@EXAMPLES
@given(SEED, st.sampled_from(["gaussian", "bernoulli"]), st.sampled_from([(), (4,), (5, 3)]))
def test_autoencoder(seed: int, likelihood: str, hidden: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed)
    model = VariationalAutoencoder(4, 2, hidden=hidden, likelihood=likelihood, rng=rng, dtype=np.float64)
    x, noise = rng.random((3, 4)), rng.standard_normal((5, 3, 2))
    weights = copied(model)

    def mapped(name: str, value):
        return value @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    y = torch.tensor(x)
    h = y
    for place in range(len(hidden)):
        h = torch.relu(mapped(f"encoder.{place}", h))
    posterior = torch.distributions.Normal(mapped("mean", h), torch.exp(mapped("log_variance", h) / 2))
    prior = torch.distributions.Normal(torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64))
    z = posterior.mean + posterior.stddev * torch.tensor(noise)
    decoded = z
    for place in range(len(hidden) + 1):
        decoded = mapped(f"decoder.{place}", decoded if place == 0 else torch.relu(decoded))
    if likelihood == "bernoulli":
        log_px = -F.binary_cross_entropy_with_logits(decoded, y.expand_as(decoded), reduction="none").sum(-1)
    else:
        log_px = torch.distributions.Normal(decoded, torch.exp(weights["log_noise"] / 2)).log_prob(y).sum(-1)
    kl = torch.distributions.kl_divergence(posterior, prior).sum(-1)
    log_w = log_px + prior.log_prob(z).sum(-1) - posterior.log_prob(z).sum(-1)
    ours = [
        model.elbo(Tensor(x), noise[0], beta=0.7).sum(),
        importance_weighted_bound(model.log_weights(Tensor(x), noise)).sum(),
    ]
    theirs = [(log_px[0] - 0.7 * kl).sum(), (torch.logsumexp(log_w, 0) - np.log(5)).sum()]
    for found, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(found.item(), expected.item(), rtol=1e-10)
        model.zero_grad()
        for one in weights.values():
            one.grad = None
        found.backward()
        expected.backward(retain_graph=True)
        compare({k: v for k, v in model.named_parameters() if v.grad is not None}, weights, rtol=1e-8)


@EXAMPLES
@given(SEED, st.booleans(), st.integers(1, 3))
def test_neural_ode_through_the_solver(seed: int, with_time: bool, steps: int) -> None:
    rng = np.random.default_rng(seed)
    field = VectorField(2, hidden=(4,), with_time=with_time, rng=rng, dtype=np.float64)
    y0, times = Tensor(rng.standard_normal((3, 2)), requires_grad=True), np.cumsum(rng.uniform(0.1, 0.5, 3))
    g = rng.standard_normal((3, 3, 2))
    found = NeuralODE(field, steps=steps)(y0, times)
    found.backward(g)
    weights, y = copied(field), leaf(y0.data)

    def derivative(t: float, state):
        if with_time:
            state = torch.cat([state, torch.full((3, 1), t, dtype=torch.float64)], 1)
        hidden = torch.tanh(state @ weights["layers.0.weight"].T + weights["layers.0.bias"])
        return hidden @ weights["layers.1.weight"].T + weights["layers.1.bias"]

    states = [y]
    for start, end in pairwise(times):
        h, state = (end - start) / steps, states[-1]
        for number in range(steps):
            t = start + number * h
            k1 = derivative(t, state)
            k2 = derivative(t + h / 2, state + h / 2 * k1)
            k3 = derivative(t + h / 2, state + h / 2 * k2)
            k4 = derivative(t + h, state + h * k3)
            state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        states.append(state)
    expected = torch.stack(states)
    np.testing.assert_allclose(found.data, expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    expected.backward(torch.tensor(g))
    compare({**dict(field.named_parameters()), "y0": y0}, {**weights, "y0": y})


@EXAMPLES
@given(SEED, st.integers(1, 3))
def test_fusion_under_the_heteroscedastic_loss(seed: int, experts: int) -> None:
    rng = np.random.default_rng(seed)
    held = [[Tensor(rng.standard_normal((4, 2)), requires_grad=True) for _ in range(experts)] for _ in range(2)]
    seen, target = rng.random((4, experts)) < 0.7, rng.standard_normal((4, 2))
    belief = product_of_experts(*held, present=seen, prior_variance=1.5)
    found = heteroscedastic_loss(belief.mean, belief.log_variance, target)
    found.backward()
    means, log_variances = ([leaf(one.data) for one in row] for row in held)
    mask = torch.tensor(seen.astype(float)).T[:, :, None]
    precisions = torch.stack(log_variances).neg().exp() * mask
    total = precisions.sum(0) + 1 / 1.5
    mean = (precisions * torch.stack(means)).sum(0) / total
    expected = F.gaussian_nll_loss(mean, torch.tensor(target), 1 / total, eps=0)
    np.testing.assert_allclose(found.item(), expected.item(), rtol=1e-10)
    expected.backward()
    for row, leaves in zip(held, (means, log_variances), strict=True):
        for one, other in zip(row, leaves, strict=True):
            np.testing.assert_allclose(one.grad, other.grad.numpy(), rtol=1e-9, atol=1e-12)
