"""Integration, in pure Python."""

from __future__ import annotations

from whitebox.reference.quadrature._adaptive import gauss_kronrod, tanh_sinh
from whitebox.reference.quadrature._points import discrepancy, halton, sobol
from whitebox.reference.quadrature._rules import (
    composite,
    gauss_hermite,
    gauss_legendre,
    golub_welsch,
    newton_cotes,
    simpson,
    trapezoid,
)
from whitebox.reference.quadrature._sampling import (
    control_variates,
    importance_sampling,
    monte_carlo,
    quasi_monte_carlo,
    stratified,
)

__all__ = [
    "composite",
    "control_variates",
    "discrepancy",
    "gauss_hermite",
    "gauss_kronrod",
    "gauss_legendre",
    "golub_welsch",
    "halton",
    "importance_sampling",
    "monte_carlo",
    "newton_cotes",
    "quasi_monte_carlo",
    "simpson",
    "sobol",
    "stratified",
    "tanh_sinh",
    "trapezoid",
]
