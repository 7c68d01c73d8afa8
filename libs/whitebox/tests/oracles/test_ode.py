from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from whitebox.ode.runge_kutta import dormand_prince

PROBLEMS = {
    "oscillator": (lambda t, y: np.array([y[1], -y[0]]), [1.0, 0.0]),
    "predators and prey": (lambda t, y: np.array([1.5 * y[0] - y[0] * y[1], y[0] * y[1] - 3 * y[1]]), [10.0, 5.0]),
    "driven, damped": (lambda t, y: np.array([y[1], -0.3 * y[1] - np.sin(y[0]) + 0.5 * np.cos(t)]), [0.5, 0.0]),
    "van der Pol": (lambda t, y: np.array([y[1], 8 * (1 - y[0] ** 2) * y[1] - y[0]]), [2.0, 0.0]),
}


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("rtol", [1e-3, 1e-8])
def test_states_and_evaluations_are_those_of_scipys_rk45(name: str, rtol: float) -> None:
    field, y0 = PROBLEMS[name]
    times = np.linspace(0.0, 9.0, 41)
    found = dormand_prince(field, y0, times, rtol=rtol, atol=1e-3 * rtol)
    expected = solve_ivp(field, (0.0, 9.0), y0, t_eval=times, method="RK45", rtol=rtol, atol=1e-3 * rtol)
    assert found.evaluations == expected.nfev
    np.testing.assert_allclose(found.states.T, expected.y, rtol=1e-8, atol=1e-8)


def test_backwards_and_on_matrices() -> None:
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    found = dormand_prince(lambda t, y: turn @ y, np.eye(2), [2.0, 0.5, -1.0], rtol=1e-9).states[-1]
    expected = solve_ivp(
        lambda t, y: (turn @ y.reshape(2, 2)).ravel(), (2.0, -1.0), np.eye(2).ravel(), rtol=1e-9, atol=1e-9
    ).y[:, -1]
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-8)
