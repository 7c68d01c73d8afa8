"""Laws of layers and losses, and traps of what is computed in one step."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from whitebox import nn
from whitebox.autograd import Tensor, concatenate, gradcheck, no_grad, relu
from whitebox.nn import _windows


def drawn(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return Tensor(np.random.default_rng(seed).standard_normal(shape) * scale, requires_grad=True)


def unrolled(kind: type, layers: int) -> tuple[Callable[..., Tensor], list[Tensor]]:
    """A recurrent network as a function of its inputs, states and weights; all that it returns goes into the result."""
    layer = kind(2, 3, layers=layers, rng=np.random.default_rng(0), dtype=np.float64)
    states = [drawn(layers, 2, 3, seed=seed) for seed in range(1, 3 if kind is nn.LSTM else 2)]

    def run(x: Tensor, *others: Tensor) -> Tensor:
        initial = others[: len(states)]
        outputs, last = layer(x, initial if kind is nn.LSTM else initial[0])
        lasts = [one.transpose(1, 0, 2) for one in (last if kind is nn.LSTM else [last])]
        return concatenate([outputs, *lasts], axis=1)

    return run, [drawn(2, 4, 2), *states, *layer.parameters()]


def given_statistics(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return nn.batch_norm(x, weight, bias, 1e-3, (np.array([0.5, -1.0, 0.0]), np.array([1.0, 4.0, 0.25])))


LABELS = np.array([[0, 2], [3, 9], [1, 1]])
SIMILAR = np.array([1, 0, 0, 1, 0])
CASES: dict[str, tuple[Callable[..., Tensor], list[Tensor]]] = {
    "a convolution": (
        lambda x, w, b: nn.conv2d(x, w, b, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2),
        [drawn(2, 4, 5, 4), drawn(6, 2, 3, 2, seed=1), drawn(6, seed=2)],
    ),
    "a convolution without bias": (nn.conv2d, [drawn(1, 2, 3, 3), drawn(1, 2, 2, 2, seed=1)]),
    "the largest of windows": (lambda x: nn.max_pool2d(x, 3, stride=2, padding=1), [drawn(2, 2, 5, 6)]),
    "the mean of windows": (
        lambda x: nn.avg_pool2d(x, (3, 2), stride=(2, 1), padding=1, count_include_pad=False),
        [drawn(2, 2, 5, 4)],
    ),
    "the mean of windows and padding": (lambda x: nn.avg_pool2d(x, 2, padding=1), [drawn(1, 2, 4, 4)]),
    "the mean of an image": (nn.global_avg_pool2d, [drawn(2, 3, 2, 4)]),
    "a batch": (lambda x, w, b: nn.batch_norm(x, w, b, 1e-3), [drawn(3, 3, 2), drawn(3, seed=1), drawn(3, seed=2)]),
    "given statistics": (given_statistics, [drawn(3, 3), drawn(3, seed=1), drawn(3, seed=2)]),
    "an LSTM": unrolled(nn.LSTM, 2),
    "a GRU": unrolled(nn.GRU, 2),
    "squared errors": (nn.mse_loss, [drawn(3, 2), drawn(3, 2, seed=1)]),
    "cross-entropy": (lambda z: nn.cross_entropy(z, LABELS, ignore_index=9), [drawn(3, 2, 4)]),
    "weighted, smoothed cross-entropy": (
        lambda z: nn.cross_entropy(z, LABELS, weight=[1, 2, 0.5, 3], ignore_index=9, label_smoothing=0.2),
        [drawn(3, 2, 4)],
    ),
    "yes or no": (
        lambda z: nn.binary_cross_entropy_with_logits(z, [[0.0, 1.0], [0.3, 1.0]], pos_weight=[2.0, 0.5]),
        [drawn(2, 2)],
    ),
    "pairs": (lambda a, b: nn.contrastive_loss(a, b, SIMILAR, margin=2.0), [drawn(5, 2), drawn(5, 2, seed=1)]),
    "ranks": (nn.bpr_loss, [drawn(4, 1), drawn(4, 3, seed=1)]),
    "keys": (lambda q, k: nn.info_nce(q, k, temperature=0.5), [drawn(3, 2), drawn(5, 2, seed=1)]),
}


def differentiates(*names: str) -> None:
    for name in names:
        function, inputs = CASES[name]
        assert gradcheck(function, *inputs), name


def test_convolutions_differentiate() -> None:
    differentiates("a convolution", "a convolution without bias")


def test_pools_differentiate() -> None:
    differentiates(
        "the largest of windows", "the mean of windows", "the mean of windows and padding", "the mean of an image"
    )


def test_batch_normalisation_differentiates() -> None:
    differentiates("a batch", "given statistics")


def test_recurrent_networks_differentiate() -> None:
    differentiates("an LSTM", "a GRU")


def test_losses_differentiate() -> None:
    differentiates(*list(CASES)[10:])


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_written_to_and_a_second_walk_back_gives_the_same(name: str) -> None:
    function, inputs = CASES[name]
    copies = [Tensor(one.data.copy(), requires_grad=True) for one in inputs]
    if name in ("an LSTM", "a GRU"):
        copies[len(copies) - 8 :] = inputs[len(inputs) - 8 :]  # the layer holds its weights itself
    for one in copies:
        one.data.flags.writeable = False
        one.zero_grad()
    result = function(*copies)
    end = np.cos(np.arange(result.size)).reshape(result.shape)
    end.flags.writeable = False
    gradients = []
    for _ in range(2):
        for one in copies:
            one.zero_grad()
        result.backward(end, retain_graph=True)
        gradients.append([one.grad for one in copies])
    for first, second in zip(*gradients, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", CASES)
def test_single_precision_stays_single(name: str) -> None:
    function, inputs = CASES[name]
    if name in ("an LSTM", "a GRU"):
        layer = (nn.LSTM if name == "an LSTM" else nn.GRU)(2, 3, rng=np.random.default_rng(0))
        inputs, function = [inputs[0]], lambda x: layer(x)[0]
    singles = [Tensor(one.data.astype(np.float32), requires_grad=True) for one in inputs]
    result = function(*singles)
    result.backward(np.ones(result.shape))
    assert {result.dtype, *(one.grad.dtype for one in singles)} == {np.dtype(np.float32)}


# ---- convolution and pooling


def test_a_kernel_lies_on_the_image_as_it_is_written() -> None:
    image, kernel = np.zeros((1, 1, 5, 5)), drawn(1, 1, 3, 3)
    image[0, 0, 2, 2] = 1
    # A single bright pixel is seen by each place of the kernel in turn: the other way round.
    found = nn.conv2d(Tensor(image), kernel).data[0, 0]
    np.testing.assert_allclose(found, kernel.data[0, 0, ::-1, ::-1])


def test_a_moved_image_gives_a_moved_result() -> None:
    x, w = drawn(1, 2, 8, 8), drawn(3, 2, 3, 3, seed=1)
    moved = Tensor(np.roll(x.data, (1, 2), axis=(2, 3)))
    inside = np.s_[:, :, 2:-2, 3:-3]
    np.testing.assert_allclose(
        nn.conv2d(moved, w, padding=1).data[inside],
        np.roll(nn.conv2d(x, w, padding=1).data, (1, 2), axis=(2, 3))[inside],
    )


def test_one_pixel_kernels_are_linear_maps_of_channels() -> None:
    x, w, b = drawn(2, 3, 4, 5), drawn(6, 3, 1, 1, seed=1), drawn(6, seed=2)
    expected = nn.linear(x.transpose(0, 2, 3, 1), w.reshape(6, 3), b).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(nn.conv2d(x, w, b).data, expected.data)


def test_groups_do_not_see_each_other() -> None:
    x, w = drawn(2, 6, 5, 5), drawn(9, 2, 3, 3, seed=1)
    whole = nn.conv2d(x, w, groups=3).data
    parts = [nn.conv2d(x[:, 2 * g : 2 * g + 2], w[3 * g : 3 * g + 3]).data for g in range(3)]
    np.testing.assert_allclose(whole, np.concatenate(parts, axis=1))


@pytest.mark.parametrize("block", [1, 70, 300])
def test_what_is_worked_on_together_does_not_matter(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [name for name in CASES if name not in ("an LSTM", "a GRU")]

    def results() -> list[np.ndarray]:
        found = []
        for function, inputs in (CASES[name] for name in names):
            for one in inputs:
                one.zero_grad()
            result = function(*inputs)
            result.backward(np.cos(np.arange(result.size)).reshape(result.shape))
            found += [result.data, *(one.grad for one in inputs)]
        return found

    expected = results()
    monkeypatch.setattr(_windows, "_BLOCK", block)
    for ours, whole in zip(results(), expected, strict=True):
        np.testing.assert_allclose(ours, whole, rtol=1e-12, atol=1e-14)


def test_images_do_not_see_what_was_taken_before_them() -> None:
    x, w = drawn(5, 2, 6, 6), drawn(3, 2, 3, 3, seed=1)
    alone = np.concatenate([nn.conv2d(x[i : i + 1], w, padding=2, stride=2).data for i in range(5)])
    np.testing.assert_allclose(nn.conv2d(x, w, padding=2, stride=2).data, alone)


def peak_beside_the_result(images: int) -> int:
    x, w = Tensor(np.ones((images, 8, 40, 40), np.float32)), Tensor(np.ones((2, 8, 5, 5), np.float32))
    tracemalloc.start()
    result = nn.conv2d(x, w)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak - result.data.nbytes


def test_columns_exist_for_one_block_of_images_only() -> None:
    assert peak_beside_the_result(16) < 1.1 * peak_beside_the_result(1)


def test_one_tensor_in_several_places_gets_the_sum_of_their_gradients() -> None:
    assert gradcheck(lambda x: nn.conv2d(x, x, padding=1), drawn(2, 2, 3, 3))
    assert gradcheck(lambda x: nn.info_nce(x, x, temperature=0.5), drawn(3, 2))
    assert gradcheck(lambda x: nn.contrastive_loss(x, x[::-1], [1, 0, 1, 0]), drawn(4, 2, scale=0.1))
    assert gradcheck(lambda x: nn.batch_norm(x, x[0], x[1], 1e-3), drawn(4, 3))


def test_padding_never_wins_and_counts_only_where_it_should() -> None:
    below = Tensor(np.full((1, 1, 3, 3), -2.0))
    assert (nn.max_pool2d(below, 3, stride=1, padding=1).data == -2).all()
    assert (nn.avg_pool2d(below, 3, stride=1, padding=1, count_include_pad=False).data == -2).all()
    counted = nn.avg_pool2d(below, 3, stride=1, padding=1).data[0, 0]
    np.testing.assert_allclose(counted[:2, :2], [[-8 / 9, -12 / 9], [-12 / 9, -2]])


def test_only_the_first_of_equal_numbers_gets_the_gradient() -> None:
    x = Tensor(np.ones((1, 1, 2, 2)), requires_grad=True)
    nn.max_pool2d(x, 2).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[[[1, 0], [0, 0]]]]


# ---- normalisation, dropout, residual paths


def test_a_batch_has_mean_0_and_variance_1_and_its_statistics_are_followed() -> None:
    layer = nn.BatchNorm2d(3, momentum=0.25, epsilon=0.0, dtype=np.float64)
    x = drawn(4, 3, 2, 2, scale=3.0)
    y = layer(x).data
    np.testing.assert_allclose(y.mean(axis=(0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=(0, 2, 3)), 1)
    np.testing.assert_allclose(layer.running_mean, 0.25 * x.data.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(layer.running_var, 0.75 + 0.25 * x.data.var(axis=(0, 2, 3), ddof=1))


def test_statistics_without_momentum_are_those_of_all_batches() -> None:
    layer = nn.BatchNorm1d(2, momentum=None, dtype=np.float64)
    batches = [drawn(5, 2, seed=seed) for seed in range(4)]
    for batch in batches:
        layer(batch)
    np.testing.assert_allclose(layer.running_mean, np.mean([batch.data.mean(axis=0) for batch in batches], axis=0))
    np.testing.assert_allclose(
        layer.running_var, np.mean([batch.data.var(axis=0, ddof=1) for batch in batches], axis=0)
    )
    assert layer.num_batches_tracked == 4


def test_in_use_a_row_does_not_depend_on_its_neighbours_and_nothing_is_followed() -> None:
    layer = nn.BatchNorm1d(2, dtype=np.float64)
    layer(drawn(6, 2))
    layer.eval()
    before = {name: value.copy() for name, value in layer.state_dict().items()}
    x = drawn(5, 2, seed=1)
    np.testing.assert_allclose(layer(x).data[:1], layer(x[:1]).data)
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_a_state_that_was_saved_does_not_move_on() -> None:
    layer = nn.BatchNorm1d(2)
    saved = layer.state_dict()
    layer(Tensor(np.ones((3, 2), np.float32)))
    assert saved["running_mean"].tolist() == [0, 0]
    assert saved["num_batches_tracked"] == 0


def test_dropout_keeps_the_expected_value_and_its_gradient_passes_where_numbers_did() -> None:
    layer = nn.Dropout(0.3, rng=np.random.default_rng(0))
    x = Tensor(np.full(40_000, 2.0), requires_grad=True)
    y = layer(x)
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(np.unique(y.data), [0, 2 / 0.7])
    np.testing.assert_array_equal(x.grad, y.data / 2)
    # Four standard errors of the mean.
    assert abs(y.data.mean() - 2) < 4 * y.data.std() / math.sqrt(y.size)
    assert not np.array_equal(layer(x).data, y.data)
    again = nn.Dropout(0.3, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(again(x).data, y.data)
    assert layer.eval()(x) is x


def test_a_gradient_comes_through_fifty_residual_blocks_and_dies_in_fifty_plain_ones() -> None:
    rng = np.random.default_rng(0)

    def block() -> list[Any]:
        return [nn.Linear(8, 8, rng=rng, dtype=np.float64), relu]

    x = drawn(1, 8)
    lengths = []
    residual = nn.Sequential(*(nn.Residual(*block()) for _ in range(50)))
    plain = nn.Sequential(*(layer for _ in range(50) for layer in block()))
    for stacked in (residual, plain):
        x.zero_grad()
        stacked(x).sum().backward()
        lengths.append(np.linalg.norm(x.grad))
    assert lengths[0] > 1
    assert lengths[1] < 1e-12


def test_a_network_of_all_kinds_of_layers_has_its_weights_by_name() -> None:
    rng = np.random.default_rng(0)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, rng=rng),
        nn.BatchNorm2d(4),
        relu,
        nn.MaxPool2d(2),
        nn.Residual(
            nn.Conv2d(4, 4, 3, padding=1, rng=rng), nn.Dropout(0.1, rng=rng), shortcut=nn.Conv2d(4, 4, 1, rng=rng)
        ),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 3, rng=rng),
    )
    loss = nn.cross_entropy(network(Tensor(rng.random((5, 1, 8, 8), dtype=np.float32))), [0, 1, 2, 0, 1])
    loss.backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []
    assert {"layers.0.weight", "layers.1.bias", "layers.4.body.layers.0.weight", "layers.4.shortcut.bias"} <= {
        name for name, _ in network.named_parameters()
    }
    assert "layers.1.running_var" in network.state_dict()


# ---- recurrence


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_nothing_of_the_future_reaches_the_past_and_a_pass_can_be_interrupted(kind: type) -> None:
    layer = kind(3, 4, layers=2, rng=np.random.default_rng(0), dtype=np.float64)
    x = drawn(2, 6, 3)
    outputs, last = layer(x)
    first, state = layer(x[:, :2])
    second, end = layer(x[:, 2:], state)
    np.testing.assert_allclose(np.concatenate([first.data, second.data], axis=1), outputs.data)
    for ours, whole in zip(end if kind is nn.LSTM else [end], last if kind is nn.LSTM else [last], strict=True):
        np.testing.assert_allclose(ours.data, whole.data)


def test_the_gates_explain_the_states() -> None:
    lstm, gru = (kind(3, 4, layers=2, rng=np.random.default_rng(0), dtype=np.float64) for kind in (nn.LSTM, nn.GRU))
    x = drawn(2, 5, 3, scale=2.0)
    outputs, (_, cell) = lstm(x)
    gates = lstm.gates(x)
    assert len(gates) == 2
    i, f, g, o, c = gates[1]
    np.testing.assert_allclose(o * np.tanh(c), outputs.data)
    np.testing.assert_allclose(c[:, 1:], f[:, 1:] * c[:, :-1] + i[:, 1:] * g[:, 1:])
    np.testing.assert_allclose([one.state[:, -1] for one in gates], cell.data)
    assert all(((one > 0) & (one < 1)).all() for one in (i, f, o))
    states, _ = gru(x)
    _, z, new = gru.gates(x)[1]
    np.testing.assert_allclose(states.data[:, 1:], (1 - z[:, 1:]) * new[:, 1:] + z[:, 1:] * states.data[:, :-1])


def test_an_open_forget_gate_carries_cell_and_gradient_over_a_thousand_steps() -> None:
    layer = nn.LSTM(1, 2, rng=np.random.default_rng(0), dtype=np.float64)
    state = {name: np.zeros_like(value) for name, value in layer.state_dict().items()}
    # Gates i, f, g, o of two units: nothing enters, everything stays, everything is shown.
    state["bias_ih_l0"] = np.array([-40.0, -40.0, 40.0, 40.0, 0.0, 0.0, 40.0, 40.0])
    layer.load_state_dict(state)
    cell = Tensor(np.array([[[0.5, -1.0]]]), requires_grad=True)
    _, (_, last) = layer(Tensor(np.ones((1, 1000, 1))), (Tensor(np.zeros((1, 1, 2))), cell))
    last.sum().backward()
    np.testing.assert_allclose(last.data, cell.data)
    np.testing.assert_allclose(cell.grad, 1)


def test_a_full_update_gate_keeps_the_state() -> None:
    layer = nn.GRU(1, 2, rng=np.random.default_rng(0), dtype=np.float64)
    state = layer.state_dict() | {"bias_ih_l0": np.array([0.0, 0.0, 60.0, 60.0, 0.0, 0.0])}
    layer.load_state_dict(state)
    before = Tensor(np.array([[[0.25, -0.5]]]))
    np.testing.assert_allclose(layer(drawn(1, 20, 1), before)[1].data, before.data)


# ---- losses


def test_losses_have_their_known_values() -> None:
    with no_grad():
        even = Tensor(np.zeros((5, 8)))
        assert nn.cross_entropy(even, [0, 1, 2, 3, 7]).item() == pytest.approx(math.log(8))
        assert nn.info_nce(even, even, temperature=0.1).item() == pytest.approx(math.log(5))
        assert nn.bpr_loss(even, even).item() == pytest.approx(math.log(2))
        assert nn.binary_cross_entropy_with_logits(even, even).item() == pytest.approx(math.log(2))
        # Far beyond the margin nothing is left to do.
        assert nn.contrastive_loss(even, even + 9.0, np.zeros(5), margin=1.0).item() == 0
        # The positive stands in the sum, so that the loss is never negative, and goes to 0.
        keys = Tensor(np.eye(4) * 10)
        assert 0 <= nn.info_nce(keys, keys, temperature=1.0).item() < 1e-9


def test_smoothing_spreads_the_whole_of_what_it_takes() -> None:
    z, targets = drawn(6, 4), np.array([0, 1, 2, 3, 0, 1])
    sharp = nn.cross_entropy(z, targets).item()
    of_each = [nn.cross_entropy(z, np.full(6, c)).item() for c in range(4)]
    smoothed = nn.cross_entropy(z, targets, label_smoothing=0.3).item()
    assert smoothed == pytest.approx(0.7 * sharp + 0.3 * np.mean(of_each))
    # Where the softmax is the smoothed label itself, there is nothing to learn.
    labels = np.full((6, 4), 0.3 / 4)
    labels[np.arange(6), targets] += 0.7
    best = Tensor(np.log(labels), requires_grad=True)
    nn.cross_entropy(best, targets, label_smoothing=0.3).backward()
    np.testing.assert_allclose(best.grad, 0, atol=1e-12)


def test_what_is_ignored_and_what_weighs_nothing_changes_neither_loss_nor_gradient() -> None:
    z = drawn(4, 3)
    expected = nn.cross_entropy(z[:2], [0, 1]).item()
    assert nn.cross_entropy(z, [0, 1, -1, -1], ignore_index=-1).item() == pytest.approx(expected)
    assert nn.cross_entropy(z, [0, 1, 2, 2], weight=[1, 1, 0]).item() == pytest.approx(expected)
    nn.cross_entropy(z, [0, 1, -1, -1], ignore_index=-1, label_smoothing=0.1).backward()
    assert z.grad is not None
    assert (z.grad[2:] == 0).all()


def test_extreme_scores_do_not_overflow() -> None:
    far = Tensor(np.array([[1e4, -1e4, 0.0]]), requires_grad=True)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        losses = [
            nn.cross_entropy(far, [1]),
            nn.binary_cross_entropy_with_logits(far, [[0.0, 1.0, 0.5]]),
            nn.bpr_loss(-far, far),
            nn.info_nce(far, far, temperature=1.0),
        ]
        for loss in losses:
            loss.backward()
    assert [losses[0].item(), losses[3].item()] == [2e4, 0]
    assert losses[1].item() == pytest.approx((2e4 + math.log(2)) / 3)
    assert np.isfinite(far.grad).all()


def test_pairs_are_drawn_together_and_pushed_apart_to_the_margin() -> None:
    a, b = drawn(6, 2), drawn(6, 2, seed=1)
    similar = np.array([1, 1, 1, 0, 0, 0])
    for _ in range(400):
        a.zero_grad()
        nn.contrastive_loss(a, b.detach(), similar, margin=2.0).backward()
        a.data = a.data - 0.5 * a.grad
    distance = np.linalg.norm(a.data - b.data, axis=1)
    np.testing.assert_allclose(distance[:3], 0, atol=1e-6)
    assert (distance[3:] > 2 - 1e-6).all()
