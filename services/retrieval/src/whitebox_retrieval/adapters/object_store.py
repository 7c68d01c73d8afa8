"""Originals in a folder or an S3 bucket, by one library (obstore)."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, S3Store
from whitebox_runtime.errors import InvalidArgument, PayloadTooLarge, Unavailable

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


@dataclass(frozen=True)
class StoredOriginal:
    """An upload that is complete."""

    key: str
    sha256: str
    size_bytes: int


class Originals:
    """Uploaded documents, as they came.

    Every method raises Unavailable where the store does not answer.
    """

    def __init__(self, store: ObjectStore, max_bytes: int) -> None:
        self._store = store
        self._max_bytes = max_bytes

    async def put(self, tenant: str, data: AsyncIterator[bytes]) -> StoredOriginal:
        """Stores a stream under a key of its own, where it appears when complete; memory is bounded by a part or two.

        Raises:
            PayloadTooLarge: if it is larger than allowed; nothing is kept.
        """
        # The tenant is hex-encoded, so that no name can leave its folder.
        key = f"originals/{tenant.encode().hex()}/{uuid.uuid4().hex}"
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
            await obstore.put_async(self._store, key, hashed(), use_multipart=True, chunk_size=_PART_BYTES)
        except BaseError as error:
            raise _unavailable(error) from error
        return StoredOriginal(key, digest.hexdigest(), size)

    async def get(self, key: str) -> bytes:
        """The bytes of an original.

        Raises:
            FileNotFoundError: if it is not there.
        """
        try:
            result = await obstore.get_async(self._store, key)
            return bytes(await result.bytes_async())
        except (NotFoundError, FileNotFoundError) as error:
            raise FileNotFoundError(key) from error
        except BaseError as error:
            raise _unavailable(error) from error

    async def delete(self, key: str) -> None:
        """Removes an original; one that is not there is fine."""
        try:
            await obstore.delete_async(self._store, key)
        except (NotFoundError, FileNotFoundError):
            return
        except BaseError as error:
            raise _unavailable(error) from error

    async def check(self) -> None:
        """Asks the store for anything at all."""
        try:
            await obstore.list_with_delimiter_async(self._store)
        except BaseError as error:
            raise _unavailable(error) from error


def _unavailable(error: BaseError) -> Unavailable:
    first_line = str(error).strip().splitlines()[0][:200]
    return Unavailable(f"the object store does not answer: {first_line}", retry_after=2.0)
