import asyncio

import pytest
from whitebox_runtime.health import Health


async def test_a_process_without_checks_is_ready() -> None:
    report = await Health().report()
    assert report.ready
    assert report.uptime_seconds >= 0


async def test_checks_run_once_however_many_ask_at_the_same_time() -> None:
    runs = 0

    async def check() -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0)

    health = Health(fresh_seconds=60)
    health.add_check("a", check)
    await asyncio.gather(*(health.report() for _ in range(50)))
    assert runs == 1


async def test_a_check_that_hangs_counts_as_failed_and_does_not_hold_up_the_others() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    async def good() -> None:
        pass

    health = Health(timeout_seconds=0.05)
    health.add_check("hang", hang)
    health.add_check("good", good)
    report = await health.report()
    assert not report.ready
    assert report.components["hang"].detail == "no answer within 0.05 s"
    assert report.components["good"].status == "ok"


async def test_only_critical_checks_decide_and_recovery_is_seen() -> None:
    broken = {"critical": False, "optional": True}

    def check(name: str):
        async def run() -> None:
            if broken[name]:
                raise ConnectionError(f"{name} is away")

        return run

    health = Health(fresh_seconds=0)
    health.add_check("critical", check("critical"))
    health.add_check("optional", check("optional"), critical=False)
    report = await health.report()
    assert report.ready
    assert report.components["optional"].detail == "optional is away"
    broken["critical"] = True
    assert not (await health.report()).ready
    broken["critical"] = False
    assert (await health.report()).ready


async def test_a_draining_process_is_not_ready() -> None:
    health = Health()
    health.drain()
    report = await health.report()
    assert not report.ready
    assert report.components["process"].detail == "stopping"


async def test_a_name_is_given_once() -> None:
    async def check() -> None:
        pass

    health = Health()
    health.add_check("a", check)
    with pytest.raises(ValueError, match="'a' exists already"):
        health.add_check("a", check)
