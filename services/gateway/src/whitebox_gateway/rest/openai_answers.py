"""Answers of the OpenAI-compatible routes: their description, and how generated pieces become them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field
from whitebox_contracts.llm.v1 import llm_pb2 as pb

from whitebox_gateway.rest.wire import Answer

_FINISH: dict[int, str | None] = {
    pb.FINISH_REASON_UNSPECIFIED: None,
    pb.FINISH_REASON_STOP: "stop",
    pb.FINISH_REASON_LENGTH: "length",
}

FinishReason = Literal["stop", "length"]


class PromptDetails(Answer):
    """Where the prompt's tokens came from."""

    cached_tokens: int


class Usage(Answer):
    """Tokens read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails


class TopLogprob(Answer):
    """A token that was possible."""

    token: str
    logprob: float
    bytes: list[int]


class TokenLogprob(TopLogprob):
    """The token that was chosen."""

    top_logprobs: list[TopLogprob]


class ChatLogprobs(Answer):
    """Log-probabilities of an answer's tokens."""

    content: list[TokenLogprob]


class ChatAnswerMessage(Answer):
    """The model's message."""

    role: Literal["assistant"]
    content: str


class ChatChoice(Answer):
    """The one answer."""

    index: int
    message: ChatAnswerMessage
    finish_reason: FinishReason
    logprobs: ChatLogprobs | None


class ChatCompletion(Answer):
    """A conversation continued."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage


class CompletionLogprobs(Answer):
    """Log-probabilities of a text's tokens."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]


class CompletionChoice(Answer):
    """The one text."""

    index: int
    text: str
    finish_reason: FinishReason
    logprobs: CompletionLogprobs | None


class Completion(Answer):
    """A text continued."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: Usage


class EmbeddingItem(Answer):
    """One vector."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str = Field(description="Numbers, or base64 of little-endian float32")


class EmbeddingUsage(Answer):
    """Tokens read."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(Answer):
    """Vectors in the order of the texts."""

    object: Literal["list"]
    model: str
    data: list[EmbeddingItem]
    usage: EmbeddingUsage


class ModelEntry(Answer):
    """One model."""

    id: str
    object: Literal["model"]
    created: int = Field(description="When this gateway started: the models' own age is not known")
    owned_by: str
    kind: Literal["llm", "embedding"]
    engine: str
    context_tokens: int
    is_default: bool


class ModelList(Answer):
    """The models that can be asked now."""

    object: Literal["list"]
    data: list[ModelEntry]


class ChatShape:
    """Writes a generation as chat completion, whole or in chunks."""

    def __init__(self, *, logprobs: bool) -> None:
        self._logprobs = logprobs
        self._id = f"chatcmpl-{secrets.token_hex(12)}"
        self._created = int(time.time())

    def whole(self, pieces: Sequence[pb.GenerateResponse]) -> dict[str, Any]:
        """Returns the completion that the pieces make up."""
        text, finish, tokens = _joined(pieces)
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": finish,
            "logprobs": self._content(tokens),
        }
        return self._frame("chat.completion", pieces[-1].model, [choice]) | {"usage": usage(pieces[-1].usage)}

    def opening(self, model: str) -> dict[str, Any]:
        """Returns the first chunk, which says who speaks."""
        delta = {"role": "assistant", "content": ""}
        return self._chunk(model, delta, None, None)

    def chunk(self, piece: pb.GenerateResponse) -> dict[str, Any]:
        """Returns one piece as a chunk."""
        delta = {"content": piece.text} if piece.text else {}
        return self._chunk(piece.model, delta, _FINISH[piece.finish_reason], self._content(piece.tokens))

    def usage_chunk(self, piece: pb.GenerateResponse) -> dict[str, Any]:
        """Returns the chunk that carries the usage and no text."""
        return self._frame("chat.completion.chunk", piece.model, []) | {"usage": usage(piece.usage)}

    def _chunk(self, model: str, delta: dict[str, str], finish: str | None, logprobs: Any) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": logprobs}
        return self._frame("chat.completion.chunk", model, [choice])

    def _frame(self, kind: str, model: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self._created, "model": model, "choices": choices}

    def _content(self, tokens: Sequence[pb.TokenDetail]) -> dict[str, Any] | None:
        if not self._logprobs:
            return None
        content = [
            {**_logprob(token.chosen), "top_logprobs": [_logprob(other) for other in token.alternatives]}
            for token in tokens
        ]
        return {"content": content}


class CompletionShape:
    """Writes a generation as plain completion, whole or in chunks."""

    def __init__(self, *, logprobs: bool) -> None:
        self._logprobs = logprobs
        self._id = f"cmpl-{secrets.token_hex(12)}"
        self._created = int(time.time())
        self._offset = 0

    def whole(self, pieces: Sequence[pb.GenerateResponse]) -> dict[str, Any]:
        """Returns the completion that the pieces make up."""
        text, finish, tokens = _joined(pieces)
        return self._frame(pieces[-1].model, [self._choice(text, finish, tokens)]) | {"usage": usage(pieces[-1].usage)}

    def opening(self, _model: str) -> None:
        """Plain completions begin with their first text."""

    def chunk(self, piece: pb.GenerateResponse) -> dict[str, Any]:
        """Returns one piece as a chunk."""
        return self._frame(piece.model, [self._choice(piece.text, _FINISH[piece.finish_reason], piece.tokens)])

    def usage_chunk(self, piece: pb.GenerateResponse) -> dict[str, Any]:
        """Returns the chunk that carries the usage and no text."""
        return self._frame(piece.model, []) | {"usage": usage(piece.usage)}

    def _choice(self, text: str, finish: str | None, tokens: Sequence[pb.TokenDetail]) -> dict[str, Any]:
        return {"index": 0, "text": text, "finish_reason": finish, "logprobs": self._content(tokens)}

    def _frame(self, model: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self._id, "object": "text_completion", "created": self._created, "model": model, "choices": choices,
        }  # fmt: skip

    def _content(self, tokens: Sequence[pb.TokenDetail]) -> dict[str, Any] | None:
        if not self._logprobs:
            return None
        offsets = []
        for token in tokens:
            offsets.append(self._offset)
            self._offset += len(token.chosen.token)
        return {
            "tokens": [token.chosen.token for token in tokens],
            "token_logprobs": [token.chosen.logprob for token in tokens],
            "top_logprobs": [{other.token: other.logprob for other in token.alternatives} for token in tokens],
            "text_offset": offsets,
        }


def usage(counted: pb.Usage) -> dict[str, Any]:
    """Returns token counts."""
    return {
        "prompt_tokens": counted.prompt_tokens,
        "completion_tokens": counted.completion_tokens,
        "total_tokens": counted.prompt_tokens + counted.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": counted.cached_tokens},
    }


def _joined(pieces: Sequence[pb.GenerateResponse]) -> tuple[str, str | None, list[pb.TokenDetail]]:
    text = "".join(piece.text for piece in pieces)
    finish = next((_FINISH[p.finish_reason] for p in reversed(pieces) if p.finish_reason), None)
    return text, finish or "stop", [token for piece in pieces for token in piece.tokens]


def _logprob(token: pb.TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logprob": token.logprob, "bytes": list(token.token.encode())}
