"""Readiness that follows the real dependencies.

A service adds one check per thing it cannot work without; `/ready`, the gRPC health service and the gateway's
status page all read the same `report()`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Check = Callable[[], Awaitable[None]]

_FRESH_SECONDS = 1.0
_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True)
class ComponentHealth:
    """State of one dependency.

    Attributes:
        status: `"ok"` or `"failed"`.
        detail: Why it failed; empty when it did not.
        critical: Whether the service is not ready without it.
        seconds: How long the check took.
    """

    status: Literal["ok", "failed"]
    detail: str = ""
    critical: bool = True
    seconds: float = 0.0


@dataclass(frozen=True)
class HealthReport:
    """State of the process and of everything it depends on.

    Attributes:
        ready: Whether the process should get traffic.
        components: State by the name given to `Health.add_check`.
        uptime_seconds: Time since the process started.
    """

    ready: bool
    components: Mapping[str, ComponentHealth]
    uptime_seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as plain data for JSON."""
        return asdict(self)


class Health:
    """Collects checks and runs them, at most about once a second however often it is asked.

    Args:
        fresh_seconds: How long a report is reused.
        timeout_seconds: Time after which a check counts as failed.
    """

    def __init__(self, *, fresh_seconds: float = _FRESH_SECONDS, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._checks: dict[str, tuple[Check, bool]] = {}
        self._fresh_seconds = fresh_seconds
        self._timeout_seconds = timeout_seconds
        self._started = time.monotonic()
        self._draining = False
        self._components: dict[str, ComponentHealth] = {}
        self._checked_at = float("-inf")
        self._running = asyncio.Lock()

    def add_check(self, name: str, check: Check, *, critical: bool = True) -> None:
        """Adds a dependency.

        Args:
            name: Short name, unique in the process.
            check: Returns when the dependency works and raises otherwise; the exception's text is the reason.
            critical: Whether the process is not ready while the check fails; others are only reported.

        Raises:
            ValueError: The name is taken.
        """
        if name in self._checks:
            raise ValueError(f"a health check named {name!r} exists already")
        self._checks[name] = (check, critical)
        self._checked_at = float("-inf")

    def drain(self) -> None:
        """Makes the process not ready for good: it is about to stop."""
        self._draining = True

    async def report(self) -> HealthReport:
        """Returns the state of every component, at most about a second old."""
        async with self._running:
            if time.monotonic() - self._checked_at > self._fresh_seconds:
                checks = self._checks.copy()
                results = await asyncio.gather(*(self._run(check, critical) for check, critical in checks.values()))
                self._components = dict(zip(checks, results, strict=True))
                self._checked_at = time.monotonic()
        components = dict(self._components)
        if self._draining:
            components["process"] = ComponentHealth("failed", "stopping")
        ready = all(component.status == "ok" or not component.critical for component in components.values())
        return HealthReport(ready, components, time.monotonic() - self._started)

    async def _run(self, check: Check, critical: bool) -> ComponentHealth:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await check()
        except TimeoutError:
            detail = f"no answer within {self._timeout_seconds:g} s"
        except Exception as error:
            detail = str(error) or type(error).__name__
        else:
            return ComponentHealth("ok", "", critical, time.perf_counter() - began)
        return ComponentHealth("failed", detail, critical, time.perf_counter() - began)
