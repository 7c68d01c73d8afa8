"""The pairs of `whitebox.explain`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair
from whitebox import explain, reference
from whitebox.tree import Tree

slow = reference.explain


SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def games(draw: st.DrawFn) -> tuple[Any, int]:
    """A worth for every coalition, some of them alike."""
    players = draw(st.integers(1, 5))
    return np.random.default_rng(draw(SEEDS)).normal(scale=5, size=2**players).round(draw(st.integers(0, 3))), players


@st.composite
def models(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    """A model that is not additive, a background with ties to x in it, and x."""
    d = draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(SEEDS))
    A = rng.normal(size=(d, 3))

    def predict(X: Any) -> Any:
        return np.prod(np.asarray(X) @ A + 1, axis=-1)

    rows = rng.integers(-2, 3, size=(draw(st.integers(2, 4)), d)).astype(float).tolist()
    return predict, rows[1:], rows[0]


@st.composite
def grown(draw: st.DrawFn, count: int = 1) -> tuple[Any, ...]:
    """A random tree that looks at a column more than once, and rows."""
    d, size = draw(st.integers(1, 4)), draw(st.integers(0, 6))
    rng = np.random.default_rng(draw(SEEDS))
    nodes = 2 * size + 1
    left, right = np.full(nodes, -1), np.full(nodes, -1)
    cover = np.ones(nodes)
    leaves, used = [0], 1
    for _ in range(size):
        node = leaves.pop(int(rng.integers(len(leaves))))
        left[node], right[node] = used, used + 1
        leaves += [used, used + 1]
        used += 2
    for node in range(nodes - 1, -1, -1):
        cover[node] = rng.integers(1, 5) if left[node] < 0 else cover[left[node]] + cover[right[node]]
    made = Tree(
        left, right, rng.integers(0, d, nodes), rng.integers(-2, 3, nodes) + 0.5, rng.normal(size=(nodes, 1)), cover
    )
    return (made, *rng.integers(-3, 4, size=(count, d)).astype(float).tolist())


def _plain(made: Tree) -> Any:
    return (*(part.tolist() for part in made[:4]), made.value[:, 0].tolist(), made.cover.tolist())


def _game(worth: Any) -> Any:
    return lambda members: float(worth[sum(1 << j for j in members)])


PAIRS = [
    Pair(
        "explain.shapley_values",
        lambda worth, players: slow.shapley_values(_game(worth), players),
        lambda worth, players: explain.shapley_values(lambda masks: worth[masks @ (1 << np.arange(players))], players),
        games(),
        rtol=1e-9,
        atol=1e-9,
    ),
    Pair(
        "explain.exact_shap",
        slow.exact_shap,
        lambda predict, background, x: explain.exact_shap(predict, background, x).values,
        models(),
        rtol=1e-9,
        atol=1e-9,
    ),
    Pair(
        "explain.kernel_shap",
        slow.kernel_shap,
        lambda predict, background, x: explain.kernel_shap(predict, background, x).values,
        models(),
        rtol=1e-7,
        atol=1e-7,
    ),
    Pair(
        "explain.tree_shap",
        lambda made, x: slow.tree_shap(_plain(made), x),
        lambda made, x: explain.tree_shap(made, x).values,
        grown(),
        rtol=1e-10,
        atol=1e-10,
    ),
    Pair(
        "explain.interventional_tree_shap",
        lambda made, x, a, b: slow.interventional_tree_shap(_plain(made), [a, b], x),
        lambda made, x, a, b: explain.interventional_tree_shap(made, [a, b], x).values,
        grown(3),
        rtol=1e-10,
        atol=1e-10,
    ),
    Pair(
        "explain.linear_shap",
        lambda w, x, a, b: slow.linear_shap(w, [a, b], x),
        lambda w, x, a, b: explain.linear_shap(w, 1.0, [a, b], x).values,
        st.integers(1, 4).flatmap(
            lambda d: st.tuples(*[st.lists(st.floats(-10, 10), min_size=d, max_size=d) for _ in range(4)])
        ),
        rtol=1e-9,
        atol=1e-9,
    ),
    Pair(
        "explain.integrated_gradients",
        lambda x, start: slow.integrated_gradients(lambda row: [value**3 for value in row], x, start, 8),
        lambda x, start: explain.integrated_gradients(lambda X: X**3, x, start, steps=8),
        st.integers(1, 4).flatmap(
            lambda d: st.tuples(*[st.lists(st.floats(-10, 10), min_size=d, max_size=d) for _ in range(2)])
        ),
        rtol=1e-9,
        atol=1e-9,
    ),
]
