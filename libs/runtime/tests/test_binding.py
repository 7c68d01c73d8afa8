"""Events on the wire."""

from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from whitebox_runtime.errors import PayloadTooLarge
from whitebox_runtime.events import MAX_EVENT_BYTES, Event
from whitebox_runtime.events.binding import MalformedEventError, from_record, to_record
from whitebox_runtime.events.connection import BrokerAddress

EVENT = Event(
    id="1", type="a.b", source="/s", topic="t", key="ключ", time=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    data=b"\x08\x96\x01\xff", traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)  # fmt: skip


def test_an_event_survives_the_way_to_a_record_and_back() -> None:
    record = to_record(EVENT)
    assert from_record("t", record.key, record.value, record.headers) == EVENT


def test_the_public_library_reads_our_records() -> None:
    record = to_record(EVENT)
    headers = {name: value for name, value in record.headers if name != "content-type"}
    read = from_binary_event(KafkaMessage(headers, record.key, b"null"))
    assert (read.get_id(), read.get_type(), read.get_source(), read.get_time()) == ("1", "a.b", "/s", EVENT.time)
    assert read.get_extension("traceparent") == EVENT.traceparent


@pytest.mark.parametrize("header", ["ce_id", "ce_type", "ce_source", "ce_time", "ce_specversion"])
def test_a_record_without_a_required_attribute_is_malformed_and_says_which(header: str) -> None:
    record = to_record(EVENT)
    with pytest.raises(MalformedEventError, match=header):
        from_record("t", record.key, record.value, [pair for pair in record.headers if pair[0] != header])


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("ce_time", b"yesterday"),
        ("ce_id", b"\xff\xfe"),
        ("ce_specversion", b"9.9"),
        ("ce_time", b"2026-01-01T00:00:00"),
    ],
)
def test_unreadable_attributes_are_malformed(header: str, value: bytes) -> None:
    record = to_record(EVENT)
    headers = [(name, value if name == header else old) for name, old in record.headers]
    with pytest.raises(MalformedEventError):
        from_record("t", record.key, record.value, headers)


def test_a_payload_that_no_broker_takes_is_refused() -> None:
    big = Event.create(type="t", source="/s", topic="t", key="k", data=b"x" * (MAX_EVENT_BYTES + 1))
    with pytest.raises(PayloadTooLarge, match="900001 bytes"):
        to_record(big)


def test_broker_addresses_carry_login_and_certificates() -> None:
    address = BrokerAddress("sasl_ssl://me:p%40ss@a:9093,b:9093?mechanism=SCRAM-SHA-256&ssl_cafile=/ca.pem")
    assert address.servers == ["a:9093", "b:9093"]
    assert address.config["sasl_plain_password"] == "p@ss"
    assert address.config["sasl_mechanism"] == "SCRAM-SHA-256"
    assert address.config["ssl_cafile"] == "/ca.pem"
    assert "p@ss" not in str(address)


@pytest.mark.parametrize("text", ["", "host", "host:port", "a:1,b", "kafka://a:1", "a:1,:2"])
def test_bad_broker_addresses_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="broker"):
        BrokerAddress(text)
