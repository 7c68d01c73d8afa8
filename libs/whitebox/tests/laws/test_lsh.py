from __future__ import annotations

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox.metrics.ranking import recall_at_k
from whitebox.search import exact
from whitebox.search.lsh import (
    HyperplaneLSH,
    MinHash,
    MinHashLSH,
    amplify,
    best_bands,
    hash_elements,
    jaccard,
    near_duplicates,
    nearest_flips,
    shingles,
)


def _pairs_of(similarity: float, count: int) -> list[set[int]]:
    """Pairs of sets of 40 elements in all, with that Jaccard similarity, one after the other."""
    shared = round(40 * similarity)
    sets = []
    for pair in range(count):
        start = 1000 * pair
        common = set(range(start, start + shared))
        half = (40 - shared) // 2
        sets += [
            common | set(range(start + 100, start + 100 + half)),
            common | set(range(start + 200, start + 240 - shared - half)),
        ]
    return sets


def test_and_makes_it_rarer_and_or_makes_it_likelier() -> None:
    assert amplify(0.5, rows=3, bands=1) == 0.125
    assert amplify(0.5, rows=1, bands=3) == 0.875
    assert amplify(0.8, 5, 20) > 0.999 > 0.05 > amplify(0.3, 5, 20)


@EXAMPLES
@given(st.floats(0, 1), st.integers(1, 10), st.integers(1, 10))
def test_amplification_is_a_step_that_keeps_the_ends(p: float, rows: int, bands: int) -> None:
    assert 0 <= amplify(p, rows, bands) <= 1
    assert amplify(0, rows, bands) == 0
    assert amplify(1, rows, bands) == 1
    assert amplify(p, rows + 1, bands) <= amplify(p, rows, bands) <= amplify(p, rows, bands + 1)


def test_signatures_agree_as_often_as_sets_do() -> None:
    minhash = MinHash(400, random_state=1)
    for similarity in (0.2, 0.5, 0.8):
        signatures = minhash.signatures(_pairs_of(similarity, 10))
        estimates = [minhash.similarity(a, b) for a, b in zip(signatures[::2], signatures[1::2], strict=True)]
        error = np.sqrt(similarity * (1 - similarity) / 400)
        assert abs(np.mean(estimates) - similarity) < 4 * error / np.sqrt(10)
        assert max(abs(np.array(estimates) - similarity)) < 4 * error


def test_each_hash_puts_the_elements_into_an_order_of_its_own() -> None:
    # The first element of each order should be any of the set's with equal chance.
    minhash, elements = MinHash(2000, random_state=2), list(range(8))
    alone = minhash.signatures([{element} for element in elements])
    whole = minhash.signatures([elements])[0]
    firsts = (alone == whole).sum(axis=1)
    assert firsts.sum() == 2000
    assert (abs(firsts - 250) < 5 * np.sqrt(2000 * (1 / 8) * (7 / 8))).all()


def test_sets_share_a_bucket_as_often_as_amplification_says() -> None:
    bands, rows, pairs = 6, 3, 150
    for similarity in (0.4, 0.7):
        found = MinHashLSH(bands, rows, random_state=3).fit(_pairs_of(similarity, pairs)).pairs()
        share = sum(j == i + 1 and i % 2 == 0 for i, j in found.tolist()) / pairs
        expected = amplify(similarity, rows, bands)
        assert abs(share - expected) < 4.5 * np.sqrt(expected * (1 - expected) / pairs)


def test_candidates_of_an_indexed_set_hold_itself_and_its_partners() -> None:
    sets = _pairs_of(0.8, 12)
    index = MinHashLSH(10, 3).fit(sets)
    partners = {(i, j) for i, j in index.pairs().tolist()}
    for number, elements in enumerate(sets):
        found = index.candidates(elements).tolist()
        assert number in found
        assert {(min(number, i), max(number, i)) for i in found if i != number} <= partners


@EXAMPLES
@given(st.lists(st.sets(st.integers(0, 9)), min_size=1, max_size=6))
def test_equal_sets_are_candidates_whatever_the_order_of_their_elements(sets) -> None:
    doubled = [list(elements) for elements in sets] + [sorted(elements, reverse=True) for elements in sets]
    pairs = {(i, j) for i, j in MinHashLSH(3, 4).fit(doubled).pairs().tolist()}
    assert {(i, i + len(sets)) for i in range(len(sets))} <= pairs


def test_hashes_are_those_of_any_machine_and_tell_types_apart() -> None:
    assert hash_elements(["tide"]).tolist() == [5425939097602491986]  # BLAKE2b of b"stide"
    assert len({int(value) for value in hash_elements(["1", b"1", 1])}) == 3


def test_bands_move_the_step_to_the_threshold() -> None:
    for threshold in (0.3, 0.5, 0.8):
        bands, rows = best_bands(threshold, 64)
        grid = np.linspace(0, 1, 501)
        middle = grid[np.argmax([amplify(s, rows, bands) > 0.5 for s in grid])]
        assert abs(middle - threshold) < 0.1


def test_near_duplicates_are_found_and_nothing_else() -> None:
    base = "the water of the estuary rises twice a day and falls again, and a turbine in the barrage turns both ways"
    texts = [base, "wind blows over the flat land where no river runs", base.replace("twice", "often"), base + "."]
    found = list(near_duplicates(texts, 0.7))
    assert [pair[:2] for pair in found] == [(0, 2), (0, 3), (2, 3)]
    for i, j, similarity in found:
        assert similarity == jaccard(shingles(texts[i]), shingles(texts[j])) >= 0.7


def test_hyperplanes_part_vectors_by_their_angle() -> None:
    angles = np.linspace(0.1, np.pi - 0.1, 7)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    index = HyperplaneLSH(tables=400, bits=1, random_state=4).fit(vectors)
    margins = np.einsum("tbd,nd->ntb", index.planes_, vectors)[..., 0] >= 0
    together = (margins[0] == margins).mean(axis=1)
    expected = 1 - (angles - angles[0]) / np.pi
    assert (abs(together - expected) < 4.5 * np.sqrt(0.25 / 400)).all()


def _shares(tables: int, bits: int, probes: int) -> float:
    rng = np.random.default_rng(5)
    X = rng.standard_normal((150, 16))
    queries = X[:30] + 0.3 * rng.standard_normal((30, 16))
    index = HyperplaneLSH(tables, bits, random_state=6).fit(X)
    return recall_at_k(
        [[i for i in row if i >= 0] for row in index.search(queries, 1, probes=probes)[0].tolist()],
        exact.search(queries, X, 1)[0].tolist(),
        1,
    )


def test_more_tables_find_more_and_more_bits_find_less() -> None:
    assert _shares(1, 6, 1) < _shares(8, 6, 1) > _shares(8, 14, 1)
    assert _shares(8, 6, 1) > 0.9


def test_more_probes_find_more_and_all_of_them_everything() -> None:
    assert _shares(2, 8, 1) < _shares(2, 8, 16) <= _shares(2, 8, 256) == 1.0


def test_the_first_probes_are_the_cheapest_sets_of_flips() -> None:
    costs = np.random.default_rng(7).random(5)
    sums = np.array([sum(costs[place] for place in range(5) if bits >> place & 1) for bits in range(32)])
    flips = nearest_flips(costs, 32)
    assert sorted(flips.tolist()) == list(range(32))
    np.testing.assert_allclose(sums[flips], np.sort(sums))


def test_found_vectors_are_scored_exactly() -> None:
    rng = np.random.default_rng(8)
    X, queries = rng.standard_normal((50, 4)), rng.standard_normal((6, 4))
    index = HyperplaneLSH(2, 3).fit(X)
    ids, scores = index.search(queries, 5, probes=8)
    expected, worth = exact.search(queries, X, 5)
    np.testing.assert_array_equal(ids, expected)
    np.testing.assert_allclose(scores, worth, atol=1e-12)
    assert set(index.candidates(queries[0]).tolist()) <= set(range(50))


def test_candidates_that_are_not_alike_enough_are_dropped() -> None:
    words = "the water of the estuary rises twice a day and falls again and a turbine turns both ways".split()
    texts = [" ".join([*words[:place], "still", *words[place + 1 :]]) for place in range(0, 18, 2)]
    sets = [shingles(text) for text in texts]
    bands, rows = best_bands(0.75, 32)
    candidates = MinHashLSH(bands, rows).fit(sets).pairs().tolist()
    alike = [(i, j) for i, j in candidates if jaccard(sets[i], sets[j]) >= 0.75]
    assert 0 < len(alike) < len(candidates)
    assert [pair[:2] for pair in near_duplicates(texts, 0.75, hashes=32)] == alike


@pytest.mark.parametrize("text", ["", "   ", "ab", "abcde"])
def test_short_texts_have_one_shingle_or_none(text: str) -> None:
    assert shingles(text) == ({text.strip()} if text.strip() else set())
