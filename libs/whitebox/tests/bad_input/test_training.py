"""What optimisers, loaders and training do with what they should not be given."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from pairs.pair import plain
from whitebox.errors import EmptyInputError, RangeError
from whitebox.nn import Optimizer, Parameter, Sequential
from whitebox.optimize.first_order import Adam

WEIGHT = Parameter(np.ones(2))
REFUSED = [
    ("nothing to optimise", partial(Optimizer, [], Adam()), EmptyInputError, "no parameter"),
    ("a module without parameters", partial(Optimizer, Sequential(), Adam()), EmptyInputError, "no parameter"),
    ("an array to optimise", partial(Optimizer, [np.ones(2)], Adam()), RangeError, "0 is no parameter but ndarray"),
    ("a parameter twice", partial(Optimizer, [WEIGHT, WEIGHT], Adam()), RangeError, "1 stands there twice"),
    ("a rate for a method", partial(Optimizer, [WEIGHT], 0.1), RangeError, "first_order, got 0.1"),
    ("a norm of 0", partial(Optimizer, [WEIGHT], Adam(), max_norm=0), RangeError, "max_norm"),
    ("a norm that is none", partial(Optimizer, [WEIGHT], Adam(), max_norm=np.nan), RangeError, "max_norm"),
]


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


WORKS = [
    ("a step without gradients", lambda: Optimizer([Parameter(np.ones(2))], Adam()).step(), 0.0),
    ("a state of nothing", lambda: list(Optimizer([Parameter(np.ones(2))], Adam()).state_dict()), []),
]


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_but_valid_input_works(call, expected: object) -> None:
    assert plain(call()) == plain(expected)
