"""Which models can be asked for, without asking the engine each time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from whitebox_runtime.errors import NotFound, Unavailable

from whitebox_llm.engine import Engine, ModelInfo

_FRESH_SECONDS = 30.0
# A name that is not known may be an adapter that was loaded just now, so it is worth asking again, but not every time.
_ASK_AGAIN_SECONDS = 1.0


class Catalogue:
    """Remembers the engine's models.

    Args:
        engine: Whom to ask.
        default: Name of the model for callers that name none; empty takes the engine's first.
        clock: Monotonic seconds.
    """

    def __init__(self, engine: Engine, default: str = "", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._default = default
        self._clock = clock
        self._models: dict[str, ModelInfo] = {}
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def models(self) -> Sequence[ModelInfo]:
        """Returns every model, the default first.

        Raises:
            Unavailable: The engine cannot be reached.
        """
        await self._refresh(_FRESH_SECONDS)
        return sorted(self._models.values(), key=lambda model: model.name != self._default_name())

    async def resolve(self, name: str) -> ModelInfo:
        """Returns the model of that name, or the default for an empty one.

        Raises:
            NotFound: There is no such model; the message names some that exist.
            Unavailable: The engine cannot be reached.
        """
        await self._refresh(_FRESH_SECONDS)
        if (name or self._default_name()) not in self._models:
            await self._refresh(_ASK_AGAIN_SECONDS)
        model = self._models.get(name or self._default_name())
        if model is None:
            known = ", ".join(repr(known) for known in list(self._models)[:10])
            raise NotFound(f"no model {name or self._default!r}; there is {known}", reason="model_not_found")
        return model

    def _default_name(self) -> str:
        return self._default or next(iter(self._models), "")

    async def _refresh(self, fresh_seconds: float) -> None:
        async with self._asking:
            if self._clock() - self._asked_at <= fresh_seconds:
                return
            models = await self._engine.list_models()
            if not models:
                raise Unavailable("the engine lists no model", reason="no_model")
            self._models = {model.name: model for model in models}
            self._asked_at = self._clock()
