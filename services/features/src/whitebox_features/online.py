"""Online reads: the features of entities as they are now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from whitebox_features.aggregation import FeatureValues, compute_features
from whitebox_features.definitions import Definitions, Feature, FeatureView
from whitebox_features.entity_log import EntityLogLayout
from whitebox_features.stores import OnlineStore

# Below this the computation is shorter than handing it to a thread.
_INLINE_BYTES = 128 * 1024


class OnlineReader:
    """Reads packed events and computes features from them."""

    def __init__(self, definitions: Definitions, store: OnlineStore) -> None:
        self._definitions = definitions
        self._store = store
        self._layouts = {source.name: EntityLogLayout(source) for source in definitions.sources}

    async def read(
        self, view: FeatureView, features: Sequence[Feature], entity_ids: Sequence[str], now: int
    ) -> FeatureValues:
        """Computes features of entities in one round trip to the store.

        Args:
            view: Whose features.
            features: Which of them.
            entity_ids: Whom to read; one row each.
            now: Time to compute them for, in microseconds; at most the source's lateness in the past.

        Raises:
            stores.NotMaterialisedError: if the store does not hold the source's events yet.
            whitebox_runtime.errors.Unavailable: if the store cannot be reached.
        """
        logs = await self._store.read(self._definitions.source_by_name[view.source], entity_ids)
        if sum(len(log) for log in logs if log) < _INLINE_BYTES:
            return self._compute(view, features, logs, now)
        return await asyncio.to_thread(self._compute, view, features, logs, now)

    def _compute(
        self, view: FeatureView, features: Sequence[Feature], logs: Sequence[bytes | None], now: int
    ) -> FeatureValues:
        rows = len(logs)
        columns = self._layouts[view.source].unpack(logs)
        return compute_features(view, features, columns, np.arange(rows), np.full(rows, now, dtype=np.int64))
