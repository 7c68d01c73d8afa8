"""When the gateway should get traffic, and what it says about the services behind it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from whitebox_runtime.health import ComponentHealth, Health

Status = Literal["healthy", "degraded", "unhealthy"]


@dataclass(frozen=True)
class ComponentStatus:
    """State of one service.

    Attributes:
        status: `degraded` answers but is not ready, `unhealthy` does not answer.
        detail: Why it is not healthy; else empty.
    """

    status: Status
    detail: str


@dataclass(frozen=True)
class PlatformReport:
    """State of the platform as the gateway sees it.

    Attributes:
        status: `healthy` when all components are, `unhealthy` when the gateway is not ready, else `degraded`.
        ready: Whether the gateway should get traffic.
        reason: Why not; else empty.
        uptime_seconds: Age of the process.
        components: State by service.
    """

    status: Status
    ready: bool
    reason: str
    uptime_seconds: float
    components: Mapping[str, ComponentStatus]

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as plain data."""
        return asdict(self)


class Readiness:
    """Decides from the health of the services and the gateway's own load.

    One lost service does not take the gateway out of traffic, since the routes of the others still work; losing all of
    them does. At the start it waits until each has answered once, so that a platform that comes up is not announced
    before it can work.

    Args:
        health: Has one check per service, none of them critical.
        saturated: Whether the gateway refuses work now.
        start_wait_seconds: Longest wait for services that have never answered.
    """

    def __init__(self, health: Health, saturated: Callable[[], bool], *, start_wait_seconds: float) -> None:
        self._health = health
        self._saturated = saturated
        self._waits_until = time.monotonic() + start_wait_seconds
        self._seen: set[str] = set()

    async def report(self) -> PlatformReport:
        """Returns the state now, at most about a second old."""
        report = await self._health.report()
        services = {name: one for name, one in report.components.items() if name != "process"}
        self._seen |= {name for name, one in services.items() if one.status == "ok"}
        reason = self._reason_against(services, stopping=not report.ready)
        components = {name: _component(one) for name, one in services.items()}
        if reason:
            status: Status = "unhealthy"
        elif all(one.status == "healthy" for one in components.values()):
            status = "healthy"
        else:
            status = "degraded"
        return PlatformReport(status, not reason, reason, report.uptime_seconds, components)

    def _reason_against(self, services: Mapping[str, ComponentHealth], *, stopping: bool) -> str:
        if stopping:
            return "the process is stopping"
        if self._saturated():
            return "as many requests are being answered as are allowed"
        if services and all(one.status == "failed" for one in services.values()):
            return "no service answers"
        unseen = sorted(services.keys() - self._seen)
        if unseen and time.monotonic() < self._waits_until:
            return f"waiting for the first answer of: {', '.join(unseen)}"
        return ""


def _component(health: ComponentHealth) -> ComponentStatus:
    if health.status == "ok":
        return ComponentStatus("healthy", "")
    return ComponentStatus("degraded" if "not ready" in health.detail else "unhealthy", health.detail)
