"""The platform's error model: domain code raises these, the edges translate them once.

Every error carries a message for people (what was wrong and what to do), a stable `reason` for programs, and
optionally how long to wait before trying again. `whitebox_runtime.grpc_server` turns them into a gRPC status with
`google.rpc` details, `whitebox_runtime.grpc_client.calling` turns that back into the same class, and the gateway
turns them into problem JSON (RFC 9457) with `http_status`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import grpc


class ServiceError(Exception):
    """Base of every error that a caller is meant to see.

    Args:
        message: What was wrong and what to do about it; shown to the caller, so without secrets or internals.
        reason: Stable machine-readable code in snake_case, for example `"empty_text"`; defaults to the class's own.
        retry_after: Seconds after which the same call may succeed, or `None` when that is not known.
        metadata: Further facts for programs; names and values are short strings.

    Attributes:
        grpc_code: The gRPC status code that this class maps to.
        http_status: The HTTP status that this class maps to.
    """

    grpc_code: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL
    http_status: ClassVar[int] = 500
    default_reason: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        retry_after: float | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.retry_after = retry_after
        self.metadata: dict[str, str] = dict(metadata or {})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, reason={self.reason!r})"


class InvalidArgument(ServiceError):
    """The request is wrong whatever the state of the system: fix it before sending it again."""

    grpc_code = grpc.StatusCode.INVALID_ARGUMENT
    http_status = 400
    default_reason = "invalid_argument"


class Unauthenticated(ServiceError):
    """Credentials are missing, unknown or expired."""

    grpc_code = grpc.StatusCode.UNAUTHENTICATED
    http_status = 401
    default_reason = "unauthenticated"


class PermissionDenied(ServiceError):
    """The caller is known but may not do this."""

    grpc_code = grpc.StatusCode.PERMISSION_DENIED
    http_status = 403
    default_reason = "permission_denied"


class NotFound(ServiceError):
    """The named thing does not exist, or not for this caller."""

    grpc_code = grpc.StatusCode.NOT_FOUND
    http_status = 404
    default_reason = "not_found"


class Conflict(ServiceError):
    """Somebody else changed the thing at the same time, or it exists already: read it again and decide."""

    grpc_code = grpc.StatusCode.ABORTED
    http_status = 409
    default_reason = "conflict"


class FailedPrecondition(ServiceError):
    """The system is not in the state that this call needs; repeating it does not help until that changes."""

    grpc_code = grpc.StatusCode.FAILED_PRECONDITION
    http_status = 409
    default_reason = "failed_precondition"


class PayloadTooLarge(ServiceError):
    """The body, list or text is over its limit; the message says which limit."""

    grpc_code = grpc.StatusCode.OUT_OF_RANGE
    http_status = 413
    default_reason = "payload_too_large"


class UnsupportedMediaType(ServiceError):
    """The content type is not one that the service can read.

    gRPC has no code of its own for it: on the wire it is INVALID_ARGUMENT with this class's reason, from which
    `calling` restores the class.
    """

    grpc_code = grpc.StatusCode.INVALID_ARGUMENT
    http_status = 415
    default_reason = "unsupported_media_type"


class ResourceExhausted(ServiceError):
    """A quota, rate or queue is full; `retry_after` says when to come back where that is known."""

    grpc_code = grpc.StatusCode.RESOURCE_EXHAUSTED
    http_status = 429
    default_reason = "resource_exhausted"


class Cancelled(ServiceError):
    """The caller gave up; nobody waits for the answer any more."""

    grpc_code = grpc.StatusCode.CANCELLED
    http_status = 499
    default_reason = "cancelled"


class Unavailable(ServiceError):
    """A dependency cannot be reached or is not ready; the same call may succeed later."""

    grpc_code = grpc.StatusCode.UNAVAILABLE
    http_status = 503
    default_reason = "unavailable"


class DeadlineExceeded(ServiceError):
    """The time that the caller gave was not enough."""

    grpc_code = grpc.StatusCode.DEADLINE_EXCEEDED
    http_status = 504
    default_reason = "deadline_exceeded"


class Internal(ServiceError):
    """A fault of the service itself; the trace id in the message finds it in the logs."""

    grpc_code = grpc.StatusCode.INTERNAL
    http_status = 500
    default_reason = "internal"
