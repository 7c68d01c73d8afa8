"""Dialects of the OpenAI format, as recorded in the documentation or sources of those who speak it."""

from typing import Any

import pytest
from whitebox_llm.adapters.openai_wire import ChunkReader, error_from
from whitebox_llm.engine import Chunk, FinishReason, Message, Request, TokenDetail, TokenLogprob, Usage
from whitebox_runtime.errors import (
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    ServiceError,
    Unavailable,
)


def reader(**changes: Any) -> ChunkReader:
    fields: dict[str, Any] = {"max_tokens": 1, "temperature": 0, "top_p": 1} | changes
    return ChunkReader(Request("m", (Message("user", "x"),), **fields))


def delta(content: str | None, finish_reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"delta": {"role": "assistant", "content": content}, "finish_reason": finish_reason}]}


def test_events_that_came_together_become_one_chunk() -> None:
    chunk = reader().read([delta(None), delta("Hel"), delta("lo"), {"choices": []}])
    assert chunk == Chunk("Hello")


def test_events_without_text_become_no_chunk() -> None:
    assert reader().read([delta(None), delta(""), {"prompt_progress": {"processed": 3}}]) is None


def test_reason_and_usage_are_held_back_for_the_last_chunk() -> None:
    read = reader()
    assert read.read([delta(None, "length")]) is None
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    assert read.read([{"choices": [], "usage": usage}]) is None
    assert read.finish() == Chunk(finish_reason=FinishReason.LENGTH, usage=Usage(9, 2, 4))


def test_a_server_that_counts_nothing_leaves_the_usage_out() -> None:
    read = reader()
    read.read([delta("x", "stop"), {"choices": [], "usage": None}])
    assert read.finish() == Chunk(finish_reason=FinishReason.STOP)


def test_a_stream_that_just_ends_is_no_answer() -> None:
    read = reader()
    read.read([delta("half an ans")])
    with pytest.raises(Unavailable, match="broke off"):
        read.finish()


def test_an_answer_withheld_by_the_engine_is_not_passed_off_as_finished() -> None:
    with pytest.raises(FailedPrecondition, match="content_filter"):
        reader().read([delta(None, "content_filter")])


def test_log_probabilities_of_completions_in_parallel_lists() -> None:
    logprobs = {"tokens": ["a", "b"], "token_logprobs": [None, -0.5], "top_logprobs": [None, {"c": -1.5, "b": -0.5}]}
    chunk = reader(top_logprobs=2).read([{"choices": [{"text": "ab", "logprobs": logprobs}]}])
    assert chunk is not None
    b, c = TokenLogprob("b", -0.5), TokenLogprob("c", -1.5)
    assert chunk.tokens == (TokenDetail(b, (b, c)),)


@pytest.mark.parametrize(
    ("error", "tokens", "limit"),
    [
        (
            {"type": "exceed_context_size_error", "n_prompt_tokens": 9031, "n_ctx": 1024, "message": "too long"},
            "9031",
            "1024",
        ),
        (
            {
                "message": "This model's maximum context length is 2048 tokens. However, your request has 3000 input "
                "tokens. Please reduce the length of the input messages."
            },
            "3000",
            "2048",
        ),
        (
            {
                "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens "
                "(4000 in the messages, 1000 in the completion). Please reduce the length of the messages.",
                "code": "context_length_exceeded",
            },
            "4000",
            "4096",
        ),
    ],
    ids=["llama.cpp", "vllm", "openai"],
)
def test_every_dialect_of_a_prompt_that_is_too_long(error: dict[str, Any], tokens: str, limit: str) -> None:
    translated = error_from(error, 400)
    assert isinstance(translated, InvalidArgument)
    assert translated.reason == "prompt_too_long"
    assert translated.metadata == {"prompt_tokens": tokens, "context_tokens": limit}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidArgument),
        (422, InvalidArgument),
        (401, FailedPrecondition),
        (403, FailedPrecondition),
        (404, NotFound),
        (429, ResourceExhausted),
        (500, Internal),
        (502, Unavailable),
        (503, Unavailable),
        (418, Internal),
    ],
)
def test_every_status_has_its_error(status: int, kind: type[ServiceError]) -> None:
    assert type(error_from({"message": "why"}, status)) is kind


def test_an_error_in_the_stream_is_an_error() -> None:
    with pytest.raises(InvalidArgument, match="why"):
        reader().read([{"error": {"code": 400, "message": "why"}}])
    with pytest.raises(Internal, match="boom"):
        reader().read([{"error": "boom"}])


def test_a_message_of_any_length_is_cut() -> None:
    assert len(error_from({"message": "x" * 100_000}, 500).message) < 1100
