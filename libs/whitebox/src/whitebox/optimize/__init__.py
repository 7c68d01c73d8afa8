"""Minimisation: by gradients step by step, by line searches, by curvature, under constraints, in parts that agree."""

from __future__ import annotations

from whitebox.optimize._minimum import Minimum
from whitebox.optimize._newton import newton
from whitebox.optimize._quasi_newton import bfgs, lbfgs, two_loop
from whitebox.optimize.admm import (
    Agreement,
    Allocation,
    LogReturns,
    PowerReturns,
    Returns,
    SaturatingReturns,
    allocate_budget,
    consensus_admm,
    lasso_admm,
    soft_threshold,
    water_filling,
)
from whitebox.optimize.constrained import (
    ConstrainedMinimum,
    augmented_lagrangian,
    lagrange_newton,
    projected_gradient,
)
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
from whitebox.optimize.projections import project_ball, project_box, project_l1_ball, project_simplex
from whitebox.optimize.quadratic_program import QPSolution, solve_qp
from whitebox.optimize.schedules import CosineDecay, ExponentialDecay, Schedule, StepDecay, WarmUp

__all__ = [
    "AdaGrad",
    "Adam",
    "AdamW",
    "Agreement",
    "Allocation",
    "ConstrainedMinimum",
    "CosineDecay",
    "ExponentialDecay",
    "GradientDescent",
    "LogReturns",
    "Minimum",
    "Momentum",
    "NAdam",
    "Nesterov",
    "Objective",
    "Optimizer",
    "PowerReturns",
    "QPSolution",
    "RMSprop",
    "Returns",
    "SaturatingReturns",
    "Schedule",
    "Step",
    "StepDecay",
    "WarmUp",
    "allocate_budget",
    "armijo",
    "augmented_lagrangian",
    "bfgs",
    "consensus_admm",
    "descend",
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
    "strong_wolfe",
    "two_loop",
    "water_filling",
]
