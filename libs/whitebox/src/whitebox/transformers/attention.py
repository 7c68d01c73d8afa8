"""Attention: exact, masked, grouped, windowed, and in tiles whose memory grows with the length and not its square."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import positive_int
from whitebox.autograd import Tensor, primitive
from whitebox.autograd._tensor import AnyArray, Part, Pullback, is_recording
from whitebox.errors import RangeError, ShapeError
from whitebox.nn import Linear, Module

# What an entry of the scores is set to that must not be seen: exp of it is 0, and it stays finite in differences.
_UNSEEN = -1e30
# Scores that fit into the processor's cache.
_BLOCK = 1 << 18


@dataclass(frozen=True)
class Visibility:
    """Which keys a query may see, by position.

    The last query stands beside the last key, so that a few new queries may look back at a longer past.

    Attributes:
        causal: A query sees no key behind its own position.
        window: A query sees only that many keys up to its own position (Beltagy et al. 2020; causal only).

    >>> seen = Visibility(causal=True, window=2).bias(range(3), range(3), offset=0) == 0
    >>> seen.astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    """

    causal: bool = False
    window: int | None = None

    def __post_init__(self) -> None:
        if self.window is not None:
            positive_int(self.window, "window")
            if not self.causal:
                raise RangeError("a window looks back from each position: it needs causal=True")

    def bias(self, queries: range, keys: range, offset: int) -> npt.NDArray[np.float32] | None:
        """What to add to scores of shape (queries, keys): 0 where seen; None where everything is.

        Args:
            queries: Numbers of the queries.
            keys: Numbers of the keys.
            offset: Keys before the first query's own.
        """
        if not self.causal:
            return None
        last_seen = np.arange(queries.start, queries.stop)[:, None] + offset
        places = np.arange(keys.start, keys.stop)
        hidden = places > last_seen
        if self.window is not None:
            hidden |= places <= last_seen - self.window
        return np.where(hidden, np.float32(_UNSEEN), np.float32(0)) if hidden.any() else None

    def reach(self, queries: range, count: int, offset: int) -> range:
        """The keys, of `count`, that at least one of the queries may see."""
        if not self.causal:
            return range(count)
        first = 0 if self.window is None else max(0, queries.start + offset - self.window + 1)
        return range(first, max(first, min(count, queries.stop + offset)))


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    causal: bool = False,
    window: int | None = None,
    bias: npt.ArrayLike | None = None,
    scale: float | None = None,
) -> Tensor:
    r"""Scaled dot-product attention.

    .. math:: \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt d} + B\right) V

    (Vaswani et al. 2017, eq. 1). With fewer key heads than query heads, each is shared by a group of neighbouring query
    heads (Ainslie et al. 2023). O(h · n · m · d) time and, while it is recorded, O(h · n · m) memory; see
    `tiled_attention` for long sequences.

    Args:
        query: Shape (b, h, n, d).
        key: Shape (b, g, m, d), h a multiple of g.
        value: Shape (b, g, m, v).
        causal: Whether a query sees only keys up to its own position; the last query stands beside the last key.
        window: With `causal`, how many keys it sees at most.
        bias: Added to the scores, broadcast to (b, h, n, m): 0, and a large negative number for what is hidden.
        scale: Instead of :math:`1 / \sqrt d`.

    Returns:
        Shape (b, h, n, v). A query that sees nothing gets the mean of all values.

    Raises:
        ShapeError: The shapes do not fit together.
        RangeError: The window is not positive, or not causal.

    >>> q = Tensor(np.ones((1, 1, 2, 4), np.float32))
    >>> v = Tensor(np.array([[[[1.0], [3.0]]]], np.float32))
    >>> attention(q, q, v).data.ravel().tolist(), attention(q, q, v, causal=True).data.ravel().tolist()
    ([2.0, 2.0], [1.0, 2.0])
    """
    _check(query, key, value)
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    shape = (*query.shape[:3], key.shape[2])
    added = None if bias is None else np.broadcast_to(np.asarray(bias, query.dtype), shape)
    return _attention(query, key, value, bias=added, visible=Visibility(causal, window), scale=factor)


def tiled_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    causal: bool = False,
    window: int | None = None,
    scale: float | None = None,
    tile: int = 128,
) -> Tensor:
    r"""The same as `attention`, in tiles: the matrix of all scores never exists.

    For each tile of queries the tiles of keys pass by once, and the softmax is kept up to date with the largest score m
    and the sum l so far (online softmax: Milakov, Gimelshein 2018; FlashAttention: Dao et al. 2022, algorithm 1),

    .. math:: m' = \max(m, \max_j s_j), \quad l' = e^{m - m'} l + \sum_j e^{s_j - m'}, \quad
        o' = e^{m - m'} o + \sum_j e^{s_j - m'} v_j

    Backward computes the tiles again from :math:`m + \log l`. Tiles that a causal mask or window hides are skipped.
    O(h · n · m · d) time, O(h · (n + m) · d) memory.

    Args:
        query: Shape (b, h, n, d).
        key: Shape (b, g, m, d).
        value: Shape (b, g, m, v).
        causal: As in `attention`.
        window: As in `attention`.
        scale: As in `attention`.
        tile: Queries and keys in a tile.

    Raises:
        ShapeError: The shapes do not fit together.
        RangeError: The window or the tile is not positive, or the window not causal.

    >>> rng = np.random.default_rng(0)
    >>> q, k, v = (Tensor(rng.standard_normal((1, 2, 300, 8))) for _ in range(3))
    >>> bool(np.allclose(tiled_attention(q, k, v, causal=True).data, attention(q, k, v, causal=True).data))
    True
    """
    _check(query, key, value)
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    visible = Visibility(causal, window)
    return _tiled(query, key, value, visible=visible, scale=factor, tile=positive_int(tile, "tile"))


@primitive
def _attention(
    q: Any, k: Any, v: Any, *, bias: AnyArray | None, visible: Visibility, scale: float
) -> tuple[AnyArray, Pullback]:
    batch, heads, n, _ = q.shape
    groups, m = k.shape[1], k.shape[2]
    share = heads // groups
    mask = visible.bias(range(n), range(m), m - n)
    result = np.empty((batch, heads, n, v.shape[-1]), q.dtype)
    # So few groups at a time that their scores stay in the processor's cache from the product to the softmax.
    together = min(groups, max(1, _BLOCK // (share * n * m)))
    recording = is_recording()
    whole = (batch, groups) if recording else (1, together)
    weights, totals = (
        np.empty((*whole, share * n, m), np.result_type(q, k)),
        np.empty((batch, groups, share * n, 1), q.dtype),
    )
    for one in range(batch):
        rows = (q[one] * q.dtype.type(scale)).reshape(groups, share * n, -1)
        for start in range(0, groups, together):
            some = slice(start, min(start + together, groups))
            scores = weights[one, some] if recording else weights[0, : some.stop - start]
            np.matmul(rows[some], k[one, some].swapaxes(-1, -2), out=scores)
            by_head = scores.reshape(-1, n, m)
            if mask is not None:
                by_head += mask
            if bias is not None:
                by_head += bias[one, start * share : some.stop * share]
            scores -= scores.max(axis=-1, keepdims=True)
            np.exp(scores, out=scores)
            total = np.sum(scores, axis=-1, keepdims=True, out=totals[one, some])
            found = scores @ v[one, some]
            # Dividing the few columns of the result costs less than dividing all scores.
            found /= total
            result[one, start * share : some.stop * share] = found.reshape(-1, n, v.shape[-1])

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        of_q, of_k, of_v = np.empty_like(q), np.empty_like(k), np.empty_like(v)
        for one in range(batch):
            p = weights[one] / totals[one]
            ends = g[one].reshape(groups, share * n, -1)
            of_v[one] = p.swapaxes(-1, -2) @ ends
            of_scores = ends @ v[one].swapaxes(-1, -2)
            of_scores -= (ends * result[one].reshape(ends.shape)).sum(axis=-1, keepdims=True)
            of_scores *= p
            of_scores *= q.dtype.type(scale)
            of_q[one] = (of_scores @ k[one]).reshape(heads, n, -1)
            of_k[one] = of_scores.swapaxes(-1, -2) @ q[one].reshape(groups, share * n, -1)
        return of_q, of_k, of_v

    return result, pullback


@primitive
def _tiled(q: Any, k: Any, v: Any, *, visible: Visibility, scale: float, tile: int) -> tuple[AnyArray, Pullback]:
    batch, heads, n, width = q.shape
    groups, m = k.shape[1], k.shape[2]
    share, offset = heads // groups, m - n
    # Query heads of a group side by side: (b, g, share, n, d) against keys (b, g, 1, m, d).
    queries = q.reshape(batch, groups, share, n, width)
    keys, values = k[:, :, None], v[:, :, None]
    result = np.zeros((batch, groups, share, n, v.shape[-1]), q.dtype)
    log_total = np.empty((batch, groups, share, n, 1), q.dtype)

    def scores_of(rows: range, columns: range) -> AnyArray:
        scores: AnyArray = (queries[..., rows.start : rows.stop, :] * q.dtype.type(scale)) @ (
            keys[..., columns.start : columns.stop, :].swapaxes(-1, -2)
        )
        mask = visible.bias(rows, columns, offset)
        return scores if mask is None else scores + mask

    for rows in _tiles(range(n), tile):
        largest = np.full((batch, groups, share, len(rows), 1), _UNSEEN, q.dtype)
        total = np.zeros_like(largest)
        found = np.zeros((batch, groups, share, len(rows), v.shape[-1]), q.dtype)
        for columns in _tiles(visible.reach(rows, m, offset), tile):
            scores = scores_of(rows, columns)
            raised = np.maximum(largest, scores.max(axis=-1, keepdims=True))
            shrunk = np.exp(largest - raised)
            scores -= raised
            np.exp(scores, out=scores)
            total = total * shrunk + scores.sum(axis=-1, keepdims=True)
            found = found * shrunk + scores @ values[..., columns.start : columns.stop, :]
            largest = raised
        seen = np.maximum(total, np.finfo(q.dtype).tiny)
        result[..., rows.start : rows.stop, :] = found / seen
        log_total[..., rows.start : rows.stop, :] = largest + np.log(seen)

    def pullback(g: AnyArray) -> tuple[Part, ...]:
        of_q, of_k, of_v = np.zeros_like(queries), np.zeros_like(keys), np.zeros_like(values)
        ends = g.reshape(result.shape)
        along = (ends * result).sum(axis=-1, keepdims=True)
        for rows in _tiles(range(n), tile):
            row = np.s_[..., rows.start : rows.stop, :]
            for columns in _tiles(visible.reach(rows, m, offset), tile):
                column = np.s_[..., columns.start : columns.stop, :]
                p = np.exp(scores_of(rows, columns) - log_total[row])
                of_v[column] += (p.swapaxes(-1, -2) @ ends[row]).sum(axis=2, keepdims=True)
                of_scores = p * (ends[row] @ values[column].swapaxes(-1, -2) - along[row]) * q.dtype.type(scale)
                of_q[row] += of_scores @ keys[column]
                of_k[column] += (of_scores.swapaxes(-1, -2) @ queries[row]).sum(axis=2, keepdims=True)
        return of_q.reshape(q.shape), of_k.reshape(k.shape), of_v.reshape(v.shape)

    return result.reshape(batch, heads, n, -1), pullback


def _tiles(whole: range, length: int) -> list[range]:
    return [range(start, min(start + length, whole.stop)) for start in range(whole.start, whole.stop, length)]


def _check(query: Tensor, key: Tensor, value: Tensor) -> None:
    shapes = f"query {query.shape}, key {key.shape}, value {value.shape}"
    if not (query.ndim == key.ndim == value.ndim == 4):
        raise ShapeError(f"attention takes (batch, heads, positions, width): {shapes}")
    if query.shape[0] != key.shape[0] or query.shape[-1] != key.shape[-1] or key.shape[:3] != value.shape[:3]:
        raise ShapeError(f"attention: batch, width or number of keys differ: {shapes}")
    if key.shape[1] == 0 or query.shape[1] % key.shape[1]:
        raise ShapeError(f"attention: the query heads must be a multiple of the key heads: {shapes}")
    if key.shape[2] == 0:
        raise ShapeError(f"attention: there is no key to look at: {shapes}")


@primitive
def rotary(
    x: Any, positions: npt.NDArray[np.int64], theta: float = 10_000.0, *, interleaved: bool = False
) -> tuple[AnyArray, Pullback]:
    r"""Rotary position embedding: pairs of numbers turned by an angle that grows with the position.

    .. math:: \begin{pmatrix} x_i' \\ x_j' \end{pmatrix} =
        \begin{pmatrix} \cos t\omega_i & -\sin t\omega_i \\ \sin t\omega_i & \cos t\omega_i \end{pmatrix}
        \begin{pmatrix} x_i \\ x_j \end{pmatrix}, \qquad \omega_i = \theta^{-2i/d}

    (Su et al. 2021, eq. 15), so that the product of a query and a key depends on how far apart they are.

    Args:
        x: Shape (..., n, d), d even.
        positions: Of the n vectors, shape (n,) or broadcastable to (..., n).
        theta: Base of the frequencies.
        interleaved: Pairs are neighbours (2i, 2i + 1), as in the paper and in GGUF's Llama files; otherwise
            (i, i + d/2), as in Hugging Face's.

    >>> rotary(Tensor([[1.0, 0.0]]), np.array([1])).data.round(3).tolist()
    [[0.54, 0.841]]
    """
    width = x.shape[-1]
    if width % 2:
        raise ShapeError(f"rotary embedding turns pairs: the last axis must be even, got shape {x.shape}")
    frequencies = theta ** (-np.arange(0, width, 2) / width)
    angles = np.asarray(positions)[..., None] * frequencies
    cosine, sine = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)

    half = width // 2
    first, second = (slice(0, None, 2), slice(1, None, 2)) if interleaved else (slice(0, half), slice(half, None))

    def turned(values: AnyArray, sine: AnyArray) -> AnyArray:
        turned = np.empty_like(values)
        turned[..., first] = values[..., first] * cosine - values[..., second] * sine
        turned[..., second] = values[..., first] * sine + values[..., second] * cosine
        return turned

    return turned(x, sine), lambda g: (turned(g, -sine),)


class MultiHeadAttention(Module):
    r"""Attention in several heads, with a linear map before and after (Vaswani et al. 2017, sec. 3.2.2).

    Args:
        width: Of the vectors that come in and go out.
        heads: Of the queries; divides `width`.
        key_heads: Of keys and values; fewer than `heads` share them in groups (1: multi-query). All by default.
        causal: Whether a position sees only itself and what is before it.
        window: With `causal`, how many positions.
        rope_theta: Base of rotary embeddings of queries and keys; without it positions are not told apart.
        bias: Whether the linear maps have biases.
        tile: Positions in a tile of `tiled_attention`; without it all scores are computed at once.
        rng: Draws the weights.
        dtype: Their precision.

    >>> layer = MultiHeadAttention(16, 4, key_heads=2, causal=True, rng=np.random.default_rng(0))
    >>> layer(Tensor(np.zeros((2, 5, 16), np.float32))).shape
    (2, 5, 16)
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        key_heads: int | None = None,
        causal: bool = False,
        window: int | None = None,
        rope_theta: float | None = None,
        bias: bool = True,
        tile: int | None = None,
        rng: np.random.Generator,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        key_heads = heads if key_heads is None else key_heads
        if positive_int(width, "width") % positive_int(heads, "heads"):
            raise RangeError(f"{heads} heads do not divide a width of {width}")
        if heads % positive_int(key_heads, "key_heads"):
            raise RangeError(f"{key_heads} key heads cannot be shared equally by {heads} heads")
        self.heads, self.key_heads, self.head_width = heads, key_heads, width // heads
        self.visibility = Visibility(causal, window)
        self.rope_theta, self.tile = rope_theta, tile
        narrow = key_heads * self.head_width
        self.query = Linear(width, width, bias=bias, rng=rng, dtype=dtype)
        self.key = Linear(width, narrow, bias=bias, rng=rng, dtype=dtype)
        self.value = Linear(width, narrow, bias=bias, rng=rng, dtype=dtype)
        self.output = Linear(width, width, bias=bias, rng=rng, dtype=dtype)

    def forward(self, x: Tensor, context: Tensor | None = None, *, bias: npt.ArrayLike | None = None) -> Tensor:
        """Each position of `x` looks at those of the context.

        Args:
            x: Shape (b, n, width).
            context: Shape (b, m, width) for cross-attention; `x` itself by default.
            bias: As in `attention`.

        Returns:
            Shape (b, n, width).
        """
        seen = x if context is None else context
        query = split_heads(self.query(x), self.heads)
        key, value = split_heads(self.key(seen), self.key_heads), split_heads(self.value(seen), self.key_heads)
        if self.rope_theta is not None:
            length = key.shape[2]
            query = rotary(query, np.arange(length - query.shape[2], length), self.rope_theta)
            key = rotary(key, np.arange(length), self.rope_theta)
        causal, window = self.visibility.causal, self.visibility.window
        if self.tile is not None and bias is None:
            found = tiled_attention(query, key, value, causal=causal, window=window, tile=self.tile)
        else:
            found = attention(query, key, value, causal=causal, window=window, bias=bias)
        merged: Tensor = self.output(merge_heads(found))
        return merged


def split_heads(x: Tensor, heads: int) -> Tensor:
    """From (b, n, h · d) to (b, h, n, d).

    >>> split_heads(Tensor(np.zeros((1, 5, 8))), 2).shape
    (1, 2, 5, 4)
    """
    batch, length, width = x.shape
    return x.reshape(batch, length, heads, width // heads).transpose(0, 2, 1, 3)


def merge_heads(x: Tensor) -> Tensor:
    """From (b, h, n, d) to (b, n, h · d).

    >>> merge_heads(Tensor(np.zeros((1, 2, 5, 4)))).shape
    (1, 5, 8)
    """
    batch, heads, length, width = x.shape
    return x.transpose(0, 2, 1, 3).reshape(batch, length, heads * width)
