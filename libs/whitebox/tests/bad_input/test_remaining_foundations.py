"""Bad and degenerate input of the functions that other tables of the first modules leave out."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from pairs.pair import plain
from whitebox import optimize
from whitebox.calculus.dual import Dual
from whitebox.errors import DtypeError, EmptyInputError, NotFiniteError, RangeError, ShapeError, SingularMatrixError
from whitebox.linalg import solve_toeplitz, toeplitz_matmul
from whitebox.linear_model import softmax
from whitebox.metrics.pairwise import normalize_rows, row_norms
from whitebox.text.sentences import split_sentences

OPTIMIZERS = ("AdaGrad", "NAdam", "Nesterov", "RMSprop")
REFUSED = [
    ("Toeplitz times a wrong length", partial(toeplitz_matmul, [1.0, 2.0], None, [1.0]), ShapeError),
    ("Toeplitz of nothing", partial(toeplitz_matmul, [], None, [1.0]), EmptyInputError),
    ("Toeplitz of a NaN", partial(toeplitz_matmul, [math.nan], None, [1.0]), NotFiniteError),
    ("a singular Toeplitz system", partial(solve_toeplitz, [0.0], None, [1.0]), SingularMatrixError),
    ("a Toeplitz system of words", partial(solve_toeplitz, ["a"], None, [1.0]), DtypeError),
    ("a Toeplitz system of another length", partial(solve_toeplitz, [1.0], None, [1.0, 2.0]), ShapeError),
    *((f"{name} at a rate of -1", partial(getattr(optimize, name), -1.0), RangeError) for name in OPTIMIZERS),
]


@pytest.mark.parametrize(("call", "error"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception]) -> None:
    with pytest.raises(error):
        call()


WORKS = [
    ("no sentence", partial(split_sentences, ""), []),
    ("equal logits", lambda: softmax(np.zeros((1, 4))), [[0.25] * 4]),
    ("logits that overflow alone", lambda: softmax(np.array([[1e300, -1e300]])), [[1.0, 0.0]]),
    ("the norm of zeros", lambda: row_norms(np.zeros((1, 3))), [0.0]),
    ("norms whose squares overflow", lambda: row_norms(np.array([[3e200, 4e200]])) / 1e200, [5.0]),
    ("zeros to normalise", lambda: normalize_rows(np.zeros((1, 2))), [[0.0, 0.0]]),
    ("a dual number of 0", lambda: (Dual(0.0, 1.0) * Dual(0.0, 1.0)).first, [0.0]),
    ("no history", lambda: optimize.two_loop(np.array([2.0]), [], []), [2.0]),
]


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_but_valid_input_works(call, expected: object) -> None:
    assert plain(call()) == expected
