"""Chunks: whole sentences within a budget, on one page, with exact offsets and nothing lost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whitebox.text.sentences import split_sentences
from whitebox_retrieval.chunking import Chunk, CleanPage, chunk_pages, join_pages


def tokens(text: str) -> int:
    """As word pieces: words of up to four characters are one token, longer ones several."""
    return sum(-(-len(word) // 4) for word in text.split())


async def count(texts: Sequence[str]) -> Sequence[int]:
    return [tokens(text) for text in texts]


# Text that looks like text, and text that looks like nothing.
WORDS = st.lists(
    st.sampled_from(["tide", "the", "Dr.", "water.", "3.5", "rose!", "a" * 90, "\n", "ok?", "水。"]), max_size=120
)
PROSE = WORDS.map(" ".join)
TEXTS = st.one_of(PROSE, st.text(max_size=400))
BUDGETS = st.integers(1, 40).flatmap(lambda most: st.tuples(st.just(most), st.integers(0, most - 1)))


@st.composite
def documents(draw: st.DrawFn) -> list[CleanPage]:
    texts = draw(st.lists(TEXTS, min_size=1, max_size=5))
    paged = draw(st.booleans())
    return (
        [CleanPage(number, text) for number, text in enumerate(texts, start=1)] if paged else [CleanPage(0, texts[0])]
    )


async def chunks_of(pages: Sequence[CleanPage], most: int, overlap: int) -> list[Chunk]:
    return await chunk_pages(pages, count, max_tokens=most, overlap_tokens=overlap)


@given(documents(), BUDGETS)
@settings(deadline=None)
async def test_the_text_of_a_chunk_is_the_documents_text_at_its_offsets(pages, budgets):
    text = join_pages(pages)
    for chunk in await chunks_of(pages, *budgets):
        assert text[chunk.start : chunk.end] == chunk.text
        assert chunk.text
        assert chunk.text == chunk.text.strip()


@given(documents(), BUDGETS)
@settings(deadline=None)
async def test_no_chunk_is_over_its_budget(pages, budgets):
    for chunk in await chunks_of(pages, *budgets):
        assert tokens(chunk.text) <= budgets[0]
        assert len(chunk.text) <= 20 * budgets[0]


@given(documents(), BUDGETS)
@settings(deadline=None)
async def test_every_character_that_is_no_space_is_in_a_chunk(pages, budgets):
    covered: set[int] = set()
    for chunk in await chunks_of(pages, *budgets):
        covered.update(range(chunk.start, chunk.end))
    text = join_pages(pages)
    assert not [at for at, character in enumerate(text) if not character.isspace() and at not in covered]


@given(documents(), BUDGETS)
@settings(deadline=None)
async def test_chunks_are_numbered_move_on_and_stay_on_their_page(pages, budgets):
    chunks = await chunks_of(pages, *budgets)
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert all(a.start < b.start and a.end < b.end for a, b in pairwise(chunks))
    at, places = 0, {}
    for page in pages:
        places[page.number] = (at, at + len(page.text))
        at += len(page.text) + 2
    for chunk in chunks:
        first, last = places[chunk.page]
        assert first <= chunk.start < chunk.end <= last


@given(PROSE, BUDGETS)
@settings(deadline=None)
async def test_the_overlap_is_within_its_budget(text, budgets):
    most, overlap = budgets
    chunks = await chunks_of([CleanPage(0, text)], most, overlap)
    for before, after in pairwise(chunks):
        assert tokens(text[after.start : max(after.start, before.end)]) <= overlap


async def test_neighbours_share_whole_sentences_where_the_overlap_allows():
    text = " ".join(f"Tide {n} rose fast." for n in range(30))
    chunks = await chunks_of([CleanPage(0, text)], 25, 6)
    starts = {start for start, _ in split_sentences(text)}
    assert len(chunks) > 5
    for before, after in pairwise(chunks):
        assert after.start < before.end
        assert after.start in starts


async def test_without_overlap_no_sentence_comes_twice():
    text = " ".join(f"Tide {n} rose." for n in range(30))
    chunks = await chunks_of([CleanPage(0, text)], 10, 0)
    assert " ".join(chunk.text for chunk in chunks) == text


async def test_a_sentence_over_two_pages_is_cut_so_that_each_half_can_be_cited():
    chunks = await chunks_of([CleanPage(1, "The gate closes"), CleanPage(2, "at nine. It opens at six.")], 100, 10)
    assert [(chunk.page, chunk.text) for chunk in chunks] == [
        (1, "The gate closes"),
        (2, "at nine. It opens at six."),
    ]


async def test_empty_pages_count_as_pages_and_give_no_chunks():
    pages = [CleanPage(1, ""), CleanPage(2, "Water."), CleanPage(3, " "), CleanPage(4, "Land.")]
    assert [(chunk.page, chunk.text) for chunk in await chunks_of(pages, 10, 0)] == [(2, "Water."), (4, "Land.")]


async def test_a_document_without_text_has_no_chunks():
    assert await chunks_of([], 10, 0) == []
    assert await chunks_of([CleanPage(0, " \n ")], 10, 0) == []


@pytest.mark.parametrize(("most", "overlap"), [(0, 0), (-1, 0), (10, 10), (10, 11), (10, -1)])
async def test_budgets_that_cannot_work_are_refused(most, overlap):
    with pytest.raises(ValueError, match="cannot overlap"):
        await chunks_of([CleanPage(0, "Water.")], most, overlap)


async def test_a_word_that_the_encoder_takes_for_one_token_does_not_make_a_huge_chunk():
    async def unknown_word(texts: Sequence[str]) -> Sequence[int]:
        return [len(text.split()) for text in texts]

    text = " ".join(["QUJD" * 30] * 2000)
    chunks = await chunk_pages([CleanPage(0, text)], unknown_word, max_tokens=200, overlap_tokens=40)
    assert max(len(chunk.text) for chunk in chunks) <= 4000


async def test_texts_that_are_counted_are_of_bounded_length():
    lengths: list[int] = []

    async def measured(texts: Sequence[str]) -> Sequence[int]:
        lengths.extend(map(len, texts))
        return await count(texts)

    await chunk_pages([CleanPage(0, "word " * 100_000)], measured, max_tokens=200, overlap_tokens=40)
    assert max(lengths) <= 4000


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["Tide rose in the bay. " * 240_000, "x" * 5_000_000, "word " * 1_000_000],
    ids=["prose", "word", "sentence"],
)
async def test_five_megabytes_take_seconds_not_minutes(text):
    began = time.perf_counter()
    chunks = await chunks_of([CleanPage(0, text)], 200, 40)
    assert len(chunks) > 1000
    assert time.perf_counter() - began < 20
