"""Support vector machines."""

from __future__ import annotations

from whitebox.svm._kernels import linear_kernel, rbf_kernel
from whitebox.svm._platt import PlattSigmoid, couple_probabilities, fit_platt
from whitebox.svm._smo import Solution, solve_dual
from whitebox.svm._svc import SVC
from whitebox.svm._svr import SVR

__all__ = [
    "SVC",
    "SVR",
    "PlattSigmoid",
    "Solution",
    "couple_probabilities",
    "fit_platt",
    "linear_kernel",
    "rbf_kernel",
    "solve_dual",
]
