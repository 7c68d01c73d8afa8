"""Qdrant's gRPC services over the embedded engine."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any, TypeAlias, TypeVar

import grpc as grpcio
import qdrant_edge as edge
from qdrant_client import grpc
from qdrant_client.grpc import collections_service_pb2_grpc, points_service_pb2_grpc, qdrant_pb2, qdrant_pb2_grpc

from whitebox_local.qdrant_edge import translate
from whitebox_local.qdrant_edge.collections import CollectionExistsError, Collections, NoSuchCollectionError

logger = logging.getLogger(__name__)

_Context: TypeAlias = "grpcio.aio.ServicerContext[Any, Any]"
_Method = TypeVar("_Method", bound=Callable[..., Awaitable[Any]])


def _answering(method: _Method) -> _Method:
    """Turns the engine's and our own errors into the statuses that a Qdrant server gives."""

    @functools.wraps(method)
    async def call(self: Any, request: Any, context: _Context) -> Any:
        try:
            return await method(self, request, context)
        except NoSuchCollectionError as error:
            await context.abort(grpcio.StatusCode.NOT_FOUND, str(error))
        except CollectionExistsError as error:
            await context.abort(grpcio.StatusCode.ALREADY_EXISTS, str(error))
        except translate.UnsupportedError as error:
            await context.abort(grpcio.StatusCode.UNIMPLEMENTED, str(error))
        except (ValueError, TypeError, OverflowError) as error:
            await context.abort(grpcio.StatusCode.INVALID_ARGUMENT, str(error))
        except grpcio.aio.AbortError:
            raise
        except Exception as error:
            # The engine raises plain exceptions whose texts name the cause, e.g. a wrong vector size.
            logger.warning("the engine refused a request", exc_info=error)
            await context.abort(grpcio.StatusCode.INVALID_ARGUMENT, str(error))

    return call  # type: ignore[return-value]  # same signature, which the type of functools.wraps cannot express


class CollectionsService(collections_service_pb2_grpc.CollectionsServicer):
    """Create, describe, list and delete collections."""

    def __init__(self, collections: Collections) -> None:
        self._collections = collections

    @_answering
    async def Create(self, request: grpc.CreateCollection, context: _Context) -> grpc.CollectionOperationResponse:
        began = time.monotonic()
        self._collections.create(request)
        return grpc.CollectionOperationResponse(result=True, time=time.monotonic() - began)

    @_answering
    async def Delete(self, request: grpc.DeleteCollection, context: _Context) -> grpc.CollectionOperationResponse:
        began = time.monotonic()
        deleted = self._collections.delete(request.collection_name)
        return grpc.CollectionOperationResponse(result=deleted, time=time.monotonic() - began)

    @_answering
    async def List(self, request: grpc.ListCollectionsRequest, context: _Context) -> grpc.ListCollectionsResponse:
        names = [grpc.CollectionDescription(name=name) for name in self._collections.names]
        return grpc.ListCollectionsResponse(collections=names)

    @_answering
    async def CollectionExists(
        self, request: grpc.CollectionExistsRequest, context: _Context
    ) -> grpc.CollectionExistsResponse:
        exists = request.collection_name in self._collections
        return grpc.CollectionExistsResponse(result=grpc.CollectionExists(exists=exists))

    @_answering
    async def Get(self, request: grpc.GetCollectionInfoRequest, context: _Context) -> grpc.GetCollectionInfoResponse:
        collection = self._collections[request.collection_name]
        info, definition = collection.shard.info(), collection.definition
        hnsw = grpc.HnswConfigDiff(m=16, ef_construct=100, full_scan_threshold=10_000)
        hnsw.MergeFrom(definition.hnsw_config)
        return grpc.GetCollectionInfoResponse(
            result=grpc.CollectionInfo(
                status=grpc.CollectionStatus.Green,
                optimizer_status=grpc.OptimizerStatus(ok=True),
                points_count=info.points_count,
                segments_count=info.segments_count,
                indexed_vectors_count=info.indexed_vectors_count,
                payload_schema=translate.schema_info(info.payload_schema),
                config=grpc.CollectionConfig(
                    params=grpc.CollectionParams(
                        shard_number=1,
                        replication_factor=1,
                        write_consistency_factor=1,
                        on_disk_payload=definition.on_disk_payload,
                        vectors_config=definition.vectors_config if definition.HasField("vectors_config") else None,
                        sparse_vectors_config=definition.sparse_vectors_config
                        if definition.HasField("sparse_vectors_config")
                        else None,
                    ),
                    hnsw_config=hnsw,
                    optimizer_config=grpc.OptimizersConfigDiff(default_segment_number=0, flush_interval_sec=5),
                    wal_config=grpc.WalConfigDiff(wal_capacity_mb=32, wal_segments_ahead=0),
                ),
            )
        )


class PointsService(points_service_pb2_grpc.PointsServicer):
    """Write, read and search points."""

    def __init__(self, collections: Collections) -> None:
        self._collections = collections

    @_answering
    async def Upsert(self, request: grpc.UpsertPoints, context: _Context) -> grpc.PointsOperationResponse:
        collection = self._collections[request.collection_name]
        points = [translate.point(message) for message in request.points]
        return self._update(collection, edge.UpdateOperation.upsert_points(points), points=len(points))

    @_answering
    async def Delete(self, request: grpc.DeletePoints, context: _Context) -> grpc.PointsOperationResponse:
        collection = self._collections[request.collection_name]
        which = request.points.WhichOneof("points_selector_one_of")
        if which == "points":
            ids: list[edge.PointId] = [translate.point_id(message) for message in request.points.points.ids]
            operation = edge.UpdateOperation.delete_points(ids)
        elif which == "filter":
            condition = translate.condition_filter(request.points.filter)
            operation = edge.UpdateOperation.delete_points_by_filter(condition)
        else:
            raise ValueError("delete needs point ids or a filter")
        return self._update(collection, operation)

    @_answering
    async def CreateFieldIndex(
        self, request: grpc.CreateFieldIndexCollection, context: _Context
    ) -> grpc.PointsOperationResponse:
        collection = self._collections[request.collection_name]
        schema = translate.index_schema(request)
        return self._update(collection, edge.UpdateOperation.create_field_index(request.field_name, schema))

    @_answering
    async def Query(self, request: grpc.QueryPoints, context: _Context) -> grpc.QueryResponse:
        began = time.monotonic()
        shard = self._collections[request.collection_name].shard
        hits = [translate.scored_point(hit) for hit in shard.query(translate.query_request(request))]
        return grpc.QueryResponse(result=hits, time=time.monotonic() - began)

    @_answering
    async def QueryBatch(self, request: grpc.QueryBatchPoints, context: _Context) -> grpc.QueryBatchResponse:
        began = time.monotonic()
        shard = self._collections[request.collection_name].shard
        queries = [translate.query_request(query) for query in request.query_points]
        # One planned batch: the searches share a pass over the segments.
        hits = shard.query_batch(edge.QueryBatchRequest(queries)) if queries else []
        results = [
            grpc.BatchResult(result=[translate.scored_point(hit) for hit in hits_of_one]) for hits_of_one in hits
        ]
        return grpc.QueryBatchResponse(result=results, time=time.monotonic() - began)

    @_answering
    async def Get(self, request: grpc.GetPoints, context: _Context) -> grpc.GetResponse:
        shard = self._collections[request.collection_name].shard
        records = shard.retrieve(
            [translate.point_id(message) for message in request.ids],
            with_payload=translate.with_payload(request.with_payload),
            with_vector=translate.with_vectors(request.with_vectors),
        )
        return grpc.GetResponse(result=[translate.retrieved_point(record) for record in records])

    @_answering
    async def Scroll(self, request: grpc.ScrollPoints, context: _Context) -> grpc.ScrollResponse:
        if request.HasField("order_by"):
            raise translate.UnsupportedError("scroll: order_by is not supported by the local engine")
        shard = self._collections[request.collection_name].shard
        records, offset = shard.scroll(
            edge.ScrollRequest(
                offset=translate.point_id(request.offset) if request.HasField("offset") else None,
                limit=request.limit if request.HasField("limit") else 10,
                filter=translate.optional_filter(request),
                with_payload=translate.with_payload(request.with_payload),
                with_vector=translate.with_vectors(request.with_vectors),
            )
        )
        return grpc.ScrollResponse(
            result=[translate.retrieved_point(record) for record in records],
            next_page_offset=translate.point_id_message(offset) if offset is not None else None,
        )

    @_answering
    async def Count(self, request: grpc.CountPoints, context: _Context) -> grpc.CountResponse:
        shard = self._collections[request.collection_name].shard
        exact = request.exact if request.HasField("exact") else True
        count = shard.count(edge.CountRequest(exact=exact, filter=translate.optional_filter(request)))
        return grpc.CountResponse(result=grpc.CountResult(count=count))

    def _update(
        self, collection: Any, operation: edge.UpdateOperation, *, points: int = 0
    ) -> grpc.PointsOperationResponse:
        began = time.monotonic()
        collection.update(operation, points=points)
        return grpc.PointsOperationResponse(
            result=grpc.UpdateResult(status=grpc.UpdateStatus.Completed), time=time.monotonic() - began
        )


class HealthService(qdrant_pb2_grpc.QdrantServicer):
    """Qdrant's own health check."""

    async def HealthCheck(self, request: Any, context: _Context) -> Any:
        return qdrant_pb2.HealthCheckReply(title="qdrant-edge", version=version("qdrant-edge-py"))


async def serve(collections: Collections, host: str, port: int, stopping: asyncio.Event) -> None:
    """Serves until `stopping` is set, then drains, flushes and closes.

    Raises:
        OSError: if the address is taken.
    """
    # so_reuseport off: a second engine on the same port must fail, not share the traffic.
    options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 64 * 2**20)]
    server = grpcio.aio.server(options=options)
    # The client package ships its stubs without types.
    collections_service_pb2_grpc.add_CollectionsServicer_to_server(CollectionsService(collections), server)  # type: ignore[no-untyped-call]
    points_service_pb2_grpc.add_PointsServicer_to_server(PointsService(collections), server)  # type: ignore[no-untyped-call]
    qdrant_pb2_grpc.add_QdrantServicer_to_server(HealthService(), server)  # type: ignore[no-untyped-call]
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise OSError(f"cannot listen on {host}:{port}: {error}") from error
    await server.start()
    logger.info("serving the vector engine on %s:%d", host, bound)
    optimizing = asyncio.create_task(_optimize(collections, stopping))
    await stopping.wait()
    await server.stop(grace=5)
    await optimizing
    collections.close()


async def _optimize(collections: Collections, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        for collection in collections:
            collection.optimize_when_idle()
        try:
            await asyncio.wait_for(stopping.wait(), timeout=0.5)
        except TimeoutError:
            continue
