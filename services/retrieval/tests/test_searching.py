"""Search: both lists fused, and only what is live."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from whitebox_retrieval.index import SearchFilter
from whitebox_retrieval.searching import Searcher, SearchMode
from whitebox_retrieval.sparse import document_vector
from whitebox_runtime.errors import Unavailable

TEXTS = {
    "tide": "The tide rises by nine metres twice a day.",
    "gate": "The gate closes at nine in the evening.",
    "silt": "The river carries silt from the mountains.",
    "code": "Error code KX-7731 means that the gate is blocked.",
}


def id_of(name: str) -> str:
    return hashlib.md5(name.encode()).hexdigest()


class Live:
    def __init__(self) -> None:
        self.hashes = {id_of(name): "0" * 64 for name in TEXTS}
        self.asked: list[set[str]] = []

    async def live(self, tenant, document_ids):
        self.asked.append(set(document_ids))
        return {key: value for key, value in self.hashes.items() if key in document_ids}


@pytest.fixture
def live():
    return Live()


@pytest.fixture
async def searcher(index, encoder, live, chunk):
    chunks = [chunk(text, id_of(name), metadata={"topic": name}) for name, text in TEXTS.items()]
    texts = list(TEXTS.values())
    await index.upsert(chunks, await encoder.embed(texts), [document_vector(text) for text in texts])
    return Searcher(encoder, index, live)


async def found(searcher, query="gate nine", *, mode=SearchMode.HYBRID, tenant="acme", top_k=10, **wanted):
    result = await searcher.search(tenant, query, top_k=top_k, mode=mode, search_filter=SearchFilter(**wanted))
    return result.passages


def names(passages) -> list[str]:
    return [passage.chunk.metadata["topic"] for passage in passages]


async def test_the_passage_that_both_lists_like_comes_first(searcher):
    passages = await found(searcher)
    assert names(passages)[0] == "gate"
    assert passages[0].dense_rank == passages[0].sparse_rank == 1
    assert passages[0].score == pytest.approx(2 / 1.1)


async def test_a_passage_in_one_list_alone_has_rank_zero_in_the_other(searcher):
    silt = next(p for p in await found(searcher, "gate nine") if p.chunk.metadata["topic"] == "silt")
    assert (silt.sparse_rank, silt.sparse_score) == (0, 0.0)
    assert silt.dense_rank > 0


async def test_a_code_is_found_by_its_letters(searcher):
    assert names(await found(searcher, "KX-7731", mode=SearchMode.SPARSE))[0] == "code"


@pytest.mark.parametrize(("mode", "other"), [(SearchMode.DENSE, "sparse"), (SearchMode.SPARSE, "dense")])
async def test_one_mode_has_its_own_scores_and_nothing_of_the_other(searcher, mode, other):
    passages = await found(searcher, mode=mode)
    assert passages
    for passage in passages:
        assert passage.score == getattr(passage, f"{mode}_score")
        assert getattr(passage, f"{other}_rank") == 0
    scores = [passage.score for passage in passages]
    assert scores == sorted(scores, reverse=True)


async def test_a_document_that_is_not_live_is_not_found_though_the_index_has_it(searcher, live):
    del live.hashes[id_of("gate")]
    assert "gate" not in names(await found(searcher))


async def test_chunks_of_other_content_than_the_live_one_are_not_found(searcher, live):
    live.hashes[id_of("gate")] = "1" * 64
    assert "gate" not in names(await found(searcher))


async def test_another_tenant_finds_nothing_and_asks_nothing(searcher, live):
    assert await found(searcher, tenant="other") == []
    assert live.asked == []


async def test_filters_restrict_the_search(searcher):
    assert names(await found(searcher, document_ids=[id_of("silt")])) == ["silt"]
    assert names(await found(searcher, metadata={"topic": "tide"})) == ["tide"]
    assert await found(searcher, metadata={"topic": "tide", "more": "x"}) == []
    assert await found(searcher, media_types=["application/pdf"]) == []


async def test_no_more_than_top_k_come_back(searcher):
    assert len(await found(searcher, top_k=2)) == 2


async def test_a_query_without_terms_still_finds_by_meaning(searcher):
    assert len(await found(searcher, "?!")) == len(TEXTS)
    assert await found(searcher, "?!", mode=SearchMode.SPARSE) == []


async def test_keyword_search_needs_no_encoder(index, live, chunk):
    class Away:
        async def embed(self, texts):
            raise Unavailable("the embedding service is away")

    text = TEXTS["gate"]
    await index.upsert([chunk(text, id_of("gate"))], np.ones((1, 4), dtype=np.float32), [document_vector(text)])
    searcher = Searcher(Away(), index, live)
    assert len(await found_raw(searcher, SearchMode.SPARSE)) == 1
    with pytest.raises(Unavailable):
        await found_raw(searcher, SearchMode.HYBRID)


async def found_raw(searcher, mode):
    result = await searcher.search("acme", "gate", top_k=5, mode=mode, search_filter=SearchFilter())
    return result.passages
