"""The gRPC face of the feature store: checks requests, translates, answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import grpc
import numpy as np
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from whitebox_contracts.features.v1 import features_pb2 as pb
from whitebox_contracts.features.v1 import features_pb2_grpc
from whitebox_runtime.errors import InvalidArgument, NotFound, PayloadTooLarge, Unavailable
from whitebox_runtime.telemetry import counter, histogram

from whitebox_features.aggregation import NEVER, FeatureValues, Status
from whitebox_features.definitions import Definitions, Feature, FeatureView
from whitebox_features.events import now_microseconds
from whitebox_features.historical import read_historical
from whitebox_features.intake import MAX_ENTITY_ID, Intake, check_text
from whitebox_features.online import OnlineReader
from whitebox_features.skew import SkewSample
from whitebox_features.stores import NotMaterialisedError, OfflineStore
from whitebox_features.wire import from_timestamp, to_timestamp

MAX_EVENTS = 1000
MAX_ENTITIES = 1000
MAX_ROWS = 10_000
# A training set reads many files: beyond a few at once they only slow each other and online reads down.
_CONCURRENT_HISTORICAL_READS = 2


class FeaturesApi(features_pb2_grpc.FeatureServiceServicer):
    """Serves `whitebox.features.v1.FeatureService`.

    Args:
        definitions: What exists.
        intake: Takes events.
        online: Answers reads as of now.
        offline: Answers reads as of the past.
        served: Told which entities were read, for the comparison with the offline store.
        on_accepted: Called after new events became durable.
    """

    def __init__(
        self,
        *,
        definitions: Definitions,
        intake: Intake,
        online: OnlineReader,
        offline: OfflineStore,
        served: SkewSample,
        on_accepted: Callable[[], None],
    ) -> None:
        self._definitions = definitions
        self._intake = intake
        self._online = online
        self._offline = offline
        self._served = served
        self._on_accepted = on_accepted
        self._historical_reads = asyncio.Semaphore(_CONCURRENT_HISTORICAL_READS)

    async def PushEvents(
        self,
        request: pb.PushEventsRequest,
        context: grpc.aio.ServicerContext[pb.PushEventsRequest, pb.PushEventsResponse],
    ) -> pb.PushEventsResponse:
        """Makes events durable, all or none."""
        _check_count("events", len(request.events), MAX_EVENTS)
        received = now_microseconds()
        events = [
            self._intake.check(
                f"events[{index}]",
                source=event.source,
                event_id=event.event_id,
                entity_id=event.entity_id,
                time=_moment(f"events[{index}].event_time", event),
                values=event.values,
                received=received,
            )
            for index, event in enumerate(request.events)
        ]
        receipt = await self._intake.push(events)
        if receipt.accepted:
            self._on_accepted()
        for outcome, counts in (("accepted", receipt.accepted), ("duplicate", receipt.duplicates)):
            for source, count in counts.items():
                counter("whitebox_feature_events_total").labels(source, outcome).inc(count)
        for source, count in receipt.late.items():
            counter("whitebox_feature_late_events_total").labels(source).inc(count)
        return pb.PushEventsResponse(
            accepted=sum(receipt.accepted.values()), duplicates=sum(receipt.duplicates.values())
        )

    async def GetOnline(
        self, request: pb.GetOnlineRequest, context: grpc.aio.ServicerContext[pb.GetOnlineRequest, pb.GetOnlineResponse]
    ) -> pb.GetOnlineResponse:
        """Reads entities as they are now."""
        view, features = self._resolve(request.feature_view, request.features)
        entity_ids = list(request.entity_ids)
        _check_count("entity_ids", len(entity_ids), MAX_ENTITIES)
        for index, entity_id in enumerate(entity_ids):
            check_text(f"entity_ids[{index}]", entity_id, MAX_ENTITY_ID)
        now = now_microseconds()
        try:
            read = await self._online.read(view, features, entity_ids, now)
        except NotMaterialisedError as error:
            raise Unavailable(
                f"the online store does not hold source {error} yet, or lost it; the stream process is building it",
                reason="not_materialised",
                retry_after=2,
            ) from error
        self._served.add(view, entity_ids)
        _observe(view, read, now)
        answer = pb.GetOnlineResponse(feature_view=view.name, feature_view_version=view.version)
        _add_entities(answer, entity_ids, [feature.name for feature in features], read, now)
        return answer

    async def GetHistorical(
        self,
        request: pb.GetHistoricalRequest,
        context: grpc.aio.ServicerContext[pb.GetHistoricalRequest, pb.GetHistoricalResponse],
    ) -> pb.GetHistoricalResponse:
        """Reads entities as they were at times in the past."""
        view, features = self._resolve(request.feature_view, request.features)
        _check_count("rows", len(request.rows), MAX_ROWS)
        entity_ids = [row.entity_id for row in request.rows]
        as_of = np.empty(len(entity_ids), dtype=np.int64)
        latest = now_microseconds()
        for index, row in enumerate(request.rows):
            check_text(f"rows[{index}].entity_id", row.entity_id, MAX_ENTITY_ID)
            if not row.HasField("as_of"):
                raise InvalidArgument(f"rows[{index}].as_of: is missing", reason="as_of_missing")
            as_of[index] = moment = from_timestamp(row.as_of)
            if not 0 <= moment <= latest:
                raise InvalidArgument(
                    f"rows[{index}].as_of: must lie between 1970 and now; what comes later is not known yet",
                    reason="as_of_out_of_range",
                )
        source = self._definitions.source_by_name[view.source]
        async with self._historical_reads:
            read = await asyncio.to_thread(
                read_historical, self._offline, source, view, features, entity_ids=entity_ids, as_of=as_of
            )
        return pb.GetHistoricalResponse(
            features=[feature.name for feature in features],
            values=read.values.astype("<f8", copy=False).tobytes(),
            statuses=read.statuses.tobytes(),
        )

    async def ListFeatureViews(
        self,
        request: pb.ListFeatureViewsRequest,
        context: grpc.aio.ServicerContext[pb.ListFeatureViewsRequest, pb.ListFeatureViewsResponse],
    ) -> pb.ListFeatureViewsResponse:
        """Lists every version of every view."""
        return pb.ListFeatureViewsResponse(feature_views=[_view(view) for view in self._definitions.views])

    def _resolve(self, name: str, names: Sequence[str]) -> tuple[FeatureView, Sequence[Feature]]:
        try:
            view = self._definitions.view(name)
        except KeyError:
            known = ", ".join(f"{view.name}@{view.version}" for view in self._definitions.views) or "none"
            raise NotFound(
                f"feature_view: there is no {name[:200]!r}; there is {known}", reason="unknown_feature_view"
            ) from None
        if len(set(names)) != len(names):
            raise InvalidArgument("features: a name is repeated; name each feature once", reason="repeated_feature")
        try:
            return view, view.select(names)
        except KeyError as error:
            known = ", ".join(feature.name for feature in view.features)
            raise InvalidArgument(
                f"features: view {view.name!r} has no {str(error.args[0])[:200]!r}; there is {known}",
                reason="unknown_feature",
            ) from None


def _moment(where: str, event: pb.Event) -> int:
    if not event.HasField("event_time"):
        raise InvalidArgument(f"{where}: is missing", reason="event_time_missing")
    return from_timestamp(event.event_time)


def _check_count(where: str, count: int, most: int) -> None:
    if count > most:
        raise PayloadTooLarge(f"{where}: holds {count}, at most {most} fit; send several requests", reason="too_many")
    if count == 0:
        raise InvalidArgument(f"{where}: is empty; name at least one", reason="empty")


def _observe(view: FeatureView, read: FeatureValues, now: int) -> None:
    counts = np.bincount(read.statuses.ravel(), minlength=len(Status) + 1)
    for status in Status:
        if counts[status]:
            counter("whitebox_feature_reads_total").labels(view.name, status.name.lower()).inc(int(counts[status]))
    age = histogram("whitebox_feature_age_seconds").labels(view.name)
    newest = read.newest.max(axis=1)
    # One observation per entity, not per value: the values of an entity nearly always share their newest event.
    for moment in newest[newest != NEVER].tolist():
        age.observe((now - moment) / 1e6)


def _add_entities(
    answer: pb.GetOnlineResponse, entity_ids: Sequence[str], names: Sequence[str], read: FeatureValues, now: int
) -> None:
    # Five thousand values fill an answer, and this loop is most of the work of a large read. Messages are therefore
    # made in place: each level that is made apart and then added is copied.
    rows = zip(entity_ids, read.values.tolist(), read.statuses.tolist(), read.newest.tolist(), strict=True)
    for entity_id, values, statuses, newest in rows:
        add = answer.entities.add(entity_id=entity_id).values.add
        times: dict[int, tuple[Timestamp | None, Duration | None]] = {int(NEVER): (None, None)}
        for name, value, status, moment in zip(names, values, statuses, newest, strict=True):
            if moment not in times:
                times[moment] = (to_timestamp(moment), _span(now - moment))
            event_time, age = times[moment]
            add(feature=name, value=value, status=status, event_time=event_time, age=age)


def _span(microseconds: int) -> Duration:
    return Duration(seconds=microseconds // 1_000_000, nanos=microseconds % 1_000_000 * 1000)


def _view(view: FeatureView) -> pb.FeatureView:
    limit, features = Duration(), []
    limit.FromTimedelta(view.freshness_limit)
    for feature in view.features:
        window = Duration()
        window.FromTimedelta(feature.window)
        features.append(
            pb.FeatureDefinition(
                name=feature.name,
                description=feature.description,
                aggregation=feature.aggregation.value,
                field=feature.field or "",
                window=window,
                default_value=feature.default,
            )
        )
    return pb.FeatureView(
        name=view.name,
        version=view.version,
        entity=view.entity,
        source=view.source,
        freshness_limit=limit,
        features=features,
        description=view.description,
    )
