"""Derivatives: by dual numbers to the last digit, by complex steps, and by differences."""

from __future__ import annotations

from whitebox.calculus._derivatives import derivative, gradient, hessian, jacobian
from whitebox.calculus._steps import central_difference, complex_step
from whitebox.calculus.dual import Dual

__all__ = ["Dual", "central_difference", "complex_step", "derivative", "gradient", "hessian", "jacobian"]
