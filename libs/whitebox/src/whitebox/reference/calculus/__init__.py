"""Derivatives, in pure Python."""

from __future__ import annotations

from whitebox.reference.calculus._derivatives import derivative, gradient, hessian, jacobian
from whitebox.reference.calculus._steps import central_difference, complex_step
from whitebox.reference.calculus.dual import Dual

__all__ = ["Dual", "central_difference", "complex_step", "derivative", "gradient", "hessian", "jacobian"]
