"""What optimisers, loaders and training do with what they should not be given."""

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

LINE = Linear(1, 1, rng=np.random.default_rng(0))
X = np.ones((3, 1), np.float32)


def trainer(loss=lambda model, x: model(Tensor(x)).mean(), **options) -> Trainer:
    return Trainer(LINE, Optimizer(LINE, Adam(1e-9)), loss, DataLoader(X, batch_size=2), **options)


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
]


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_but_valid_input_works(call, expected: object) -> None:
    assert plain(call()) == plain(expected)
