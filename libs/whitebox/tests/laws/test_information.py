from __future__ import annotations

import math

import numpy as np
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from whitebox import information

counts = st.one_of(st.just(0.0), st.floats(0.01, 9.0))
weights = arrays(float, 5, elements=counts).filter(np.any)
tables = arrays(float, (3, 4), elements=counts).filter(np.any)


@EXAMPLES
@given(weights, weights, weights)
def test_divergences_are_positive_symmetric_bounded_and_a_metric(p, q, r) -> None:
    kl, js = information.kl_divergence(p, q), information.js_divergence(p, q)
    assert kl >= 0
    assert 0 <= js <= math.log(2) + 1e-12
    assert information.kl_divergence(p, p) == 0
    np.testing.assert_allclose(information.js_divergence(p, 3 * p), 0, atol=1e-15)
    np.testing.assert_allclose(information.js_divergence(q, p), js, rtol=1e-12, atol=1e-15)
    p_q, q_r, p_r = (information.js_distance(*pair) for pair in ((p, q), (q, r), (p, r)))
    assert p_r <= p_q + q_r + 1e-7
    np.testing.assert_allclose(information.cross_entropy(p, q), information.entropy(p) + kl, rtol=1e-12, atol=1e-12)


@EXAMPLES
@given(weights)
def test_entropy_lies_between_certainty_and_uniformity(p) -> None:
    assert -1e-15 <= information.entropy(p) <= math.log(5) + 1e-12
    np.testing.assert_allclose(information.entropy(p, "bits"), information.entropy(p) / math.log(2))
    np.testing.assert_allclose(information.entropy(np.ones(5)), math.log(5))


@EXAMPLES
@given(tables)
def test_the_chain_rule_holds(table) -> None:
    joint, rows, columns = information.joint_entropy(table), table.sum(axis=1), table.sum(axis=0)
    conditional, mutual = information.conditional_entropy(table), information.mutual_information(table)
    close = {"rtol": 1e-10, "atol": 1e-12}
    np.testing.assert_allclose(joint, information.entropy(rows) + conditional, **close)
    np.testing.assert_allclose(mutual, information.entropy(columns) - conditional, **close)
    np.testing.assert_allclose(mutual, information.mutual_information(table.T), **close)
    assert mutual >= 0
    assert conditional >= 0


@EXAMPLES
@given(weights, weights)
def test_independent_quantities_say_nothing_about_each_other(p, q) -> None:
    np.testing.assert_allclose(information.mutual_information(np.outer(p, q)), 0, atol=1e-12)


@EXAMPLES
@given(tables, arrays(float, (4, 3), elements=st.floats(0.01, 1.0)))
def test_processing_creates_no_information(table, channel) -> None:
    channel = channel / channel.sum(axis=1, keepdims=True)
    assert information.mutual_information(table @ channel) <= information.mutual_information(table) + 1e-12


def test_a_divergence_says_which_way_it_looks() -> None:
    narrow, wide = [1.0, 0.0], [0.5, 0.5]
    np.testing.assert_allclose(information.kl_divergence(narrow, wide), math.log(2))
    assert information.kl_divergence(wide, narrow) == math.inf
    assert information.cross_entropy(wide, narrow) == math.inf
