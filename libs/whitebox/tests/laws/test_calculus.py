from __future__ import annotations

import math

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from whitebox import calculus
from whitebox.calculus import Dual, central_difference, complex_step, derivative, gradient, hessian, jacobian
from whitebox.calculus._rules import BINARY, UNARY
from whitebox.errors import DtypeError, RangeError, ShapeError

# Where each function has a derivative.
DOMAINS = {
    np.sqrt: (0.1, 9), np.cbrt: (0.1, 9), np.reciprocal: (0.5, 9), np.log: (0.1, 9), np.log2: (0.1, 9),
    np.log10: (0.1, 9), np.log1p: (-0.9, 9), np.arcsin: (-0.9, 0.9), np.arccos: (-0.9, 0.9), np.arctanh: (-0.9, 0.9),
    np.arccosh: (1.1, 9), np.tan: (-1.4, 1.4), np.absolute: (0.1, 9),
}  # fmt: skip


@pytest.mark.parametrize("ufunc", UNARY, ids=lambda ufunc: ufunc.__name__)
def test_the_rule_of_every_function_equals_the_difference_quotients(ufunc) -> None:
    x = np.linspace(*DOMAINS.get(ufunc, (-2, 2)), 41)
    np.testing.assert_allclose(derivative(ufunc, x), central_difference(ufunc, x, order=4), rtol=1e-8, atol=1e-8)
    for place in x[1::8]:
        second = hessian(lambda z: ufunc(z[0]), [place])[0, 0]
        assert second == pytest.approx(float(central_difference(lambda z: derivative(ufunc, z), place)), 1e-6, 1e-6)


@pytest.mark.parametrize("ufunc", BINARY, ids=lambda ufunc: ufunc.__name__)
@EXAMPLES
@given(st.floats(0.2, 3), st.floats(0.2, 3))
def test_the_rule_of_every_function_of_two_equals_the_difference_quotients(ufunc, x: float, y: float) -> None:
    if abs(x - y) < 0.01:
        return
    point = [x, y]
    for f in (lambda z: ufunc(z[0], z[1]), lambda z: ufunc(z[0], 0.7) + ufunc(1.3, z[1])):
        np.testing.assert_allclose(gradient(f, point), gradient(f, point, method="central"), rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(hessian(f, point), hessian(f, point, method="central"), rtol=1e-4, atol=1e-4)


def test_powers_have_derivatives_at_zero_and_for_negative_numbers() -> None:
    assert derivative(lambda x: x**2, [-3.0, 0.0]).tolist() == [-6.0, 0.0]
    assert derivative(lambda x: x**1, 0.0) == 1.0
    assert derivative(lambda x: x**0, 0.0) == 0.0
    assert hessian(lambda x: x[0] ** 2, [0.0]).tolist() == [[2.0]]
    assert hessian(lambda x: x[0] ** 3, [-1.0]).tolist() == [[-6.0]]


VECTORS = arrays(float, 3, elements=st.floats(-2, 2).map(lambda x: round(x, 3)))


@EXAMPLES
@given(VECTORS, st.integers(0, 2**32 - 1))
def test_the_chain_rule_multiplies_jacobians(x, seed: int) -> None:
    rng = np.random.default_rng(seed)
    A, B = rng.standard_normal((4, 3)), rng.standard_normal((2, 4))

    def inner(z):
        return np.tanh(A @ z)

    def outer(z):
        return np.sin(B @ z) * z[0]

    chained = jacobian(lambda z: outer(inner(z)), x)
    np.testing.assert_allclose(chained, jacobian(outer, inner(x)) @ jacobian(inner, x), atol=1e-12)


@EXAMPLES
@given(VECTORS, st.integers(0, 2**32 - 1))
def test_the_derivatives_of_a_quadratic_form_are_its_matrix(x, seed: int) -> None:
    A = np.random.default_rng(seed).standard_normal((3, 3))
    for form in (lambda z: z @ A @ z, lambda z: z @ (A @ z), lambda z: np.dot(z, A @ z), lambda z: np.sum(z * (A @ z))):
        np.testing.assert_allclose(gradient(form, x), (A + A.T) @ x, atol=1e-12)
        np.testing.assert_allclose(hessian(form, x), A + A.T, atol=1e-12)


@EXAMPLES
@given(VECTORS)
def test_all_methods_agree_and_hessians_are_symmetric(x) -> None:
    def f(z):
        return np.exp(0.3 * z[0] * z[1]) + np.sin(z[2]) * z[0] + np.log(z[1] * z[1] + 2)

    exact = gradient(f, x)
    np.testing.assert_allclose(gradient(f, x, method="complex"), exact, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(gradient(f, x, method="central"), exact, rtol=1e-7, atol=1e-7)
    H = hessian(f, x)
    np.testing.assert_array_equal(H, H.T)
    np.testing.assert_allclose(hessian(f, x, method="central"), H, atol=1e-4)
    np.testing.assert_allclose(jacobian(lambda z: gradient(f, z, method="complex"), x, method="central"), H, atol=1e-6)


def test_arrays_are_followed_through_shapes_sums_choices_and_joins() -> None:
    def f(z):
        table = z.reshape(2, 3)
        chosen = np.where(table > 0, table**2, -3 * table)
        rows = np.stack([chosen[0], chosen[1], np.ones(3)])
        long = np.concatenate([rows.sum(axis=0), table.T[0] @ np.ones((2, 1)), [5.0]])
        return np.mean(rows @ rows.T) + long.mean() + np.sum(np.stack([z[0], z[1]], axis=-1)) + float(len(z))

    x = np.array([0.5, -1.0, 2.0, -0.25, 1.0, 3.0])
    np.testing.assert_allclose(gradient(f, x), gradient(_on_arrays(f), x, method="central"), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(hessian(f, x), hessian(_on_arrays(f), x, method="central"), rtol=1e-5, atol=1e-5)


def _on_arrays(f):
    return lambda z: float(f(z))


def test_control_flow_follows_the_values() -> None:
    def f(x):
        while x < 100:
            x = x * x if x > 1 else x + 1
        return x

    assert derivative(f, 2.0) == pytest.approx(8 * 2.0**7)
    x = Dual([1.0, 2.0], np.eye(2))
    assert (x == [1.0, 3.0]).tolist() == [True, False]
    assert [float(part.value) for part in x] == [1.0, 2.0]
    assert len(x) == x.size == 2
    assert repr(x[0]) == "Dual(array(1.), array([1., 0.]))"


def test_constants_have_no_derivative() -> None:
    assert derivative(lambda _: np.zeros(2), [1.0, 2.0]).tolist() == [0.0, 0.0]
    assert gradient(lambda _: 3.0, [1.0, 2.0]).tolist() == [0.0, 0.0]
    assert hessian(lambda _: 3.0, [1.0]).tolist() == [[0.0]]
    assert jacobian(lambda z: [1.0, z[0]], [4.0]).tolist() == [[0.0], [1.0]]


def test_complex_steps_lose_no_digits_where_differences_do() -> None:
    # The example of Squire and Trapp.
    def f(x):
        return np.exp(x) / np.sqrt(np.sin(x) ** 3 + np.cos(x) ** 3)

    exact = derivative(f, 1.5)
    assert complex_step(f, 1.5) == pytest.approx(float(exact), rel=1e-15)
    assert abs(central_difference(f, 1.5) / exact - 1) < 1e-8
    assert abs(central_difference(f, 1.5, order=4) / exact - 1) < 1e-11


@EXAMPLES
@given(st.floats(-1e6, 1e6))
def test_differences_of_a_parabola_are_exact_to_rounding(x: float) -> None:
    assert float(central_difference(lambda z: z * z, x)) == pytest.approx(2 * x, rel=1e-8, abs=1e-8)
    assert float(central_difference(lambda z: z**4, x, order=4)) == pytest.approx(4 * x**3, rel=1e-9, abs=1e-9)


@EXAMPLES
@given(st.floats(0.1, 1e6), st.sampled_from([2, 4]))
def test_the_difference_of_a_line_is_exact(x: float, order: int) -> None:
    assert float(central_difference(lambda z: z, x, order=order)) == pytest.approx(1.0, abs=1e-14)


def test_a_dropped_imaginary_part_is_noticed() -> None:
    with pytest.raises(DtypeError, match="not analytic"):
        complex_step(lambda z: z.real, 1.0)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: derivative(math.sin, 1.0), DtypeError, "instead of math's"),
        (lambda: derivative(np.spacing, 1.5), DtypeError, "derivative of numpy.spacing is not known"),
        (lambda: gradient(np.prod, [1.0]), DtypeError, "numpy.prod does not take"),
        (lambda: gradient(np.add.reduce, [1.0]), DtypeError, "no .reduce"),
        (lambda: gradient(lambda z: z[..., 0], [1.0]), DtypeError, "without '...'"),
        (lambda: gradient(lambda z: z.reshape(1, 1, 2) @ np.ones((2, 2)), [1.0, 2.0]), DtypeError, "vectors and matr"),
        (lambda: gradient(lambda z: 2 * z, [1.0, 2.0]), ShapeError, "see jacobian"),
        (lambda: jacobian(lambda z: z.reshape(1, 2), [1.0, 2.0]), ShapeError, "got 2 axes"),
        (lambda: hessian(lambda z: z, [1.0, 2.0]), ShapeError, r"shape \(2,\)"),
        (lambda: hessian(lambda z: z, [1.0, 2.0], method="central"), ShapeError, r"shape \(2,\)"),
        (lambda: derivative(lambda z: z.sum(), [1.0, 2.0]), ShapeError, r"turns shape \(2,\) into \(\)"),
        (lambda: gradient(lambda z: abs(z[0]), [1.0], method="complex"), DtypeError, "not analytic"),
        (lambda: complex_step(lambda z: z.sum(), [1.0, 2.0]), ShapeError, "turns shape"),
        (lambda: central_difference(lambda z: z.sum(), [1.0, 2.0]), ShapeError, "turns shape"),
        (lambda: central_difference(np.sin, 1.0, order=3), RangeError, "order must be 2 or 4"),
        (lambda: central_difference(np.sin, 1.0, step=0.0), RangeError, "step must be"),
        (lambda: complex_step(np.sin, 1.0, step=-1.0), RangeError, "step must be"),
        (lambda: gradient(np.sum, [1.0], method="magic"), RangeError, "method must be"),
        (lambda: derivative(np.sin, 1.0, method="magic"), RangeError, "method must be"),
        (lambda: hessian(np.sum, [1.0], method="complex"), RangeError, "'dual' or 'central'"),
    ],
)
def test_what_cannot_be_followed_is_named(call, error, says: str) -> None:
    with pytest.raises(error, match=says):
        call()


def test_the_package_gives_its_names() -> None:
    for name in calculus.__all__:
        assert hasattr(calculus, name)
