"""What functions of a matrix are given that is none: the value, the error, and what its message says."""

from __future__ import annotations

import math

import numpy as np
from whitebox.errors import DtypeError, EmptyInputError, NotFiniteError, ShapeError, WhiteboxError

BAD_MATRICES = {
    "a NaN": ([[0.0, 1.0], [1.0, math.nan]], NotFiniteError, r"\[1, 1\] is NaN"),
    "an infinity": ([[0.0, math.inf]], NotFiniteError, r"\[0, 1\] is inf"),
    "a vector": ([1.0, 2.0], ShapeError, r"must be a matrix, got shape \(2,\)"),
    "a number": (3.0, ShapeError, r"shape \(\)"),
    "a cube": (np.zeros((2, 2, 2)), ShapeError, r"shape \(2, 2, 2\)"),
    "ragged rows": ([[1.0, 2.0], [3.0]], ShapeError, "no rectangular array"),
    "no rows": (np.empty((0, 2)), EmptyInputError, "0 sample"),
    "no columns": (np.empty((3, 0)), EmptyInputError, "0 feature"),
    "words": ([["a", "b"]], DtypeError, "real numbers"),
    "complex numbers": ([[1j, 2.0]], DtypeError, "Complex"),
    "objects": ([[object(), 1.0]], DtypeError, "real numbers"),
    "None": (None, WhiteboxError, "."),
}
