"""What the models serve can be recomputed through the gateway, by operators."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest


@pytest.fixture
async def operator(gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, headers={"X-API-Key": gateway.operator_key}) as client:
        yield client


async def test_embeddings_are_recomputed(operator) -> None:
    body = (await operator.post("/v1/self-checks/embeddings", json={"texts": ["tide", "moon"]})).json()
    assert body["texts"][1] == {
        "cosine_distance": 1e-7, "largest_difference": 2e-7, "token_count": 3, "recomputed_token_count": 3,
    }  # fmt: skip
    assert len(body["texts"]) == 2
    assert (body["agrees"], body["model"], body["precision"], body["tolerance"]) == (True, "mini", "fp32", 1e-5)
    assert body["weights_sha256"] == "ab" * 32
    assert body["recomputed_seconds"] > body["served_seconds"] > 0


async def test_a_vector_without_direction_is_null_and_does_not_agree(operator) -> None:
    body = (await operator.post("/v1/self-checks/embeddings", json={"texts": ["broken"]})).json()
    assert body["texts"][0]["cosine_distance"] is None
    assert body["agrees"] is False


async def test_completions_are_recomputed_behind_a_prompt_or_a_conversation(gateway, operator) -> None:
    path = "/v1/self-checks/completions"
    body = (await operator.post(path, json={"prompt": "The sea", "completion": " rises"})).json()
    assert (body["mean_difference"], body["prompt_tokens"], body["agrees"]) == (0.5, 4, True)
    assert body["tokens"] == [
        {"token": "a", "id": 5, "served_logprob": -1.0, "recomputed_logprob": -1.5},
        {"token": "\ufffd", "id": 6, "served_logprob": None, "recomputed_logprob": -2.0},
    ]
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    await operator.post(path, json={"messages": messages, "completion": "Hello."})
    first, second = gateway.backends.llm.checks
    assert (first.prompt, first.completion) == ("The sea", " rises")
    assert [(one.role, one.content) for one in second.chat.messages] == [("system", "Be brief."), ("user", "Hi")]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("embeddings", {"texts": ["a"]}),
        ("completions", {"prompt": "a", "completion": "b"}),
    ],
)
async def test_the_operators_role_is_needed(gateway, assert_problem, path, body) -> None:
    assert_problem(await gateway.client.post(f"/v1/self-checks/{path}", json=body), 403, "role_missing")
    assert not gateway.backends.llm.checks


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("embeddings", {}),
        ("embeddings", {"texts": []}),
        ("embeddings", {"texts": ["a"] * 17}),
        ("embeddings", {"texts": "a"}),
        ("embeddings", {"texts": ["a" * 65_537]}),
        ("completions", {"completion": "b"}),
        ("completions", {"prompt": "a"}),
        ("completions", {"prompt": "a", "completion": ""}),
        ("completions", {"prompt": "a", "messages": [{"role": "user", "content": "a"}], "completion": "b"}),
        ("completions", {"messages": [], "completion": "b"}),
    ],
)
async def test_bad_requests_are_refused(operator, assert_problem, path, body) -> None:
    assert_problem(await operator.post(f"/v1/self-checks/{path}", json=body), 400, "invalid_request")
