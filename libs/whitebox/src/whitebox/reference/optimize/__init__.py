"""Minimisation, in pure Python."""

from __future__ import annotations

from whitebox.reference.optimize._methods import bfgs, lbfgs, newton, two_loop
from whitebox.reference.optimize.admm import (
    LogReturns,
    PowerReturns,
    SaturatingReturns,
    allocate_budget,
    consensus_admm,
    lasso_admm,
    soft_threshold,
    water_filling,
)
from whitebox.reference.optimize.constrained import augmented_lagrangian, lagrange_newton, projected_gradient
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
from whitebox.reference.optimize.projections import project_ball, project_box, project_l1_ball, project_simplex
from whitebox.reference.optimize.quadratic_program import solve_qp
from whitebox.reference.optimize.schedules import CosineDecay, ExponentialDecay, StepDecay, WarmUp

__all__ = [
    "AdaGrad",
    "Adam",
    "AdamW",
    "CosineDecay",
    "ExponentialDecay",
    "GradientDescent",
    "LogReturns",
    "Momentum",
    "NAdam",
    "Nesterov",
    "PowerReturns",
    "RMSprop",
    "SaturatingReturns",
    "StepDecay",
    "WarmUp",
    "allocate_budget",
    "armijo",
    "augmented_lagrangian",
    "bfgs",
    "consensus_admm",
    "lagrange_newton",
    "lasso_admm",
    "lbfgs",
    "newton",
    "project_ball",
    "project_box",
    "project_l1_ball",
    "project_simplex",
    "projected_gradient",
    "soft_threshold",
    "solve_qp",
    "two_loop",
    "water_filling",
]
