from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st
from whitebox.autograd import Tensor
from whitebox.errors import CacheFullError, NotFiniteError
from whitebox.transformers.generation import Written, generate
from whitebox.transformers.gpt2 import GPT2, GPT2Config
from whitebox.transformers.llama import Llama, LlamaConfig
from whitebox.transformers.sampling import GREEDY, Sampling
from whitebox.transformers.scheduling import ContinuousBatching, Event, Request, allot_tokens

VOCABULARY = 13
SAMPLINGS = [
    GREEDY,
    Sampling(),
    Sampling(temperature=0.8, top_k=4, repetition_penalty=1.2),
    Sampling(top_p=0.8, min_p=0.05),
]


@cache
def model(kind: str = "llama"):
    """In double precision, in which rounding of products over several rows decides between no two tokens."""
    if kind == "gpt2":
        config = GPT2Config(VOCABULARY, 48, 8, n_layer=1, n_head=2, initializer_range=0.5, tie_word_embeddings=False)
        return GPT2(config, rng=np.random.default_rng(0), dtype=np.float64)
    config = LlamaConfig(
        VOCABULARY, 8, 8, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=48
    )
    return Llama(config, rng=np.random.default_rng(0), dtype=np.float64)


@cache
def alone(kind: str, prompt: tuple[int, ...], count: int, sampling: Sampling, stop: tuple[int, ...], seed: int):
    """What a request's author gets without anyone else."""
    rng = np.random.default_rng(seed)
    return list(generate(model(kind), prompt, max_tokens=count, sampling=sampling, stop=stop, rng=rng))


@st.composite
def workloads(draw: st.DrawFn) -> dict:
    def prompt() -> tuple[int, ...]:
        # Few tokens, so that some begin alike.
        return tuple(draw(st.lists(st.sampled_from([1, 1, 1, 2]), min_size=1, max_size=9)))

    sequences = draw(st.integers(1, 4))
    block_size = draw(st.integers(1, 4))
    requests = [
        (prompt(), draw(st.integers(1, 8)), draw(st.sampled_from(SAMPLINGS)), draw(st.sampled_from([(), (3, 7)])), seed)
        for seed in range(draw(st.integers(1, 6)))
    ]
    longest = max(len(prompt) + count - 1 for prompt, count, *_ in requests)
    return {
        "requests": requests,
        "later": draw(st.integers(0, 3)),
        "blocks": -(-longest // block_size) + draw(st.integers(0, 6)),
        "block_size": block_size,
        "sequences": sequences,
        "tokens_per_step": sequences + draw(st.integers(0, 8)),
        "prefix_caching": draw(st.booleans()),
        "kind": draw(st.sampled_from(["llama", "gpt2"])),
    }


def serve(work: dict) -> tuple[dict[int, list[Written]], dict[int, str], ContinuousBatching]:
    """Submits all, some of them later, and holds every step to what is promised of it."""
    pool = model(work["kind"]).new_pool(work["blocks"], work["block_size"], prefix_caching=work["prefix_caching"])
    batching = ContinuousBatching(
        model(work["kind"]), pool, tokens_per_step=work["tokens_per_step"], sequences=work["sequences"]
    )
    requests = [
        Request(prompt, count, sampling, stop, np.random.default_rng(seed))
        for prompt, count, sampling, stop, seed in work["requests"]
    ]
    waiting = list(requests)
    texts: dict[int, list[Written]] = {}
    ends: dict[int, str] = {}
    while waiting or batching.waiting or batching.running:
        for _ in range(work["later"] or len(waiting)):
            if waiting:
                texts[batching.submit(waiting.pop(0))] = []
        read, running = batching.served.read, batching.running
        events = batching.step()
        assert 0 < batching.served.read - read <= work["tokens_per_step"]
        assert len(batching.running) <= work["sequences"]
        # The oldest that ran goes on; whoever runs is older than whoever waits.
        assert not running or running[0] in batching.running or running[0] in [event.request for event in events]
        assert [*batching.running, *batching.waiting] == sorted([*batching.running, *batching.waiting])
        for number, written, finish, _ in events:
            assert number not in ends
            if written is not None:
                texts[number].append(written)
            if finish is not None:
                ends[number] = finish
    # In each step the oldest reads a token or more and loses none, so that nobody waits for ever.
    assert batching.served.steps <= sum(request.longest for request in requests)
    assert batching.served.most_blocks <= work["blocks"]
    assert pool.usage().used == 0
    return texts, ends, batching


def check_same(written: list[Written], expected: list[Written]) -> None:
    assert [one.token for one in written] == [one.token for one in expected]
    chances = [[one.log_probability for one in each] for each in (written, expected)]
    np.testing.assert_allclose(*chances, atol=1e-9)


@settings(EXAMPLES, max_examples=50)
@given(workloads())
def check_workloads(work: dict) -> None:
    texts, ends, _ = serve(work)
    for number, request in enumerate(work["requests"]):
        expected = alone(work["kind"], *request)
        check_same(texts[number], expected)
        assert ends[number] == ("length" if len(expected) == request[1] else "stop")


def test_each_request_gets_the_tokens_that_it_gets_alone() -> None:
    check_workloads()


CROWDED = {
    "requests": [((1, 2, 3), 9, Sampling(), (), 0), ((4, 5), 9, Sampling(), (), 1), ((6,), 9, GREEDY, (), 2)],
    "later": 0,
    "blocks": 7,
    "block_size": 2,
    "sequences": 3,
    "tokens_per_step": 6,
    "prefix_caching": False,
    "kind": "llama",
}


def test_who_gives_up_blocks_goes_on_where_the_text_was() -> None:
    for prefix_caching in (False, True):
        texts, _, batching = serve({**CROWDED, "prefix_caching": prefix_caching})
        assert batching.served.preemptions > 0
        assert batching.served.most_blocks == 7
        for number, request in enumerate(CROWDED["requests"]):
            check_same(texts[number], alone("llama", *request))
        # What was read twice is found again where blocks are kept.
        assert (batching.served.reused > 0) == prefix_caching


def test_a_penalty_counts_the_prompt() -> None:
    prompt, texts = [10, 1, 2, 3, 2, 10, 11, 7, 0], []
    for penalty in (1.0, 10.0):
        sampling = Sampling(temperature=0.0, repetition_penalty=penalty)
        batching = ContinuousBatching(model(), model().new_pool(9, 2), tokens_per_step=4, sequences=1)
        batching.submit(Request(prompt, 4, sampling))
        texts.append([event.written.token for event in batching.run()])
        assert texts[-1] == [one.token for one in generate(model(), prompt, max_tokens=4, sampling=sampling)]
    assert texts[0][0] in prompt
    assert texts[1][0] not in prompt


def test_a_long_prompt_does_not_hold_up_those_that_write() -> None:
    batching = ContinuousBatching(model(), model().new_pool(40, 4), tokens_per_step=4, sequences=3)
    batching.submit(Request([1, 2], 12))
    batching.step()
    batching.submit(Request([3] * 20, 2))
    batching.submit(Request([4] * 9, 2))
    counts = []
    for _ in range(10):
        before = batching.served.read
        assert batching.step()[0].request == 0
        counts.append(batching.served.read - before)
    # One token for the first, three of the second's prompt, and the third's when that is read.
    assert counts == [4] * 10
    assert batching.running == [0, 2]


def test_requests_begin_in_the_order_in_which_they_came() -> None:
    # The second needs more blocks than are left; the third, which would fit, does not overtake it.
    batching = ContinuousBatching(model(), model().new_pool(6, 2), tokens_per_step=12, sequences=3)
    for prompt, count in (([1] * 6, 2), ([2] * 9, 2), ([3], 1)):
        batching.submit(Request(prompt, count))
    batching.step()
    assert (batching.running, batching.waiting) == ([0], [1, 2])
    ends = [event.request for event in batching.run() if event.finish]
    assert ends == [0, 2, 1] or ends == [0, 1, 2]


def test_the_same_beginning_is_read_once() -> None:
    pool = model().new_pool(20, 4)
    batching = ContinuousBatching(model(), pool, tokens_per_step=16, sequences=4)
    prompt = list(range(12))
    batching.submit(Request([*prompt, 0], 3))
    batching.step()
    for last in (1, 2):
        batching.submit(Request([*prompt, last], 3))
    batching.step()
    assert batching.served.reused == 24
    assert pool.usage().used == 4 + 1 + 1
    assert pool.usage().shared == 3
    events = list(batching.run())
    for number, last in ((1, 1), (2, 2)):
        expected = [one.token for one in generate(model(), [*prompt, last], max_tokens=3)]
        assert [event.written.token for event in events if event.request == number] == expected[1:]


def test_a_cancelled_request_gives_back_its_blocks_and_says_so() -> None:
    pool = model().new_pool(20, 2)
    batching = ContinuousBatching(model(), pool, tokens_per_step=8, sequences=2)
    for first in (1, 2, 3):
        batching.submit(Request([first], 5))
    batching.step()
    batching.cancel(0)
    batching.cancel(2)
    batching.cancel(2)
    assert pool.usage().used == 1
    events = list(batching.run())
    assert events[:2] == [Event(0, None, "cancelled"), Event(2, None, "cancelled")]
    assert {event.request for event in events[2:]} == {1}
    expected = [one.token for one in generate(model(), [2], max_tokens=5)]
    assert [event.written.token for event in events[2:]] == expected[1:]
    batching.cancel(1)  # ended long ago
    assert list(batching.run()) == []


class Overflowing:
    """A model whose logits are NaN for sequences that have just read a certain token."""

    def __init__(self, token: int) -> None:
        self.vocabulary, self.max_positions, self.token = VOCABULARY, 48, token

    def __call__(self, ids, cache, *, last_only: bool = False) -> Tensor:
        logits = model()(ids, cache, last_only=last_only).data.copy()
        logits[0, [ids[0][place] == self.token for place in cache.last()]] = np.nan
        return Tensor(logits)


def test_what_overflows_for_one_ends_that_one_alone() -> None:
    pool = model().new_pool(20, 2)
    batching = ContinuousBatching(Overflowing(12), pool, tokens_per_step=8, sequences=3)
    for prompt in ([1, 2], [3, 12], [4]):
        batching.submit(Request(prompt, 3))
    events = list(batching.run())
    assert (events[1].request, events[1].written, events[1].finish) == (1, None, "failed")
    assert isinstance(events[1].error, NotFiniteError)
    for number, prompt in ((0, [1, 2]), (2, [4])):
        expected = [one.token for one in generate(model(), prompt, max_tokens=3)]
        assert [event.written.token for event in events if event.request == number] == expected
    assert pool.usage().used == 0


def test_blocks_that_others_hold_are_missed_by_name() -> None:
    pool = model().new_pool(4, 2)
    batching = ContinuousBatching(model(), pool, tokens_per_step=8, sequences=2)
    batching.submit(Request([1, 2, 3], 4))
    other = pool.new_sequence()
    model()([[1, 2, 3, 4, 5]], other)
    batching.submit(Request([1], 1))
    batching.cancel(1)
    with pytest.raises(CacheFullError, match="request 0 alone"):
        batching.step()
    other.truncate(3)
    assert [event[:3:2] for event in batching.step()] == [(1, "cancelled"), (0, None)]
    batching.step()
    with pytest.raises(CacheFullError, match="request 0 alone"):
        batching.step()
    other.free()
    assert [event.written.token for event in batching.run()] == [
        one.token for one in generate(model(), [1, 2, 3], max_tokens=4)
    ][2:]


@EXAMPLES
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 20))
def test_a_step_is_shared_so_that_all_who_write_can(pending: list[int], more: int) -> None:
    budget = len(pending) + more
    counts = allot_tokens(pending, budget)
    assert sum(counts) == min(budget, sum(pending)) or all(count in (0, 1) for count in pending)
    assert all(given <= asked for given, asked in zip(counts, pending, strict=True))
    assert all(given == 1 for given, asked in zip(counts, pending, strict=True) if asked == 1)
    assert counts[0] >= 1
