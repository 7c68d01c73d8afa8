"""What optimisers, loaders, training, and the networks trained do with what they should not be given."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from pairs.pair import plain
from whitebox.autograd import Tensor
from whitebox.errors import DtypeError, EmptyInputError, RangeError, ShapeError, StateError
from whitebox.nn import (
    DataLoader,
    EarlyStopping,
    History,
    Linear,
    Optimizer,
    Parameter,
    ProgressBar,
    Sequential,
    Trainer,
    pad,
)
from whitebox.optimize.first_order import Adam
from whitebox.text.characters import CharacterModel, windows
from whitebox.vision.resnet import BasicBlock, ResNet, resnet18

LINE = Linear(1, 1, rng=np.random.default_rng(0))
X = np.ones((3, 1), np.float32)


def trainer(loss=lambda model, x: model(Tensor(x)).mean(), **options) -> Trainer:
    return Trainer(LINE, Optimizer(LINE, Adam(1e-9)), loss, DataLoader(X, batch_size=2), **options)


RNG = np.random.default_rng(0)
WRITER = CharacterModel("ab", hidden=4, rng=RNG)
TINY = ResNet((1,), classes=2, channels=1, width=2, small_images=True, rng=RNG)
IMAGE = Tensor(np.zeros((1, 1, 4, 4), np.float32))
WEIGHT = Parameter(np.ones(2))
REFUSED = [
    ("nothing to optimise", partial(Optimizer, [], Adam()), EmptyInputError, "no parameter"),
    ("a module without parameters", partial(Optimizer, Sequential(), Adam()), EmptyInputError, "no parameter"),
    ("an array to optimise", partial(Optimizer, [np.ones(2)], Adam()), RangeError, "0 is no parameter but ndarray"),
    ("a parameter twice", partial(Optimizer, [WEIGHT, WEIGHT], Adam()), RangeError, "1 stands there twice"),
    ("a rate for a method", partial(Optimizer, [WEIGHT], 0.1), RangeError, "first_order, got 0.1"),
    ("a norm of 0", partial(Optimizer, [WEIGHT], Adam(), max_norm=0), RangeError, "max_norm"),
    ("a norm that is none", partial(Optimizer, [WEIGHT], Adam(), max_norm=np.nan), RangeError, "max_norm"),
    ("no columns", partial(DataLoader, batch_size=1), EmptyInputError, "at least one column"),
    ("no examples", partial(DataLoader, [], batch_size=1), EmptyInputError, "no examples"),
    ("columns of other lengths", partial(DataLoader, X, X[:2], batch_size=1), ShapeError, r"\[3, 2\]"),
    ("empty batches", partial(DataLoader, X, batch_size=0), RangeError, "batch_size"),
    ("batches that never fill", partial(DataLoader, X, batch_size=4, drop_last=True), RangeError, "fill no batch"),
    ("a negative seed", partial(DataLoader, X, batch_size=1, seed=-1), RangeError, "seed"),
    ("a generator for a seed", partial(DataLoader, X, batch_size=1, seed=np.random.default_rng(0)), RangeError, "seed"),
    ("ragged examples", partial(DataLoader, [[1], [1, 2]], batch_size=1), ShapeError, "collate"),
    ("objects as examples", partial(DataLoader, [None], batch_size=1), DtypeError, "collate"),
    ("a single value as a column", partial(DataLoader, 3, batch_size=1), ShapeError, "single value"),
    ("nothing to pad", partial(pad, []), EmptyInputError, "no sequences"),
    ("numbers to pad", partial(pad, [1, 2]), ShapeError, "sequence 0"),
    ("vectors of other widths to pad", partial(pad, [np.ones((1, 2)), np.ones((1, 3))]), ShapeError, "sequence 1"),
    ("half a token to pad with", partial(pad, [[1], []], value=0.5), RangeError, "0.5"),
    ("a token that does not fit", partial(pad, [np.ones(1, np.int8)], value=300), RangeError, "300"),
    ("padding in the middle", partial(pad, [[1]], side="middle"), RangeError, "side"),
    ("no patience", partial(EarlyStopping, 0), RangeError, "patience"),
    ("a negative gain", partial(EarlyStopping, 1, minimum_gain=-1), RangeError, "minimum_gain"),
    ("best weights before any epoch", partial(EarlyStopping(1).restore, LINE), StateError, "no epoch"),
    ("a number that no epoch has", partial(History([{"epoch": 1}]).__getitem__, "loss"), RangeError, "epoch"),
    ("a history of words", partial(History.from_json, '[{"loss": "low"}]'), StateError, "no history"),
    ("a history that is none", partial(History.from_json, "{"), StateError, "no history"),
    ("nothing to draw", partial(History().save_svg, "/dev/null"), EmptyInputError, "no curve"),
    ("no steps to show", partial(ProgressBar, 0), RangeError, "total"),
    ("no epochs", lambda: trainer().fit(0), RangeError, "epochs"),
    (
        "stopping by a validation that is not made",
        partial(trainer, early_stopping=EarlyStopping(1)),
        RangeError,
        "watches 'validation_loss'; there will be train_loss",
    ),
    ("validation without batches", lambda: trainer(validation=[]).fit(1), EmptyInputError, "no batches"),
    ("a loss of several numbers", lambda: trainer(lambda f, x: f(Tensor(x))).fit(1), ShapeError, r"\(2, 1\)"),
    ("an empty alphabet", partial(CharacterModel, "", rng=RNG), EmptyInputError, "alphabet"),
    ("a character twice", partial(CharacterModel, "aba", rng=RNG), RangeError, "twice"),
    ("no hidden units", partial(CharacterModel, "ab", hidden=0, rng=RNG), RangeError, "hidden"),
    ("all dropped and more", partial(CharacterModel, "ab", dropout=1.5, rng=RNG), RangeError, "p must"),
    ("a character that is unknown", partial(WRITER.encode, "abc"), RangeError, "no 'c'"),
    ("a number that is no character", partial(WRITER.decode, [2]), RangeError, "2 characters"),
    ("half a character", partial(WRITER.decode, [0.5]), DtypeError, "whole numbers"),
    ("characters that are no rows", partial(WRITER, [0, 1]), ShapeError, "rows"),
    ("rows of nothing", partial(WRITER, np.zeros((1, 0), int)), EmptyInputError, "no step"),
    ("a text that predicts nothing", partial(WRITER.bits_per_character, "a"), EmptyInputError, "two characters"),
    ("a prompt of nothing", partial(WRITER.sample, "", 3, rng=RNG), EmptyInputError, "prompt"),
    ("nothing to write", partial(WRITER.sample, "a", 0, rng=RNG), RangeError, "length"),
    ("a prompt in another script", partial(WRITER.sample, "é", 1, rng=RNG), RangeError, "'é'"),
    ("a gate that is none", partial(WRITER.openings, "ab", "cell"), RangeError, "gate must be"),
    ("a layer that is none", partial(WRITER.openings, "ab", layer=1), RangeError, "1 layers"),
    ("gates of nothing", partial(WRITER.openings, ""), EmptyInputError, "empty"),
    ("a text shorter than its pieces", partial(windows, [0, 1, 2], 3), ShapeError, "more than 3"),
    ("pieces of nothing", partial(windows, [0, 1, 2], 0), RangeError, "length"),
    ("a text in rows", partial(windows, [[0, 1, 2]], 1), ShapeError, "vector"),
    ("a network without stages", partial(ResNet, (), rng=RNG), EmptyInputError, "stage"),
    ("a stage without blocks", partial(ResNet, (0,), rng=RNG), RangeError, "layer1"),
    ("a network without width", partial(ResNet, (1,), width=0, rng=RNG), RangeError, "width"),
    ("no classes", partial(ResNet, (1,), classes=0, width=2, rng=RNG), RangeError, "out_features"),
    ("a block without channels", partial(BasicBlock, 0, 1, rng=RNG), RangeError, "channels"),
    ("images of other channels", partial(TINY, IMAGE.broadcast_to((1, 3, 4, 4))), ShapeError, r"\(n, 1, h, w\)"),
    ("an image without a batch", partial(TINY, IMAGE[0]), ShapeError, r"\(1, 4, 4\)"),
    ("a whole network without channels", partial(resnet18, channels=0, classes=2, rng=RNG), RangeError, "channels"),
]


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


WORKS = [
    ("a step without gradients", lambda: Optimizer([Parameter(np.ones(2))], Adam()).step(), 0.0),
    ("a state of nothing", lambda: list(Optimizer([Parameter(np.ones(2))], Adam()).state_dict()), []),
    ("one example", lambda: [x.tolist() for (x,) in DataLoader([7], batch_size=5)], [[7]]),
    ("columns of words", lambda: [x.tolist() for (x,) in DataLoader(["a", "b"], batch_size=2)], [["a", "b"]]),
    ("empty sequences to pad", lambda: pad([[], []])[0].shape, (2, 0)),
    ("an empty sequence among tokens", lambda: pad([[], [3]])[0], [[0], [3]]),
    ("a history without epochs", lambda: (len(History()), History().names()), (0, [])),
    ("more steps than were said", lambda: [ProgressBar(1).advance() for _ in range(2)], [None, None]),
    ("epochs that are finished", lambda: trainer().fit(1)["epoch"], [1]),
    ("a text of one character to read", lambda: WRITER([[0]])[0].shape, (1, 1, 2)),
    ("an alphabet of one character", lambda: CharacterModel("a", rng=RNG).sample("a", 3, rng=RNG), "aaa"),
    ("nothing to encode", lambda: WRITER.decode(WRITER.encode("")), ""),
    ("gates of one character", lambda: WRITER.openings("b").opening.shape, (1, 4)),
    ("an image of one place", lambda: TINY.eval()(IMAGE[:, :, :1, :1]).shape, (1, 2)),
    ("no images", lambda: TINY.eval()(IMAGE[:0]).shape, (0, 2)),
]


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_but_valid_input_works(call, expected: object) -> None:
    assert plain(call()) == plain(expected)
