"""Originals in a folder or an S3 bucket, by one library (obstore)."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, S3Store
from whitebox_runtime.errors import InvalidArgument, PayloadTooLarge, Unavailable

from whitebox_retrieval.documents import object_key

# S3 parts are 5 MiB at least.
_PART_BYTES = 5 * 2**20


def open_store(url: str) -> ObjectStore:
    """The store at an address; the folder is created.

    Args:
        url: `file:///folder`, `s3://bucket/prefix` (credentials from the usual AWS variables), or empty for
            `.whitebox/data/objects` below the working directory.

    Raises:
        InvalidArgument: if it is neither.
    """
    parsed = urlparse(url or (Path(".whitebox/data/objects").absolute()).as_uri())
    if parsed.scheme == "file":
        return LocalStore(url2pathname(parsed.path), mkdir=True)
    if parsed.scheme == "s3" and parsed.netloc:
        return S3Store(parsed.netloc, prefix=parsed.path.strip("/") or None)
    raise InvalidArgument(f"object store URL {url!r} must start with file:/// or s3://", reason="bad_object_store_url")


class Originals:
    """Uploaded documents, as they came.

    Every method raises Unavailable where the store does not answer.
    """

    def __init__(self, store: ObjectStore, max_bytes: int) -> None:
        self._store = store
        self._max_bytes = max_bytes

    async def put(self, tenant: str, data: AsyncIterator[bytes]) -> tuple[str, int]:
        """Stores a stream under its content's hash; memory is bounded by a part or two.

        The bytes go to a temporary object first: the hash is known at the end, and a broken upload leaves no original.

        Returns:
            SHA-256 (hexadecimal) and size in bytes.

        Raises:
            PayloadTooLarge: if it is larger than allowed; nothing is kept.
        """
        temporary = f"uploads/{uuid.uuid4().hex}"
        digest, size = hashlib.sha256(), 0

        async def hashed() -> AsyncIterator[bytes]:
            nonlocal size
            async for part in data:
                size += len(part)
                if size > self._max_bytes:
                    raise PayloadTooLarge(
                        f"the document is larger than {self._max_bytes} bytes, the limit here",
                        reason="document_too_large",
                    )
                digest.update(part)
                yield part

        try:
            await obstore.put_async(self._store, temporary, hashed(), use_multipart=True, chunk_size=_PART_BYTES)
            await obstore.rename_async(self._store, temporary, object_key(tenant, digest.hexdigest()), overwrite=True)
        except BaseException as error:
            await self._discard(temporary)
            if isinstance(error, BaseError):
                raise _unavailable(error) from error
            raise
        return digest.hexdigest(), size

    async def get(self, tenant: str, content_sha256: str) -> bytes:
        """The bytes of an original.

        Raises:
            FileNotFoundError: if it is not there.
        """
        try:
            result = await obstore.get_async(self._store, object_key(tenant, content_sha256))
            return bytes(await result.bytes_async())
        except (NotFoundError, FileNotFoundError) as error:
            raise FileNotFoundError(content_sha256) from error
        except BaseError as error:
            raise _unavailable(error) from error

    async def check(self) -> None:
        """Asks the store for anything at all."""
        try:
            await obstore.list_with_delimiter_async(self._store)
        except BaseError as error:
            raise _unavailable(error) from error

    async def _discard(self, key: str) -> None:
        try:
            await obstore.delete_async(self._store, key)
        except (BaseError, FileNotFoundError):
            return


def _unavailable(error: BaseError) -> Unavailable:
    first_line = str(error).strip().splitlines()[0][:200]
    return Unavailable(f"the object store does not answer: {first_line}", retry_after=2.0)
