"""What layers and losses do with what they should not be given."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from pairs.pair import plain
from whitebox.autograd import Tensor
from whitebox.errors import DtypeError, EmptyInputError, RangeError, ShapeError
from whitebox.nn import (
    GRU,
    LSTM,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    MaxPool2d,
    Residual,
    avg_pool2d,
    batch_norm,
    binary_cross_entropy_with_logits,
    bpr_loss,
    contrastive_loss,
    conv2d,
    cross_entropy,
    global_avg_pool2d,
    info_nce,
    max_pool2d,
    mse_loss,
)

ROW = Tensor(np.array([1.0, 2.0]))
PAIR = Tensor(np.array([[1.0, 2.0], [0.0, 1.0]]))
NONE = Tensor(np.zeros((0, 2)))
RNG = np.random.default_rng(0)
IMAGE, KERNELS = Tensor(np.arange(16.0).reshape(1, 1, 4, 4)), Tensor(np.ones((2, 1, 3, 3)))
STEPS, STATE = Tensor(np.ones((2, 5, 3))), Tensor(np.ones((1, 2, 4)))
lstm, gru = LSTM(3, 4, rng=RNG, dtype=np.float64), GRU(3, 4, rng=RNG, dtype=np.float64)
ONE, ZERO = Tensor([1.0]), Tensor([0.0])
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
    ("a picture without channels", partial(conv2d, PAIR, KERNELS), ShapeError, "channels, rows"),
    ("a kernel that is a matrix", partial(conv2d, IMAGE, PAIR), ShapeError, "weights"),
    ("an empty kernel", partial(conv2d, IMAGE, KERNELS[:, :, :0]), ShapeError, "weights"),
    ("kernels of more channels", partial(conv2d, Tensor(np.ones((1, 2, 4, 4))), KERNELS), ShapeError, "1 channels"),
    ("outputs that do not split", partial(conv2d, IMAGE, KERNELS, groups=3), RangeError, "3 groups"),
    ("no groups", partial(conv2d, IMAGE, KERNELS, groups=0), RangeError, "groups"),
    ("a bias too many", partial(conv2d, IMAGE, KERNELS, Tensor(np.ones(3))), ShapeError, "each of 2 outputs"),
    ("a window larger than the image", partial(conv2d, IMAGE, KERNELS, dilation=2), ShapeError, "does not fit"),
    ("no steps", partial(conv2d, IMAGE, KERNELS, stride=0), RangeError, "stride"),
    ("steps of a half", partial(conv2d, IMAGE, KERNELS, stride=0.5), RangeError, "stride"),
    ("three steps", partial(conv2d, IMAGE, KERNELS, stride=(1, 1, 1)), RangeError, "stride"),
    ("negative padding", partial(conv2d, IMAGE, KERNELS, padding=(0, -1)), RangeError, "padding"),
    ("no distance", partial(conv2d, IMAGE, KERNELS, dilation=0), RangeError, "dilation"),
    ("channels that do not split", partial(Conv2d, 3, 4, 1, groups=2, rng=RNG), RangeError, "2 groups"),
    ("a layer without channels", partial(Conv2d, 0, 4, 1, rng=RNG), RangeError, "in_channels"),
    ("a layer without outputs", partial(Conv2d, 3, 0, 1, rng=RNG), RangeError, "out_channels"),
    ("a layer without a kernel", partial(Conv2d, 3, 4, 0, rng=RNG), RangeError, "kernel_size"),
    ("a layer of other channels", partial(Conv2d(3, 4, 1, rng=RNG), IMAGE), ShapeError, "3 channels"),
    ("rows to pool", partial(max_pool2d, PAIR, 2), ShapeError, "max_pool2d takes images"),
    ("a pool of more padding than window", partial(max_pool2d, IMAGE, 2, padding=2), RangeError, "half"),
    ("a pool larger than the image", partial(MaxPool2d(5), IMAGE), ShapeError, "does not fit"),
    ("a mean of rows", partial(avg_pool2d, PAIR, 2), ShapeError, "avg_pool2d takes images"),
    ("a mean of more padding than window", partial(AvgPool2d(3, padding=2), IMAGE), RangeError, "half"),
    ("a mean of one channel's numbers", partial(global_avg_pool2d, PAIR), ShapeError, "takes images"),
    ("a mean of no pixels", partial(GlobalAvgPool2d(), IMAGE[:, :, :0]), EmptyInputError, "no pixel"),
    ("a batch of one", partial(BatchNorm1d(2), PAIR[:1]), ShapeError, "two numbers"),
    ("a batch of none", partial(batch_norm, NONE, ROW, ROW, 1e-5), ShapeError, "two numbers"),
    ("channels to normalise that differ", partial(BatchNorm1d(3), PAIR), ShapeError, r"\(3,\) channels"),
    ("an image as a sequence", partial(BatchNorm1d(1), IMAGE), ShapeError, r"\[2, 3\] axes"),
    ("rows as an image", partial(BatchNorm2d(2), PAIR), ShapeError, r"\[4\] axes"),
    ("statistics of other channels", partial(batch_norm, PAIR, ROW, ROW, 0.0, ([1], [1])), ShapeError, "means"),
    ("no channels to normalise", partial(BatchNorm2d, 0), RangeError, "channels"),
    ("a momentum above 1", partial(BatchNorm1d, 2, momentum=2), RangeError, "momentum"),
    ("a probability above 1", partial(Dropout, 1.5, rng=RNG), RangeError, "p must"),
    ("a number to flatten", partial(Flatten(), Tensor(1.0)), ShapeError, "batch"),
    ("no inputs", partial(LSTM, 0, 4, rng=RNG), RangeError, "input_size"),
    ("no memory", partial(GRU, 3, 0, rng=RNG), RangeError, "hidden_size"),
    ("no layers", partial(LSTM, 3, 4, layers=0, rng=RNG), RangeError, "layers"),
    ("one step without an axis", partial(lstm, PAIR), ShapeError, r"LSTM takes \(batch, steps, 3\)"),
    ("inputs of another width", partial(gru, STEPS[..., :2]), ShapeError, "GRU takes"),
    ("no steps to take", partial(lstm, STEPS[:, :0]), EmptyInputError, "LSTM has no step"),
    ("no steps to take in GRU", partial(gru.gates, STEPS[:, :0]), EmptyInputError, "GRU has no step"),
    ("a hidden state of another batch", partial(lstm, STEPS, (STATE[:, :1], STATE)), ShapeError, "the hidden state"),
    ("a cell without layers", partial(lstm, STEPS, (STATE, STATE[0])), ShapeError, "the cell state"),
    ("a state of two layers", partial(gru, STEPS, Tensor(np.ones((2, 2, 4)))), ShapeError, r"\(1, 2, 4\), got"),
    ("a block that changes the shape", partial(Residual(Flatten()), IMAGE), ShapeError, "equal shapes"),
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
    ("no images", lambda: conv2d(IMAGE[:0], KERNELS).data, []),
    ("a window as large as the image", lambda: avg_pool2d(IMAGE, 4).data, [[[[7.5]]]]),
    ("padding wider than the kernel", lambda: conv2d(IMAGE[:, :, :1, :1] + 1, KERNELS[:1, :, :1, :1], padding=1).data, [[[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]]]),
    ("steps wider than the image", lambda: conv2d(IMAGE, KERNELS[:1], stride=9).data, [[[[45.0]]]]),
    ("negative numbers and padding", lambda: max_pool2d(-IMAGE - 1, 2, stride=4, padding=1).data, [[[[-1.0, -4.0], [-13.0, -16.0]]]]),
    ("whole numbers to pool", lambda: max_pool2d(Tensor(np.arange(4).reshape(1, 1, 2, 2)), 2).data, [[[[3]]]]),
    ("a constant channel", lambda: BatchNorm1d(1)(Tensor([[5.0], [5.0]])).data, [[0.0], [0.0]]),
    ("one row of a trained layer", lambda: batch_norm(ONE.reshape(1, 1), ONE, ZERO, 0.0, ([0], [1])).data, [[1.0]]),
    ("everything dropped", lambda: Dropout(1.0, rng=RNG)(ROW).data, [0.0, 0.0]),
    ("nothing dropped", lambda: Dropout(0.0, rng=RNG)(ROW).data, [1.0, 2.0]),
    ("no sequences", lambda: lstm(STEPS[:0])[0].data, []),
    ("one step", lambda: gru(STEPS[:, :1])[0].shape == (2, 1, 4), True),
    ("inputs that open every gate", lambda: np.abs(lstm(STEPS * 1e30)[0].data).max() <= 1, True),
    ("one query and its key", lambda: info_nce(PAIR[:1], PAIR[:1], temperature=0.1).data, 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_input_works(call, expected) -> None:
    assert plain(call()) == expected
