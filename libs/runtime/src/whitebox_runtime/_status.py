"""`ServiceError` as a gRPC status with `google.rpc` details, and back."""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import DecodeError
from google.rpc import code_pb2, error_details_pb2, status_pb2  # type: ignore[import-untyped]  # ships no types
from grpc_status import rpc_status

from whitebox_runtime import errors
from whitebox_runtime.errors import ServiceError

DOMAIN = "whitebox"
# Status messages travel in HTTP/2 trailers, for which peers allow 8 KiB in all.
_MAX_MESSAGE = 1024
_MAX_METADATA = 16

_CLASSES: tuple[type[ServiceError], ...] = (
    errors.InvalidArgument,
    errors.Unauthenticated,
    errors.PermissionDenied,
    errors.NotFound,
    errors.Conflict,
    errors.FailedPrecondition,
    errors.PayloadTooLarge,
    errors.UnsupportedMediaType,
    errors.ResourceExhausted,
    errors.Cancelled,
    errors.Unavailable,
    errors.DeadlineExceeded,
    errors.Internal,
)
_BY_CODE = {cls.grpc_code: cls for cls in reversed(_CLASSES)} | {grpc.StatusCode.ALREADY_EXISTS: errors.Conflict}
# Classes that share their code with another are told apart by the reason they carry by default.
_BY_REASON = {cls.default_reason: cls for cls in _CLASSES}
_KIND = "kind"


def to_grpc_status(error: ServiceError) -> grpc.Status:
    """Returns the status to abort a call with: code, message, ErrorInfo and, where known, RetryInfo."""
    metadata = {key: value[:_MAX_MESSAGE] for key, value in list(error.metadata.items())[:_MAX_METADATA]}
    if _BY_CODE.get(error.grpc_code) is not type(error):
        metadata[_KIND] = error.default_reason
    details = [_pack(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata))]
    if error.retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromMicroseconds(round(error.retry_after * 1e6))
        details.append(_pack(error_details_pb2.RetryInfo(retry_delay=delay)))
    code = code_pb2.Code.Value(error.grpc_code.name)
    return rpc_status.to_status(status_pb2.Status(code=code, message=error.message[:_MAX_MESSAGE], details=details))


def from_rpc_error(error: grpc.aio.AioRpcError, peer: str) -> ServiceError:
    """Returns the `ServiceError` that `peer` raised, or the one that says how the call to it failed."""
    code = error.code()
    cls = _BY_CODE.get(code, errors.Internal)
    text = error.details() or code.name
    retry_after: float | None = None
    metadata: dict[str, str] = {}
    reason = ""
    for detail in _details(error):
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo.FromString(detail.value)
            reason, metadata = info.reason, dict(info.metadata)
            cls = _BY_REASON.get(metadata.pop(_KIND, ""), cls)
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            delay = error_details_pb2.RetryInfo.FromString(detail.value).retry_delay
            retry_after = delay.seconds + delay.nanos / 1e9
    metadata.setdefault("peer", peer)
    if reason:
        message = text if text.startswith(f"{peer}: ") else f"{peer}: {text}"
        return cls(message, reason=reason, retry_after=retry_after, metadata=metadata)
    if cls is errors.Unavailable:
        return cls(f"{peer} cannot be reached: {text}", reason="peer_unreachable", retry_after=1.0, metadata=metadata)
    if cls is errors.DeadlineExceeded:
        return cls(f"{peer} did not answer in time", metadata=metadata)
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return cls(f"{peer} does not know this method: {text}", reason="peer_unimplemented", metadata=metadata)
    return cls(f"{peer}: {text}", metadata=metadata)


def _pack(message: error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def _details(error: grpc.aio.AioRpcError) -> list[any_pb2.Any]:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            try:
                return list(status_pb2.Status.FromString(value).details)
            except DecodeError:  # a peer that is not ours; the code and text still count
                return []
    return []
