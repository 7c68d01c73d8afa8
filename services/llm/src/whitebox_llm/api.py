"""The gRPC face of the service: checks what comes in and translates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

import grpc
from whitebox_contracts.llm.v1 import llm_pb2, llm_pb2_grpc
from whitebox_runtime.errors import InvalidArgument

from whitebox_llm.catalogue import Catalogue
from whitebox_llm.engine import Chunk, FinishReason, Message, Request, Role, TokenDetail, TokenLogprob
from whitebox_llm.generator import Generator
from whitebox_llm.output_schema import OutputSchema
from whitebox_llm.recomputation import TOLERANCE, SelfCheck

MAX_MESSAGES = 256
MAX_INPUT_CHARACTERS = 262_144
MAX_STOPS = 8
MAX_STOP_CHARACTERS = 64
MAX_TOP_LOGPROBS = 20
MAX_TEMPERATURE = 2.0
# llama.cpp has 32 bits for it and takes the last value for "none".
MAX_SEED = 2**32 - 2
_MAX_MODEL_CHARACTERS = 256

_ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant"}
_FINISH_REASONS = {
    None: llm_pb2.FINISH_REASON_UNSPECIFIED,
    FinishReason.STOP: llm_pb2.FINISH_REASON_STOP,
    FinishReason.LENGTH: llm_pb2.FINISH_REASON_LENGTH,
}


@dataclass(frozen=True)
class Defaults:
    """What a request gets that does not say.

    Attributes:
        tokens: Tokens to generate.
        max_tokens: What larger numbers are cut to.
        temperature: Sampling temperature.
        top_p: Share of the probability mass.
    """

    tokens: int
    max_tokens: int
    temperature: float
    top_p: float


class LanguageModelApi(llm_pb2_grpc.LanguageModelServiceServicer):
    """whitebox.llm.v1.LanguageModelService.

    Args:
        generator: Makes the text.
        catalogue: Knows the models.
        defaults: What requests get that do not say.
        self_check: Recomputes completions.
    """

    def __init__(self, generator: Generator, catalogue: Catalogue, defaults: Defaults, self_check: SelfCheck) -> None:
        self._generator = generator
        self._self_check = self_check
        self._catalogue = catalogue
        self._defaults = defaults

    # Written to the context instead of yielded: a cancelled call then always unwinds through these frames at once and
    # closes the engine's generator, where a suspended async generator would be left to the garbage collector.
    async def Generate(  # type: ignore[override]
        self,
        request: llm_pb2.GenerateRequest,
        context: grpc.aio.ServicerContext[llm_pb2.GenerateRequest, llm_pb2.GenerateResponse],
    ) -> None:
        """Streams a text as it is made."""
        checked = await self._check(request)
        async with aclosing(self._generator.generate(checked)) as chunks:
            async for chunk in chunks:
                await context.write(_response(chunk, checked.model))

    async def ListModels(
        self, request: llm_pb2.ListModelsRequest, context: grpc.ServicerContext
    ) -> llm_pb2.ListModelsResponse:
        """Lists the models, the default first."""
        return llm_pb2.ListModelsResponse(
            models=[
                llm_pb2.Model(
                    name=model.name,
                    engine=model.engine,
                    context_tokens=model.context_tokens,
                    is_default=position == 0,
                    weights_sha256=model.weights_sha256,
                )
                for position, model in enumerate(await self._catalogue.models())
            ]
        )

    async def SelfCheck(
        self, request: llm_pb2.SelfCheckRequest, context: grpc.ServicerContext
    ) -> llm_pb2.SelfCheckResponse:
        """Computes a completion's log-probabilities with the engine and with libs/whitebox."""
        _check_model_name(request.model)
        given = _input(request)
        _check_characters(len(request.completion))
        if not request.completion:
            raise InvalidArgument("completion is empty: send the text to score", reason="empty_completion")
        model = await self._catalogue.resolve(request.model)
        report = await self._self_check.run(given, request.completion)
        return llm_pb2.SelfCheckResponse(
            model=model.name,
            weights_sha256=model.weights_sha256,
            prompt_tokens=report.prompt_tokens,
            recomputed_prompt_tokens=report.recomputed_prompt_tokens,
            tokens=[
                llm_pb2.TokenCheck(
                    token=one.token,
                    id=one.id,
                    served_logprob=one.served_logprob,
                    recomputed_logprob=one.recomputed_logprob,
                )
                for one in report.tokens
            ],
            mean_difference=report.mean_difference,
            largest_difference=report.largest_difference,
            tolerance=TOLERANCE,
            agrees=report.agrees,
            served_seconds=report.served_seconds,
            recomputed_seconds=report.recomputed_seconds,
        )

    async def _check(self, request: llm_pb2.GenerateRequest) -> Request:
        _check_model_name(request.model)
        defaults = self._defaults
        checked_input = _input(request)
        stop, schema = _stop(request.stop), _schema(request.json_schema)
        if stop and schema is not None:
            raise InvalidArgument(
                "stop cannot be combined with json_schema: it would cut the JSON off", reason="stop_with_json_schema"
            )
        temperature = _number(request, "temperature", defaults.temperature)
        if not 0 <= temperature <= MAX_TEMPERATURE:
            raise InvalidArgument(
                f"temperature is {temperature}, it must be 0 to {MAX_TEMPERATURE:g}", reason="temperature_out_of_range"
            )
        top_p = _number(request, "top_p", defaults.top_p)
        if not 0 < top_p <= 1:
            raise InvalidArgument(f"top_p is {top_p}, it must be above 0 and at most 1", reason="top_p_out_of_range")
        if request.HasField("seed") and not 0 <= request.seed <= MAX_SEED:
            raise InvalidArgument(f"seed is {request.seed}, it must be 0 to {MAX_SEED}", reason="seed_out_of_range")
        if request.top_logprobs > MAX_TOP_LOGPROBS:
            raise InvalidArgument(
                f"top_logprobs is {request.top_logprobs}, it must be 0 to {MAX_TOP_LOGPROBS}",
                reason="top_logprobs_out_of_range",
            )
        model = await self._catalogue.resolve(request.model)
        return Request(
            model=model.name,
            input=checked_input,
            max_tokens=min(request.max_tokens or defaults.tokens, defaults.max_tokens),
            temperature=temperature,
            top_p=top_p,
            seed=request.seed if request.HasField("seed") else None,
            stop=stop,
            schema=schema,
            top_logprobs=request.top_logprobs if request.HasField("top_logprobs") else None,
        )


def _check_model_name(name: str) -> None:
    if len(name) > _MAX_MODEL_CHARACTERS:
        raise InvalidArgument(
            f"model has {len(name)} characters, at most {_MAX_MODEL_CHARACTERS} are allowed", reason="model_too_long"
        )


def _input(request: llm_pb2.GenerateRequest | llm_pb2.SelfCheckRequest) -> tuple[Message, ...] | str:
    match request.WhichOneof("input"):
        case "prompt":
            _check_characters(len(request.prompt))
            if not request.prompt:
                raise InvalidArgument("prompt is empty: send the text to continue", reason="empty_prompt")
            return request.prompt
        case "chat":
            return _messages(request.chat.messages)
        case _:
            raise InvalidArgument("neither chat nor prompt is set: send one of them", reason="no_input")


def _messages(messages: Sequence[llm_pb2.Message]) -> tuple[Message, ...]:
    if not messages:
        raise InvalidArgument("chat has no messages: send at least one", reason="no_messages")
    if len(messages) > MAX_MESSAGES:
        raise InvalidArgument(
            f"chat has {len(messages)} messages, at most {MAX_MESSAGES} are allowed", reason="too_many_messages"
        )
    _check_characters(sum(len(message.content) for message in messages))
    for position, message in enumerate(messages):
        if message.role not in _ROLES:
            raise InvalidArgument(
                f"messages[{position}].role is {message.role[:64]!r}, it must be system, user or assistant",
                reason="unknown_role",
            )
        if not message.content:
            raise InvalidArgument(f"messages[{position}].content is empty", reason="empty_message")
    return tuple(Message(_ROLES[message.role], message.content) for message in messages)


def _check_characters(count: int) -> None:
    if count > MAX_INPUT_CHARACTERS:
        raise InvalidArgument(
            f"the input has {count} characters, at most {MAX_INPUT_CHARACTERS} are allowed", reason="input_too_long"
        )


def _stop(stop: Sequence[str]) -> tuple[str, ...]:
    if len(stop) > MAX_STOPS:
        raise InvalidArgument(f"{len(stop)} stop strings, at most {MAX_STOPS} are allowed", reason="too_many_stops")
    for position, string in enumerate(stop):
        if not 1 <= len(string) <= MAX_STOP_CHARACTERS:
            raise InvalidArgument(
                f"stop[{position}] has {len(string)} characters, it must have 1 to {MAX_STOP_CHARACTERS}",
                reason="stop_length",
            )
    return tuple(stop)


def _schema(text: str) -> OutputSchema | None:
    return OutputSchema.parse(text) if text else None


def _number(request: llm_pb2.GenerateRequest, name: str, default: float) -> float:
    value: float = getattr(request, name) if request.HasField(name) else default  # type: ignore[arg-type]
    if not math.isfinite(value):
        raise InvalidArgument(f"{name} is {value}, it must be a number", reason=f"{name}_out_of_range")
    return value


def _response(chunk: Chunk, model: str) -> llm_pb2.GenerateResponse:
    response = llm_pb2.GenerateResponse(
        text=chunk.text,
        tokens=[_token(token) for token in chunk.tokens],
        finish_reason=_FINISH_REASONS[chunk.finish_reason],
        model=model,
    )
    if chunk.usage is not None:
        response.usage.prompt_tokens = chunk.usage.prompt_tokens
        response.usage.completion_tokens = chunk.usage.completion_tokens
        response.usage.cached_tokens = chunk.usage.cached_tokens
    return response


def _token(token: TokenDetail) -> llm_pb2.TokenDetail:
    return llm_pb2.TokenDetail(
        chosen=_logprob(token.chosen), alternatives=[_logprob(alternative) for alternative in token.alternatives]
    )


def _logprob(token: TokenLogprob) -> llm_pb2.TokenLogprob:
    return llm_pb2.TokenLogprob(token=token.token, logprob=token.logprob)
