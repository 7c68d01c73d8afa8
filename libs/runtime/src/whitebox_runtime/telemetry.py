"""Metrics and traces: every metric name of the platform in one table, and W3C trace context.

A test holds dashboards and alert rules against `METRICS`, so a name that is not in the table cannot be used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import prometheus_client
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

# Series named *_created double the scrape and no query uses them.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_AGE = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)
_TOKEN_GAP = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
_SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
_SHARES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.999, 1.0)
_DIFFERENCES = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0)


@dataclass(frozen=True)
class Metric:
    """One metric of the platform.

    Attributes:
        kind: What it is to Prometheus.
        help: One line for the reader of `/metrics`.
        labels: Label names; each has a small, bounded set of values.
        buckets: Upper bounds of a histogram's buckets, in the unit of its name.
    """

    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = field(default=_FAST)


METRICS: Mapping[str, Metric] = {
    # gRPC and HTTP
    "whitebox_rpc_server_duration_seconds": Metric(
        "histogram", "Time to answer a gRPC call, to the last message", ("method", "code")
    ),
    "whitebox_rpc_server_in_flight": Metric("gauge", "gRPC calls being answered now", ("method",)),
    "whitebox_rpc_client_duration_seconds": Metric(
        "histogram", "Time a gRPC call to another service took", ("method", "code")
    ),
    "whitebox_http_request_duration_seconds": Metric(
        "histogram", "Time to answer an HTTP request", ("method", "route", "status"), _SLOW
    ),
    "whitebox_http_requests_in_flight": Metric("gauge", "HTTP requests being answered now"),
    # Events
    "whitebox_events_produced_total": Metric("counter", "Events handed to the broker", ("topic", "outcome")),
    "whitebox_events_consumed_total": Metric("counter", "Events taken from the broker", ("topic", "outcome")),
    "whitebox_event_handling_duration_seconds": Metric(
        "histogram", "Time to handle a batch of events, retries included", ("topic",), _SLOW
    ),
    "whitebox_event_age_seconds": Metric("histogram", "Age of an event when its handling starts", ("topic",), _AGE),
    "whitebox_outbox_pending": Metric("gauge", "Events in the outbox that are not acknowledged"),
    "whitebox_outbox_oldest_age_seconds": Metric("gauge", "Age of the oldest event in the outbox, 0 when it is empty"),
    # Embedding
    "whitebox_embedding_texts_total": Metric("counter", "Texts embedded"),
    "whitebox_embedding_tokens_total": Metric("counter", "Tokens embedded"),
    "whitebox_embedding_truncated_total": Metric("counter", "Texts cut at the model's length"),
    "whitebox_embedding_batch_texts": Metric("histogram", "Texts in one run of the model", (), _SIZES),
    "whitebox_embedding_queue_seconds": Metric("histogram", "Time a text waited for its batch"),
    "whitebox_embedding_cache_lookups_total": Metric(
        "counter", "Texts of queries looked up in the vector cache", ("outcome",)
    ),
    # Retrieval
    "whitebox_documents_total": Metric("counter", "Documents that reached a final state", ("outcome",)),
    "whitebox_document_index_duration_seconds": Metric("histogram", "Time to index one document", (), _SLOW),
    "whitebox_chunks_indexed_total": Metric("counter", "Chunks written to the index"),
    "whitebox_search_duration_seconds": Metric("histogram", "Time of one stage of a search", ("stage",)),
    "whitebox_audit_recall": Metric(
        "histogram", "Share of the exact nearest chunks that a search found, by libs/whitebox", (), _SHARES
    ),
    "whitebox_recall_audits_total": Metric(
        "counter", "Searches held against exact search, or not for the number of chunks", ("outcome",)
    ),
    # LLM
    "whitebox_llm_time_to_first_token_seconds": Metric("histogram", "Time to the first token", ("model",), _SLOW),
    "whitebox_llm_inter_token_seconds": Metric("histogram", "Time between two tokens", ("model",), _TOKEN_GAP),
    "whitebox_llm_tokens_total": Metric("counter", "Tokens read and written", ("model", "kind")),
    "whitebox_llm_requests_total": Metric("counter", "Generations by outcome", ("model", "outcome")),
    "whitebox_llm_requests_in_flight": Metric("gauge", "Generations running now", ("model",)),
    "whitebox_llm_requests_waiting": Metric("gauge", "Generations waiting for a slot"),
    "whitebox_llm_queue_seconds": Metric("histogram", "Time a generation waited for its slot", (), _SLOW),
    # Serving
    "whitebox_predictions_total": Metric("counter", "Rows predicted", ("model", "version")),
    "whitebox_prediction_batch_rows": Metric("histogram", "Rows in one run of the model", ("model",), _SIZES),
    "whitebox_prediction_queue_seconds": Metric("histogram", "Time a request waited for its batch", ("model",)),
    "whitebox_model_loaded": Metric("gauge", "1 while this version answers", ("model", "version")),
    "whitebox_self_checks_total": Metric(
        "counter", "Self-checks of a model, by whether libs/whitebox came to the same", ("service", "outcome")
    ),
    "whitebox_audit_difference": Metric(
        "histogram",
        "Largest difference between an answer and its recomputation by libs/whitebox",
        ("service", "kind"),
        _DIFFERENCES,
    ),
    # Features
    "whitebox_feature_events_total": Metric("counter", "Events read by the feature stream", ("source", "outcome")),
    "whitebox_feature_reads_total": Metric("counter", "Feature values read online", ("view", "status")),
    "whitebox_feature_age_seconds": Metric("histogram", "Age of a feature value when it is read", ("view",), _AGE),
    "whitebox_feature_late_events_total": Metric("counter", "Events older than the allowed lateness", ("source",)),
    "whitebox_feature_skew_values_total": Metric(
        "counter", "Served values compared with the offline store", ("view", "outcome")
    ),
    # Gateway
    "whitebox_answers_total": Metric("counter", "Questions answered", ("outcome",)),
    "whitebox_answer_duration_seconds": Metric("histogram", "Time to answer a question, to the last token", (), _SLOW),
    "whitebox_auth_failures_total": Metric("counter", "Requests refused for their credentials", ("reason",)),
}


@cache
def counter(name: str) -> prometheus_client.Counter:
    """Returns the counter of that name from `METRICS`; made once per process."""
    metric = _metric(name, "counter")
    return prometheus_client.Counter(name, metric.help, metric.labels)


@cache
def gauge(name: str) -> prometheus_client.Gauge:
    """Returns the gauge of that name from `METRICS`; made once per process."""
    metric = _metric(name, "gauge")
    return prometheus_client.Gauge(name, metric.help, metric.labels)


@cache
def histogram(name: str) -> prometheus_client.Histogram:
    """Returns the histogram of that name from `METRICS`; made once per process."""
    metric = _metric(name, "histogram")
    return prometheus_client.Histogram(name, metric.help, metric.labels, buckets=metric.buckets)


@cache
def tracer() -> trace.Tracer:
    """Returns the platform's tracer; before `setup_tracing` its spans are no-ops."""
    return trace.get_tracer("whitebox")


def setup_tracing(service: str, otlp_endpoint: str = "") -> None:
    """Makes spans real, and sends them to a collector where one is named.

    Without an endpoint spans still get ids, so that logs and errors of one request can be found together.

    Args:
        service: Name of the process, `service.name` in OpenTelemetry.
        otlp_endpoint: OTLP/gRPC address, `http://` for plain text; empty for no export.
    """
    provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
    if otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=otlp_endpoint)))
    trace.set_tracer_provider(provider)
    tracer.cache_clear()


def shutdown_tracing() -> None:
    """Sends the spans that are still in memory and stops the exporter; blocks for a few seconds at most."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


def current_trace_id() -> str:
    """Returns the current trace's id as 32 hexadecimal digits, or an empty string outside any trace."""
    span = trace.get_current_span().get_span_context()
    return format(span.trace_id, "032x") if span.is_valid else ""


def traceparent() -> str | None:
    """Returns the current span as a W3C `traceparent` value, or `None` outside any trace."""
    return format_traceparent(trace.get_current_span().get_span_context())


def format_traceparent(span: SpanContext) -> str | None:
    """Returns a span's W3C `traceparent` value, or `None` for the invalid span."""
    if not span.is_valid:
        return None
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags) & 1:02x}"


def parse_traceparent(value: str | None) -> Context | None:
    """Reads a W3C `traceparent` value, see https://www.w3.org/TR/trace-context/#traceparent-header.

    Returns:
        A context whose current span is the remote one; `None` when the value is missing or malformed, which
        starts a new trace rather than failing the request.
    """
    match = _TRACEPARENT.fullmatch(value or "")
    if match is None or match[1] == "ff":
        return None
    flags = TraceFlags(int(match[4], 16))
    span = SpanContext(int(match[2], 16), int(match[3], 16), is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(NonRecordingSpan(span)) if span.is_valid else None


def _metric(name: str, kind: str) -> Metric:
    metric = METRICS.get(name)
    if metric is None or metric.kind != kind:
        raise KeyError(f"{name} is not a {kind} in whitebox_runtime.telemetry.METRICS: add it there")
    return metric
