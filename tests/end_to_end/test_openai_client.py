"""The unmodified `openai` client works against the gateway."""

from __future__ import annotations

import base64

import numpy as np
import openai
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def client(platform):
    with openai.OpenAI(base_url=f"{platform.url}/v1", api_key=platform.api_key, max_retries=0) as client:
        yield client


@pytest.fixture
def chat_model(client: openai.OpenAI) -> str:
    return next(model.id for model in client.models.list() if "MiniLM" not in model.id)


def test_lists_the_models(client: openai.OpenAI) -> None:
    ids = [model.id for model in client.models.list()]
    assert any("MiniLM" in name for name in ids)
    assert client.models.retrieve(ids[0]).id == ids[0]


def test_chats_and_counts_tokens(client: openai.OpenAI, chat_model: str) -> None:
    messages = [{"role": "user", "content": "Name a colour."}]
    done = client.chat.completions.create(model=chat_model, messages=messages, max_tokens=12, temperature=0, seed=1)
    assert done.choices[0].message.content
    assert done.choices[0].finish_reason in ("stop", "length")
    assert done.usage is not None
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens
    again = client.chat.completions.create(model=chat_model, messages=messages, max_tokens=12, temperature=0, seed=1)
    assert again.choices[0].message.content == done.choices[0].message.content


def test_streams_the_same_text_in_pieces(client: openai.OpenAI, chat_model: str) -> None:
    arguments = {
        "model": chat_model,
        "messages": [{"role": "user", "content": "Count from one to five in words."}],
        "max_tokens": 24,
        "temperature": 0,
        "seed": 1,
    }
    whole = client.chat.completions.create(**arguments).choices[0].message.content
    stream = client.chat.completions.create(**arguments, stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == whole
    assert len([piece for piece in pieces if piece]) > 1
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens <= 24


def test_embeds_as_unit_vectors_in_either_encoding(client: openai.OpenAI) -> None:
    model = next(model.id for model in client.models.list() if "MiniLM" in model.id)
    texts = ["a seal swims past the turbine", "the price of electricity", ""]
    floats = client.embeddings.create(model=model, input=texts, encoding_format="float")
    vectors = np.array([item.embedding for item in floats.data])
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    raw = client.embeddings.create(model=model, input=texts, encoding_format="base64")
    decoded = np.frombuffer(base64.b64decode(raw.data[0].embedding), dtype="<f4")
    np.testing.assert_allclose(decoded, vectors[0], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"model": "no-such-model"}, openai.NotFoundError),
        ({"temperature": -1}, openai.BadRequestError),
        ({"messages": []}, openai.BadRequestError),
        ({"messages": [{"role": "wizard", "content": "hello"}]}, openai.BadRequestError),
        ({"n": 2}, openai.BadRequestError),
    ],
)
def test_refusals_are_errors_that_the_client_understands(client, chat_model, arguments, expected) -> None:
    good = {"model": chat_model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}
    with pytest.raises(expected) as caught:
        client.chat.completions.create(**{**good, **arguments})
    assert caught.value.message


def test_a_wrong_key_is_an_authentication_error(platform) -> None:
    with (
        openai.OpenAI(base_url=f"{platform.url}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()
