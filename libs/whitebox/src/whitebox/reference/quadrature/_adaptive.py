"""Adaptive integration of one variable, an interval at a time."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable

# Kronrod's 15 nodes and weights and Gauss's 7, as QUADPACK publishes them: the positive half, from the middle on. Every
# other node, the middle among them, is Gauss's.
_NODES = (
    0.0,
    0.207784955007898467600689403773245,
    0.405845151377397166906606412076961,
    0.586087235467691130294144691258313,
    0.741531185599394439863864773280788,
    0.864864423359769072789712788640926,
    0.949107912342758524526189684047851,
    0.991455371120812639206854697526329,
)
_KRONROD = (
    0.209482141084727828012999174891714,
    0.204432940075298892414161999234649,
    0.190350578064785409913256402421014,
    0.169004726639267902826583426598550,
    0.140653259715525918745189590510238,
    0.104790010322250183839876322541518,
    0.063092092629978553290700663189204,
    0.022935322010529224963732008058970,
)
_GAUSS = (
    0.417959183673469387755102040816327,
    0.381830050505118944950369775488975,
    0.279705391489276667901467771423780,
    0.129484966168869693270611432679082,
)


def gauss_kronrod(f: Callable[[float], float], a: float, b: float, tol: float = 1e-10) -> float:
    """Halves the interval with the largest difference between the two rules until the differences are small enough.

    >>> round(gauss_kronrod(math.exp, 0.0, 1.0), 12)
    1.718281828459
    """
    heap = [(-error, low, high, value) for low, high, value, error in [_both(f, a, b)]]
    while -sum(entry[0] for entry in heap) > tol and len(heap) < 2000:
        _, low, high, _ = heapq.heappop(heap)
        middle = (low + high) / 2
        for part in (_both(f, low, middle), _both(f, middle, high)):
            heapq.heappush(heap, (-part[3], part[0], part[1], part[2]))
    return math.fsum(entry[3] for entry in heap)


def _both(f: Callable[[float], float], low: float, high: float) -> tuple[float, float, float, float]:
    centre, half = (low + high) / 2, (high - low) / 2
    kronrod = gauss = 0.0
    for k, x in enumerate(_NODES):
        values = f(centre) if k == 0 else f(centre - half * x) + f(centre + half * x)
        kronrod += half * _KRONROD[k] * values
        if k % 2 == 0:
            gauss += half * _GAUSS[k // 2] * values
    return low, high, kronrod, abs(kronrod - gauss)


def tanh_sinh(f: Callable[[float], float], a: float, b: float, h: float = 0.0625) -> float:
    """The trapezoidal rule after x = tanh(π/2 sinh s), ends left out.

    >>> round(tanh_sinh(lambda x: 1 / math.sqrt(x), 0.0, 1.0), 9)
    2.0
    """
    half = (b - a) / 2
    total = half * math.pi / 2 * f((a + b) / 2)
    for k in range(1, int(6 / h)):
        s = k * h
        distance = 2 * half / (1 + math.exp(math.pi * math.sinh(s)))
        weight = math.pi / 2 * math.cosh(s) / math.cosh(math.pi / 2 * math.sinh(s)) ** 2 * half
        total += weight * ((f(a + distance) if a + distance > a else 0) + (f(b - distance) if b - distance < b else 0))
    return h * total
