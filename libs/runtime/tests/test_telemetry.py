import prometheus_client
import pytest
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from whitebox_runtime import telemetry
from whitebox_runtime.telemetry import METRICS, parse_traceparent


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_can_be_made_once_and_follows_the_naming_rules(name: str) -> None:
    metric = METRICS[name]
    make = getattr(telemetry, metric.kind)
    assert make(name) is make(name)
    assert name.startswith("whitebox_")
    assert name.endswith("_total") == (metric.kind == "counter")
    assert list(metric.buckets) == sorted(metric.buckets)
    assert metric.help
    assert f"# TYPE {name}" in prometheus_client.generate_latest().decode() or metric.kind == "counter"


@pytest.mark.parametrize("name", ["whitebox_unknown_total", "whitebox_outbox_pending"])
def test_a_name_that_is_not_in_the_table_as_that_kind_is_refused(name: str) -> None:
    with pytest.raises(KeyError, match="METRICS"):
        telemetry.counter(name)


@pytest.mark.parametrize(
    "value",
    [
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c8031-b7ad6b7169203331-01",
        "00-zzf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "nonsense",
        "",
    ],
)
def test_traceparent_is_read_as_opentelemetrys_own_propagator_reads_it(value: str) -> None:
    reference = trace.get_current_span(TraceContextTextMapPropagator().extract({"traceparent": value}))
    ours = parse_traceparent(value)
    read = trace.get_current_span(ours).get_span_context() if ours is not None else trace.INVALID_SPAN_CONTEXT
    expected = reference.get_span_context()
    assert (read.trace_id, read.span_id) == (expected.trace_id, expected.span_id)
    assert int(read.trace_flags) & 1 == int(expected.trace_flags) & 1


def test_outside_any_trace_there_is_no_traceparent() -> None:
    assert telemetry.traceparent() is None
    assert telemetry.current_trace_id() == ""
