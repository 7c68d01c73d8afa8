"""API keys: who calls, for which tenant, with which roles. Only hashes are stored."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from whitebox_runtime.errors import PermissionDenied, Unauthenticated

logger = logging.getLogger(__name__)

Role = Literal["user", "operator"]

_PREFIX = "wbx_"
_LOOK_SECONDS = 1.0
_MAX_FILE_BYTES = 16 * 2**20
# Longer ones are no keys of ours, and need not be hashed.
_MAX_KEY_BYTES = 512


class KeysFileError(Exception):
    """The keys file is missing or unreadable; the message is one line that says what is wrong."""


class KeyRecord(BaseModel):
    """One line of the keys file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    roles: Annotated[frozenset[Role], Field(min_length=1)]


@dataclass(frozen=True)
class Principal:
    """Who makes a request.

    Attributes:
        key_id: Id of the key that was shown, fit for logs.
        tenant: Whose data the request is about.
        roles: What the key allows; `operator` includes `user`.
    """

    key_id: str
    tenant: str
    roles: frozenset[Role]

    def require_operator(self) -> None:
        """Raises `PermissionDenied` unless the key has the role `operator`."""
        if "operator" not in self.roles:
            raise PermissionDenied(
                f"the key {self.key_id!r} lacks the role 'operator': use a key that has it", reason="role_missing"
            )


class KeyRing:
    """The keys in a file; follows changes of the file within about a second.

    Args:
        path: File with one `KeyRecord` as JSON a line.

    Raises:
        KeysFileError: The file is missing, unreadable or wrong. Later, a wrong file is logged and the keys stay.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._version()
        self._keys = read_keys(path)
        self._looked = time.monotonic()

    def authenticate(self, key: bytes) -> Principal:
        """Returns who owns `key`.

        Raises:
            Unauthenticated: No such key.
        """
        self._follow()
        digest = hashlib.sha256(key[: _MAX_KEY_BYTES + 1]).hexdigest()
        # The look-up is by the hash of the key, so its timing says nothing about any stored key; the comparison takes
        # the same time whichever digit differs.
        record = self._keys.get(digest)
        if record is None or not hmac.compare_digest(record.sha256, digest):
            raise Unauthenticated("the API key is not known: check it, or ask for a new one", reason="api_key_unknown")
        return Principal(record.id, record.tenant, record.roles)

    def _follow(self) -> None:
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        try:
            version = self._version()
            if version == self._seen:
                return
            self._seen = version
            self._keys = read_keys(self._path)
        except KeysFileError as error:
            logger.error("the API keys file changed and cannot be used; the former keys stay: %s", error)  # noqa: TRY400 - the line says it all
        else:
            logger.info("API keys read again", extra={"keys": len(self._keys)})

    def _version(self) -> tuple[int, int, int]:
        try:
            status = self._path.stat()
        except OSError as error:
            raise KeysFileError(f"{self._path}: {error.strerror}; {_hint(self._path)}") from error
        return status.st_mtime_ns, status.st_size, status.st_ino


def read_keys(path: Path) -> dict[str, KeyRecord]:
    """Reads a keys file; returns its records by the hash of their key.

    Raises:
        KeysFileError: The file is missing, unreadable, wrong or holds no key.
    """
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise KeysFileError(f"{path} is larger than {_MAX_FILE_BYTES} bytes: it cannot be a file of API keys")
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise KeysFileError(f"{path}: {error.strerror}; {_hint(path)}") from error
    keys: dict[str, KeyRecord] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = KeyRecord.model_validate_json(line)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in problem["loc"])
            raise KeysFileError(f"{path}, line {number}: {where + ': ' if where else ''}{problem['msg']}") from error
        keys[record.sha256] = record
    if not keys:
        raise KeysFileError(f"{path} holds no key; {_hint(path)}")
    return keys


def create_key(path: Path, tenant: str, roles: frozenset[Role]) -> tuple[str, KeyRecord]:
    """Makes a key and appends its hash to the file, which is created readable for its owner alone.

    Returns:
        The key itself, which is stored nowhere, and its record.

    Raises:
        KeysFileError: The file cannot be written.
        pydantic.ValidationError: `tenant` or `roles` are wrong.
    """
    key = _PREFIX + secrets.token_urlsafe(32)
    record = KeyRecord(
        id=f"key-{secrets.token_hex(4)}",
        sha256=hashlib.sha256(key.encode()).hexdigest(),
        tenant=tenant,
        roles=roles,
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        with path.open("ab") as file:
            # One write: a gateway that reads meanwhile never sees half a line.
            file.write(record.model_dump_json().encode() + b"\n")
    except OSError as error:
        raise KeysFileError(f"{path}: {error.strerror}") from error
    return key, record


def _hint(path: Path) -> str:
    return f"create a key with: python -m whitebox_gateway.keys create --file {path}"
