"""What every engine owes the contract: the same tests run in process and against llama.cpp's own HTTP server."""

import asyncio
import json
from collections.abc import Callable

import grpc
import jsonschema
import pytest
from grpc_status import rpc_status
from llm_service import CONTEXT_TOKENS, Service, chat, continuation, counter
from whitebox_contracts.llm.v1 import llm_pb2
from whitebox_llm.adapters.llamacpp import LlamaCppEngine

COUNTING = "1, 2, 3, 4, 5, 6, 7, 8,"


async def refusal(service: Service, request: llm_pb2.GenerateRequest) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await service.ask(request)
    return raised.value


class TestStreaming:
    async def test_a_chat_streams_in_order_and_ends_with_reason_and_usage(self, service: Service) -> None:
        answer = await service.ask(chat("Write three sentences about the sea.", max_tokens=24, temperature=0))
        again = await service.ask(chat("Write three sentences about the sea.", max_tokens=24, temperature=0))
        assert len([message for message in answer.messages if message.text]) > 1
        assert answer.text == again.text
        assert answer.last.finish_reason == llm_pb2.FINISH_REASON_LENGTH
        assert answer.last.usage.completion_tokens == 24
        assert answer.last.usage.prompt_tokens > 10
        for message in answer.messages[:-1]:
            assert message.finish_reason == llm_pb2.FINISH_REASON_UNSPECIFIED
            assert not message.HasField("usage")
        assert {message.model for message in answer.messages} == {"smollm2-135m-instruct"}

    async def test_a_prompt_is_continued_as_it_stands(self, service: Service) -> None:
        answer = await service.ask(continuation(COUNTING, max_tokens=12, temperature=0))
        assert answer.text.startswith(" 9, 10, 11")

    async def test_a_finished_answer_stops_before_max_tokens(self, service: Service) -> None:
        answer = await service.ask(chat("Reply with exactly the word: yes", max_tokens=400, temperature=0))
        assert answer.last.finish_reason == llm_pb2.FINISH_REASON_STOP
        assert 0 < answer.last.usage.completion_tokens < 400

    async def test_characters_of_several_tokens_arrive_whole(self, service: Service) -> None:
        answer = await service.ask(continuation("日本語の文章。日本語の", max_tokens=40, temperature=0))
        assert answer.text
        assert "\ufffd" not in answer.text
        assert answer.last.usage.completion_tokens > len(answer.text), "the test wants characters of several tokens"

    async def test_a_repeated_prompt_comes_from_the_cache(self, service: Service) -> None:
        request = chat("Which of these is a fruit: an anvil, an apple, an ant? " * 3, max_tokens=4, temperature=0)
        await service.ask(request)
        answer = await service.ask(request)
        assert 0 < answer.last.usage.cached_tokens < answer.last.usage.prompt_tokens


class TestSampling:
    async def test_greedy_is_repeatable(self, service: Service) -> None:
        request = chat("Tell me about the moon.", max_tokens=20, temperature=0)
        assert (await service.ask(request)).text == (await service.ask(request)).text

    async def test_a_seed_repeats_a_sample_and_another_seed_does_not(self, service: Service) -> None:
        def request(seed: int) -> llm_pb2.GenerateRequest:
            return chat("Invent a name for a ship.", max_tokens=24, temperature=1.5, top_p=1.0, seed=seed)

        first, again, other = [(await service.ask(request(seed))).text for seed in (7, 7, 8)]
        assert first == again
        assert first != other

    async def test_the_chosen_token_of_a_greedy_run_is_the_likeliest(self, service: Service) -> None:
        answer = await service.ask(continuation(COUNTING, max_tokens=6, temperature=0, top_logprobs=3))
        tokens = [token for message in answer.messages for token in message.tokens]
        assert "".join(token.chosen.token for token in tokens) == answer.text
        for token in tokens:
            assert len(token.alternatives) == 3
            assert token.alternatives[0] == token.chosen
            assert 0 >= token.alternatives[0].logprob >= token.alternatives[1].logprob >= token.alternatives[2].logprob

    async def test_log_probabilities_without_alternatives(self, service: Service) -> None:
        answer = await service.ask(chat("Hello", max_tokens=3, top_logprobs=0))
        tokens = [token for message in answer.messages for token in message.tokens]
        assert tokens
        assert all(token.chosen.logprob <= 0 and not token.alternatives for token in tokens)

    async def test_no_log_probabilities_unless_asked_for(self, service: Service) -> None:
        answer = await service.ask(chat("Hello", max_tokens=3))
        assert not any(message.tokens for message in answer.messages)


class TestStopStrings:
    @pytest.mark.parametrize("stop", ["11", " 10, 11", ", 10, 11, 12"])
    async def test_a_stop_string_over_any_number_of_tokens_ends_the_text_and_is_not_in_it(
        self, service: Service, stop: str
    ) -> None:
        whole = await service.ask(continuation(COUNTING, max_tokens=40, temperature=0))
        answer = await service.ask(continuation(COUNTING, max_tokens=40, temperature=0, stop=[stop]))
        assert answer.text == whole.text.partition(stop)[0]
        assert answer.last.finish_reason == llm_pb2.FINISH_REASON_STOP

    async def test_the_beginning_of_a_stop_string_that_does_not_go_on_is_text(self, service: Service) -> None:
        whole = await service.ask(continuation(COUNTING, max_tokens=11, temperature=0))
        answer = await service.ask(continuation(COUNTING, max_tokens=11, temperature=0, stop=[" 10, 99"]))
        assert answer.text == whole.text
        assert answer.last.finish_reason == llm_pb2.FINISH_REASON_LENGTH


PERSON = {
    "type": "object",
    "properties": {"name": {"enum": ["ada", "bob"]}, "adult": {"type": "boolean"}},
    "required": ["name", "adult"],
    "additionalProperties": False,
}


class TestStructuredOutput:
    @pytest.mark.parametrize("ask", [chat, continuation])
    async def test_the_output_satisfies_the_schema(
        self, service: Service, ask: Callable[..., llm_pb2.GenerateRequest]
    ) -> None:
        request = ask("Describe Ada as JSON.", max_tokens=200, seed=3, json_schema=json.dumps(PERSON))
        answer = await service.ask(request)
        assert answer.last.finish_reason == llm_pb2.FINISH_REASON_STOP
        jsonschema.validate(json.loads(answer.text), PERSON)

    @pytest.mark.parametrize(
        ("schema", "problem"),
        [
            ("{", "is not JSON"),
            ("[1]", "must be a JSON object"),
            ('{"type": "banana"}', "banana"),
            ('{"properties": 5}', "5 is not of type"),
            ('{"$ref": "#/nowhere"}', "nowhere"),
            ('{"$ref": "http://127.0.0.1:1/schema"}', "references to other documents are not allowed"),
            ('{"type": "string", "pattern": "(("}', "(("),
            ('{"not":' * 100 + "{}" + "}" * 100, "nested deeper"),
            ("[" * 60_000, "nested deeper"),
            (" " * 70_000, "at most 65536"),
        ],
    )
    async def test_a_bad_schema_is_refused(self, service: Service, schema: str, problem: str) -> None:
        error = await refusal(service, chat("x", json_schema=schema))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert problem in error.details()

    async def test_stop_strings_would_break_the_json(self, service: Service) -> None:
        error = await refusal(service, chat("x", json_schema="{}", stop=["\n"]))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


class TestCancelling:
    """With one slot, the next answer proves that the slot is free, and the engine's count how soon it was."""

    async def test_a_cancelled_call_stops_the_engine(self, one_slot: Service, one_slot_engine: LlamaCppEngine) -> None:
        before = counter(one_slot_engine, "tokens_predicted_total")
        call = one_slot.stub.Generate(continuation("Once upon a time", max_tokens=400, temperature=0), timeout=60)
        async for message in call:
            if message.text:
                break
        call.cancel()
        await one_slot.ask(continuation(COUNTING, max_tokens=1))
        assert counter(one_slot_engine, "tokens_predicted_total") - before < 50

    async def test_a_deadline_stops_the_engine(self, one_slot: Service, one_slot_engine: LlamaCppEngine) -> None:
        before = counter(one_slot_engine, "tokens_predicted_total")
        call = one_slot.stub.Generate(continuation("Once upon a time", max_tokens=400, temperature=0), timeout=0.3)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            async for _ in call:
                pass
        assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await one_slot.ask(continuation(COUNTING, max_tokens=1))
        assert counter(one_slot_engine, "tokens_predicted_total") - before < 200


class TestConcurrency:
    async def test_concurrent_requests_are_answered_each_with_its_own(self, service: Service) -> None:
        prompts = [f"{n}, {n + 1}, {n + 2}, {n + 3}," for n in range(10, 90, 10)]
        answers = await asyncio.gather(
            *(service.ask(continuation(prompt, max_tokens=3, temperature=0)) for prompt in prompts)
        )
        assert [answer.text.strip(" ,") for answer in answers] == [str(n + 4) for n in range(10, 90, 10)]


class TestModels:
    async def test_lists_the_model_and_its_context(self, service: Service, llamacpp: LlamaCppEngine) -> None:
        (model,) = (await service.stub.ListModels(llm_pb2.ListModelsRequest())).models
        assert model.name == "smollm2-135m-instruct"
        assert model.engine == service.engine.name
        assert model.context_tokens == CONTEXT_TOKENS
        assert model.is_default
        assert len(model.weights_sha256) == (64 if service.engine is llamacpp else 0)

    async def test_the_default_model_may_be_named(self, service: Service) -> None:
        assert (await service.ask(chat("Hi", max_tokens=1, model="smollm2-135m-instruct"))).text

    async def test_an_unknown_model_is_not_found(self, service: Service) -> None:
        error = await refusal(service, chat("Hi", model="gpt-9"))
        assert error.code() is grpc.StatusCode.NOT_FOUND
        assert "smollm2-135m-instruct" in error.details()

    async def test_the_engine_is_healthy(self, service: Service) -> None:
        await service.engine.check()


class TestBadInput:
    @pytest.mark.parametrize(
        ("request_", "reason"),
        [
            (llm_pb2.GenerateRequest(), "no_input"),
            (llm_pb2.GenerateRequest(chat=llm_pb2.Messages()), "no_messages"),
            (chat(*["a"] * 257), "too_many_messages"),
            (chat("a" * 262_145), "input_too_long"),
            (continuation(""), "empty_prompt"),
            (continuation("a" * 262_145), "input_too_long"),
            (chat(""), "empty_message"),
            (
                llm_pb2.GenerateRequest(chat=llm_pb2.Messages(messages=[llm_pb2.Message(role="tool", content="x")])),
                "unknown_role",
            ),
            (chat("x", temperature=-0.1), "temperature_out_of_range"),
            (chat("x", temperature=2.1), "temperature_out_of_range"),
            (chat("x", temperature=float("nan")), "temperature_out_of_range"),
            (chat("x", top_p=0), "top_p_out_of_range"),
            (chat("x", top_p=1.1), "top_p_out_of_range"),
            (chat("x", top_p=float("inf")), "top_p_out_of_range"),
            (chat("x", seed=-1), "seed_out_of_range"),
            (chat("x", seed=2**32), "seed_out_of_range"),
            (chat("x", top_logprobs=21), "top_logprobs_out_of_range"),
            (chat("x", stop=["x"] * 9), "too_many_stops"),
            (chat("x", stop=[""]), "stop_length"),
            (chat("x", stop=["x" * 65]), "stop_length"),
            (chat("x", model="x" * 257), "model_too_long"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_is_refused_with_its_reason(
        self, service: Service, request_: llm_pb2.GenerateRequest, reason: str
    ) -> None:
        error = await refusal(service, request_)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert reason in str(rpc_status.from_call(error))

    @pytest.mark.parametrize("ask", [chat, continuation])
    async def test_a_prompt_longer_than_the_context_is_refused_with_both_numbers(
        self, service: Service, ask: Callable[..., llm_pb2.GenerateRequest]
    ) -> None:
        error = await refusal(service, ask("one two three " * 300))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert f"holds {CONTEXT_TOKENS}" in error.details()
        assert "shorten" in error.details()
