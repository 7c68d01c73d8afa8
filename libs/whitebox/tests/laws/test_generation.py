from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from whitebox.autograd import Tensor
from whitebox.errors import CacheFullError, EmptyInputError, NotFiniteError, RangeError, ShapeError
from whitebox.transformers.cache import ContiguousCache
from whitebox.transformers.generation import Drafted, generate, speculate
from whitebox.transformers.llama import Llama, LlamaConfig
from whitebox.transformers.sampling import GREEDY, Sampling, draw_from, log_probabilities

LOGITS = st.lists(st.one_of(st.integers(-3, 3).map(float), st.floats(-30, 30)), min_size=1, max_size=12)
PLAIN = Sampling()


class Places:
    """A cache that only counts."""

    def __init__(self) -> None:
        self.length = 0

    def truncate(self, length: int) -> None:
        self.length = min(self.length, length)


class Chain:
    """A model whose next token depends on the last two, by a table."""

    def __init__(self, vocabulary: int, seed: int) -> None:
        self.table = np.random.default_rng(seed).normal(scale=1.5, size=(vocabulary, vocabulary, vocabulary))
        self.read: list[int] = []

    def new_cache(self, batch: int = 1, capacity: int | None = None) -> Places:
        self.read = []
        return Places()

    def __call__(self, ids, cache, *, last_only: bool = False) -> Tensor:
        del self.read[cache.length :]
        rows = []
        for token in ids[0]:
            self.read.append(token)
            rows.append(self.table[self.read[-2] if len(self.read) > 1 else 0, token])
        cache.length += len(ids[0])
        return Tensor(np.array([rows[-1:] if last_only else rows]))


def chances(model: Chain, prompt: list[int], count: int, sampling: Sampling) -> dict[tuple[int, ...], float]:
    """Probability of each continuation, by enumeration."""
    found = {}
    for tokens in itertools.product(range(len(model.table)), repeat=count):
        p, seen = 1.0, list(prompt)
        for token in tokens:
            p *= sampling.probabilities(model.table[seen[-2], seen[-1]], seen)[token]
            seen.append(token)
        found[tokens] = p
    return found


def check_drafting(sampling: Sampling = PLAIN, ahead: int = 3, runs: int = 400) -> None:
    """The continuations drawn against their probabilities, by a chi-square test."""
    model, draft, prompt = Chain(4, 1), Chain(4, 2), [1, 2]
    rng, count = np.random.default_rng(ahead), 3
    told = Drafted()
    found = Counter(
        tuple(
            speculate(model, draft, prompt, max_tokens=count, ahead=ahead, sampling=sampling, rng=rng, statistics=told)
        )
        for _ in range(runs)
    )
    expected = chances(model, prompt, count, sampling)
    assert set(found) <= {tokens for tokens, p in expected.items() if p > 0}
    likely = [tokens for tokens, p in expected.items() if p * runs > 5]
    observed = [found[tokens] for tokens in likely]
    wanted = [expected[tokens] * runs for tokens in likely]
    # All others together are one class more.
    observed, wanted = [*observed, runs - sum(observed)], [*wanted, runs - sum(wanted)]
    kept = [i for i, w in enumerate(wanted) if w > 1e-9]
    assert chisquare([observed[i] for i in kept], [wanted[i] for i in kept], sum_check=False).pvalue > 0.001
    assert 0 < told.accepted < told.proposed


@pytest.mark.parametrize(
    "sampling",
    [Sampling(), Sampling(temperature=0.7, top_k=3), Sampling(top_p=0.8, repetition_penalty=1.3)],
    ids=["plain", "top k", "top p with a penalty"],
)
@pytest.mark.parametrize("ahead", [1, 3])
def test_drafting_does_not_change_the_distribution(sampling: Sampling, ahead: int) -> None:
    check_drafting(sampling, ahead, 2000)


def test_a_draft_by_the_model_itself_is_always_accepted() -> None:
    model, told = Chain(5, 1), Drafted()
    tokens = list(
        speculate(
            model,
            Chain(5, 1),
            [1, 2],
            max_tokens=20,
            sampling=Sampling(),
            rng=np.random.default_rng(0),
            statistics=told,
        )
    )
    assert len(tokens) == 20
    assert told.accepted == told.proposed
    assert told.rounds == 4  # four drafted and one of the model's own a round


@pytest.fixture(scope="module")
def llamas() -> tuple[Llama, Llama]:
    config = LlamaConfig(30, 16, 24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
    small = LlamaConfig(30, 8, 8, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1)
    return Llama(config, rng=np.random.default_rng(0)), Llama(small, rng=np.random.default_rng(1))


def test_greedy_drafting_writes_what_the_model_alone_writes(llamas) -> None:
    model, draft = llamas
    alone = [one.token for one in generate(model, [3, 4, 5], max_tokens=25)]
    assert list(speculate(model, draft, [3, 4, 5], max_tokens=25, ahead=3)) == alone


def test_the_same_draws_write_the_same_text_and_the_cache_changes_nothing(llamas) -> None:
    model, _ = llamas
    sampling = Sampling(temperature=0.9, top_p=0.9)
    written = list(generate(model, [3, 4], max_tokens=12, sampling=sampling, rng=np.random.default_rng(5)))
    again = list(generate(model, [3, 4], max_tokens=12, sampling=sampling, rng=np.random.default_rng(5)))
    assert written == again
    seen, rng = [3, 4], np.random.default_rng(5)
    for one in written:
        logits = model([seen]).data[0, -1]
        assert sampling.draw(logits, rng.random(), seen) == one.token
        assert log_probabilities(logits[None], [one.token])[0] == pytest.approx(one.log_probability, abs=1e-4)
        seen.append(one.token)


def test_writing_ends_at_a_stop_token_and_at_the_limit(llamas) -> None:
    model, _ = llamas
    tokens = [one.token for one in generate(model, [3], max_tokens=9)]
    assert len(tokens) == 9
    first = tokens.index(tokens[4])
    assert [one.token for one in generate(model, [3], max_tokens=9, stop=[tokens[4]])] == tokens[:first]


@EXAMPLES
@given(LOGITS)
def test_probabilities_are_a_distribution_that_keeps_the_order(logits: list[float]) -> None:
    for sampling in (
        Sampling(),
        Sampling(temperature=0.5),
        Sampling(top_p=0.6),
        Sampling(min_p=0.2),
        Sampling(top_k=2),
    ):
        p = sampling.probabilities(logits)
        assert p.sum() == pytest.approx(1)
        assert p.min() >= 0
        assert logits[int(p.argmax())] == max(logits)
        kept = np.flatnonzero(p)
        assert (np.diff(p[kept][np.argsort(np.array(logits)[kept], kind="stable")]) >= -1e-12).all()


@EXAMPLES
@given(LOGITS, st.integers(1, 5))
def test_exactly_the_k_most_probable_stay(logits: list[float], k: int) -> None:
    p = Sampling(top_k=k).probabilities(logits)
    assert np.count_nonzero(p) <= min(k, len(logits))
    assert min(np.array(logits)[p > 0]) >= sorted(logits, reverse=True)[min(k, len(logits)) - 1]


@EXAMPLES
@given(LOGITS, st.floats(0.05, 0.99))
def test_the_nucleus_is_the_smallest_set_that_reaches_its_sum(logits: list[float], top_p: float) -> None:
    plain, kept = Sampling().probabilities(logits), Sampling(top_p=top_p).probabilities(logits) > 0
    assert plain[kept].sum() >= top_p - 1e-9
    assert plain[kept].sum() - plain[kept].min() < top_p + 1e-9


def test_a_penalty_lowers_what_occurred_whatever_its_sign() -> None:
    before, after = (s.probabilities([2.0, -2.0, 1.0], [0, 1]) for s in (Sampling(), Sampling(repetition_penalty=2.0)))
    assert after[0] / after[2] < before[0] / before[2]
    assert after[1] / after[2] < before[1] / before[2]


def test_draws_follow_the_probabilities() -> None:
    p = np.array([0.1, 0.0, 0.6, 0.3])
    counts = Counter(draw_from(p, uniform) for uniform in (np.arange(1000) + 0.5) / 1000)
    assert counts == {0: 100, 2: 600, 3: 300}
    assert draw_from(p, np.nextafter(1, 0)) == 3
    assert draw_from(np.array([0.5, 0.5, 0.0]), np.nextafter(1, 0)) == 1


def test_temperature_zero_takes_the_first_of_the_best() -> None:
    assert GREEDY.probabilities([1.0, 5.0, 5.0]).tolist() == [0.0, 1.0, 0.0]
    assert Sampling(temperature=1e-4).probabilities([1.0, 5.0, 4.0])[1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Sampling(temperature=-1.0), RangeError, "temperature"),
        (lambda: Sampling(top_k=0), RangeError, "top_k"),
        (lambda: Sampling(top_p=0.0), RangeError, "top_p"),
        (lambda: Sampling(min_p=1.5), RangeError, "min_p"),
        (lambda: Sampling(repetition_penalty=0.0), RangeError, "repetition_penalty"),
        (lambda: Sampling().probabilities([[1.0]]), ShapeError, "vector"),
        (lambda: Sampling().probabilities([np.nan]), NotFiniteError, "NaN"),
        (lambda: Sampling().probabilities([-np.inf]), NotFiniteError, "none is finite"),
        (lambda: Sampling(repetition_penalty=2.0).probabilities([1.0], [1]), RangeError, "0 to 0"),
        (lambda: log_probabilities([1.0], [0]), ShapeError, "fit"),
        (lambda: next(generate(Chain(3, 0), [], max_tokens=1)), EmptyInputError, "prompt is empty"),
        (lambda: next(generate(Chain(3, 0), [1], max_tokens=0)), RangeError, "max_tokens"),
        (lambda: next(generate(Chain(3, 0), [1], max_tokens=1, sampling=Sampling())), RangeError, "generator"),
        (lambda: next(speculate(Chain(3, 0), Chain(3, 0), [1], max_tokens=1, ahead=0)), RangeError, "ahead"),
    ],
)
def test_what_cannot_be_drawn_says_why(call, error, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_full_cache_says_so_and_a_shortened_one_goes_on() -> None:
    cache = ContiguousCache(layers=2, batch=1, heads=1, width=2, capacity=3)
    one = np.ones((1, 1, 2, 2))
    cache.extend(0, one, one)
    assert cache.length == 0  # not yet in all layers
    cache.extend(1, one, one)
    assert cache.length == 2
    with pytest.raises(CacheFullError, match="3 positions, 4"):
        cache.extend(0, one, one)
    cache.truncate(1)
    keys, _ = cache.extend(0, one * 5, one)
    assert keys[0, 0, :, 0].tolist() == [1.0, 5.0, 5.0]
