"""Mistakes in `whitebox.calculus`."""

from __future__ import annotations

from mutants.mutant import Mutant

DUAL = "whitebox.calculus.dual"
RULES = "whitebox.calculus._rules"
STEPS = "whitebox.calculus._steps"
DERIVATIVES = "whitebox.calculus._derivatives"

MUTANTS = [
    Mutant(
        "the second derivative forgets the curvature of the function",
        DUAL,
        "_scaled(slope, x.second, 2) + _scaled(curvature, _outer(x, x), 2)",
        "_scaled(slope, x.second, 2) + 0 * _scaled(curvature, _outer(x, x), 2)",
        ("pair:calculus.hessian", "laws.test_calculus:test_all_methods_agree_and_hessians_are_symmetric"),
    ),
    Mutant(
        "the mixed term of a product is counted on one side only",
        DUAL,
        "_scaled(by_xy(a, b), _outer(x, y) + _outer(y, x), 2)",
        "_scaled(by_xy(a, b), 2 * _outer(x, y), 2)",
        ("pair:calculus.hessian", "laws.test_calculus:test_all_methods_agree_and_hessians_are_symmetric"),
    ),
    Mutant(
        "a matrix product of two dual numbers loses the mixed derivatives",
        DUAL,
        "second = second + cross + np.swapaxes(cross, 0, 1)",
        "second = second + 0 * cross",
        ("laws.test_calculus:test_the_derivatives_of_a_quadratic_form_are_its_matrix",),
    ),
    Mutant(
        "x to the power of zero has the slope 0 times infinity",
        RULES,
        "np.where(y == 0, 0.0, y * np.power(x, np.where(y == 0, 1.0, y - 1)))",
        "y * np.power(x, y - 1)",
        ("laws.test_calculus:test_powers_have_derivatives_at_zero_and_for_negative_numbers",),
    ),
    Mutant(
        "the difference on both sides is divided by one step",
        STEPS,
        "return np.asarray(total / h)",
        "return np.asarray(2 * total / h)",
        ("pair:calculus.central_difference", "laws.test_calculus:test_differences_of_a_parabola_are_exact_to_rounding"),
    ),
    Mutant(
        "the step of a difference is far too small",
        STEPS,
        "EPS ** (1 / (order + 1))",
        "EPS",
        ("laws.test_calculus:test_differences_of_a_parabola_are_exact_to_rounding",),
    ),
    Mutant(
        "the step that was meant is used instead of the one that was made",
        STEPS,
        "h = (at + width) - at",
        "h = width * np.ones_like(at)",
        ("laws.test_calculus:test_the_difference_of_a_line_is_exact",),
    ),
    Mutant(
        "an imaginary part that was dropped goes unnoticed",
        STEPS,
        'if value.dtype.kind != "c":',
        'if value.dtype.kind == "?":',
        ("laws.test_calculus:test_a_dropped_imaginary_part_is_noticed",),
    ),
    Mutant(
        "differences on one side only",
        STEPS,
        "difference = np.asarray(f(at + places * h)) - np.asarray(f(at - places * h))",
        "difference = 2 * (np.asarray(f(at + places * h)) - np.asarray(f(at)))",
        ("laws.test_calculus:test_differences_of_a_parabola_are_exact_to_rounding", "pair:calculus.central_difference"),
    ),
    Mutant(
        "the chain rule skips the left factor of a matrix product",
        DUAL,
        "None if left.first is None else left.first @ right.value",
        "None if left.first is None else 0 * left.first @ right.value",
        ("laws.test_calculus:test_the_derivatives_of_a_quadratic_form_are_its_matrix",),
    ),
    Mutant(
        "the derivative of a power forgets its exponent",
        RULES,
        "y * np.power(x, np.where(y == 0, 1.0, y - 1))",
        "np.power(x, np.where(y == 0, 1.0, y - 1))",
        ("laws.test_calculus:test_powers_have_derivatives_at_zero_and_for_negative_numbers",),
    ),
    Mutant(
        "mixed differences are not divided by four",
        DERIVATIVES,
        "mixed / (4 * p[i] * q[j])",
        "mixed / (p[i] * q[j])",
        ("laws.test_calculus:test_all_methods_agree_and_hessians_are_symmetric",),
    ),
]
