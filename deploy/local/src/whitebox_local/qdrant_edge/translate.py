"""Translates between Qdrant's gRPC messages and the types of the embedded engine. Pure functions.

What the engine or this server does not support is refused by name, never ignored: a silently dropped filter would
return another tenant's data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

import qdrant_edge as edge
from qdrant_client import grpc
from qdrant_client.conversions.conversion import grpc_to_payload, json_to_value


class UnsupportedError(ValueError):
    """The request uses a part of Qdrant's API that the local engine does not offer."""


_DISTANCES = {
    grpc.Distance.Cosine: edge.Distance.Cosine,
    grpc.Distance.Euclid: edge.Distance.Euclid,
    grpc.Distance.Dot: edge.Distance.Dot,
    grpc.Distance.Manhattan: edge.Distance.Manhattan,
}
_FIELD_TYPES = {
    grpc.FieldType.FieldTypeKeyword: edge.PayloadSchemaType.Keyword,
    grpc.FieldType.FieldTypeInteger: edge.PayloadSchemaType.Integer,
    grpc.FieldType.FieldTypeFloat: edge.PayloadSchemaType.Float,
    grpc.FieldType.FieldTypeBool: edge.PayloadSchemaType.Bool,
    grpc.FieldType.FieldTypeDatetime: edge.PayloadSchemaType.Datetime,
    grpc.FieldType.FieldTypeUuid: edge.PayloadSchemaType.Uuid,
}
_SCHEMA_TYPES = {
    "Keyword": grpc.PayloadSchemaType.Keyword,
    "Integer": grpc.PayloadSchemaType.Integer,
    "Float": grpc.PayloadSchemaType.Float,
    "Bool": grpc.PayloadSchemaType.Bool,
    "Datetime": grpc.PayloadSchemaType.Datetime,
    "Uuid": grpc.PayloadSchemaType.Uuid,
}


def collection_config(request: grpc.CreateCollection) -> edge.EdgeConfig:
    """The engine's configuration for a collection, from the request that created it.

    Raises:
        UnsupportedError: for multi-vectors, quantisation other than scalar INT8, or a distance the engine lacks.
    """
    dense: dict[str, edge.EdgeVectorParams] = {}
    if request.HasField("vectors_config"):
        which = request.vectors_config.WhichOneof("config")
        params = {"": request.vectors_config.params} if which == "params" else request.vectors_config.params_map.map
        dense = {name: _vector_params(name, value) for name, value in params.items()}
    sparse = {
        name: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf if value.modifier == grpc.Modifier.Idf else None)
        for name, value in request.sparse_vectors_config.map.items()
    }
    if not dense and not sparse:
        raise UnsupportedError("a collection needs at least one vector")
    return edge.EdgeConfig(
        vectors=dense or None,
        sparse_vectors=sparse or None,
        hnsw_config=_hnsw(request.hnsw_config) if request.HasField("hnsw_config") else None,
        quantization_config=_quantization(request.quantization_config)
        if request.HasField("quantization_config")
        else None,
        # Searches share the two cores of a laptop with every other process: no pool of their own.
        max_search_threads=1,
    )


def _vector_params(name: str, params: grpc.VectorParams) -> edge.EdgeVectorParams:
    if params.HasField("multivector_config"):
        raise UnsupportedError(f"vector {name!r}: multi-vectors are not supported by the local engine")
    if params.distance not in _DISTANCES:
        raise UnsupportedError(f"vector {name!r}: unknown distance {params.distance}")
    if params.size < 1:
        raise UnsupportedError(f"vector {name!r}: size must be at least 1")
    return edge.EdgeVectorParams(
        size=params.size,
        distance=_DISTANCES[params.distance],
        hnsw_config=_hnsw(params.hnsw_config) if params.HasField("hnsw_config") else None,
        quantization_config=_quantization(params.quantization_config)
        if params.HasField("quantization_config")
        else None,
    )


def _hnsw(diff: grpc.HnswConfigDiff) -> edge.HnswIndexConfig:
    """Qdrant's defaults (m 16, ef_construct 100, full scan below 10,000 kB) where the request leaves a value open."""
    return edge.HnswIndexConfig(
        m=diff.m if diff.HasField("m") else 16,
        ef_construct=diff.ef_construct or 100,
        full_scan_threshold=diff.full_scan_threshold or 10_000,
        max_indexing_threads=diff.max_indexing_threads or 1,
        payload_m=diff.payload_m if diff.HasField("payload_m") else None,
    )


def _quantization(config: grpc.QuantizationConfig) -> edge.ScalarQuantizationConfig:
    if config.WhichOneof("quantization") != "scalar":
        raise UnsupportedError("only scalar INT8 quantisation is supported by the local engine")
    quantile = config.scalar.quantile if config.scalar.HasField("quantile") else None
    return edge.ScalarQuantizationConfig(type=edge.ScalarType.Int8, quantile=quantile)


def index_schema(request: grpc.CreateFieldIndexCollection) -> edge.PayloadSchemaType | edge.KeywordIndexParams:
    """The engine's payload index for a field.

    Raises:
        UnsupportedError: for full-text and geo indexes.
    """
    if request.field_index_params.WhichOneof("index_params") == "keyword_index_params":
        keyword = request.field_index_params.keyword_index_params
        return edge.KeywordIndexParams(is_tenant=keyword.is_tenant if keyword.HasField("is_tenant") else None)
    if request.field_type not in _FIELD_TYPES:
        raise UnsupportedError(f"field {request.field_name!r}: this kind of payload index is not supported")
    return _FIELD_TYPES[request.field_type]


def schema_info(schema: Mapping[str, edge.PayloadIndexInfo]) -> dict[str, grpc.PayloadSchemaInfo]:
    """The payload schema as Qdrant reports it."""
    return {
        field: grpc.PayloadSchemaInfo(
            data_type=_SCHEMA_TYPES.get(str(info.data_type).rsplit(".", 1)[-1], grpc.PayloadSchemaType.UnknownType),
            points=info.points,
        )
        for field, info in schema.items()
    }


def point_id(message: grpc.PointId) -> int | UUID:
    """A point's id. Raises ValueError for a malformed UUID."""
    if message.WhichOneof("point_id_options") == "num":
        return message.num
    try:
        return UUID(message.uuid)
    except ValueError:
        raise ValueError(f"{message.uuid!r} is no valid point id: use an unsigned integer or a UUID") from None


def point_id_message(value: int | UUID | str) -> grpc.PointId:
    """A point's id as a message."""
    return grpc.PointId(num=value) if isinstance(value, int) else grpc.PointId(uuid=str(value))


def point(message: grpc.PointStruct) -> edge.Point:
    """A point with its vectors and payload."""
    return edge.Point(
        id=point_id(message.id), vector=_vectors(message.vectors), payload=grpc_to_payload(message.payload)
    )


def _vectors(message: grpc.Vectors) -> Any:
    if message.WhichOneof("vectors_options") == "vector":
        return _vector(message.vector)
    return {name: _vector(vector) for name, vector in message.vectors.vectors.items()}


def _vector(message: grpc.Vector) -> Any:
    kind = message.WhichOneof("vector")
    if kind == "dense":
        return list(message.dense.data)
    if kind == "sparse":
        return edge.SparseVector(list(message.sparse.indices), list(message.sparse.values))
    if kind is None and message.HasField("indices"):
        return edge.SparseVector(list(message.indices.data), list(message.data))
    if kind is None and not message.HasField("vectors_count"):
        return list(message.data)
    raise UnsupportedError(f"vectors of kind {kind or 'multi-vector'} are not supported by the local engine")


def vectors_output(value: Any) -> grpc.VectorsOutput:
    """A stored point's vectors as a message."""
    if isinstance(value, dict):
        named = {name: _vector_output(vector) for name, vector in value.items()}
        return grpc.VectorsOutput(vectors=grpc.NamedVectorsOutput(vectors=named))
    return grpc.VectorsOutput(vector=_vector_output(value))


def _vector_output(value: Any) -> grpc.VectorOutput:
    if isinstance(value, edge.SparseVector):
        return grpc.VectorOutput(sparse=grpc.SparseVector(indices=value.indices, values=value.values))
    return grpc.VectorOutput(dense=grpc.DenseVector(data=value))


def payload(value: Mapping[str, Any] | None) -> dict[str, Any]:
    """A payload as a map of messages."""
    return {key: json_to_value(item) for key, item in (value or {}).items()}


def with_payload(selector: grpc.WithPayloadSelector) -> bool | list[str] | edge.PayloadSelector:
    """Which payload fields to return; none where the selector is unset, as in Qdrant."""
    which = selector.WhichOneof("selector_options")
    if which == "include":
        return list(selector.include.fields)
    if which == "exclude":
        return edge.PayloadSelector.Exclude(list(selector.exclude.fields))
    return bool(selector.enable)


def with_vectors(selector: grpc.WithVectorsSelector) -> bool | list[str]:
    """Which vectors to return; none where the selector is unset, as in Qdrant."""
    if selector.WhichOneof("selector_options") == "include":
        return list(selector.include.names)
    return bool(selector.enable)


def condition_filter(message: grpc.Filter) -> edge.Filter:
    """A payload filter. Raises UnsupportedError for a condition the local engine does not offer."""

    def conditions(items: Iterable[grpc.Condition]) -> list[Any] | None:
        return [_condition(item) for item in items] or None

    return edge.Filter(
        must=conditions(message.must),
        should=conditions(message.should),
        must_not=conditions(message.must_not),
        min_should=edge.MinShould(
            [_condition(item) for item in message.min_should.conditions], message.min_should.min_count
        )
        if message.HasField("min_should")
        else None,
    )


def optional_filter(message: Any) -> edge.Filter | None:
    """The filter of a request, or None where it has none."""
    return condition_filter(message.filter) if message.HasField("filter") else None


def _condition(message: grpc.Condition) -> Any:
    which = message.WhichOneof("condition_one_of")
    if which == "field":
        return _field_condition(message.field)
    if which == "has_id":
        return edge.HasIdCondition({point_id(item) for item in message.has_id.has_id})
    if which == "is_empty":
        return edge.IsEmptyCondition(message.is_empty.key)
    if which == "is_null":
        return edge.IsNullCondition(message.is_null.key)
    if which == "filter":
        return condition_filter(message.filter)
    raise UnsupportedError(f"filter condition {which!r} is not supported by the local engine")


_MATCHES: dict[str, Callable[[grpc.Match], Any]] = {
    "keyword": lambda match: edge.MatchValue(match.keyword),
    "integer": lambda match: edge.MatchValue(match.integer),
    "boolean": lambda match: edge.MatchValue(match.boolean),
    "keywords": lambda match: edge.MatchAny(list(match.keywords.strings)),
    "integers": lambda match: edge.MatchAny(list(match.integers.integers)),
    "except_keywords": lambda match: edge.MatchExcept(list(match.except_keywords.strings)),
    "except_integers": lambda match: edge.MatchExcept(list(match.except_integers.integers)),
}


def _field_condition(message: grpc.FieldCondition) -> edge.FieldCondition:
    for unsupported in ("geo_bounding_box", "geo_radius", "geo_polygon", "values_count", "datetime_range"):
        if message.HasField(unsupported):
            raise UnsupportedError(f"field {message.key!r}: {unsupported} is not supported by the local engine")
    if message.HasField("match"):
        which = message.match.WhichOneof("match_value")
        if which not in _MATCHES:
            raise UnsupportedError(f"field {message.key!r}: match {which!r} is not supported by the local engine")
        return edge.FieldCondition(message.key, match=_MATCHES[which](message.match))
    if message.HasField("range"):
        bounds = {
            name: getattr(message.range, name) for name in ("lt", "gt", "gte", "lte") if message.range.HasField(name)
        }
        return edge.FieldCondition(message.key, range=edge.RangeFloat(**bounds))
    raise UnsupportedError(f"field {message.key!r}: the condition has neither match nor range")


def query_request(message: grpc.QueryPoints) -> edge.QueryRequest:
    """A search: nearest neighbours of a dense or sparse vector, or reciprocal-rank fusion over prefetches.

    Raises:
        UnsupportedError: for any other kind of query.
    """
    return edge.QueryRequest(
        limit=message.limit if message.HasField("limit") else 10,
        offset=message.offset if message.HasField("offset") else None,
        query=_query(message),
        prefetches=[_prefetch(item) for item in message.prefetch] or None,
        filter=optional_filter(message),
        score_threshold=message.score_threshold if message.HasField("score_threshold") else None,
        params=_search_params(message.params) if message.HasField("params") else None,
        with_payload=with_payload(message.with_payload),
        with_vector=with_vectors(message.with_vectors),
    )


def _prefetch(message: grpc.PrefetchQuery) -> edge.Prefetch:
    return edge.Prefetch(
        limit=message.limit if message.HasField("limit") else 10,
        query=_query(message),
        prefetches=[_prefetch(item) for item in message.prefetch] or None,
        filter=optional_filter(message),
        score_threshold=message.score_threshold if message.HasField("score_threshold") else None,
        params=_search_params(message.params) if message.HasField("params") else None,
    )


def _query(message: grpc.QueryPoints | grpc.PrefetchQuery) -> Any:
    if not message.HasField("query"):
        return None
    query = message.query
    which = query.WhichOneof("variant")
    if which == "fusion" and query.fusion == grpc.Fusion.RRF:
        return edge.Fusion.Rrf(k=2)
    if which == "rrf":
        return edge.Fusion.Rrf(k=query.rrf.k if query.rrf.HasField("k") else 2)
    if which != "nearest":
        raise UnsupportedError(f"query {which!r} is not supported by the local engine")
    kind = query.nearest.WhichOneof("variant")
    using = message.using if message.HasField("using") else None
    if kind == "dense":
        return edge.Query.Nearest(list(query.nearest.dense.data), using=using)
    if kind == "sparse":
        sparse = query.nearest.sparse
        return edge.Query.Nearest(edge.SparseVector(list(sparse.indices), list(sparse.values)), using=using)
    raise UnsupportedError(f"nearest to a {kind!r} is not supported by the local engine")


def _search_params(message: grpc.SearchParams) -> edge.SearchParams:
    return edge.SearchParams(
        hnsw_ef=message.hnsw_ef if message.HasField("hnsw_ef") else None,
        exact=message.exact,
        indexed_only=message.indexed_only,
    )


def scored_point(value: edge.ScoredPoint) -> grpc.ScoredPoint:
    """A search hit as a message."""
    return grpc.ScoredPoint(
        id=point_id_message(value.id),
        score=value.score,
        version=value.version,
        payload=payload(value.payload),
        vectors=vectors_output(value.vector) if value.vector is not None else None,
    )


def retrieved_point(value: edge.Record) -> grpc.RetrievedPoint:
    """A stored point as a message."""
    return grpc.RetrievedPoint(
        id=point_id_message(value.id),
        payload=payload(value.payload),
        vectors=vectors_output(value.vector) if value.vector is not None else None,
    )
