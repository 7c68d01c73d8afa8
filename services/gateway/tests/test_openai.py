"""The unmodified `openai` client against the gateway."""

from __future__ import annotations

import asyncio
import base64
import json

import numpy as np
import openai
import pytest
from whitebox_gateway.event_stream import EventStream, event

MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.fixture
async def client(gateway):
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client:
        yield client


async def test_models_of_both_kinds_are_listed_and_described(client) -> None:
    models = {model.id: model async for model in client.models.list()}
    assert set(models) == {"small", "mini"}
    assert (await client.models.retrieve("mini")).kind == "embedding"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("sentence-transformers/other")


async def test_models_of_the_service_that_answers_are_listed_when_the_other_is_away(
    start_gateway, assert_problem
) -> None:
    from whitebox_runtime.testing import free_port

    nowhere = f"127.0.0.1:{free_port()}"
    gateway = await start_gateway(llm_target=nowhere)
    listed = (await gateway.client.get("/v1/models")).json()
    assert [model["id"] for model in listed["data"]] == ["mini"]
    gateway = await start_gateway(llm_target=nowhere, embedding_target=nowhere)
    assert_problem(await gateway.client.get("/v1/models"), 503)


async def test_a_chat_is_passed_on_with_all_its_settings(client, gateway) -> None:
    done = await client.chat.completions.create(
        model="small", messages=[{"role": "developer", "content": "be kind"}, {"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        temperature=0.5, top_p=0.9, seed=7, stop=["END"], max_completion_tokens=2, n=1, frequency_penalty=0, user="u",
    )  # fmt: skip
    assert done.choices[0].message.content == "hello there "
    assert done.choices[0].finish_reason == "length"
    assert (done.usage.prompt_tokens, done.usage.completion_tokens, done.usage.total_tokens) == (7, 2, 9)
    assert done.usage.prompt_tokens_details.cached_tokens == 2
    sent = gateway.backends.llm.requests[0]
    assert [(m.role, m.content) for m in sent.chat.messages] == [("system", "be kind"), ("user", "hi")]
    assert (sent.temperature, sent.top_p, sent.seed, list(sent.stop), sent.max_tokens) == (0.5, 0.9, 7, ["END"], 2)
    assert not sent.HasField("top_logprobs")


async def test_unset_settings_stay_unset(client, gateway) -> None:
    await client.chat.completions.create(model="", messages=MESSAGES, stop="END")
    sent = gateway.backends.llm.requests[0]
    assert not sent.HasField("temperature")
    assert not sent.HasField("seed")
    assert list(sent.stop) == ["END"]


async def test_a_stream_has_a_role_text_a_finish_and_on_request_the_usage(client) -> None:
    stream = await client.chat.completions.create(
        model="small", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "hello there friend"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage.total_tokens == 10
    plain = [c async for c in await client.chat.completions.create(model="small", messages=MESSAGES, stream=True)]
    assert all(chunk.usage is None for chunk in plain)


async def test_log_probabilities(client) -> None:
    done = await client.chat.completions.create(model="small", messages=MESSAGES, logprobs=True, top_logprobs=2)
    tokens = done.choices[0].logprobs.content
    assert [token.token for token in tokens] == ["hello ", "there ", "friend"]
    assert [other.token for other in tokens[0].top_logprobs] == ["x0", "x1"]
    assert bytes(tokens[0].bytes) == b"hello "
    plain = await client.completions.create(model="small", prompt="hi", logprobs=1)
    assert plain.choices[0].logprobs.text_offset == [0, 6, 12]


async def test_a_schema_reaches_the_model(client, gateway) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "thing", "schema": schema, "strict": True}}
    await client.chat.completions.create(model="small", messages=MESSAGES, response_format=wanted)
    await client.chat.completions.create(model="small", messages=MESSAGES, response_format={"type": "json_object"})
    await client.chat.completions.create(model="small", messages=MESSAGES, response_format={"type": "text"})
    assert [json.loads(r.json_schema or "null") for r in gateway.backends.llm.requests] == [
        schema,
        {"type": "object"},
        None,
    ]


async def test_a_plain_completion_whole_and_streamed(client, gateway) -> None:
    done = await client.completions.create(model="small", prompt="Once", max_tokens=1)
    assert (done.choices[0].text, done.choices[0].finish_reason) == ("hello ", "length")
    assert gateway.backends.llm.requests[0].prompt == "Once"
    stream = await client.completions.create(model="small", prompt="Once", stream=True)
    assert "".join([chunk.choices[0].text async for chunk in stream]) == "hello there friend"


async def test_embeddings_are_the_services_vectors_in_both_encodings(client, gateway) -> None:
    from_numbers = await client.embeddings.create(model="mini", input=["a seal", ""], encoding_format="float")
    from_base64 = await client.embeddings.create(model="mini", input="a seal", encoding_format="base64", dimensions=384)
    decoded = np.frombuffer(base64.b64decode(from_base64.data[0].embedding), "<f4")
    np.testing.assert_array_equal(np.array(from_numbers.data[0].embedding, np.float32), decoded)
    assert np.linalg.norm(decoded) == pytest.approx(1, abs=1e-6)
    assert from_numbers.usage.total_tokens == 6


async def test_many_texts_go_in_calls_of_the_contracts_size_and_keep_their_order(client, gateway) -> None:
    texts = [f"text {number}" for number in range(600)]
    done = await client.embeddings.create(model="mini", input=texts)
    assert gateway.backends.embedding.calls == [256, 256, 88]
    last = await client.embeddings.create(model="mini", input=texts[-1])
    assert done.data[-1].embedding == last.data[0].embedding
    assert [item.index for item in done.data] == list(range(600))


@pytest.mark.parametrize(
    ("arguments", "expected", "param"),
    [
        ({"model": "no-such"}, openai.NotFoundError, None),
        ({"temperature": -1}, openai.BadRequestError, "temperature"),
        ({"temperature": float("nan")}, openai.BadRequestError, None),
        ({"messages": []}, openai.BadRequestError, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, openai.BadRequestError, "messages.0.role"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            openai.BadRequestError,
            None,
        ),
        ({"n": 2}, openai.BadRequestError, "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, openai.BadRequestError, "tools"),
        ({"frequency_penalty": 1.0}, openai.BadRequestError, "frequency_penalty"),
        ({"stop": ["x"] * 9}, openai.BadRequestError, None),
        ({"seed": -1}, openai.BadRequestError, "seed"),
        ({"top_logprobs": 2}, openai.BadRequestError, None),
        ({"max_tokens": 0}, openai.BadRequestError, "max_tokens"),
        ({"extra_body": {"surprise": 1}}, openai.BadRequestError, "surprise"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_refusals_are_errors_that_the_client_understands(client, arguments, expected, param, stream) -> None:
    with pytest.raises((expected, ValueError)) as caught:
        await client.chat.completions.create(**{"model": "small", "messages": MESSAGES, "stream": stream, **arguments})
    if isinstance(caught.value, ValueError):  # the client itself cannot write NaN
        assert "temperature" in arguments
        return
    assert caught.value.body["message"]
    assert caught.value.code
    if param is not None:
        assert caught.value.param == param


@pytest.mark.parametrize(
    "given",
    [[1, 2, 3], [[1, 2], [3]], [], ["x" * 65_537], "x" * 65_537, ["x"] * 2049, None],
)
async def test_inputs_that_cannot_be_embedded_are_refused_clearly(client, given) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.embeddings.create(model="mini", input=given)
    assert caught.value.body["message"]


async def test_other_dimensions_are_refused_with_the_models_own(client) -> None:
    with pytest.raises(openai.BadRequestError, match="384") as caught:
        await client.embeddings.create(model="mini", input="x", dimensions=256)
    assert caught.value.param == "dimensions"


async def test_a_wrong_key_is_an_authentication_error(gateway) -> None:
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            await client.models.list()
        assert caught.value.type == "authentication_error"


async def test_an_engine_that_dies_in_the_middle_is_an_error_inside_the_stream(client, gateway) -> None:
    gateway.backends.llm.fails_after = 1
    with pytest.raises(openai.APIError, match="engine died"):
        async for _ in await client.chat.completions.create(model="small", messages=MESSAGES, stream=True):
            pass
    gateway.backends.llm.fails_after = 0
    with pytest.raises(openai.InternalServerError, match="engine died"):
        await client.chat.completions.create(model="small", messages=MESSAGES, stream=True)


async def test_a_silent_stream_is_kept_alive_by_comments() -> None:
    release = asyncio.Event()
    sent: list[bytes] = []

    async def events():
        yield event(b"1")
        await release.wait()
        yield event(b"2", "named")

    async def send(message) -> None:
        sent.append(message.get("body", b""))
        if sent.count(b": keep-alive\n\n") == 2:
            release.set()

    await EventStream(events(), keep_alive_seconds=0.01)({}, None, send)
    whole = b"".join(sent)
    assert whole.startswith(b"data: 1\n\n: keep-alive\n\n")
    assert whole.endswith(b"event: named\ndata: 2\n\n")
