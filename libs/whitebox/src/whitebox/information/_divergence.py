"""Entropy of one distribution, and divergences of two."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_array
from whitebox.errors import RangeError, ShapeError

Unit = Literal["nats", "bits"]


def entropy(p: npt.ArrayLike, unit: Unit = "nats") -> Array:
    r"""Shannon's entropy :math:`H(p) = -\sum_i p_i \log p_i`.

    (Shannon: A Mathematical Theory of Communication, 1948, section 6.) O(k).

    Args:
        p: Probabilities or counts, which are divided by their sum, along the last axis, shape (…, k).
        unit: "nats" or "bits".

    Returns:
        Shape (…).

    Raises:
        RangeError: for negative numbers, numbers that are all 0, or an unknown unit.
        ShapeError, EmptyInputError, NotFiniteError, DtypeError: for unusable arrays.

    >>> float(entropy([0.5, 0.5], unit="bits"))
    1.0
    """
    return _sum(-times_log(distribution(p, "p")), unit)


def cross_entropy(p: npt.ArrayLike, q: npt.ArrayLike, unit: Unit = "nats") -> Array:
    r"""The length of messages from p in a code made for q: :math:`H(p, q) = -\sum_i p_i \log q_i = H(p) + D(p \| q)`.

    Infinite where p has something that q has not. O(k).

    Args:
        p: Probabilities or counts, shape (…, k).
        q: Probabilities or counts, broadcast against `p`.
        unit: "nats" or "bits".

    Raises:
        ShapeError: if the numbers of outcomes differ, or the shapes do not broadcast.
        RangeError, EmptyInputError, NotFiniteError, DtypeError: as `entropy`.

    >>> float(cross_entropy([1.0, 0.0], [0.5, 0.5], unit="bits"))
    1.0
    """
    left, right = _pair(p, q)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _sum(np.where(left > 0, -left * np.log(right), 0.0), unit)


def kl_divergence(p: npt.ArrayLike, q: npt.ArrayLike, unit: Unit = "nats") -> Array:
    r"""Kullback and Leibler's divergence of q from p: :math:`D(p \| q) = \sum_i p_i \log (p_i / q_i)`, at least 0.

    (Kullback, Leibler: On Information and Sufficiency, 1951.) Infinite where p has something that q has not. Not
    symmetric. O(k).

    Args:
        p: Probabilities or counts, shape (…, k).
        q: Probabilities or counts, broadcast against `p`.
        unit: "nats" or "bits".

    Raises:
        ShapeError, RangeError, EmptyInputError, NotFiniteError, DtypeError: as `cross_entropy`.

    >>> float(kl_divergence([0.5, 0.5], [0.25, 0.75]).round(6))
    0.143841
    """
    return _sum(_divergence_terms(*_pair(p, q)), unit)


def js_divergence(p: npt.ArrayLike, q: npt.ArrayLike, unit: Unit = "nats") -> Array:
    r"""Jensen and Shannon's divergence, symmetric, from 0 to 1 bit.

    .. math:: \mathrm{JS}(p, q) = \tfrac12 D(p \| m) + \tfrac12 D(q \| m), \qquad m = \tfrac12 (p + q)

    (Lin: Divergence Measures Based on the Shannon Entropy, 1991.) O(k).

    Args:
        p: Probabilities or counts, shape (…, k).
        q: Probabilities or counts, broadcast against `p`.
        unit: "nats" or "bits".

    Raises:
        ShapeError, RangeError, EmptyInputError, NotFiniteError, DtypeError: as `cross_entropy`.

    >>> float(js_divergence([1.0, 0.0], [0.0, 1.0], unit="bits"))
    1.0
    """
    left, right = _pair(p, q)
    middle = (left + right) / 2
    return _sum((_divergence_terms(left, middle) + _divergence_terms(right, middle)) / 2, unit)


def js_distance(p: npt.ArrayLike, q: npt.ArrayLike, unit: Unit = "nats") -> Array:
    r"""The root of `js_divergence`, a metric: it keeps the triangle inequality (Endres, Schindelin 2003).

    Args:
        p: Probabilities or counts, shape (…, k).
        q: Probabilities or counts, broadcast against `p`.
        unit: Of the divergence under the root.

    Raises:
        ShapeError, RangeError, EmptyInputError, NotFiniteError, DtypeError: as `cross_entropy`.

    >>> float(js_distance([1.0, 0.0], [0.0, 1.0], unit="bits"))
    1.0
    """
    return np.sqrt(js_divergence(p, q, unit))


def distribution(values: npt.ArrayLike, name: str, axes: int = 1) -> Array:
    """Probabilities along the last axes."""
    array = as_array(values, name)
    if array.ndim < axes:
        raise ShapeError(f"{name} must have {axes} or more dimensions, got shape {array.shape}")
    if (array < 0).any():
        place = ", ".join(map(str, np.argwhere(array < 0)[0]))
        raise RangeError(f"{name}[{place}] is negative, and probabilities are not")
    total = array.sum(axis=tuple(range(-axes, 0)), keepdims=True)
    if (total == 0).any():
        raise RangeError(f"{name} sums to 0, and probabilities sum to 1")
    share: Array = array / total
    return share


def times_log(p: Array) -> Array:
    """The products p log p, 0 at 0."""
    return p * np.log(np.where(p > 0, p, 1.0))


def in_unit(nats: Array, unit: Unit) -> Array:
    """An amount of information in its unit."""
    if unit not in ("nats", "bits"):
        raise RangeError(f"unit must be 'nats' or 'bits', got {unit!r}")
    return nats / (math.log(2) if unit == "bits" else 1.0)


def _pair(p: npt.ArrayLike, q: npt.ArrayLike) -> tuple[Array, Array]:
    left, right = distribution(p, "p"), distribution(q, "q")
    if left.shape[-1] != right.shape[-1]:
        raise ShapeError(f"p has {left.shape[-1]} outcomes and q has {right.shape[-1]}")
    try:
        return np.broadcast_arrays(left, right)  # type: ignore[return-value]
    except ValueError:
        raise ShapeError(f"the shapes {left.shape} and {right.shape} do not broadcast") from None


def _divergence_terms(p: Array, q: Array) -> Array:
    """Terms p log(p / q) - p + q, the additions summing to nothing: so written no term is negative, nor is the sum."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / q), 0.0) - p + q
    return np.maximum(terms, 0.0)


def _sum(terms: Array, unit: Unit) -> Array:
    return in_unit(terms.sum(axis=-1), unit)
