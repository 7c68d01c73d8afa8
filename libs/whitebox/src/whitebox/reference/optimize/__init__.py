"""Minimisation, in pure Python."""

from __future__ import annotations

from whitebox.reference.optimize._methods import bfgs, lbfgs, newton, two_loop
from whitebox.reference.optimize.first_order import (
    AdaGrad,
    Adam,
    AdamW,
    GradientDescent,
    Momentum,
    NAdam,
    Nesterov,
    RMSprop,
)
from whitebox.reference.optimize.line_search import armijo
from whitebox.reference.optimize.schedules import CosineDecay, ExponentialDecay, StepDecay, WarmUp

__all__ = [
    "AdaGrad",
    "Adam",
    "AdamW",
    "CosineDecay",
    "ExponentialDecay",
    "GradientDescent",
    "Momentum",
    "NAdam",
    "Nesterov",
    "RMSprop",
    "StepDecay",
    "WarmUp",
    "armijo",
    "bfgs",
    "lbfgs",
    "newton",
    "two_loop",
]
