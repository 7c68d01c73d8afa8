"""Request bodies of the OpenAI-compatible routes; what they mean stands in OpenAI's API reference."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from pydantic import Field, model_validator
from whitebox_contracts.llm.v1 import llm_pb2 as pb

from whitebox_gateway.rest.wire import Body, FiniteFloat, Integer

MAX_CHARACTERS = 262_144

Model = Annotated[str, Field(max_length=256, description="Empty: the default model")]
_Stop = Annotated[str, Field(min_length=1, max_length=64)]
Stop = _Stop | Annotated[list[_Stop], Field(max_length=8)] | None
Temperature = Annotated[FiniteFloat, Field(ge=0, le=2)]
TopP = Annotated[FiniteFloat, Field(gt=0, le=1)]
Seed = Annotated[Integer, Field(ge=0, le=2**32 - 2)]
Tokens = Annotated[Integer, Field(ge=1, le=1_000_000)]
# What OpenAI generates for a plain completion that names no number. A chat runs to the service's own default.
_COMPLETION_TOKENS = 16


class StreamOptions(Body):
    """How to stream."""

    include_usage: bool = False
    include_obfuscation: Literal[False] = False


class _Generation(Body):
    """What chat and plain completions have in common."""

    model: Model = ""
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    seed: Seed | None = None
    stop: Stop = None
    max_tokens: Tokens | None = None
    n: Literal[1] | None = Field(None, description="One answer at a time")
    presence_penalty: Literal[0] | None = Field(None, description="Not supported beyond 0")
    frequency_penalty: Literal[0] | None = Field(None, description="Not supported beyond 0")
    user: Annotated[str, Field(max_length=512)] | None = Field(None, description="Accepted and not used")

    @property
    def includes_usage(self) -> bool:
        """Whether a stream ends with the usage."""
        return self.stream_options is not None and self.stream_options.include_usage

    def _generate(self, max_tokens: int | None, top_logprobs: int | None, json_schema: str) -> pb.GenerateRequest:
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return pb.GenerateRequest(
            model=self.model,
            max_tokens=max_tokens or 0,
            temperature=self.temperature,
            top_p=self.top_p,
            seed=self.seed,
            stop=stop,
            json_schema=json_schema,
            top_logprobs=top_logprobs,
        )


class TextPart(Body):
    """A piece of a message."""

    type: Literal["text"]
    text: Annotated[str, Field(max_length=MAX_CHARACTERS)]


class ChatMessage(Body):
    """One message of a conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, Field(max_length=MAX_CHARACTERS)] | Annotated[list[TextPart], Field(max_length=256)]
    name: Annotated[str, Field(max_length=64)] | None = Field(None, description="Accepted and not used")

    def to_proto(self) -> pb.Message:
        """Returns the message for the language model service."""
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return pb.Message(role="system" if self.role == "developer" else self.role, content=text)


class JsonSchemaFormat(Body):
    """A schema with a name."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    description: Annotated[str, Field(max_length=1024)] | None = None
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class JsonSchemaResponse(Body):
    """The answer follows a JSON schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchemaFormat


class PlainResponse(Body):
    """The answer is text, or any JSON object."""

    type: Literal["text", "json_object"]


class ChatBody(_Generation):
    """A conversation to continue."""

    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=256)]
    max_completion_tokens: Tokens | None = None
    response_format: Annotated[JsonSchemaResponse | PlainResponse, Field(discriminator="type")] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[Integer, Field(ge=0, le=20)] | None = None
    store: Literal[False] | None = None

    @model_validator(mode="after")
    def _logprobs_asked_for(self) -> ChatBody:
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs to be true")
        return self

    def to_proto(self) -> pb.GenerateRequest:
        """Returns the request for the language model service."""
        request = self._generate(
            self.max_completion_tokens or self.max_tokens,
            (self.top_logprobs or 0) if self.logprobs else None,
            self._json_schema(),
        )
        request.chat.messages.extend(message.to_proto() for message in self.messages)
        return request

    def _json_schema(self) -> str:
        match self.response_format:
            case JsonSchemaResponse(json_schema=wanted):
                return orjson.dumps(wanted.schema_).decode()
            case PlainResponse(type="json_object"):
                return '{"type":"object"}'
            case _:
                return ""


class CompletionBody(_Generation):
    """A text to continue."""

    prompt: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]
    logprobs: Annotated[Integer, Field(ge=0, le=5)] | None = None
    echo: Literal[False] | None = None
    best_of: Literal[1] | None = None

    def to_proto(self) -> pb.GenerateRequest:
        """Returns the request for the language model service."""
        request = self._generate(self.max_tokens or _COMPLETION_TOKENS, self.logprobs, "")
        request.prompt = self.prompt
        return request


class EmbeddingsBody(Body):
    """Texts to embed."""

    input: (
        Annotated[str, Field(max_length=65_536)]
        | Annotated[list[Annotated[str, Field(max_length=65_536)]], Field(min_length=1, max_length=2048)]
    ) = Field(description="A text or a list of texts; token arrays are not accepted")
    model: Model = ""
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[Integer, Field(ge=1)] | None = Field(None, description="Only the model's own number")
    user: Annotated[str, Field(max_length=512)] | None = Field(None, description="Accepted and not used")

    @model_validator(mode="before")
    @classmethod
    def _no_tokens(cls, body: Any) -> Any:
        given = body.get("input") if isinstance(body, dict) else None
        if isinstance(given, list) and given and isinstance(given[0], int | list):
            raise ValueError(
                "input holds token ids: send the text itself, the tokens of other models mean nothing here"
            )
        return body

    @property
    def texts(self) -> list[str]:
        """The texts as a list."""
        return [self.input] if isinstance(self.input, str) else self.input
