"""Integration: rules, adaptive methods, random and evenly spread points, and a choice among them.

Integrands are functions of many points at once: of an array of shape (m,) over an interval, (m, d) over a box.
"""

from __future__ import annotations

from whitebox.quadrature._choose import Features, examine, integrate
from whitebox.quadrature._energy import Budgeted, integrate_within
from whitebox.quadrature._gauss import gauss_hermite, gauss_legendre, golub_welsch
from whitebox.quadrature._kronrod import gauss_kronrod, kronrod
from whitebox.quadrature._low_discrepancy import discrepancy, halton, sobol
from whitebox.quadrature._monte_carlo import (
    Weighted,
    control_variates,
    importance_sampling,
    monte_carlo,
    quasi_monte_carlo,
    stratified,
)
from whitebox.quadrature._newton_cotes import composite, newton_cotes, simpson, trapezoid
from whitebox.quadrature._results import Integral, NestedRule, Rule, Sampled
from whitebox.quadrature._tanh_sinh import tanh_sinh

__all__ = [
    "Budgeted",
    "Features",
    "Integral",
    "NestedRule",
    "Rule",
    "Sampled",
    "Weighted",
    "composite",
    "control_variates",
    "discrepancy",
    "examine",
    "gauss_hermite",
    "gauss_kronrod",
    "gauss_legendre",
    "golub_welsch",
    "halton",
    "importance_sampling",
    "integrate",
    "integrate_within",
    "kronrod",
    "monte_carlo",
    "newton_cotes",
    "quasi_monte_carlo",
    "simpson",
    "sobol",
    "stratified",
    "tanh_sinh",
    "trapezoid",
]
