"""Laws of batches, training, stopping, and going on from a checkpoint."""

from __future__ import annotations

import io
import json
import math
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox.autograd import Tensor, sqrt
from whitebox.errors import EmptyInputError, NotFiniteError, ShapeError, StateError
from whitebox.nn import (
    DataLoader,
    EarlyStopping,
    History,
    Linear,
    Module,
    Optimizer,
    Parameter,
    ProgressBar,
    Trainer,
    mse_loss,
    pad,
)
from whitebox.nn._history import _ticks
from whitebox.optimize.first_order import Adam, GradientDescent
from whitebox.optimize.schedules import CosineDecay
from whitebox.safetensors import load_safetensors, save_safetensors


class Noisy(Module):
    """A line behind a layer that differs between the modes, draws numbers, and keeps a running mean."""

    buffers = ("running",)

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.line = Linear(2, 1, rng=np.random.default_rng(seed), dtype=np.float64)
        self.rng = np.random.default_rng(seed + 1)
        self.running = np.zeros(2)

    def forward(self, x) -> Tensor:
        if self.training:
            self.running = 0.9 * self.running + 0.1 * x.mean(axis=0)
            x = x * self.rng.integers(0, 2, x.shape) * 2
        return self.line(Tensor(x - self.running))


X = np.random.default_rng(0).standard_normal((11, 2))
Y = X @ [[1.0], [-2.0]] + 0.5


def loss(model, x, y) -> Tensor:
    return mse_loss(model(x), Tensor(y))


def trainer(seed: int = 0, **options) -> Trainer:
    model = Noisy(seed)
    return Trainer(
        model,
        Optimizer(model, Adam(CosineDecay(0.1, 40)), max_norm=3.0),
        loss,
        DataLoader(X, Y, batch_size=4, seed=3),
        validation=DataLoader(X, Y, batch_size=4, seed=5),
        metrics={"error": lambda model, x, y: float(np.abs(model(x).data - y).mean())},
        **options,
    )


# ---- batches


@EXAMPLES
@given(st.integers(1, 12), st.integers(1, 13), st.none() | st.integers(0, 3), st.booleans())
def check_batches(count: int, size: int, seed: int | None, drop_last: bool) -> None:
    if drop_last and size > count:
        return
    x, y = np.arange(count), np.arange(count) * 10
    loader = DataLoader(x, y, batch_size=size, seed=seed, drop_last=drop_last)
    listed = DataLoader(
        list(x), list(y), batch_size=size, seed=seed, drop_last=drop_last, collate=lambda *parts: tuple(parts)
    )
    for _ in range(2):
        batches, same = list(loader), list(listed)
        assert len(batches) == len(loader)
        assert [len(a) for a, _ in batches[:-1]] == [size] * (len(loader) - 1)
        seen = np.concatenate([a for a, _ in batches])
        assert len(set(seen.tolist())) == len(seen) == (count // size * size if drop_last else count)
        assert all((10 * a == b).all() for a, b in batches)
        assert [[list(part) for part in batch] for batch in same] == [[list(part) for part in b] for b in batches]
        if seed is None:
            assert seen.tolist() == list(range(len(seen)))


def test_every_example_comes_once_an_epoch() -> None:
    check_batches()


def orders(seed: int, epochs: int) -> list[list[int]]:
    loader = DataLoader(np.arange(40), batch_size=7, seed=seed)
    return [[int(one) for (batch,) in loader for one in batch] for _ in range(epochs)]


def test_each_epoch_has_an_order_of_its_own_that_the_seed_decides() -> None:
    first, second, third = orders(0, 3)
    assert first != second != third != first
    assert orders(0, 3) == [first, second, third]
    assert orders(1, 1) != [first]


def test_an_epoch_that_was_left_is_begun_anew_unless_its_place_was_loaded() -> None:
    whole = orders(0, 2)
    loader = DataLoader(np.arange(40), batch_size=7, seed=0)
    batches = iter(loader)
    seen = [*next(batches)[0], *next(batches)[0]]
    place = loader.state_dict()
    assert [int(one) for (batch,) in loader for one in batch] == whole[0]
    resumed = DataLoader(np.arange(40), batch_size=7, seed=0)
    resumed.load_state_dict(place)
    assert seen + [one for (batch,) in resumed for one in batch] == whole[0]
    assert [one for (batch,) in resumed for one in batch] == whole[1]
    # Whoever counts the batches, and asks for none beyond the last, has finished an epoch too.
    counted = DataLoader(np.arange(40), batch_size=7, seed=0)
    for _, _ in zip(range(len(counted)), counted, strict=False):
        pass
    assert counted.state_dict()["epoch"] == 1
    for state in ({}, {"epoch": 0, "batch": 6}, {"epoch": -1, "batch": 0}, {"epoch": "x", "batch": 0}):
        with pytest.raises(StateError, match="epoch"):
            counted.load_state_dict(state)


@EXAMPLES
@given(st.lists(st.lists(st.integers(-9, 9), max_size=5), min_size=1, max_size=5), st.sampled_from(["left", "right"]))
def check_padding(sequences: list[list[int]], side: str) -> None:
    padded, lengths = pad(sequences, value=7, side=side)
    assert padded.shape == (len(sequences), max(map(len, sequences)))
    for row, length, sequence in zip(padded.tolist(), lengths, sequences, strict=True):
        filling = [7] * (len(row) - length)
        assert row == (filling + sequence if side == "left" else sequence + filling)
    if any(sequences):
        assert padded.dtype.kind == "i"


def test_padding_keeps_the_sequences() -> None:
    check_padding()
    assert pad([np.ones((1, 2), np.float32), np.ones((3, 2), np.float32)])[0].dtype == np.float32


# ---- training


def test_validation_is_in_evaluation_mode_without_gradients_and_changes_nothing() -> None:
    one = trainer()
    one.model.line.training = False
    state, mode = one._state(), one.model.rng.bit_generator.state
    first = one.evaluate([(X, Y)])
    expected = np.mean((one.model.line(Tensor(X)).data - Y) ** 2)
    assert first["loss"] == pytest.approx(expected)
    assert one.model.rng.bit_generator.state == mode
    assert (one.model.training, one.model.line.training) == (True, False)
    assert all(parameter.grad is None for parameter in one.model.parameters())
    for name, array in one._state().items():
        np.testing.assert_array_equal(array, state[name])


def test_means_are_over_examples_not_over_batches() -> None:
    one = trainer()
    whole = one.evaluate([(X, Y)])
    parts = one.evaluate(DataLoader(X, Y, batch_size=4))
    assert parts == pytest.approx(whole)
    model = Linear(1, 1, rng=np.random.default_rng(0))
    still = Trainer(
        model,
        Optimizer(model, GradientDescent(1e-30)),
        lambda _, y: (model.bias * 0 + Tensor(y)).mean(),
        DataLoader(np.array([1.0, 1.0, 4.0]), batch_size=2),
    )
    assert still.fit(1)["train_loss"] == [2.0]


def test_the_same_seeds_give_the_same_numbers_and_others_do_not() -> None:
    assert trainer().fit(3).rows == trainer().fit(3).rows
    assert trainer().fit(3).rows != trainer(1).fit(3).rows


def test_training_fits_what_can_be_fitted_and_says_what_each_epoch_came_to() -> None:
    model = Linear(2, 1, rng=np.random.default_rng(0), dtype=np.float64)
    one = Trainer(
        model,
        Optimizer(model, Adam(0.1)),
        lambda model, x, y: loss(lambda x: model(Tensor(x)), x, y),
        DataLoader(X, Y, batch_size=4, seed=0),
    )
    history = one.fit(120)
    assert history["epoch"] == list(range(1, 121))
    assert history["train_loss"][-1] < 1e-4 < history["train_loss"][0]
    assert history["gradient_norm"][-1] < history["gradient_norm"][0]
    np.testing.assert_allclose(model.weight.data, [[1.0, -2.0]], atol=0.02)
    assert one.fit(120) is history
    assert len(history) == 120


def test_training_that_goes_on_from_a_checkpoint_gives_the_numbers_of_one_that_was_not_interrupted() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.safetensors"
        whole = trainer(early_stopping=EarlyStopping(50))
        whole.fit(6)
        cut = trainer(early_stopping=EarlyStopping(50))
        cut.fit(3, checkpoint=path)
        assert [one.name for one in path.parent.iterdir()] == [path.name]
        resumed = trainer(seed=9, early_stopping=EarlyStopping(50))
        resumed.load(path)
        assert resumed.epoch == 3
        resumed.fit(6)
        assert resumed.history.rows == whole.history.rows
        ours, theirs = resumed._state(), whole._state()
        assert ours.keys() == theirs.keys()
        for name, array in theirs.items():
            np.testing.assert_array_equal(ours[name], array, err_msg=name)


class Scripted(Module):
    """Its validation loss is what the script says for the epoch, which its only weight counts."""

    buffers = ("seen",)

    def __init__(self, script: list[float]) -> None:
        super().__init__()
        self.weight = Parameter(np.zeros(1))
        self.seen = np.zeros(1)
        self.script = script

    def forward(self, x) -> Tensor:
        if self.training:
            self.seen = self.seen + 1
            return self.weight.sum() * -1.0
        return Tensor(np.array(self.script[round(self.weight.data.item()) - 1]))


def scripted(script: list[float], stopping: EarlyStopping) -> Trainer:
    model = Scripted(script)
    optimizer = Optimizer(model, GradientDescent(1.0))
    batches = DataLoader(np.zeros(1), batch_size=1)
    return Trainer(model, optimizer, lambda model, x: model(x), batches, validation=batches, early_stopping=stopping)


def test_early_stopping_ends_in_time_and_restores_the_best_weights_and_running_means() -> None:
    stopping = EarlyStopping(patience=2)
    one = scripted([5.0, 3.0, 4.0, 3.0, 1.0], stopping)
    assert one.fit(5)["validation_loss"] == [5.0, 3.0, 4.0, 3.0]
    assert (stopping.best, stopping.best_epoch, stopping.finished) == (3.0, 2, True)
    assert one.model.weight.data.tolist() == [2.0]
    assert one.model.seen.tolist() == [2.0]
    # The last epoch ends training too, and is not always the best.
    patient = scripted([5.0, 3.0, 4.0], EarlyStopping(patience=9))
    patient.fit(3)
    assert patient.model.weight.data.tolist() == [2.0]


def test_patience_is_for_epochs_in_a_row() -> None:
    one = scripted([5.0, 6.0, 4.0, 5.0, 3.0, 4.0], EarlyStopping(patience=2))
    assert len(one.fit(6)) == 6


def test_early_stopping_counts_small_gains_as_none_and_can_look_for_more() -> None:
    model = Scripted([])
    small = EarlyStopping(patience=2, minimum_gain=0.5)
    assert [small.update(value, epoch, model) for epoch, value in enumerate([3.0, 2.6, 2.5])] == [False, False, True]
    more = EarlyStopping(patience=1, maximise=True)
    assert [more.update(value, epoch, model) for epoch, value in enumerate([1.0, 2.0, 2.0])] == [False, False, True]
    with pytest.raises(NotFiniteError, match="validation_loss is NaN at epoch 7"):
        EarlyStopping(1).update(math.nan, 7, model)


def test_a_loss_or_gradient_that_is_not_finite_says_where_and_changes_no_weight() -> None:
    model = Linear(1, 1, rng=np.random.default_rng(0))
    before = {name: array.copy() for name, array in model.state_dict().items()}
    x = np.array([[0.0], [0.0], [np.nan]], np.float32)
    one = Trainer(
        model,
        Optimizer(model, GradientDescent(1e-30)),
        lambda model, x: model(Tensor(x)).sum(),
        DataLoader(x, batch_size=1),
    )
    with pytest.raises(NotFiniteError, match="the loss at epoch 1, batch 3 is nan"):
        one.fit(2)
    with pytest.raises(NotFiniteError, match="epoch 0, evaluation batch 1, is nan"):
        one.evaluate([(x,)])
    # The root has no slope at zero.
    steep = Trainer(model, one.optimizer, lambda model, _: sqrt((model.weight * 0).sum()), one.loader)
    with np.errstate(all="ignore"), pytest.raises(NotFiniteError, match="at epoch 1, batch 1: the gradient of weight"):
        steep.fit(1)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


DAMAGE = [
    (lambda state: state.pop("history"), StateError, "lacks history"),
    (lambda state: state.pop("model.line.weight"), StateError, "missing: line.weight"),
    (lambda state: state.update({"model.line.bias": np.zeros(3)}), ShapeError, "line.bias"),
    (lambda state: state.pop("optimizer.line.weight.mean"), StateError, "lacks mean"),
    (lambda state: state.pop("loader.epoch"), StateError, "an epoch and a batch"),
    (lambda state: state.update({"other.thing": np.zeros(1)}), StateError, "other.thing"),
    (lambda state: state.update(history=np.frombuffer(b"[1]", np.uint8)), StateError, "no history"),
    (lambda state: state.update(generators=np.frombuffer(b"[]", np.uint8)), StateError, "random generators"),
    (lambda state: state.update(generators=np.frombuffer(b"[1]", np.uint8)), StateError, "random generators"),
    (lambda state: state.pop("early_stopping.best"), StateError, "lacks best"),
]


def test_a_damaged_checkpoint_changes_nothing() -> None:
    with tempfile.TemporaryDirectory() as folder:
        good, bad = Path(folder) / "good", Path(folder) / "bad"
        one = trainer(early_stopping=EarlyStopping(5))
        one.fit(1, checkpoint=good)
        other = trainer(seed=4, early_stopping=EarlyStopping(5))
        other.fit(2)
        before = {name: array.copy() for name, array in other._state().items()}
        for damage, error, message in DAMAGE:
            state = dict(load_safetensors(good))
            damage(state)
            save_safetensors(bad, state)
            with pytest.raises(error, match=message):
                other.load(bad)
            for name, array in other._state().items():
                np.testing.assert_array_equal(array, before[name], err_msg=f"{message}: {name}")
        other.load(good)
        assert other.history.rows == one.history.rows


def test_a_checkpoint_is_replaced_as_a_whole_or_not_at_all(tmp_path, monkeypatch) -> None:
    one = trainer()
    one.fit(1, checkpoint=tmp_path / "checkpoint")
    before = (tmp_path / "checkpoint").read_bytes()

    def full(*_) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space"):
        one.fit(2, checkpoint=tmp_path / "checkpoint")
    assert (tmp_path / "checkpoint").read_bytes() == before


# ---- what is shown


def test_a_history_is_read_back_and_drawn_to_scale(tmp_path) -> None:
    history = History([{"epoch": 1, "train_loss": 4.0}, {"epoch": 2, "train_loss": 2.0, "validation_loss": 0.1}])
    assert History.from_json(history.to_json()).rows == history.rows
    assert json.loads(history.to_json())[1]["validation_loss"] == 0.1
    history.save_csv(tmp_path / "history.csv")
    assert (tmp_path / "history.csv").read_text() == "epoch,train_loss,validation_loss\n1,4.0,\n2,2.0,0.1\n"
    history.save_svg(tmp_path / "curves.svg", title="a < b")
    tree = ElementTree.parse(tmp_path / "curves.svg")
    name = "{http://www.w3.org/2000/svg}"
    texts = [text.text for text in tree.iter(f"{name}text")]
    assert {"a < b", "train_loss", "validation_loss", "0", "4", "epoch"} <= set(texts)
    line = next(tree.iter(f"{name}polyline")).get("points").split()
    (left, top), (right, below) = (map(float, point.split(",")) for point in line)
    assert left < right
    assert top < below  # the loss fell
    ticks = {
        float(text.text): float(text.get("y")) - 4
        for text in tree.iter(f"{name}text")
        if text.get("text-anchor") == "end" and "loss" not in text.text
    }
    assert ticks[4.0] == pytest.approx(top)
    assert ticks[2.0] == pytest.approx(below)
    with pytest.raises(EmptyInputError, match="no curve"):
        history.save_svg(tmp_path / "none.svg", [])


@EXAMPLES
@given(st.floats(-1e6, 1e6), st.floats(0, 1e6) | st.floats(0, 1e-3))
def check_ticks(low: float, width: float) -> None:
    ticks = _ticks(low, low + width)
    slack = 1e-9 * max(abs(low), width, 1e-300)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= low + width - slack
    assert 2 <= len(ticks) <= 12


def test_the_scale_of_a_drawing_encloses_its_values() -> None:
    check_ticks()


class Screen(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def test_progress_is_shown_on_a_terminal_only_and_cleared_at_the_end() -> None:
    for terminal in (True, False):
        screen = Screen(terminal)
        with ProgressBar(2, "training", stream=screen) as bar:
            bar.advance("loss 1")
            bar.advance("loss 0.5", label="epoch 2")
        shown = screen.getvalue()
        assert shown.endswith("\r\033[K") if terminal else shown == ""
        with ProgressBar(2, stream=Screen(terminal)) as unused:
            pass
        assert unused._stream.getvalue() == ""
        assert ("epoch 2" in shown and "100%" in shown and "loss 0.5" in shown) == terminal
