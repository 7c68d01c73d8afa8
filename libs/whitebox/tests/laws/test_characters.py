"""Laws of the model that writes character by character."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chisquare
from whitebox.autograd import Tensor, softmax
from whitebox.nn import Optimizer, cross_entropy
from whitebox.optimize.first_order import Adam
from whitebox.text import characters as module
from whitebox.text.characters import CharacterModel, windows
from whitebox.transformers.sampling import GREEDY, Sampling

TEXT = "the tide rises, the tide falls, "
ALPHABET = "".join(sorted(set(TEXT)))


def made(**options) -> CharacterModel:
    return CharacterModel(ALPHABET, hidden=12, embedding=5, rng=np.random.default_rng(0), dtype=np.float64, **options)


def probabilities(model: CharacterModel, text: str) -> np.ndarray:
    """Of each next character, by reading all before it anew."""
    rows = [softmax(model(model.encode(text[:end])[None])[0]).data[0, -1] for end in range(1, len(text) + 1)]
    return np.array(rows)


def test_bits_are_those_of_the_probabilities_read_anew_for_each_character(monkeypatch: pytest.MonkeyPatch) -> None:
    model = made(layers=2).eval()
    rows = probabilities(model, TEXT)[:-1]
    expected = -np.log2(rows[np.arange(len(TEXT) - 1), model.encode(TEXT)[1:]]).mean()
    assert model.bits_per_character(TEXT) == pytest.approx(expected)
    # However long a text is, it is read through as one.
    monkeypatch.setattr(module, "_PIECE", 7)
    assert model.bits_per_character(TEXT) == pytest.approx(expected)


def test_bits_are_counted_over_all_pieces() -> None:
    model, text = made(), TEXT * 20
    model.eval()
    assert len(text) > module._PIECE
    numbers = model.encode(text)
    logits, _ = model(numbers[None, :-1])
    expected = cross_entropy(logits, numbers[None, 1:]).item() / math.log(2)
    assert model.bits_per_character(text) == pytest.approx(expected)


def test_greedy_writing_takes_the_most_probable_character_after_all_that_was_read() -> None:
    model = made(layers=2, dropout=0.5)
    written = model.sample("the ", 12, GREEDY, rng=np.random.default_rng(0))
    assert model.training  # as before
    model.eval()
    text = "the "
    for _ in range(12):
        text += ALPHABET[probabilities(model, text)[-1].argmax()]
    assert written == text[4:]
    assert model.sample("the ", 12, Sampling(top_k=1), rng=np.random.default_rng(5)) == written


def test_characters_are_drawn_as_often_as_their_probabilities_say() -> None:
    model = made()
    model.head.weight.data = model.head.weight.data * 6
    rng = np.random.default_rng(1)
    for sampling in (Sampling(), Sampling(temperature=0.5), Sampling(top_k=3), Sampling(top_p=0.6)):
        expected = sampling.probabilities(np.log(probabilities(model, "ti")[-1]))
        drawn = [model.sample("ti", 1, sampling, rng=rng) for _ in range(400)]
        counts = np.array([drawn.count(character) for character in ALPHABET])
        likely = expected > 0
        assert counts[~likely].sum() == 0
        assert chisquare(counts[likely], 400 * expected[likely]).pvalue > 1e-4


def test_the_same_draws_write_the_same_text() -> None:
    one = made().sample("t", 30, rng=np.random.default_rng(3))
    assert made().sample("t", 30, rng=np.random.default_rng(3)) == one
    assert made().sample("t", 30, rng=np.random.default_rng(4)) != one


def test_a_repetition_penalty_knows_the_prompt() -> None:
    model = made()
    model.head.weight.data = np.zeros_like(model.head.weight.data)
    model.head.bias.data = np.linspace(1, 2, len(ALPHABET))
    best = ALPHABET[-1]
    assert model.sample(best, 1, GREEDY, rng=np.random.default_rng(0)) == best
    fresh = Sampling(temperature=0, repetition_penalty=100.0)
    assert model.sample(best, 2, fresh, rng=np.random.default_rng(0)) == ALPHABET[-2:-4:-1]


def test_a_text_is_learned_by_heart_and_its_gates_stay_between_closed_and_open() -> None:
    model = CharacterModel(ALPHABET, hidden=24, embedding=8, rng=np.random.default_rng(0))
    optimizer = Optimizer(model, Adam(0.02), max_norm=1.0)
    pieces = windows(model.encode(TEXT * 2), 16)
    for _ in range(120):
        optimizer.zero_grad()
        logits, _ = model(pieces[:, :-1])
        cross_entropy(logits, pieces[:, 1:]).backward()
        optimizer.step()
    assert model.bits_per_character(TEXT) < 0.5
    assert model.sample("the tide r", 6, GREEDY, rng=np.random.default_rng(0)) == "ises, "
    for gate in ("input", "forget", "output"):
        found = model.openings(TEXT, gate)
        assert found.characters == ALPHABET
        assert found.opening.shape == (len(ALPHABET), 24)
        assert (found.opening > 0).all()
        assert (found.opening < 1).all()
        assert (found.always_open + found.always_closed <= 1).all()


def test_openings_are_means_over_the_places_of_each_character() -> None:
    model = made(layers=2)
    gates = model.lstm.gates(Tensor(model.embedding(model.encode(TEXT)[None]).data))
    for layer in (0, 1):
        for gate in ("input", "forget", "output"):
            found = model.openings(TEXT, gate, layer=layer)
            opened = getattr(gates[layer], gate)[0]
            for row, character in zip(found.opening, found.characters, strict=True):
                there = [place for place, one in enumerate(TEXT) if one == character]
                np.testing.assert_allclose(row, opened[there].mean(axis=0))


def test_pieces_overlap_by_the_character_that_is_read_but_was_predicted_before() -> None:
    numbers = np.arange(23)
    pieces = windows(numbers, 5)
    assert pieces[:, 1:].ravel().tolist() == list(range(1, 21))
    assert (pieces[1:, 0] == pieces[:-1, -1]).all()
    assert windows([0, 1], 1).tolist() == [[0, 1]]
