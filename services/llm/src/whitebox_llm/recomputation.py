"""Token log-probabilities once more, by the transparent maths: from the same weights, with a tokenizer of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from whitebox.errors import WhiteboxError
from whitebox.transformers.gguf import GGUF, open_gguf
from whitebox.transformers.llama import gguf_config, streamed_log_probabilities
from whitebox.transformers.tokenizer import BytePairTokenizer
from whitebox_runtime.errors import FailedPrecondition, InvalidArgument
from whitebox_runtime.self_check import SelfChecks

from whitebox_llm.admission import Admission
from whitebox_llm.engine import Message

# Some 8 s of one core for 135 million weights, and as long again for the engine.
MAX_TOKENS = 512
# llama.cpp rounds what it multiplies quantised weights with to 8 bits. On seven texts, prose, code, noise and languages
# that the model hardly knows, that moved log-probabilities by 0.04 to 0.2 on average; a wrong layer moves them by nats.
TOLERANCE = 0.5
_BUSY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Scored:
    """What the engine makes of a completion.

    Attributes:
        prompt_tokens: Tokens that it cut the prompt into.
        logprobs: Of the completion's tokens; `None` where the engine reports none.
    """

    prompt_tokens: int
    logprobs: tuple[float | None, ...]


@runtime_checkable
class Scorer(Protocol):
    """An engine that can say how likely a given text is, with weights that lie in a GGUF file."""

    @property
    def weights_path(self) -> Path:
        """The GGUF file."""
        ...

    async def rendered(self, messages: Sequence[Message]) -> str:
        """Returns the messages in the model's chat template, ready for the assistant's turn.

        Raises:
            InvalidArgument: The template refuses them.
        """
        ...

    async def score(self, prompt: str, completion: Sequence[int]) -> Scored:
        """Returns the log-probabilities of the completion's tokens behind the prompt.

        Args:
            prompt: As for a generation.
            completion: Token ids, at least one.

        Raises:
            ServiceError: As `Engine.generate`.
        """
        ...


@dataclass(frozen=True)
class TokenCheck:
    """One token of the completion, by engine and recomputed.

    Attributes:
        token: Its text; a part of a character shows as a replacement character.
        id: Its number.
        served_logprob: `None` where the engine reports none.
        recomputed_logprob: By libs/whitebox.
    """

    token: str
    id: int
    served_logprob: float | None
    recomputed_logprob: float


@dataclass(frozen=True)
class Report:
    """What a self-check found.

    Attributes:
        prompt_tokens: By the engine.
        recomputed_prompt_tokens: By libs/whitebox.
        tokens: The completion's.
        served_seconds: Time of the engine.
        recomputed_seconds: Time for recomputing, reading the weights included.
    """

    prompt_tokens: int
    recomputed_prompt_tokens: int
    tokens: tuple[TokenCheck, ...]
    served_seconds: float
    recomputed_seconds: float

    @property
    def mean_difference(self) -> float:
        """Mean absolute difference of the log-probabilities, in nats."""
        differences = self._differences()
        return sum(differences) / len(differences) if differences else 0.0

    @property
    def largest_difference(self) -> float:
        """Largest absolute difference of the log-probabilities, in nats."""
        return max(self._differences(), default=0.0)

    @property
    def agrees(self) -> bool:
        """Whether the input has the same number of tokens and rounding explains the difference."""
        compared = bool(self._differences())
        same_prompt = self.prompt_tokens == self.recomputed_prompt_tokens
        return compared and same_prompt and self.mean_difference <= TOLERANCE

    def _differences(self) -> list[float]:
        pairs = ((token.served_logprob, token.recomputed_logprob) for token in self.tokens)
        return [abs(served - recomputed) for served, recomputed in pairs if served is not None]


@dataclass(frozen=True)
class _Served:
    """A completion as the engine scored it, and the tokens of input and completion."""

    tokenizer: BytePairTokenizer
    before: list[int]
    after: list[int]
    scored: Scored
    seconds: float


class SelfCheck:
    """Recomputes completions on demand, one at a time, with one layer's weights in memory.

    Args:
        scorer: The engine; `None` where it cannot score or its weights are elsewhere.
        admission: Whose turn it is.
        context_tokens: The engine's window.
    """

    def __init__(self, scorer: Scorer | None, admission: Admission, context_tokens: int) -> None:
        self._scorer = scorer
        self._admission = admission
        self._most = min(MAX_TOKENS, context_tokens)
        self._checks = SelfChecks("llm", retry_after=_BUSY_SECONDS)

    async def run(self, given: tuple[Message, ...] | str, completion: str) -> Report:
        """Scores the completion both ways.

        Raises:
            FailedPrecondition: The weights are not at hand, or not a Llama's.
            InvalidArgument: Input and completion are too long together.
            ResourceExhausted: Another check is running, or there is no slot.
            ServiceError: As `Scorer.score`.
        """
        scorer = self._scorer
        if scorer is None:
            raise FailedPrecondition(
                "this engine's weights are not in this process, so they cannot be recomputed with",
                reason="not_recomputable",
            )

        async def serve() -> _Served:
            prompt = given if isinstance(given, str) else await scorer.rendered(given)
            tokenizer, before, after = await asyncio.to_thread(_tokens, scorer.weights_path, prompt, completion)
            if len(before) + len(after) > self._most:
                raise InvalidArgument(
                    f"input and completion have {len(before)} and {len(after)} tokens, at most {self._most} together "
                    "can be recomputed",
                    reason="too_many_tokens",
                )
            async with self._admission.slot():
                began = time.perf_counter()
                scored = await scorer.score(prompt, after)
                return _Served(tokenizer, before, after, scored, time.perf_counter() - began)

        def recompute(served: _Served) -> NDArray[np.float64]:
            return streamed_log_probabilities(scorer.weights_path, [*served.before, *served.after], len(served.before))

        checked = await self._checks.run(serve, recompute)
        served = checked.served
        tokens = tuple(
            TokenCheck(served.tokenizer.decode([token]), token, logprob, float(recomputed))
            for logprob, token, recomputed in zip(served.scored.logprobs, served.after, checked.recomputed, strict=True)
        )
        report = Report(
            served.scored.prompt_tokens, len(served.before), tokens, served.seconds, checked.recomputed_seconds
        )
        self._checks.count(report.agrees)
        return report


def _tokens(weights: Path, prompt: str, completion: str) -> tuple[BytePairTokenizer, list[int], list[int]]:
    """The tokenizer, and tokens of input and completion; control tokens are read as such in the input alone."""
    try:
        file = open_gguf(weights)
        gguf_config(file)
        tokenizer = BytePairTokenizer.from_gguf(file)
    except WhiteboxError as error:
        raise FailedPrecondition(
            f"the model cannot be recomputed with libs/whitebox: {error}", reason="not_recomputable"
        ) from error
    before = [*_beginning(file), *tokenizer.encode(prompt)]
    return tokenizer, before, tokenizer.encode(completion, special=False)


def _beginning(file: GGUF) -> list[int]:
    """The token that the file wants before every text, if any."""
    metadata = file.metadata
    return [metadata["tokenizer.ggml.bos_token_id"]] if metadata.get("tokenizer.ggml.add_bos_token") else []
