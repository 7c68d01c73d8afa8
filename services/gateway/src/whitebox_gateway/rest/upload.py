"""Reading a multipart upload as it arrives and passing it on, without ever holding all of it."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.message import Message
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser
from starlette.requests import ClientDisconnect, Request
from whitebox_contracts.retrieval.v1 import retrieval_pb2 as pb
from whitebox_runtime.errors import InvalidArgument, PayloadTooLarge, ServiceError, UnsupportedMediaType

from whitebox_gateway.json_body import parse_json

# The contract allows a mebibyte a message; smaller ones keep memory low and the pipe busy.
_MESSAGE_BYTES = 256 * 1024
_MAX_METADATA_BYTES = 64 * 1024
_MAX_HEADER_BYTES = 16 * 1024
_MAX_FILENAME = 255
MULTIPART_OVERHEAD_BYTES = _MAX_METADATA_BYTES + 4 * _MAX_HEADER_BYTES

UPLOAD_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "metadata": {
                        "type": "string",
                        "description": "JSON object of at most 32 strings, usable in search filters. It must stand "
                        "before the file, since the file is passed on while it arrives.",
                    },
                    "file": {"type": "string", "format": "binary", "description": "The document, with a file name"},
                },
            },
        }
    },
}

Put = Callable[..., Awaitable[pb.PutDocumentResponse]]


class _Metadata(BaseModel):
    model_config = ConfigDict(strict=True)

    values: Annotated[
        dict[
            Annotated[str, StringConstraints(min_length=1, max_length=64)],
            Annotated[str, StringConstraints(max_length=512)],
        ],
        Field(max_length=32),
    ]


class _Part:
    """One part of the form while it is parsed."""

    def __init__(self) -> None:
        self.header_name = bytearray()
        self.header_value = bytearray()
        self.headers: dict[str, bytes] = {}
        self.header_bytes = 0
        self.name = ""
        self.filename: str | None = None
        self.media_type = ""


class DocumentParts:
    """An upload in progress: the parser fills a small queue that the call to retrieval empties.

    Args:
        chunks: The request's body as it arrives.
        boundary: What separates the parts.
        tenant: Whose document it is.
        idempotency_key: Empty for none.
        max_bytes: Largest file.
        max_json_depth: For the metadata.
    """

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        boundary: bytes,
        tenant: str,
        idempotency_key: str,
        *,
        max_bytes: int,
        max_json_depth: int,
    ) -> None:
        self._chunks = chunks
        self._tenant, self._key = tenant, idempotency_key
        self._max_bytes, self._max_json_depth = max_bytes, max_json_depth
        self._parser = MultipartParser(
            boundary,
            callbacks={
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._complete,
            },
        )
        self._part = _Part()
        self._metadata_bytes = bytearray()
        self._metadata: dict[str, str] = {}
        self._header: pb.DocumentHeader | None = None
        self._pending: deque[bytes] = deque()
        self._file_bytes = 0
        self._file_done = False
        self._whole = False
        self._failure: ServiceError | ClientDisconnect | None = None

    async def relay(self, put: Put, seconds: float) -> pb.PutDocumentResponse:
        """Calls `put` with the document's messages while they arrive.

        Raises:
            ServiceError: The form is not as described, or too large.
            grpc.aio.AioRpcError: The call failed.
        """
        # Until here the form may still turn out to be none; after it, retrieval hears of it.
        while self._header is None:
            if not await self._feed():
                raise InvalidArgument("the form has no part named 'file'", reason="file_missing")
        call = put(self._messages(), timeout=seconds)
        try:
            return await call
        except BaseException:
            # Breaking off is how retrieval learns that the bytes it has are not the document; why, only we know.
            if self._failure is not None:
                raise self._failure from None
            raise

    async def _messages(self) -> AsyncIterator[pb.PutDocumentRequest]:
        yield pb.PutDocumentRequest(header=self._header)
        try:
            while True:
                while self._pending:
                    yield pb.PutDocumentRequest(data=self._pending.popleft())
                if not await self._feed():
                    break
        except (ServiceError, ClientDisconnect) as error:
            self._failure = error
            raise
        while self._pending:
            yield pb.PutDocumentRequest(data=self._pending.popleft())
        yield pb.PutDocumentRequest(end=pb.DocumentEnd(size_bytes=self._file_bytes))

    async def _feed(self) -> bool:
        """Parses the next piece of the body; returns whether there was one."""
        chunk = await anext(self._chunks, None)
        if chunk is None or not chunk:
            if not self._whole:
                raise InvalidArgument("the form ends in the middle: its closing boundary is missing", reason="form_cut")
            return False
        try:
            for start in range(0, len(chunk), _MESSAGE_BYTES):
                self._parser.write(chunk[start : start + _MESSAGE_BYTES])
        except MultipartParseError as error:
            raise InvalidArgument(f"the form is malformed: {str(error)[:200]}", reason="form_malformed") from error
        return True

    def _begin(self) -> None:
        self._part = _Part()

    def _count_header(self, count: int) -> None:
        self._part.header_bytes += count
        if self._part.header_bytes > _MAX_HEADER_BYTES:
            raise InvalidArgument("the headers of a form part are too long", reason="form_malformed")

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._part.header_name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._part.header_value += data[start:end]

    def _header_end(self) -> None:
        part = self._part
        part.headers[part.header_name.decode("latin-1").lower()] = bytes(part.header_value)
        part.header_name.clear()
        part.header_value.clear()

    def _headers_finished(self) -> None:
        part = self._part
        options = _disposition(part.headers.get("content-disposition", b""))
        part.name = options.get("name", "")
        part.filename = options.get("filename")
        part.media_type = part.headers.get("content-type", b"").decode("latin-1")
        if part.name == "file":
            self._open_file(part)
        elif part.name == "metadata":
            if self._header is not None:
                raise InvalidArgument("the part 'metadata' must stand before the part 'file'", reason="metadata_late")
        else:
            shown = "".join(c if c.isprintable() else "�" for c in part.name[:100])
            raise InvalidArgument(
                f"the form has a part {shown!r}: only 'metadata' and 'file' are known", reason="form_part_unknown"
            )

    def _open_file(self, part: _Part) -> None:
        if self._header is not None:
            raise InvalidArgument("the form has two parts named 'file': upload one at a time", reason="two_files")
        # Browsers of old, and people, send whole paths.
        filename = re.split(r"[/\\]", part.filename or "")[-1].strip()
        if not filename:
            raise InvalidArgument("the part 'file' has no file name", reason="filename_missing")
        if len(filename) > _MAX_FILENAME or not filename.isprintable():
            raise InvalidArgument(
                f"the file name must be printable and have {_MAX_FILENAME} characters at most", reason="filename_bad"
            )
        media_type = part.media_type.partition(";")[0].strip()
        if len(media_type) > _MAX_FILENAME or not media_type.isprintable():
            media_type = ""
        self._header = pb.DocumentHeader(
            tenant=self._tenant,
            filename=filename,
            media_type=media_type,
            metadata=self._metadata,
            idempotency_key=self._key,
        )

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part.name == "file":
            self._file_bytes += end - start
            if self._file_bytes > self._max_bytes:
                raise PayloadTooLarge(
                    f"the document is larger than {self._max_bytes} bytes: split it", reason="document_too_large"
                )
            self._pending.append(bytes(data[start:end]))
        else:
            self._metadata_bytes += data[start:end]
            if len(self._metadata_bytes) > _MAX_METADATA_BYTES:
                raise PayloadTooLarge(
                    f"the metadata is larger than {_MAX_METADATA_BYTES} bytes", reason="metadata_too_large"
                )

    def _end(self) -> None:
        if self._part.name != "metadata":
            return
        if not self._metadata_bytes.strip():
            # A form field that was left empty.
            return
        document = parse_json(bytes(self._metadata_bytes), max_depth=self._max_json_depth)
        try:
            self._metadata = _Metadata(values=document).values
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"][1:])[:100]
            raise InvalidArgument(
                f"metadata{'.' + where if where else ''}: {first['msg']}: it must be a JSON object of at most 32 "
                "strings (names to 64 characters, values to 512)",
                reason="metadata_bad",
            ) from error

    def _complete(self) -> None:
        self._whole = True


@asynccontextmanager
async def receive_document(request: Request, tenant: str, idempotency_key: str) -> AsyncIterator[DocumentParts]:
    """Opens the upload that a request carries.

    Raises:
        UnsupportedMediaType: It is no multipart form.
        InvalidArgument: The form has no usable boundary.
    """
    kind = Message()
    kind["content-type"] = request.headers.get("content-type", "")
    if kind.get_content_type() != "multipart/form-data" or not request.headers.get("content-type"):
        raise UnsupportedMediaType(
            "send the document as multipart/form-data with a part named 'file'", reason="form_expected"
        )
    boundary = kind.get_param("boundary")
    if not isinstance(boundary, str) or not 1 <= len(boundary) <= 200 or not boundary.isascii():
        raise InvalidArgument("the content type names no boundary of 1 to 200 characters", reason="form_malformed")
    settings: Any = request.app.state.settings
    try:
        yield DocumentParts(
            request.stream(),
            boundary.encode(),
            tenant,
            idempotency_key,
            max_bytes=settings.max_upload_bytes,
            max_json_depth=settings.max_json_depth,
        )
    except ClientDisconnect:
        # Nobody is left to answer; the cancelled call has told retrieval.
        raise asyncio.CancelledError from None


def _disposition(value: bytes) -> dict[str, str]:
    """Reads a Content-Disposition header as browsers and curl write it (RFC 7578, and RFC 8187's `filename*`)."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidArgument("a form part's name is not valid UTF-8", reason="form_malformed") from error
    options: dict[str, str] = {}
    for match in re.finditer(r';\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"\s]*))', text):
        name, quoted, bare = match.groups()
        # A backslash escapes a quote; before anything else it belongs to a Windows path.
        found = bare if quoted is None else quoted.replace('\\"', '"')
        options.setdefault(name.lower(), found.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n"))
    extended = Message()
    if "filename*" in options:
        extended["content-disposition"] = text.encode("ascii", "replace").decode()
        filename = extended.get_filename()
        if filename:
            options["filename"] = filename
    return options
