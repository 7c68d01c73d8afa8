"""The versions in service: what the store holds, loaded, checked, and exchanged without losing a request."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from whitebox_runtime.errors import FailedPrecondition, NotFound, Unavailable
from whitebox_runtime.telemetry import gauge

from whitebox_serving.artifact import TOLERANCE, Manifest, RejectedModelError, parse_version
from whitebox_serving.audit import LinearAudit
from whitebox_serving.prediction import Backend, Predictor
from whitebox_serving.store import Stamp, Store

logger = logging.getLogger(__name__)

_LISTED = 20


@dataclass(eq=False)
class ServedModel:
    """A version in service.

    Attributes:
        manifest: What it is.
        predictor: What computes it.
        audit: Recomputes it, where it can be recomputed.
        stamp: Its content in the store when it was loaded.
    """

    manifest: Manifest
    predictor: Predictor
    audit: LinearAudit | None
    stamp: Stamp
    _users: int = field(default=0, repr=False)
    _retired: bool = field(default=False, repr=False)


@dataclass(frozen=True)
class _Rejection:
    stamp: Stamp
    reason: str


class Models:
    """The versions in service; lives on one event loop.

    Args:
        store: Where versions come from.
        backend: Where they are computed.
        versions: Newest valid versions of each model that are served side by side.
    """

    def __init__(self, store: Store, backend: Backend, *, versions: int = 3) -> None:
        self._store = store
        self._backend = backend
        self._versions = versions
        # By name, then by version, newest first. Replaced as a whole, so that readers need no lock.
        self._served: dict[str, dict[int, ServedModel]] = {}
        self._rejected: dict[tuple[str, int], _Rejection] = {}
        self._store_error = "the model store has not been read yet"
        self._refreshing = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()
        self._loaded = gauge("whitebox_model_loaded")

    @property
    def backend(self) -> str:
        """Name of the back end."""
        return self._backend.name

    def manifests(self) -> list[Manifest]:
        """Every version in service, by name and newest first."""
        return [model.manifest for _, versions in sorted(self._served.items()) for model in versions.values()]

    def manifest(self, name: str, version: str = "") -> Manifest:
        """One version in service; see `lease`."""
        return self._find(name, version).manifest

    @contextmanager
    def lease(self, name: str, version: str = "") -> Iterator[ServedModel]:
        """Holds a version, which stays usable until it is given back, whatever is loaded or removed meanwhile.

        Args:
            name: The model.
            version: Its version; empty for the newest in service.

        Raises:
            NotFound: It is not in service; the message lists what is.
        """
        model = self._find(name, version)
        model._users += 1
        try:
            yield model
        finally:
            model._users -= 1
            if model._retired and not model._users:
                self._close_soon(model)

    async def reload(self, name: str) -> tuple[Manifest, int | None]:
        """Loads what the store now holds of `name`, and tries again what was rejected before.

        Returns:
            The newest version in service, and the one that was before.

        Raises:
            NotFound: Neither the store nor the service has the model.
            FailedPrecondition: The newest version in the store cannot be served; the previous one keeps answering.
            Unavailable: The store cannot be read.
        """
        before = next(iter(self._served.get(name, {})), None)
        async with self._refreshing:
            for key in [key for key in self._rejected if key[0] == name]:
                del self._rejected[key]
            stamps = await self._scan()
            if name in stamps or name in self._served:
                await self._refresh(name, stamps.get(name, {}))
            newest = max(stamps.get(name, {}), default=None)
            rejection = self._rejected.get((name, newest)) if newest is not None else None
        now = next(iter(self._served.get(name, {})), None)
        if rejection is not None:
            remaining = f"version {now} keeps answering" if now is not None else "no other version can be served"
            raise FailedPrecondition(
                f"version {newest} of {name} was rejected: {rejection.reason}; {remaining}", reason="model_rejected"
            )
        return self.manifest(name), before

    async def refresh(self) -> None:
        """Loads what is new in the store and retires what is gone or outdated.

        A version that cannot be served is rejected once, with a log line, and looked at again when it changes.

        Raises:
            Unavailable: The store cannot be read; everything in service stays.
        """
        async with self._refreshing:
            stamps = await self._scan()
            for name in sorted(stamps.keys() | self._served.keys()):
                await self._refresh(name, stamps.get(name, {}))

    async def watch(self, stopping: asyncio.Event, *, poll_seconds: float) -> None:
        """Keeps up with the store until told to stop."""
        reported = ""
        while not stopping.is_set():
            try:
                await self.refresh()
                reported = ""
            except Unavailable as error:
                if error.message != reported:
                    reported = error.message
                    logger.warning(error.message)
            except Exception:
                # What is in service stays in service; a back end that is ill may be well at the next look.
                logger.exception("the model store could not be followed")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), poll_seconds)

    async def check_serving(self) -> None:
        """Raises while no model is in service; for readiness."""
        if not self._served:
            raise Unavailable(self._store_error or f"no model can be served from {self._store}{self._rejections()}")

    async def check_store(self) -> None:
        """Raises while the store cannot be read or holds a version that was rejected."""
        if self._store_error or self._rejected:
            raise Unavailable(self._store_error or f"rejected{self._rejections()}")

    async def close(self) -> None:
        """Takes everything out of service; waits for what that closes."""
        async with self._refreshing:
            for name in list(self._served):
                self._replace(name, {})
        if self._closing:
            await asyncio.wait(self._closing)

    def _find(self, name: str, version: str) -> ServedModel:
        versions = self._served.get(name)
        if not versions:
            raise NotFound(
                f"model {name!r} is not in service; in service: {_listed(sorted(self._served))}",
                reason="model_not_found",
            )
        if not version:
            return next(iter(versions.values()))
        number = parse_version(version)
        if number is None or number not in versions:
            raise NotFound(
                f"version {version!r} of {name} is not in service; in service: {_listed(versions)}",
                reason="version_not_found",
            )
        return versions[number]

    async def _scan(self) -> Mapping[str, Mapping[int, Stamp]]:
        try:
            stamps = await asyncio.to_thread(self._store.scan)
        except OSError as error:
            self._store_error = f"the model store {self._store} cannot be read: {error.strerror or error}"
            raise Unavailable(self._store_error, reason="model_store_unavailable") from error
        self._store_error = ""
        present = {(name, version) for name, versions in stamps.items() for version in versions}
        self._rejected = {key: rejection for key, rejection in self._rejected.items() if key in present}
        return stamps

    async def _refresh(self, name: str, stamps: Mapping[int, Stamp]) -> None:
        current = self._served.get(name, {})
        wanted: dict[int, ServedModel] = {}
        for version in sorted(stamps, reverse=True):
            if len(wanted) == self._versions:
                break
            model = await self._brought_in(name, version, stamps[version], current.get(version))
            if model is not None:
                wanted[version] = model
        if wanted != current:
            self._replace(name, wanted)

    async def _brought_in(
        self, name: str, version: int, stamp: Stamp, current: ServedModel | None
    ) -> ServedModel | None:
        """The version to serve: as it is, newly loaded, or, when the new content is rejected, still the loaded one."""
        if current is not None and current.stamp == stamp:
            self._rejected.pop((name, version), None)
            return current
        rejected = self._rejected.get((name, version))
        if rejected is not None and rejected.stamp == stamp:
            return current
        try:
            model = await self._load(name, version, stamp)
        except RejectedModelError as error:
            self._rejected[name, version] = _Rejection(stamp, str(error))
            logger.error("model rejected", extra={"model": name, "version": version, "reason": str(error)})  # noqa: TRY400 - the reason says all
            return current
        self._rejected.pop((name, version), None)
        logger.info("model loaded", extra={"model": name, "version": version, "checksum": model.manifest.checksum})
        return model

    async def _load(self, name: str, version: int, stamp: Stamp) -> ServedModel:
        artifact = await asyncio.to_thread(self._store.read, name, version)
        audit = LinearAudit.of(artifact.manifest)
        predictor = await self._backend.deploy(artifact)
        if audit is not None:
            rows = artifact.probe[0]
            difference = audit.difference(rows, (await predictor.predict(rows)).outputs)
            if difference > TOLERANCE:
                await predictor.close()
                raise RejectedModelError(
                    f"its answers differ by {difference:.2g} from what its coefficients give, more than {TOLERANCE:g}"
                )
        return ServedModel(artifact.manifest, predictor, audit, stamp)

    def _replace(self, name: str, wanted: dict[int, ServedModel]) -> None:
        current = self._served.get(name, {})
        self._served = {**self._served, name: wanted}
        if not wanted:
            del self._served[name]
        for version in wanted.keys() - current.keys():
            self._loaded.labels(name, str(version)).set(1)
        for version in current.keys() - wanted.keys():
            self._loaded.remove(name, str(version))
            logger.info("model retired", extra={"model": name, "version": version})
        for model in set(current.values()) - set(wanted.values()):
            model._retired = True
            if not model._users:
                self._close_soon(model)

    def _close_soon(self, model: ServedModel) -> None:
        task = asyncio.get_running_loop().create_task(model.predictor.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _rejections(self) -> str:
        return "".join(
            f"; {name} version {version}: {rejection.reason}"
            for (name, version), rejection in sorted(self._rejected.items())[:_LISTED]
        )


def _listed(names: Iterable[object]) -> str:
    listed = [str(name) for name in names]
    text = ", ".join(listed[:_LISTED]) or "none"
    return f"{text} and {len(listed) - _LISTED} more" if len(listed) > _LISTED else text
