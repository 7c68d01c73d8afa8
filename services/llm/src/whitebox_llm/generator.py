"""One generation from admission to the last token: waits for a slot, measures, and holds the output to its schema."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from whitebox_llm.admission import Admission
from whitebox_llm.engine import Chunk, Engine, FinishReason, Request
from whitebox_llm.observation import Observation


class Generator:
    """Generates text within the engine's capacity.

    Args:
        engine: Makes the text.
        admission: Whose turn it is.
    """

    def __init__(self, engine: Engine, admission: Admission) -> None:
        self._engine = engine
        self._admission = admission

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Yields the text as it is made; the last chunk has the finish reason.

        Close it or cancel the task that iterates it to stop the engine.

        Raises:
            ServiceError: As `Engine.generate`; also `ResourceExhausted` when the queue is full and `Internal` when
                the finished text does not satisfy the request's schema.
        """
        with Observation(request, self._engine.name) as observation:
            async with self._admission.slot(), aclosing(self._engine.generate(request)) as chunks:
                text: list[str] = []
                async for chunk in chunks:
                    observation.see(chunk)
                    if request.schema is not None:
                        text.append(chunk.text)
                        if chunk.finish_reason is FinishReason.STOP:
                            request.schema.check("".join(text))
                    yield chunk
