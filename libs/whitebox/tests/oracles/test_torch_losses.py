"""Losses against PyTorch's, with their gradients, where PyTorch is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox import nn
from whitebox.autograd import Tensor

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle
F = torch.nn.functional
DTYPES = st.sampled_from([np.float32, np.float64])
SIZES = st.integers(1, 6)
# Extreme ones overflow where a loss is not computed in one step.
SCALES = st.sampled_from([0.1, 3.0, 300.0])


def drawn(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def agrees(ours, theirs, inputs: list[np.ndarray], dtype: Any) -> None:
    left = [Tensor(one.astype(dtype), requires_grad=True) for one in inputs]
    right = [torch.tensor(one.astype(dtype), requires_grad=True) for one in inputs]
    tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype is np.float32 else {"rtol": 1e-9, "atol": 1e-12}
    with np.errstate(over="raise", invalid="raise"):
        found = ours(*left)
        found.backward()
    expected = theirs(*right)
    expected.backward()
    assert found.dtype == dtype
    np.testing.assert_allclose(found.data, expected.detach().numpy(), **tolerance)
    for one, other in zip(left, right, strict=True):
        assert one.grad is not None
        assert one.grad.dtype == dtype
        np.testing.assert_allclose(one.grad, other.grad.numpy(), **tolerance)


@EXAMPLES
@given(SIZES, SIZES, SCALES, DTYPES)
def test_mse_loss(n: int, d: int, scale: float, dtype: Any) -> None:
    agrees(nn.mse_loss, F.mse_loss, [scale * drawn((n, d)), drawn((n, d), 1)], dtype)


@EXAMPLES
@given(st.tuples(SIZES, SIZES), SIZES, SCALES, st.booleans(), st.booleans(), st.sampled_from([0.0, 0.1, 1.0]), DTYPES)
def test_cross_entropy(
    shape, classes: int, scale: float, weighted: bool, ignoring: bool, smoothing: float, dtype
) -> None:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, classes, shape)
    if ignoring and targets.size > 1:
        targets[-1, -1] = -100
    weight = rng.uniform(0.1, 2, classes).astype(dtype) if weighted else None
    agrees(
        lambda z: nn.cross_entropy(z, targets, weight=weight, ignore_index=-100, label_smoothing=smoothing),
        lambda z: F.cross_entropy(
            z.reshape(-1, classes),
            torch.tensor(targets).reshape(-1),
            weight=None if weight is None else torch.tensor(weight),
            label_smoothing=smoothing,
        ),
        [scale * drawn((*shape, classes))],
        dtype,
    )


@EXAMPLES
@given(SIZES, SIZES, SCALES, st.booleans(), DTYPES)
def test_binary_cross_entropy_with_logits(n: int, d: int, scale: float, weighted: bool, dtype: Any) -> None:
    targets = np.random.default_rng(1).random((n, d)).astype(dtype)
    weight = np.random.default_rng(2).uniform(0.1, 5, d).astype(dtype) if weighted else None
    agrees(
        lambda z: nn.binary_cross_entropy_with_logits(z, targets, pos_weight=weight),
        lambda z: F.binary_cross_entropy_with_logits(
            z, torch.tensor(targets), pos_weight=None if weight is None else torch.tensor(weight)
        ),
        [scale * drawn((n, d))],
        dtype,
    )


@EXAMPLES
@given(SIZES, SIZES, st.sampled_from([0.5, 2.0, 10.0]), DTYPES)
def test_contrastive_loss(n: int, d: int, margin: float, dtype: Any) -> None:
    similar = np.random.default_rng(1).integers(0, 2, n)

    def theirs(a, b):
        distance = (a - b).square().sum(dim=1).sqrt()
        drawn_together, pushed = distance.square(), torch.relu(margin - distance).square()
        return torch.where(torch.tensor(similar) == 1, drawn_together, pushed).mean() / 2

    inputs = [drawn((n, d)), drawn((n, d), 1)]
    agrees(lambda a, b: nn.contrastive_loss(a, b, similar, margin=margin), theirs, inputs, dtype)


@EXAMPLES
@given(SIZES, SIZES, SCALES, DTYPES)
def test_bpr_loss(n: int, k: int, scale: float, dtype: Any) -> None:
    inputs = [scale * drawn((n, 1)), scale * drawn((n, k), 1)]
    agrees(nn.bpr_loss, lambda p, q: -F.logsigmoid(p - q).mean(), inputs, dtype)


@EXAMPLES
@given(SIZES, st.integers(0, 3), SIZES, st.sampled_from([0.05, 1.0]), DTYPES)
def test_info_nce(n: int, others: int, d: int, temperature: float, dtype: Any) -> None:
    agrees(
        lambda q, k: nn.info_nce(q, k, temperature=temperature),
        lambda q, k: F.cross_entropy(q @ k.T / temperature, torch.arange(n)),
        [drawn((n, d)), drawn((n + others, d), 1)],
        dtype,
    )
