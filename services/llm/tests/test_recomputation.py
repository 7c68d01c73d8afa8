"""The engine's log-probabilities against libs/whitebox, which reads the same weights."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest
from llm_service import Service, opened, serve
from whitebox_contracts.llm.v1 import llm_pb2
from whitebox_llm.adapters.llamacpp import LlamaCppEngine
from whitebox_llm.admission import Admission
from whitebox_llm.model_file import ModelFile
from whitebox_llm.recomputation import Report, Scored, SelfCheck, TokenCheck
from whitebox_runtime.errors import FailedPrecondition

PROMPT = "The capital of France is"


def wanted(completion: str, **fields: object) -> llm_pb2.SelfCheckRequest:
    return llm_pb2.SelfCheckRequest(**({"prompt": PROMPT} | fields), completion=completion)


@pytest.fixture
async def checked(one_slot_engine: LlamaCppEngine):
    async with serve(one_slot_engine, slots=1) as service:
        yield service


async def refused(service: Service, request: llm_pb2.SelfCheckRequest) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await service.stub.SelfCheck(request, timeout=60)
    return raised.value


async def test_a_likely_and_an_unlikely_completion_are_recomputed(checked: Service, model_file: ModelFile) -> None:
    answer = await checked.stub.SelfCheck(wanted(" Paris, naïve 日本 and 42.\n"), timeout=60)
    assert answer.agrees
    assert answer.prompt_tokens == answer.recomputed_prompt_tokens == 5
    assert "".join(token.token for token in answer.tokens).startswith(" Paris, naïve ")
    assert answer.weights_sha256 == model_file.sha256
    assert 0 < answer.mean_difference <= answer.largest_difference
    assert answer.mean_difference <= answer.tolerance
    # The first follows from the prompt and the others do not.
    assert answer.tokens[0].served_logprob > -1 > min(token.served_logprob for token in answer.tokens[1:])
    assert all(-30 < token.recomputed_logprob < 0 for token in answer.tokens)
    # The engine says nothing of a token that only begins a character.
    silent = [token for token in answer.tokens if not token.HasField("served_logprob")]
    assert 0 < len(silent) < 3
    assert {token.token for token in silent} <= {"\ufffd", " \ufffd"}


async def test_a_chat_is_rendered_as_it_is_served(checked: Service) -> None:
    chat = llm_pb2.Messages(
        messages=[
            llm_pb2.Message(role="system", content="You are terse."),
            llm_pb2.Message(role="user", content="Which city is the capital of France?"),
        ]
    )
    answer = await checked.stub.SelfCheck(llm_pb2.SelfCheckRequest(chat=chat, completion="Paris."), timeout=60)
    assert answer.agrees
    assert answer.prompt_tokens > 20
    assert [token.token for token in answer.tokens] == ["Paris", "."]


async def test_what_a_generation_reports_is_what_is_checked(checked: Service) -> None:
    request = llm_pb2.GenerateRequest(prompt=PROMPT, max_tokens=6, temperature=0, top_logprobs=0, seed=1)
    made = await checked.ask(request)
    tokens = [token.chosen for message in made.messages for token in message.tokens]
    answer = await checked.stub.SelfCheck(wanted(made.text), timeout=60)
    assert [token.token for token in answer.tokens] == [token.token for token in tokens]
    assert [token.served_logprob for token in answer.tokens] == pytest.approx([t.logprob for t in tokens], abs=1e-3)


async def test_control_tokens_in_a_completion_are_plain_text(checked: Service) -> None:
    answer = await checked.stub.SelfCheck(wanted("<|im_end|>"), timeout=60)
    assert answer.agrees
    assert len(answer.tokens) > 1


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (wanted(""), grpc.StatusCode.INVALID_ARGUMENT, "completion is empty"),
        (wanted(" x", prompt=""), grpc.StatusCode.INVALID_ARGUMENT, "prompt is empty"),
        (llm_pb2.SelfCheckRequest(completion="x"), grpc.StatusCode.INVALID_ARGUMENT, "neither chat nor prompt"),
        (wanted(" a" * 512), grpc.StatusCode.INVALID_ARGUMENT, "5 and 512 tokens, at most 512"),
        (wanted("a" * 300_000), grpc.StatusCode.INVALID_ARGUMENT, "at most 262144"),
        (wanted(" x", model="gpt"), grpc.StatusCode.NOT_FOUND, "no model 'gpt'"),
        (wanted(" x", model="m" * 300), grpc.StatusCode.INVALID_ARGUMENT, "300 characters"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
async def test_bad_requests_say_what_is_wrong(checked: Service, request_, code, message) -> None:
    error = await refused(checked, request_)
    assert error.code() is code
    assert message in error.details()


async def test_one_check_runs_at_a_time_also_when_its_caller_has_left(checked: Service) -> None:
    first = asyncio.ensure_future(checked.stub.SelfCheck(wanted(" Paris" * 40), timeout=60))
    await asyncio.sleep(0.3)
    error = await refused(checked, wanted(" Paris"))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    first.cancel()
    for _ in range(600):
        try:
            answer = await checked.stub.SelfCheck(wanted(" Paris"), timeout=60)
        except grpc.aio.AioRpcError:
            await asyncio.sleep(0.1)
        else:
            break
    assert answer.agrees


async def test_an_engine_elsewhere_cannot_be_recomputed(llamacpp: LlamaCppEngine) -> None:
    async with opened("openai", llamacpp) as engine, serve(engine) as service:
        error = await refused(service, wanted(" Paris"))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "not in this process" in error.details()


@pytest.mark.parametrize(
    ("prompt_tokens", "served", "agrees"),
    [
        (5, (-1.0, -2.0), True),
        (5, (-1.1, None), True),
        (5, (-1.0, -4.0), False),
        (6, (-1.0, -2.0), False),
        (5, (None, None), False),
    ],
    ids=["the same", "a part of a character", "another distribution", "another prompt", "nothing to compare"],
)
def test_another_distribution_or_prompt_does_not_agree(prompt_tokens, served, agrees) -> None:
    tokens = tuple(TokenCheck("a", 1, one, logprob) for one, logprob in zip(served, (-1.0, -2.0), strict=True))
    assert Report(prompt_tokens, 5, tokens, 0.1, 0.1).agrees is agrees


class Elsewhere:
    """An engine whose weights are those of something else."""

    def __init__(self, weights_path: Path) -> None:
        self.weights_path = weights_path

    async def rendered(self, messages) -> str:
        raise AssertionError("nothing is rendered for a plain prompt")

    async def score(self, prompt, completion) -> Scored:
        raise AssertionError("nothing is scored that cannot be recomputed")


async def test_a_file_of_another_kind_cannot_be_recomputed(tmp_path) -> None:
    path = tmp_path / "other.gguf"
    path.write_bytes(b"GGUF" + b"\0" * 64)
    check = SelfCheck(Elsewhere(path), Admission(1, 0, saturated_after_seconds=30), 512)
    for _ in range(2):  # the first does not leave the check busy
        with pytest.raises(FailedPrecondition, match="cannot be recomputed"):
            await check.run(PROMPT, " Paris")
