"""Logs as JSON, one object a line, each with the trace it belongs to and never with a secret.

Modules log as usual: `logger = logging.getLogger(__name__)` and `logger.info("stored", extra={"document": id})`;
`run_process` calls `setup_logging` once.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

from opentelemetry import trace

_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}
_SECRET_KEY = re.compile(
    r"(password|passwd|secret|authorization|api_?key|cookie|credentials?|(^|_)token)$", re.IGNORECASE
)
_URL_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^@\s/]+(@)")
_BEARER = re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]{8,}")
_HIDDEN = "[hidden]"


class JsonFormatter(logging.Formatter):
    """Writes a log record as one line of JSON.

    Args:
        service: Name of the process, put on every line.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Returns the record as JSON; an unserialisable extra becomes its `str`."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": _redact(record.getMessage()),
        }
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            line["trace_id"] = format(span.trace_id, "032x")
            line["span_id"] = format(span.span_id, "016x")
        for key, value in record.__dict__.items():
            if key not in _STANDARD and not key.startswith("_"):
                line.setdefault(key, _HIDDEN if _SECRET_KEY.search(key) else _redacted_value(value))
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["traceback"] = _redact("".join(traceback.format_exception(*record.exc_info)))
        return json.dumps(line, ensure_ascii=False, default=lambda value: _redact(str(value)))


def setup_logging(service: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Sends every logger's records to `stream` as JSON.

    Args:
        service: Name of the process.
        level: Least severe level that is written.
        stream: Where to write; standard output when not given.
    """
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # The Kafka client logs every reconnect attempt; the consumer and producer report an outage once themselves.
    logging.getLogger("kafka").setLevel(logging.CRITICAL if level != "DEBUG" else logging.INFO)
    logging.captureWarnings(capture=True)


def _redact(text: str) -> str:
    if "://" in text:
        text = _URL_PASSWORD.sub(rf"\1{_HIDDEN}\2", text)
    return _BEARER.sub(rf"\1{_HIDDEN}", text)


def _redacted_value(value: Any) -> Any:
    if isinstance(value, str):
        return _redact(value)
    if isinstance(value, dict):
        return {key: _HIDDEN if _SECRET_KEY.search(str(key)) else _redacted_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted_value(item) for item in value]
    return value
