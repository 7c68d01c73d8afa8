"""The pairs of `whitebox.ode`, the graph networks, the autoencoder, two towers and the product of experts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from pairs.pair import Pair
from whitebox import reference
from whitebox.ode import runge_kutta

NUMBER = st.integers(-8, 8).map(lambda n: n / 4)


def _pendulum(t: float, y: Any) -> list[float]:
    return [y[1] + t, -math.sin(y[0])]


PAIRS = [
    Pair(
        "ode.runge_kutta.rk4_step",
        lambda t, y, h: reference.ode.runge_kutta.rk4_step(_pendulum, t, y, h),
        lambda t, y, h: runge_kutta.rk4_step(lambda t, y: np.array(_pendulum(t, y)), t, np.array(y), h),
        st.tuples(NUMBER, st.lists(NUMBER, min_size=2, max_size=2), NUMBER),
        rtol=1e-13,
        atol=1e-13,
    ),
]
