"""Collections on disk: one folder each, holding the request that created it and the engine's shard."""

from __future__ import annotations

import logging
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import qdrant_edge as edge
from qdrant_client import grpc

from whitebox_local.qdrant_edge import translate

logger = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_DEFINITION = "collection.pb"


class NoSuchCollectionError(LookupError):
    """No collection of this name."""


class CollectionExistsError(ValueError):
    """A collection of this name is already there."""


class Collection:
    """One collection: a shard of the engine and how it was defined.

    Every call runs in the event loop's thread: the engine holds the interpreter lock while it works, so a thread would
    only add switches.
    """

    def __init__(self, folder: Path, definition: grpc.CreateCollection, shard: edge.EdgeShard) -> None:
        self.folder = folder
        self.definition = definition
        self.shard = shard
        self._pending = 0
        self._touched = time.monotonic()

    @classmethod
    def create(cls, folder: Path, definition: grpc.CreateCollection) -> Collection:
        """Creates the folder, the shard and, last, the definition: a folder without one is an unfinished creation."""
        config = translate.collection_config(definition)
        shutil.rmtree(folder, ignore_errors=True)
        shard_folder = folder / "shard"
        shard_folder.mkdir(parents=True)
        shard = edge.EdgeShard.create(str(shard_folder), config)
        shard.flush()
        partial = folder / f"{_DEFINITION}.partial"
        partial.write_bytes(definition.SerializeToString())
        partial.replace(folder / _DEFINITION)
        return cls(folder, definition, shard)

    @classmethod
    def load(cls, folder: Path) -> Collection:
        """Opens what `create` left, replaying the write-ahead log."""
        definition = grpc.CreateCollection.FromString((folder / _DEFINITION).read_bytes())
        return cls(folder, definition, edge.EdgeShard.load(str(folder / "shard")))

    def update(self, operation: edge.UpdateOperation, *, points: int = 0) -> None:
        """Applies one operation; durable against a killed process when this returns."""
        self.shard.update(operation)
        self._pending += points
        self._touched = time.monotonic()

    def optimize_when_idle(self, *, idle_seconds: float = 1.0, minimum: int = 500, maximum: int = 20_000) -> bool:
        """Builds indexes over new points once writing pauses, or when too many are waiting. True if it worked."""
        idle = time.monotonic() - self._touched >= idle_seconds
        if self._pending < minimum or not (idle or self._pending >= maximum):
            return False
        began = time.monotonic()
        self.shard.optimize()
        logger.info("optimised", extra={"collection": self.folder.name, "seconds": time.monotonic() - began})
        self._pending = 0
        return True

    def close(self) -> None:
        """Flushes and releases the files."""
        self.shard.flush()
        self.shard.close()


class Collections:
    """Every collection below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)
        self._open = {
            folder.name: Collection.load(folder) for folder in sorted(root.iterdir()) if (folder / _DEFINITION).exists()
        }

    def __contains__(self, name: str) -> bool:
        return name in self._open

    def __iter__(self) -> Iterator[Collection]:
        return iter(list(self._open.values()))

    @property
    def names(self) -> list[str]:
        """Names in order."""
        return sorted(self._open)

    def __getitem__(self, name: str) -> Collection:
        try:
            return self._open[name]
        except KeyError:
            raise NoSuchCollectionError(f"Not found: Collection `{name}` doesn't exist!") from None

    def create(self, definition: grpc.CreateCollection) -> Collection:
        """Creates a collection.

        Raises:
            CollectionExistsError: if there is one of that name.
            ValueError: if the name could leave the folder.
        """
        name = definition.collection_name
        if name in self._open:
            raise CollectionExistsError(f"Collection `{name}` already exists!")
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no valid collection name: use letters, digits, '.', '_' and '-'")
        self._open[name] = Collection.create(self._root / name, definition)
        return self._open[name]

    def delete(self, name: str) -> bool:
        """Removes a collection and its files. False if there is none."""
        collection = self._open.pop(name, None)
        if collection is None:
            return False
        collection.shard.close()
        (collection.folder / _DEFINITION).unlink()
        shutil.rmtree(collection.folder)
        return True

    def close(self) -> None:
        """Flushes and closes every collection."""
        for collection in self:
            collection.close()
        self._open.clear()
