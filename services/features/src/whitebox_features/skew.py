"""Training/serving skew, measured: values as served against the same values computed from the offline store."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence

import numpy as np
from whitebox_runtime.errors import ServiceError
from whitebox_runtime.telemetry import counter

from whitebox_features.aggregation import Status
from whitebox_features.definitions import Definitions, FeatureView
from whitebox_features.events import now_microseconds
from whitebox_features.historical import read_historical
from whitebox_features.online import OnlineReader
from whitebox_features.stores import NotMaterialisedError, OfflineStore

logger = logging.getLogger(__name__)

_ENTITIES_PER_VIEW = 64


class SkewSample:
    """A uniform sample of the entities read since the last comparison, by view."""

    def __init__(self) -> None:
        self._seen: dict[FeatureView, int] = {}
        self._entities: dict[FeatureView, list[str]] = {}

    def add(self, view: FeatureView, entity_ids: Sequence[str]) -> None:
        """Notes a read; of a large one, its first entities."""
        sample = self._entities.setdefault(view, [])
        for entity_id in entity_ids[:_ENTITIES_PER_VIEW]:
            seen = self._seen[view] = self._seen.get(view, 0) + 1
            if len(sample) < _ENTITIES_PER_VIEW:
                sample.append(entity_id)
            elif (slot := random.randrange(seen)) < _ENTITIES_PER_VIEW:  # noqa: S311 - a sample, not a secret
                sample[slot] = entity_id

    def take(self) -> dict[FeatureView, list[str]]:
        """Returns the sample and begins a new one."""
        taken, self._entities, self._seen = self._entities, {}, {}
        return {view: sorted(set(entity_ids)) for view, entity_ids in taken.items() if entity_ids}


class SkewCheck:
    """Compares served values with offline ones.

    Args:
        definitions: The views.
        online: How serving computes them.
        offline: How training does.
        sample: Which entities.
        settled_seconds: How far in the past to compare, so that events have reached both stores; at most the sources'
            lateness, which is as far as the online store can look back.
    """

    def __init__(
        self,
        definitions: Definitions,
        online: OnlineReader,
        offline: OfflineStore,
        sample: SkewSample,
        *,
        settled_seconds: float,
    ) -> None:
        self._definitions = definitions
        self._online = online
        self._offline = offline
        self._sample = sample
        self._settled = round(settled_seconds * 1_000_000)

    async def compare(self) -> dict[str, tuple[int, int]]:
        """Compares the sample once; returns equal and different values by view. Truncated values are left out."""
        outcome = {}
        for view, entity_ids in self._sample.take().items():
            as_of = now_microseconds() - self._settled
            served = await self._online.read(view, view.features, entity_ids, as_of)
            source = self._definitions.source_by_name[view.source]
            times = np.full(len(entity_ids), as_of, dtype=np.int64)
            trained = await asyncio.to_thread(
                read_historical, self._offline, source, view, view.features, entity_ids=entity_ids, as_of=times
            )
            compared = served.statuses != Status.TRUNCATED
            equal = int((compared & (served.values == trained.values)).sum())
            different = int(compared.sum()) - equal
            counter("whitebox_feature_skew_values_total").labels(view.name, "equal").inc(equal)
            counter("whitebox_feature_skew_values_total").labels(view.name, "different").inc(different)
            if different:
                logger.warning("served values differ from offline ones", extra={"view": view.name, "values": different})
            outcome[view.name] = (equal, different)
        return outcome

    async def run(self, stopping: asyncio.Event, *, every_seconds: float) -> None:
        """Compares again and again until told to stop."""
        while not stopping.is_set():
            try:
                async with asyncio.timeout(every_seconds):
                    await stopping.wait()
            except TimeoutError:
                try:
                    await self.compare()
                except (ServiceError, NotMaterialisedError, OSError) as error:
                    logger.warning(
                        "served values could not be compared with offline ones", extra={"reason": repr(error)}
                    )
