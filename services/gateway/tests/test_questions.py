"""Questions over HTTP: generated where the draft holds, extracted where it does not, refused where nothing answers."""

from __future__ import annotations

import json

import pytest
from whitebox_contracts.retrieval.v1 import retrieval_pb2
from whitebox_runtime.testing import free_port

ASK = {"question": "How much do members pay per kilowatt hour?"}
TRUE = "Members of the cooperative pay 21.4 cents per kilowatt hour."


@pytest.fixture(autouse=True)
def passages(backends) -> None:
    def passage(number: int, text: str, **more) -> retrieval_pb2.Passage:
        return retrieval_pb2.Passage(
            chunk_id=f"c{number}", document_id=f"d{number}", filename=f"file{number}.pdf", page=number, last_page=number,
            text=text, score=0.5, dense_score=0.6, dense_rank=1, **more,
        )  # fmt: skip

    backends.retrieval.passages = [
        passage(0, "The array makes electricity. A sonar watches the water for seals."),
        passage(3, f"Tariffs\n{TRUE} Everyone else pays 24.9 cents per kilowatt hour.", metadata={"team": "x"}),
    ]


async def ask(gateway, **more) -> dict:
    response = await gateway.client.post("/v1/questions", json={**ASK, **more})
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_draft_that_holds_is_the_answer_with_its_place(gateway) -> None:
    gateway.backends.llm.reply = (
        "Members of the cooperative pay 21.4 cents per kilowatt hour. The moon is made of 7 cheeses."
    )
    body = await ask(gateway, seed=3)
    assert body["answer"] == f"{TRUE} [1]"
    assert body["outcome"] == "generated"
    assert body["sentences"] == [{"text": TRUE, "citations": [1]}]
    (citation,) = body["citations"]
    assert (citation["n"], citation["filename"], citation["page"], citation["chunk_id"]) == (1, "file3.pdf", 3, "c3")
    assert citation["quote"] == TRUE
    assert [source["page"] for source in body["sources"]] == [None, 3]
    assert body["sources"][1]["metadata"] == {"team": "x"}
    assert (body["sources"][0]["dense_rank"], body["sources"][0]["sparse_rank"]) == (1, None)
    assert [one["text"] for one in body["dropped"]] == ["The moon is made of 7 cheeses."]
    assert body["usage"]["total_tokens"] == 7 + 17
    assert body["model"] == "small"
    assert body["timings"]["total_seconds"] > 0
    assert body["degraded"] == []
    sent = gateway.backends.llm.requests[0]
    assert TRUE in sent.chat.messages[1].content
    assert (sent.seed, sent.temperature) == (3, 0.0)


@pytest.mark.parametrize(
    "invented",
    [
        "Members pay 24.9 cents per kilowatt hour.",
        "It is 30 cents.",
        "The array makes electricity.",
        "",
        "I do not know.",
    ],
)
async def test_a_draft_that_does_not_hold_is_replaced_by_the_documents_own_words(gateway, invented: str) -> None:
    gateway.backends.llm.reply = invented
    body = await ask(gateway)
    if invented:
        assert (body["outcome"], body["answer"]) == ("extractive", f"{TRUE} [1]")
        assert [one["text"] for one in body["dropped"]] == [invented]


@pytest.mark.parametrize(
    "question",
    [
        "How much do members pay for water?",
        "Who won the cup in 1998?",
        "Which company made the sonar?",
        "What is the salary of the director?",
    ],
)
async def test_what_the_passages_do_not_say_is_not_said_and_no_model_is_asked(gateway, question: str) -> None:
    gateway.backends.llm.reply = "Members pay 5 cents for water. The Acme company made the sonar."
    body = await ask(gateway, question=question)
    assert (body["outcome"], body["answer"], body["citations"]) == ("not_found", "The documents do not say.", [])
    assert len(body["sources"]) == 2
    assert gateway.backends.llm.requests == []


async def test_without_any_passage_the_answer_is_that_there_is_none(gateway) -> None:
    gateway.backends.retrieval.passages = []
    assert (await ask(gateway))["outcome"] == "not_found"


async def test_without_citations_the_marks_are_gone_and_the_places_remain(gateway) -> None:
    body = await ask(gateway, citations=False)
    assert "[" not in body["answer"]
    assert body["citations"]


async def test_filters_tenant_and_mode_reach_the_search(gateway) -> None:
    filters = {"document_ids": ["d3"], "metadata": {"team": "x"}, "media_types": ["application/pdf"]}
    await ask(gateway, filters=filters, mode="dense", top_k=7)
    sent = gateway.backends.retrieval.searches[0]
    assert (sent.tenant, sent.top_k, sent.mode) == ("acme", 7, retrieval_pb2.SEARCH_MODE_DENSE)
    assert (list(sent.filter.document_ids), dict(sent.filter.metadata)) == (["d3"], {"team": "x"})


async def test_without_a_language_model_the_answer_is_extracted_and_marked(start_gateway) -> None:
    gateway = await start_gateway(llm_target=f"127.0.0.1:{free_port()}")
    body = await ask(gateway)
    assert (body["outcome"], body["answer"]) == ("extractive", f"{TRUE} [1]")
    assert body["degraded"][0].startswith("llm: llm cannot be reached")


async def test_a_model_that_dies_in_the_middle_is_not_half_quoted(gateway) -> None:
    gateway.backends.llm.reply = "Members of the cooperative pay 21.4 cents per kilowatt hour."
    gateway.backends.llm.fails_after = 8
    body = await ask(gateway)
    assert body["outcome"] == "extractive"
    assert "engine died" in body["degraded"][0]


async def test_without_an_encoder_the_search_is_by_words_and_so_is_the_answer(start_gateway) -> None:
    gateway = await start_gateway(embedding_target=f"127.0.0.1:{free_port()}")
    gateway.backends.retrieval.encoder_away = True
    body = await ask(gateway)
    # The channel repeats what is unavailable before the gateway turns to the words.
    assert list(dict.fromkeys(search.mode for search in gateway.backends.retrieval.searches)) == [1, 3]
    assert (body["outcome"], body["answer"]) == ("extractive", f"{TRUE} [1]")
    assert all(note.startswith("embedding: ") for note in body["degraded"])
    assert gateway.backends.llm.requests == []


async def test_an_unknown_model_is_the_callers_mistake(gateway, assert_problem) -> None:
    response = await gateway.client.post("/v1/questions", json={**ASK, "model": "no-such"})
    assert_problem(response, 404, "model_not_found")


async def events(gateway, **more) -> list[tuple[str, dict]]:
    response = await gateway.client.post("/v1/questions", json={**ASK, "stream": True, **more})
    assert response.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in response.text.strip().split("\n\n"):
        head, data = block.split("\n")
        found.append((head.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


async def test_a_stream_has_sources_then_the_answer_then_its_end(gateway) -> None:
    gateway.backends.llm.reply = TRUE
    found = await events(gateway)
    assert [name for name, _ in found] == ["sources", "answer", "done"]
    assert len(found[0][1]["sources"]) == 2
    whole = await ask(gateway)
    for body in (found[1][1], whole):
        for changing in ("timings", "trace_id"):
            body.pop(changing)
    assert found[1][1] == whole


async def test_the_unchecked_draft_is_streamed_on_request_only(gateway) -> None:
    gateway.backends.llm.reply = TRUE
    found = await events(gateway, draft=True)
    assert "".join(data["text"] for name, data in found if name == "draft") == TRUE


async def test_a_fault_in_the_middle_of_a_stream_is_an_event_and_before_it_a_status(
    gateway, assert_problem, start_gateway
) -> None:
    found = await events(gateway, model="no-such")
    assert [name for name, _ in found] == ["sources", "error"]
    assert found[1][1]["status"] == 404
    away = await start_gateway(retrieval_target=f"127.0.0.1:{free_port()}")
    assert_problem(await away.client.post("/v1/questions", json={**ASK, "stream": True}), 503)


@pytest.mark.parametrize(
    "change",
    [
        {"question": ""}, {"question": "  ?! "}, {"question": "x" * 4097}, {"question": 5}, {"top_k": 0}, {"top_k": 101}, {"top_k": "5"},
        {"mode": "odd"}, {"filters": {"document_ids": ["x"] * 101}}, {"filters": {"metadata": {"": "x"}}}, {"filters": {"odd": 1}},
        {"max_tokens": 0}, {"max_tokens": 2000}, {"seed": -1}, {"stream": "yes"}, {"citations": None},
    ],
)  # fmt: skip
async def test_a_question_that_is_wrong_is_refused(gateway, assert_problem, change) -> None:
    assert_problem(await gateway.client.post("/v1/questions", json={**ASK, **change}), 400)
