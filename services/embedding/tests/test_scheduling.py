"""Which texts run next."""

from hypothesis import given
from hypothesis import strategies as st
from whitebox_embedding.scheduling import FairQueue

requests = st.lists(st.lists(st.integers(1, 256), min_size=1, max_size=40), max_size=12)


def drain(queue: FairQueue) -> list[list]:
    batches = []
    while batch := queue.take():
        batches.append(batch)
    return batches


@given(requests, st.integers(1, 1024))
def test_every_text_runs_once_and_no_batch_exceeds_its_budget(lengths, budget):
    queue: FairQueue[tuple[int, int, int]] = FairQueue(budget)
    for request, texts in enumerate(lengths):
        queue.add([(tokens, (request, row, tokens)) for row, tokens in enumerate(texts)])
    assert queue.tokens == sum(map(sum, lengths))
    batches = drain(queue)
    texts = [text for batch in batches for text in batch]
    assert sorted(texts) == [(r, row, t) for r, ts in enumerate(lengths) for row, t in enumerate(ts)]
    for batch in batches:
        assert len(batch) == 1 or max(text[2] for text in batch) * len(batch) <= budget
    assert queue.tokens == 0


@given(requests, st.data())
def test_removed_texts_never_run(lengths, data):
    queue: FairQueue[list[int]] = FairQueue(256)
    texts = [[[request, row] for row in range(len(ls))] for request, ls in enumerate(lengths)]
    for request, ls in enumerate(lengths):
        queue.add(list(zip(ls, texts[request], strict=True)))
    started = [text for _ in range(data.draw(st.integers(0, 3))) for text in queue.take()]
    gone = data.draw(st.sets(st.integers(0, max(len(lengths) - 1, 0))))
    for request in gone:
        if request < len(texts):
            queue.remove(texts[request])
    ran = [text for batch in drain(queue) for text in batch]
    expected = [t for r, ts in enumerate(texts) if r not in gone for t in ts if not any(t is s for s in started)]
    assert sorted(ran) == sorted(expected)
    assert queue.tokens == 0


def test_texts_of_like_length_share_a_batch_and_others_do_not():
    queue: FairQueue[int] = FairQueue(512)
    queue.add([(tokens, tokens) for tokens in (5, 250, 6, 249, 7)])
    assert drain(queue) == [[5, 6, 7], [249, 250]]


def test_a_query_goes_before_the_rest_of_a_long_request_that_came_first():
    queue: FairQueue[str] = FairQueue(256)
    queue.add([(128, f"bulk {n}") for n in range(50)])
    queue.take()
    queue.add([(8, "query")])
    assert queue.take() == ["query"]


def test_queries_wait_for_no_further_batch_while_several_long_requests_share_the_encoder():
    queue: FairQueue[str] = FairQueue(256)
    for _ in range(3):
        queue.add([(20 + n % 200, "bulk") for n in range(256)])
    for _ in range(200):
        queue.take()
        queue.add([(12, "query")])
        assert queue.take() == ["query"]


def test_long_requests_take_turns():
    queue: FairQueue[str] = FairQueue(128)
    for name in "ab":
        queue.add([(128, name) for _ in range(20)])
    assert [queue.take()[0] for _ in range(8)].count("a") == 4


def test_a_stream_of_queries_does_not_starve_a_long_request():
    queue: FairQueue[str] = FairQueue(64)
    queue.add([(64, "bulk") for _ in range(5)])
    taken = []
    for _ in range(60):
        queue.add([(16, "query"), (16, "query")])
        taken += queue.take()
    assert taken.count("bulk") == 5


def test_an_empty_queue_gives_an_empty_batch():
    queue: FairQueue[str] = FairQueue(64)
    assert queue.take() == []
    queue.remove(["unknown"])
    queue.add([])
    assert queue.take() == []
