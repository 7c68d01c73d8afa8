"""Layers and losses, in pure Python: lists of numbers, one equation each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

Vector = Sequence[float]
Matrix = Sequence[Vector]
# Channels of rows of numbers.
Image = Sequence[Matrix]
Pair = tuple[int, int]


# ---- layers


def linear(x: Matrix, weight: Matrix, bias: Vector) -> list[list[float]]:
    """Each row's products with the rows of the weights, and the bias.

    >>> linear([[1.0, 2.0]], [[1.0, 0.0], [1.0, 1.0]], [0.0, 10.0])
    [[1.0, 13.0]]
    """
    return [[b + _dot(row, one) for one, b in zip(weight, bias, strict=True)] for row in x]


def layer_norm(x: Matrix, weight: Vector, bias: Vector, epsilon: float) -> list[list[float]]:
    """Each row at mean 0 and variance 1, scaled and shifted.

    >>> layer_norm([[1.0, 3.0]], [1.0, 1.0], [0.0, 5.0], 0.0)
    [[-1.0, 6.0]]
    """
    found = []
    for row in x:
        mean, variance = _mean_and_variance(row)
        unit = [(number - mean) / math.sqrt(variance + epsilon) for number in row]
        found.append([u * w + b for u, w, b in zip(unit, weight, bias, strict=True)])
    return found


def rms_norm(x: Matrix, weight: Vector, epsilon: float) -> list[list[float]]:
    """Each row over its root mean square, scaled.

    >>> rms_norm([[3.0, 4.0]], [5.0, 5.0], 12.5)
    [[3.0, 4.0]]
    """
    roots = [math.sqrt(fmean(number**2 for number in row) + epsilon) for row in x]
    return [
        [number / root * w for number, w in zip(row, weight, strict=True)] for row, root in zip(x, roots, strict=True)
    ]


def batch_norm(
    x: Matrix, weight: Vector, bias: Vector, epsilon: float, statistics: tuple[Vector, Vector] | None = None
) -> list[list[float]]:
    """Each column at mean 0 and variance 1, scaled and shifted; or by given means and variances.

    >>> batch_norm([[1.0], [3.0]], [1.0], [0.0], 0.0)
    [[-1.0], [1.0]]
    """
    means, variances = statistics or zip(*(_mean_and_variance(column) for column in zip(*x, strict=True)), strict=True)
    scales = [w / math.sqrt(v + epsilon) for w, v in zip(weight, variances, strict=True)]
    return [[(a - m) * s + b for a, m, s, b in zip(row, means, scales, bias, strict=True)] for row in x]


def conv2d(
    x: Image,
    weight: Sequence[Image],
    bias: Vector,
    *,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> list[list[list[float]]]:
    """One image under a bank of kernels: each number is a sum over channels, rows and columns of a kernel.

    >>> conv2d([[[1.0, 2.0], [3.0, 4.0]]], [[[[1.0, 10.0]]]], [0.0])
    [[[21.0], [43.0]]]
    """
    kernel = (len(weight[0][0]), len(weight[0][0][0]))
    share, outputs = len(weight[0]), len(weight) // groups
    found = []
    for number, (kernels, b) in enumerate(zip(weight, bias, strict=True)):
        seen = x[number // outputs * share :][:share]
        found.append(
            [
                [
                    b + sum(kernels[k][i][j] * channel[r][c] for k, channel in enumerate(seen) for i, j, r, c in places)
                    for places in row
                ]
                for row in _windows(x, kernel, stride, padding, dilation)
            ]
        )
    return found


def max_pool2d(x: Image, kernel: Pair, stride: Pair, padding: Pair) -> list[list[list[float]]]:
    """The largest number of each window.

    >>> max_pool2d([[[1.0, 2.0], [3.0, 4.0]]], (2, 2), (1, 1), (0, 0))
    [[[4.0]]]
    """
    windows = _windows(x, kernel, stride, padding, (1, 1))
    return [[[max(channel[r][c] for _, _, r, c in one) for one in row] for row in windows] for channel in x]


def avg_pool2d(
    x: Image, kernel: Pair, stride: Pair, padding: Pair, count_include_pad: bool = True
) -> list[list[list[float]]]:
    """The mean of each window, padding counting as zeros or not at all.

    >>> avg_pool2d([[[1.0, 2.0], [3.0, 4.0]]], (2, 2), (1, 1), (0, 0))
    [[[2.5]]]
    """
    windows = _windows(x, kernel, stride, padding, (1, 1))
    whole = kernel[0] * kernel[1]
    return [
        [
            [sum(channel[r][c] for _, _, r, c in one) / (whole if count_include_pad else len(one)) for one in row]
            for row in windows
        ]
        for channel in x
    ]


class LSTM:
    """Long short-term memory over one sequence; gates input, forget, candidate, output.

    >>> layer = LSTM([[1.0], [1.0], [1.0], [1.0]], [[0.0]] * 4, [0.0] * 4, [0.0] * 4)
    >>> [round(number, 3) for number in layer([[1.0]])[0]]
    [0.37]
    """

    def __init__(self, weight_ih: Matrix, weight_hh: Matrix, bias_ih: Vector, bias_hh: Vector) -> None:
        self.inputs, self.recurrent = (weight_ih, bias_ih), (weight_hh, bias_hh)
        self.width = len(weight_hh[0])

    def __call__(self, x: Matrix) -> list[list[float]]:
        """The hidden state after each step."""
        h, c = [0.0] * self.width, [0.0] * self.width
        found = []
        for row in x:
            (from_inputs,), (from_state,) = linear([row], *self.inputs), linear([h], *self.recurrent)
            i, f, g, o = _blocks([a + b for a, b in zip(from_inputs, from_state, strict=True)], 4)
            c = [_sigmoid(f[k]) * c[k] + _sigmoid(i[k]) * math.tanh(g[k]) for k in range(self.width)]
            h = [_sigmoid(o[k]) * math.tanh(c[k]) for k in range(self.width)]
            found.append(h)
        return found


class GRU:
    """Gated recurrent units over one sequence; gates reset, update, candidate.

    >>> layer = GRU([[1.0], [1.0], [1.0]], [[0.0]] * 3, [0.0] * 3, [0.0] * 3)
    >>> [round(number, 3) for number in layer([[1.0]])[0]]
    [0.205]
    """

    def __init__(self, weight_ih: Matrix, weight_hh: Matrix, bias_ih: Vector, bias_hh: Vector) -> None:
        self.inputs, self.recurrent = (weight_ih, bias_ih), (weight_hh, bias_hh)
        self.width = len(weight_hh[0])

    def __call__(self, x: Matrix) -> list[list[float]]:
        """The state after each step."""
        h = [0.0] * self.width
        found = []
        for row in x:
            (from_inputs,), (from_state,) = linear([row], *self.inputs), linear([h], *self.recurrent)
            (ri, zi, ni), (rh, zh, nh) = _blocks(from_inputs, 3), _blocks(from_state, 3)
            z = [_sigmoid(zi[k] + zh[k]) for k in range(self.width)]
            new = [math.tanh(ni[k] + _sigmoid(ri[k] + rh[k]) * nh[k]) for k in range(self.width)]
            h = [(1 - z[k]) * new[k] + z[k] * h[k] for k in range(self.width)]
            found.append(h)
        return found


# ---- losses


def mse_loss(prediction: Vector, target: Vector) -> float:
    """The mean squared difference.

    >>> mse_loss([1.0, 4.0], [1.0, 2.0])
    2.0
    """
    return fmean((p - t) ** 2 for p, t in zip(prediction, target, strict=True))


def cross_entropy(
    logits: Matrix,
    targets: Sequence[int],
    weight: Vector | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> float:
    """Minus the log-probability of each target, smoothed towards all classes, averaged by the targets' weights.

    >>> round(cross_entropy([[0.0, 0.0]], [1]), 4)
    0.6931
    """
    classes = len(logits[0])
    weights = weight or [1.0] * classes
    total = mass = 0.0
    for row, target in zip(logits, targets, strict=True):
        if target == ignore_index:
            continue
        for c in range(classes):
            label = label_smoothing / classes + (1 - label_smoothing) * (c == target)
            total -= weights[c] * label * (row[c] - _log_sum_exp(row))
        mass += weights[target]
    return total / mass


def binary_cross_entropy_with_logits(logits: Vector, targets: Vector, pos_weight: float = 1.0) -> float:
    """Minus the log-probability of what was the case, yes counting `pos_weight` times.

    >>> round(binary_cross_entropy_with_logits([0.0], [1.0]), 4)
    0.6931
    """
    return -fmean(
        pos_weight * t * _log_sigmoid(z) + (1 - t) * _log_sigmoid(-z) for z, t in zip(logits, targets, strict=True)
    )


def contrastive_loss(first: Matrix, second: Matrix, similar: Sequence[bool], margin: float = 1.0) -> float:
    """Half the squared distance of similar pairs, and of what others lack to the margin.

    >>> contrastive_loss([[0.0], [0.0]], [[2.0], [0.5]], [True, False])
    1.0625
    """
    losses = []
    for a, b, same in zip(first, second, similar, strict=True):
        distance = math.dist(a, b)
        losses.append((distance if same else max(0.0, margin - distance)) ** 2 / 2)
    return fmean(losses)


def bpr_loss(positive: Vector, negative: Vector) -> float:
    """Minus the log-probability that what was chosen is ranked above what was not.

    >>> round(bpr_loss([1.0], [1.0]), 4)
    0.6931
    """
    return -fmean(_log_sigmoid(p - n) for p, n in zip(positive, negative, strict=True))


def info_nce(queries: Matrix, keys: Matrix, temperature: float) -> float:
    """Minus the log-probability of each query's own key among all keys.

    >>> round(info_nce([[1.0]], [[1.0], [1.0]], 1.0), 4)
    0.6931
    """
    losses = []
    for place, query in enumerate(queries):
        scores = [_dot(query, key) / temperature for key in keys]
        losses.append(_log_sum_exp(scores) - scores[place])
    return fmean(losses)


# ---- what they are made of


# ---- training


class Optimizer:
    """Steepest descent over several vectors, whose gradients are clipped by one norm (Pascanu et al. 2013)."""

    def __init__(self, parameters: Matrix, learning_rate: float, max_norm: float | None = None) -> None:
        self.parameters = [list(vector) for vector in parameters]
        self.learning_rate = learning_rate
        self.max_norm = max_norm

    def step(self, gradients: Sequence[Vector | None]) -> float:
        """Moves each vector that has a gradient; gives the norm of all of them together."""
        norm = math.sqrt(sum(g * g for gradient in gradients if gradient is not None for g in gradient))
        scale = 1.0 if self.max_norm is None else self.max_norm / max(norm, self.max_norm)
        for vector, gradient in zip(self.parameters, gradients, strict=True):
            if gradient is not None:
                vector[:] = [x - self.learning_rate * scale * g for x, g in zip(vector, gradient, strict=True)]
        return norm


class EarlyStopping:
    """Ends training when a number has not fallen for some epochs, and remembers the best one."""

    def __init__(self, patience: int, minimum_gain: float = 0.0) -> None:
        self.patience = patience
        self.minimum_gain = minimum_gain
        self.best, self.best_epoch, self.waited = math.inf, 0, 0

    def update(self, value: float, epoch: int) -> bool:
        """Takes note of an epoch; says whether training should end."""
        if self.best - value > self.minimum_gain:
            self.best, self.best_epoch, self.waited = value, epoch, 0
        else:
            self.waited += 1
        return self.waited >= self.patience


def pad(sequences: Sequence[Vector], value: float = 0, side: str = "right") -> tuple[list[list[float]], list[int]]:
    """Sequences of different lengths, filled up to the longest, and their lengths.

    >>> pad([[5, 6, 7], [8]])
    ([[5, 6, 7], [8, 0, 0]], [3, 1])
    """
    longest = max(len(sequence) for sequence in sequences)
    rows = []
    for sequence in sequences:
        filling = [value] * (longest - len(sequence))
        rows.append([*filling, *sequence] if side == "left" else [*sequence, *filling])
    return rows, [len(sequence) for sequence in sequences]


def _windows(
    x: Image, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> list[list[list[tuple[int, int, int, int]]]]:
    """For each output, row by row: places (i, j) of the window and the pixels (r, c) they lie on, inside the image."""
    along = []
    for axis, length in enumerate((len(x[0]), len(x[0][0]))):
        k, s, d, p = kernel[axis], stride[axis], dilation[axis], padding[axis]
        starts = range(-p, length + p - d * (k - 1), s)
        along.append([[(i, r + d * i) for i in range(k) if 0 <= r + d * i < length] for r in starts])
    rows, columns = along
    return [[[(i, j, r, c) for i, r in down for j, c in across] for across in columns] for down in rows]


def _mean_and_variance(numbers: Vector) -> tuple[float, float]:
    mean = fmean(numbers)
    return mean, fmean((number - mean) ** 2 for number in numbers)


def _dot(left: Vector, right: Vector) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


def _blocks(numbers: list[float], count: int) -> list[list[float]]:
    width = len(numbers) // count
    return [numbers[place * width : (place + 1) * width] for place in range(count)]


def _sigmoid(z: float) -> float:
    return math.exp(_log_sigmoid(z))


def _log_sigmoid(z: float) -> float:
    return min(z, 0.0) - math.log1p(math.exp(-abs(z)))


def _log_sum_exp(row: Vector) -> float:
    largest = max(row)
    return largest + math.log(sum(math.exp(number - largest) for number in row))
