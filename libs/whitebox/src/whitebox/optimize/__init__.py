"""Minimisation: by gradients step by step, by line searches, by curvature."""

from __future__ import annotations

from whitebox.optimize._minimum import Minimum
from whitebox.optimize._newton import newton
from whitebox.optimize._quasi_newton import bfgs, lbfgs, two_loop
from whitebox.optimize.first_order import (
    AdaGrad,
    Adam,
    AdamW,
    GradientDescent,
    Momentum,
    NAdam,
    Nesterov,
    Optimizer,
    RMSprop,
    descend,
)
from whitebox.optimize.line_search import Objective, Step, armijo, strong_wolfe
from whitebox.optimize.schedules import CosineDecay, ExponentialDecay, Schedule, StepDecay, WarmUp

__all__ = [
    "AdaGrad",
    "Adam",
    "AdamW",
    "CosineDecay",
    "ExponentialDecay",
    "GradientDescent",
    "Minimum",
    "Momentum",
    "NAdam",
    "Nesterov",
    "Objective",
    "Optimizer",
    "RMSprop",
    "Schedule",
    "Step",
    "StepDecay",
    "WarmUp",
    "armijo",
    "bfgs",
    "descend",
    "lbfgs",
    "newton",
    "strong_wolfe",
    "two_loop",
]
