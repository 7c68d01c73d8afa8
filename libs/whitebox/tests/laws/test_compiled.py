from __future__ import annotations

import subprocess
import sys
from unittest import mock

import numpy as np
from whitebox import _compiled
from whitebox._compiled import compiled


@compiled
def _square(x: float) -> float:
    return x * x


@compiled
def _sum_of_squares(values: np.ndarray) -> float:
    total = 0.0
    for value in values:
        total += _square(value)
    return total


def test_machine_code_and_python_come_to_the_same() -> None:
    values = np.arange(1000.0)
    machine = _sum_of_squares(values)
    with mock.patch.object(_compiled, "numba_is_used", return_value=False):
        assert _sum_of_squares(values) == machine == float((values**2).sum())


def test_marking_a_function_loads_no_numba_and_the_environment_keeps_it_away() -> None:
    code = (
        "import sys; from whitebox._compiled import compiled; f = compiled(lambda x: x + 1); "
        "assert 'numba' not in sys.modules; assert f(1) == 2; assert 'numba' not in sys.modules"
    )
    environment = {"WHITEBOX_NUMBA": "0", "PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
