"""What layers and losses do with what they should not be given."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from pairs.pair import plain
from whitebox.autograd import Tensor
from whitebox.errors import DtypeError, EmptyInputError, RangeError, ShapeError
from whitebox.nn import (
    binary_cross_entropy_with_logits,
    bpr_loss,
    contrastive_loss,
    cross_entropy,
    info_nce,
    mse_loss,
)

ROW = Tensor(np.array([1.0, 2.0]))
PAIR = Tensor(np.array([[1.0, 2.0], [0.0, 1.0]]))
NONE = Tensor(np.zeros((0, 2)))
entropy, binary = partial(cross_entropy, PAIR), partial(binary_cross_entropy_with_logits, ROW)
REFUSED = [
    ("a column against a row", partial(mse_loss, ROW, [[1.0], [2.0]]), ShapeError, r"target must have shape \(2,\)"),
    ("no errors", partial(mse_loss, NONE, NONE), EmptyInputError, "no number"),
    ("a logit", partial(cross_entropy, Tensor(1.0), 0), ShapeError, "classes"),
    ("no classes", partial(cross_entropy, Tensor(np.zeros((2, 0))), [0, 0]), ShapeError, "classes"),
    ("targets of other rows", partial(entropy, [0]), ShapeError, r"\(2,\), got \(1,\)"),
    ("targets between classes", partial(entropy, [0.0, 1.0]), DtypeError, "whole numbers"),
    ("a target that is no class", partial(entropy, [0, 2]), RangeError, "0 to 1, got 0 to 2"),
    ("a target below 0", partial(entropy, [0, -1]), RangeError, "got -1"),
    ("a weight too many", partial(entropy, [0, 1], weight=[1, 1, 1]), ShapeError, "each of 2 classes"),
    ("a negative weight", partial(entropy, [0, 1], weight=[1, -1]), RangeError, "negative"),
    ("all ignored", partial(entropy, [7, 7], ignore_index=7), EmptyInputError, "none counts"),
    ("all of weight 0", partial(entropy, [0, 0], weight=[0, 1]), EmptyInputError, "none counts"),
    ("no rows", partial(cross_entropy, NONE, np.zeros(0, int)), EmptyInputError, "no row"),
    ("labels smoothed away", partial(entropy, [0, 1], label_smoothing=1.5), RangeError, "label_smoothing"),
    ("answers of another shape", partial(binary, [[1.0, 0.0]]), ShapeError, "targets"),
    ("answers beyond yes", partial(binary, [1.0, 2.0]), RangeError, "0 to 1"),
    ("an answer that is NaN", partial(binary, [1.0, np.nan]), RangeError, "nan"),
    ("a negative weight of yes", partial(binary, [1.0, 0.0], pos_weight=-1), RangeError, "pos_weight"),
    ("weights of yes that do not fit", partial(binary, [1.0, 0.0], pos_weight=[1, 1, 1]), ShapeError, "broadcast"),
    ("no answers", partial(binary_cross_entropy_with_logits, NONE, NONE), EmptyInputError, "no number"),
    ("numbers for vectors", partial(contrastive_loss, ROW, ROW, [1, 0]), ShapeError, "rows"),
    ("pairs of one", partial(contrastive_loss, PAIR, PAIR[:1], [1, 0]), ShapeError, "second"),
    ("a label too few", partial(contrastive_loss, PAIR, PAIR, [1]), ShapeError, "each of 2 pairs"),
    ("labels of -1 and 1", partial(contrastive_loss, PAIR, PAIR, [-1, 1]), RangeError, "not, 0"),
    ("no margin", partial(contrastive_loss, PAIR, PAIR, [1, 0], margin=0), RangeError, "margin"),
    ("no pairs", partial(contrastive_loss, NONE, NONE, []), EmptyInputError, "no number"),
    ("scores against their column", partial(bpr_loss, ROW, [[1.0], [2.0]]), ShapeError, "one by one"),
    ("scores of others", partial(bpr_loss, ROW, [1.0, 2.0, 3.0]), ShapeError, "one by one"),
    ("no scores", partial(bpr_loss, Tensor(np.zeros(0)), np.zeros(0)), EmptyInputError, "no score"),
    ("fewer keys than queries", partial(info_nce, PAIR, PAIR[:1], temperature=1), ShapeError, "m at least n"),
    ("keys of another width", partial(info_nce, PAIR, PAIR[:, :1], temperature=1), ShapeError, r"\(2, 1\)"),
    ("no temperature", partial(info_nce, PAIR, PAIR, temperature=0), RangeError, "temperature"),
    ("no queries", partial(info_nce, NONE, NONE, temperature=1), EmptyInputError, "no query"),
]


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


WORKS = [
    ("logits of ±∞ among the others", lambda: cross_entropy(Tensor([[0.0, -np.inf]]), [0]).data, 0.0),
    ("an ignored row", lambda: cross_entropy(Tensor([[0.0], [0.0]]), [0, -1], ignore_index=-1).data, 0.0),
    ("one class", lambda: cross_entropy(Tensor([[5.0]]), [0]).data, 0.0),
    ("huge logits", lambda: binary_cross_entropy_with_logits(Tensor([1e30, -1e30]), [1.0, 0.0]).data, 0.0),
    ("equal vectors that should differ", lambda: contrastive_loss(PAIR, PAIR, [0, 0]).data, 0.5),
    ("one query and its key", lambda: info_nce(PAIR[:1], PAIR[:1], temperature=0.1).data, 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_input_works(call, expected) -> None:
    assert plain(call()) == expected
