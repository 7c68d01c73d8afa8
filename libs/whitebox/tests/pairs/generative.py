"""The pairs of `whitebox.ode`, the graph networks, the autoencoder, two towers and the product of experts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair
from whitebox import reference
from whitebox.autograd import Tensor
from whitebox.graph import edges, gcn, graphsage, uncertainty
from whitebox.linalg.sparse import CSR
from whitebox.multimodal import experts
from whitebox.ode import runge_kutta
from whitebox.recsys import two_tower
from whitebox.reference.multimodal import experts as slow_experts
from whitebox.reference.recsys import two_tower as slow_towers
from whitebox.reference.vi import vae as slow_vae
from whitebox.vi import vae

NUMBER = st.integers(-8, 8).map(lambda n: n / 4)


def _pendulum(t: float, y: Any) -> list[float]:
    return [y[1] + t, -math.sin(y[0])]


def rows(n: int, d: int) -> st.SearchStrategy[list[list[float]]]:
    return st.lists(st.lists(NUMBER, min_size=d, max_size=d), min_size=n, max_size=n)


@st.composite
def convolved(draw: st.DrawFn) -> tuple[Any, ...]:
    """Edges with loops among them, and isolated nodes; their number and weights; features, a map, a shift."""
    n, d, m = draw(st.integers(1, 6)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    node = st.integers(0, n - 1)
    pairs = draw(st.lists(st.tuples(node, node), max_size=9))
    weights = draw(st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=len(pairs), max_size=len(pairs)))
    return pairs, n, weights, draw(rows(n, d)), draw(rows(d, m)), draw(rows(1, m))[0]


def _graph(pairs: Any, n: int, weights: Any, directed: bool = False) -> CSR:
    return edges.adjacency(pairs, n, weights=weights or None, directed=directed)


def _slow_graph(pairs: Any, n: int, weights: Any, directed: bool = False) -> Any:
    return reference.graph.edges.adjacency(pairs, n, weights, directed)


def _slow_normalized(pairs: Any, n: int, weights: Any, *_: Any) -> list[list[float]]:
    found = reference.graph.gcn.normalized_adjacency(_slow_graph(pairs, n, weights))
    return [[row.get(j, 0.0) for j in range(n)] for row in found]


@st.composite
def predictions(draw: st.DrawFn) -> tuple[Any]:
    n, c, draws = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    counts = np.array(draw(st.lists(st.integers(0, 3), min_size=n * c * draws, max_size=n * c * draws)), float)
    counts = counts.reshape(draws, n, c)
    counts[..., 0] += counts.sum(axis=2) == 0
    return ((counts / counts.sum(axis=2, keepdims=True)).tolist(),)


def _aggregation(name: str) -> Pair:
    return Pair(
        f"graph.graphsage.{name}",
        lambda pairs, n, weights, x, *_: getattr(reference.graph.graphsage, name)(
            _slow_graph(pairs, n, weights, True), x
        ),
        lambda pairs, n, weights, x, *_: (
            getattr(graphsage, name)(_graph(pairs, n, weights, True), Tensor(np.array(x))).data
        ),
        convolved(),
        rtol=1e-12,
        atol=1e-14,
    )


@st.composite
def batches(draw: st.DrawFn) -> tuple[Any, ...]:
    """Vectors of users and items, a temperature, the items' numbers with repetitions, and their probabilities."""
    n, d = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    items = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    q = draw(st.lists(st.sampled_from([1.0, 0.5, 0.125]), min_size=n, max_size=n))
    return draw(rows(n, d)), draw(rows(n, d)), draw(st.sampled_from([0.25, 1.0])), items, q


@st.composite
def opinions(draw: st.DrawFn) -> tuple[Any, ...]:
    """Two rows of numbers for each expert, and which are present."""
    n = draw(st.integers(1, 4))
    means, others = (draw(st.lists(NUMBER, min_size=n, max_size=n)) for _ in range(2))
    return means, others, draw(st.lists(st.booleans(), min_size=n, max_size=n)), draw(st.sampled_from([0.5, 1.0, 4.0]))


def _fused(means: Any, log_variances: Any, present: Any, prior: float) -> tuple[float, float]:
    held = [[Tensor(np.array([[number]])) for number in row] for row in (means, log_variances)]
    found = experts.product_of_experts(*held, present=[present], prior_variance=prior)
    return found.mean.item(), found.log_variance.item()


PAIRS = [
    Pair(
        "ode.runge_kutta.rk4_step",
        lambda t, y, h: reference.ode.runge_kutta.rk4_step(_pendulum, t, y, h),
        lambda t, y, h: runge_kutta.rk4_step(lambda t, y: np.array(_pendulum(t, y)), t, np.array(y), h),
        st.tuples(NUMBER, st.lists(NUMBER, min_size=2, max_size=2), NUMBER),
        rtol=1e-13,
        atol=1e-13,
    ),
    Pair(
        "graph.gcn.normalized_adjacency",
        _slow_normalized,
        lambda pairs, n, weights, *_: gcn.normalized_adjacency(_graph(pairs, n, weights)).to_dense(),
        convolved(),
        rtol=1e-13,
    ),
    Pair(
        "graph.gcn.graph_convolution",
        lambda pairs, n, weights, x, w, b: reference.graph.gcn.graph_convolution(
            _slow_graph(pairs, n, weights, True), x, w, b
        ),
        lambda pairs, n, weights, x, w, b: (
            gcn.graph_convolution(_graph(pairs, n, weights, True), *(Tensor(np.array(part)) for part in (x, w, b))).data
        ),
        convolved(),
        rtol=1e-12,
        atol=1e-12,
    ),
    _aggregation("mean_aggregation"),
    _aggregation("max_aggregation"),
    Pair(
        "graph.uncertainty.predictive_uncertainty",
        reference.graph.uncertainty.predictive_uncertainty,
        lambda p: tuple(uncertainty.predictive_uncertainty(p)),
        predictions(),
        rtol=1e-12,
        atol=1e-14,
    ),
    Pair(
        "recsys.two_tower.logq_correction",
        lambda scores, _, __, ___, q: slow_towers.logq_correction([[row[0]] * len(q) for row in scores], q),
        lambda scores, _, __, ___, q: (
            two_tower.logq_correction(Tensor(np.array([[row[0]] * len(q) for row in scores])), q).data
        ),
        batches(),
        rtol=1e-13,
        atol=1e-14,
    ),
    Pair(
        "recsys.two_tower.in_batch_softmax_loss",
        slow_towers.in_batch_softmax_loss,
        lambda queries, keys, temperature, items, q: two_tower.in_batch_softmax_loss(
            Tensor(np.array(queries)), Tensor(np.array(keys)), temperature=temperature, items=items, probabilities=q
        ).item(),
        batches(),
        rtol=1e-9,
        atol=1e-12,
    ),
    Pair(
        "vi.vae.gaussian_kl",
        slow_vae.gaussian_kl,
        lambda mean, log_variance: vae.gaussian_kl(Tensor(np.array(mean)), Tensor(np.array(log_variance))).data,
        st.tuples(rows(2, 3), rows(2, 3)),
        rtol=1e-12,
        atol=1e-14,
    ),
    Pair(
        "vi.vae.reparameterize",
        slow_vae.reparameterize,
        lambda mean, log_variance, noise: (
            vae.reparameterize(Tensor(np.array(mean)), Tensor(np.array(log_variance)), noise).data
        ),
        st.tuples(rows(2, 3), rows(2, 3), rows(2, 3)),
        rtol=1e-12,
        atol=1e-14,
    ),
    Pair(
        "vi.vae.importance_weighted_bound",
        slow_vae.importance_weighted_bound,
        lambda weights: vae.importance_weighted_bound(Tensor(np.array(weights))).data,
        st.tuples(rows(4, 2)),
        rtol=1e-12,
        atol=1e-13,
    ),
    Pair(
        "multimodal.experts.product_of_experts",
        slow_experts.product_of_experts,
        _fused,
        opinions(),
        rtol=1e-12,
        atol=1e-13,
    ),
    Pair(
        "multimodal.experts.product_of_categoricals",
        lambda first, second, present, _: slow_experts.product_of_categoricals(
            [first, second], [0.1 * c for c in range(len(first))], [present[0], present[-1]]
        ),
        lambda first, second, present, _: experts.product_of_categoricals(
            [Tensor(np.array([first])), Tensor(np.array([second]))],
            log_prior=[0.1 * c for c in range(len(first))],
            present=[[present[0], present[-1]]],
        ).data[0],
        opinions(),
        rtol=1e-11,
        atol=1e-12,
    ),
    Pair(
        "multimodal.experts.heteroscedastic_loss",
        lambda mean, log_variance, _, y: slow_experts.heteroscedastic_loss(mean, log_variance, [y] * len(mean)),
        lambda mean, log_variance, _, y: experts.heteroscedastic_loss(
            Tensor(np.array(mean)), Tensor(np.array(log_variance)), [y] * len(mean)
        ).item(),
        opinions(),
        rtol=1e-12,
        atol=1e-13,
    ),
]
