"""Bad and degenerate input of `whitebox.quadrature`."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from bad_input.values import BAD_MATRICES
from whitebox import quadrature as wq
from whitebox.errors import (
    BudgetError,
    DtypeError,
    EmptyInputError,
    NotFiniteError,
    RangeError,
    ShapeError,
    WhiteboxError,
)

RNG = np.random.default_rng(0)
LINE = {
    "gauss_kronrod": lambda f, a=0.0, b=1.0, **o: wq.gauss_kronrod(f, a, b, **o),
    "tanh_sinh": lambda f, a=0.0, b=1.0, **o: wq.tanh_sinh(f, a, b, **o),
    "composite": lambda f, a=0.0, b=1.0: wq.composite(f, a, b, wq.newton_cotes(3)),
    "integrate": lambda f, a=0.0, b=1.0, **o: wq.integrate(f, (a, b), **o),
    "integrate_within": lambda f, a=0.0, b=1.0, **o: wq.integrate_within(
        f, (a, b), 1.0, joules_per_evaluation=1e-3, **o
    ),
    "monte_carlo": lambda f, a=0.0, b=1.0, **o: wq.monte_carlo(f, (a, b), 10, RNG, **o),
    "quasi_monte_carlo": lambda f, a=0.0, b=1.0, **o: wq.quasi_monte_carlo(f, (a, b), 8, RNG, **o),
    "stratified": lambda f, a=0.0, b=1.0, **o: wq.stratified(f, (a, b), 4, RNG, **o),
    "control_variates": lambda f, a=0.0, b=1.0: wq.control_variates(
        f, (a, b), 10, RNG, controls=lambda x: x, means=[0.5]
    ),
}
BAD_INTEGRANDS = {
    "a number for all points": (lambda x: 1.0, ShapeError, "one value for each"),
    "one value too many": (lambda x: np.append(x, 0.0), ShapeError, "one value for each"),
    "a column": (lambda x: np.reshape(x, (-1, 1)), ShapeError, "one value for each"),
    "complex values": (lambda x: x * 1j, DtypeError, "real numbers"),
    "words": (lambda x: np.array(["a"] * len(x)), DtypeError, "real numbers"),
}


@pytest.mark.parametrize("method", LINE)
@pytest.mark.parametrize("bad", BAD_INTEGRANDS)
def test_integrands_that_are_none_are_refused_by_name(method: str, bad: str) -> None:
    f, error, message = BAD_INTEGRANDS[bad]
    with pytest.raises(error, match=message):
        LINE[method](f)


@pytest.mark.parametrize("method", [name for name in LINE if name != "integrate"])
def test_an_integrand_that_is_not_a_number_is_told_with_the_place(method: str) -> None:
    with pytest.raises(NotFiniteError, match="NaN at"):
        LINE[method](lambda x: np.where(x < 0.7, 1.0, np.nan))


def test_the_choice_gives_up_on_an_integrand_that_is_nowhere_finite() -> None:
    with pytest.raises(NotFiniteError, match="NaN at"):
        wq.integrate(lambda x: x * np.nan, (0, 1))
    with pytest.raises(NotFiniteError, match="inf at"):
        wq.integrate(lambda x: np.where(x[:, 0] > 0.5, np.inf, 1.0), [(0, 1)] * 2)


@pytest.mark.parametrize("method", LINE)
@pytest.mark.parametrize("end", [math.nan, None, "1", True])
def test_ends_that_are_no_numbers_are_refused(method: str, end) -> None:
    with pytest.raises((RangeError, ShapeError)):
        LINE[method](np.exp, 0.0, end)


def bell(x):
    return np.exp(-x)


REFUSED = [
    ("both ends at infinity", lambda: wq.gauss_kronrod(bell, math.inf, math.inf), RangeError, "both its ends"),
    ("an infinite end of a fixed rule", lambda: LINE["composite"](bell, 0, math.inf), RangeError, "b must be"),
    ("a break outside", lambda: wq.gauss_kronrod(bell, 0, 1, breaks=[2.0]), RangeError, "inside"),
    ("a break that is NaN", lambda: wq.integrate(bell, (0, 1), breaks=[math.nan]), RangeError, "breaks"),
    ("breaks of a box", lambda: wq.integrate(bell, [(0, 1)] * 2, breaks=[0.5]), RangeError, "one variable"),
    ("a negative tolerance", lambda: wq.tanh_sinh(bell, 0, 1, rtol=-1), RangeError, "rtol"),
    ("a tolerance that is NaN", lambda: wq.integrate(bell, (0, 1), atol=math.nan), RangeError, "atol"),
    ("no evaluations", lambda: wq.integrate(bell, (0, 1), max_evaluations=0), RangeError, "max_evaluations"),
    ("an unknown backend", lambda: wq.integrate(bell, (0, 1), backend="cupy"), RangeError, "backend"),
    ("a device of numpy", lambda: wq.examine(bell, (0, 1), device="cuda"), RangeError, "devices"),
    ("no bounds", lambda: wq.examine(bell, []), EmptyInputError, "no pair"),
    ("three bounds", lambda: wq.integrate(bell, (0, 1, 2)), ShapeError, "3 numbers"),
    ("ragged bounds", lambda: wq.integrate(bell, [(0, 1), (0, 1, 2)]), ShapeError, "pair for each"),
    ("bounds that are a number", lambda: wq.integrate(bell, 1.0), ShapeError, "pair"),
    ("a seed for a generator", lambda: wq.monte_carlo(bell, (0, 1), 10, 0), RangeError, "Generator"),
    ("one sample", lambda: wq.monte_carlo(bell, (0, 1), 1, RNG), RangeError, "at least 2"),
    ("a net of 100", lambda: wq.quasi_monte_carlo(bell, (0, 1), 100, RNG), RangeError, "64 and 128"),
    ("one replicate", lambda: wq.quasi_monte_carlo(bell, (0, 1), 8, RNG, replicates=1), RangeError, "replicates"),
    ("an unknown sequence", lambda: wq.quasi_monte_carlo(bell, (0, 1), 8, RNG, sequence="x"), RangeError, "sequence"),
    ("65 variables of a net", lambda: wq.quasi_monte_carlo(bell, [(0, 1)] * 65, 8, RNG), RangeError, "64 variables"),
    ("one point a cell", lambda: wq.stratified(bell, (0, 1), 4, RNG, each=1), RangeError, "each"),
    ("too many cells", lambda: wq.stratified(bell, [(0, 1)] * 40, 10, RNG), RangeError, "too many"),
    ("no strata", lambda: wq.stratified(bell, (0, 1), 0, RNG), RangeError, "strata"),
    (
        "too few points for controls",
        lambda: wq.control_variates(bell, (0, 1), 3, RNG, controls=lambda x: x, means=[0.5]),
        RangeError,
        "at least 4",
    ),
    (
        "controls without a mean",
        lambda: wq.control_variates(bell, (0, math.inf), 9, RNG, controls=lambda x: x, means=[0.5]),
        RangeError,
        "finite",
    ),
    (
        "more means than controls",
        lambda: wq.control_variates(bell, (0, 1), 9, RNG, controls=lambda x: x, means=[0.5, 0.5]),
        ShapeError,
        "2 means",
    ),
    (
        "a density that is zero",
        lambda: wq.importance_sampling(bell, lambda rng, n: rng.random(n), lambda x: 0 * x, 5, RNG),
        RangeError,
        "not positive",
    ),
    (
        "too few draws",
        lambda: wq.importance_sampling(bell, lambda rng, n: rng.random(n - 1), bell, 5, RNG),
        ShapeError,
        "5 points",
    ),
    ("a budget of nothing", lambda: wq.integrate_within(bell, (0, 1), 0.0, watts=1.0), RangeError, "joules"),
    ("no cost model", lambda: wq.integrate_within(bell, (0, 1), 1.0), RangeError, "either"),
    (
        "two cost models",
        lambda: wq.integrate_within(bell, (0, 1), 1.0, watts=1.0, joules_per_evaluation=1.0),
        RangeError,
        "either",
    ),
    ("no power", lambda: wq.integrate_within(bell, (0, 1), 1.0, watts=0.0), RangeError, "watts"),
    (
        "a budget for nothing",
        lambda: wq.integrate_within(bell, (0, 1), 1.0, joules_per_evaluation=1.0),
        BudgetError,
        "pays for 1 evaluations, the smallest estimate takes 15",
    ),
    ("a rule of one point", lambda: wq.newton_cotes(1), RangeError, "2 to 64"),
    ("a rule of half a point", lambda: wq.gauss_legendre(0.5), RangeError, "n must be"),
    ("a rule of no point", lambda: wq.gauss_hermite(0), RangeError, "n must be"),
    ("a rule of 99 nodes", lambda: wq.kronrod(99), RangeError, "1 to 50"),
    ("a zero beside the diagonal", lambda: wq.golub_welsch([0.0, 0.0], [0.0]), RangeError, "not positive"),
    ("too much beside the diagonal", lambda: wq.golub_welsch([0.0], [1.0]), ShapeError, "beside"),
    ("a mass of zero", lambda: wq.golub_welsch([0.0], [], 0.0), RangeError, "mass"),
    ("samples at other places", lambda: wq.trapezoid([1.0, 2.0], [0.0]), ShapeError, "like the last axis"),
    ("a number for samples", lambda: wq.trapezoid(1.0), ShapeError, "dimension"),
    ("a place twice", lambda: wq.simpson([1.0, 2.0, 3.0], [0.0, 0.0, 1.0]), RangeError, "strictly"),
    ("a NaN among samples", lambda: wq.simpson([1.0, math.nan, 3.0]), NotFiniteError, "NaN"),
    ("no sample", lambda: wq.simpson([]), EmptyInputError, "empty"),
    ("no points", lambda: wq.sobol(0, 2), RangeError, "n must be"),
    ("65 variables", lambda: wq.sobol(4, 65), RangeError, "64"),
    ("points beyond the last", lambda: wq.sobol(4, 2, skip=2**32), RangeError, "ends after"),
    ("a negative index", lambda: wq.halton(4, 2, skip=-1), RangeError, "skip"),
    ("no variables", lambda: wq.halton(4, 0), RangeError, "dimension"),
    ("a seed for a scramble", lambda: wq.sobol(4, 2, rng=0), RangeError, "Generator"),
    ("points outside", lambda: wq.discrepancy([[1.5]]), RangeError, r"\[0, 1\]"),
    ("an unknown discrepancy", lambda: wq.discrepancy([[0.5]], kind="L7"), RangeError, "kind"),
]


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call()
    assert isinstance(caught.value, WhiteboxError)


@pytest.mark.parametrize("bad", BAD_MATRICES)
def test_points_that_are_no_matrix_are_refused(bad: str) -> None:
    values, error, message = BAD_MATRICES[bad]
    with pytest.raises(error, match=message):
        wq.discrepancy(values)


WORKS = [
    ("one sample", lambda: wq.trapezoid([3.0]).tolist(), 0.0),
    ("two samples for parabolas", lambda: wq.simpson([1.0, 3.0]).tolist(), 2.0),
    ("falling places", lambda: wq.simpson([0.0, 1.0, 4.0], [2.0, 1.0, 0.0]).round(9).tolist(), -round(8 / 3, 9)),
    ("a constant", lambda: wq.integrate(lambda x: 0 * x + 2, (0, 3)).value, 6.0),
    ("zero", lambda: wq.gauss_kronrod(lambda x: 0 * x, -1, 1).value, 0.0),
    ("an interval of length zero", lambda: wq.gauss_kronrod(np.exp, 1, 1).value, 0.0),
    ("whole numbers", lambda: round(wq.gauss_kronrod(lambda x: np.ones(len(x), dtype=int), 0, 2).value, 12), 2.0),
    ("truths", lambda: wq.monte_carlo(lambda x: x < 2, (0, 1), 8, RNG)[:2], (1.0, 0.0)),
    ("a box of one side", lambda: round(wq.integrate(lambda x: x[:, 0], [(0, 1)]).value, 12), 0.5),
    ("ends as NumPy numbers", lambda: wq.integrate(lambda x: 0 * x + 1, np.array([0, 2])).value, 2.0),
    ("one point", lambda: wq.halton(1, 1).tolist(), [[0.0]]),
    ("one node", lambda: wq.golub_welsch([3.0], [], 2.0)[:2], ([3.0], [2.0])),
    ("a budget of ten thousand", lambda: wq.integrate_within(np.exp, (0, 0), 1e4, watts=1.0).joules, 0.0),
]


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_but_valid_input_works(call, expected) -> None:
    assert partial(call)() == expected
