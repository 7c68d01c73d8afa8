"""What a text generation is, and what the service asks of whatever makes the text."""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from whitebox_llm.output_schema import OutputSchema

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """A checked request for text.

    Attributes:
        model: Name of a model that the engine lists.
        input: Messages to render with the model's chat template, or text to continue as it stands.
        max_tokens: Most tokens to generate.
        temperature: 0 takes the likeliest token each time.
        top_p: Share of the probability mass to sample from.
        seed: Makes sampling repeatable; `None` samples anew each time.
        stop: Strings that end the text and are not part of it.
        schema: What the text must satisfy as JSON; `None` for free text.
        top_logprobs: Alternatives to report per token; `None` reports no log-probabilities at all.
    """

    model: str
    input: tuple[Message, ...] | str
    max_tokens: int
    temperature: float
    top_p: float
    seed: int | None = None
    stop: tuple[str, ...] = ()
    schema: OutputSchema | None = None
    top_logprobs: int | None = None


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token and its natural log-probability."""

    token: str
    logprob: float


@dataclass(frozen=True, slots=True)
class TokenDetail:
    """A generated token and what else might have stood in its place, likeliest first."""

    chosen: TokenLogprob
    alternatives: tuple[TokenLogprob, ...] = ()


class FinishReason(enum.Enum):
    """Why a text ended."""

    STOP = "stop"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that a generation took; `cached_tokens` of the prompt came from the engine's prefix cache."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a generation, in order.

    Attributes:
        text: The next characters; never part of a character, never part of a stop string.
        tokens: Details of the tokens behind `text`, when they were asked for.
        finish_reason: Set on the last chunk only.
        usage: Set on the last chunk, by engines that count.
    """

    text: str = ""
    tokens: tuple[TokenDetail, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that can be asked for.

    Attributes:
        name: What callers call it.
        engine: `"llama.cpp"`, `"vllm"` or `"openai"`.
        context_tokens: Prompt and output together; 0 when the engine does not say.
        weights_sha256: Of the weights, where this process loads them; empty otherwise.
    """

    name: str
    engine: str
    context_tokens: int = 0
    weights_sha256: str = ""


class Engine(Protocol):
    """Makes text.

    Attributes:
        name: `"llama.cpp"`, `"vllm"` or `"openai"`.
    """

    name: str

    def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Makes text until it is finished or the generator is closed.

        Closing it, or cancelling the task that iterates it, stops the engine's work on it; it returns only when
        nothing of that work is left to wait for.

        Raises:
            ServiceError: `InvalidArgument` when the prompt does not fit or the engine refuses the request,
                `Unavailable` when the engine cannot be reached or broke off, `ResourceExhausted` when it is full.
        """
        ...

    async def list_models(self) -> Sequence[ModelInfo]:
        """Returns the models it can be asked for, the default first.

        Raises:
            Unavailable: The engine cannot be reached.
        """
        ...

    async def check(self) -> None:
        """Returns when the engine works.

        Raises:
            Unavailable: It does not; the message says why.
        """
        ...

    async def close(self) -> None:
        """Stops everything that runs and lets go of what it holds."""
        ...
