"""The life of a process: configuration, logs, traces, probes, signals, and an end that is always announced."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import grpc
import uvloop

from whitebox_runtime._probes import ProbeServer
from whitebox_runtime.errors import ServiceError
from whitebox_runtime.health import Health
from whitebox_runtime.logging import setup_logging
from whitebox_runtime.settings import ServiceSettings, describe_settings, load_settings
from whitebox_runtime.telemetry import setup_tracing, shutdown_tracing

S = TypeVar("S", bound=ServiceSettings)

logger = logging.getLogger(__name__)

_EXIT_OK = 0
_EXIT_FAULT = 1
_EXIT_USAGE = 2
_EXIT_FORCED = 130
# What closing connections and flushing spans may take on top of the grace period, before the process is ended hard.
_CLOSING_SECONDS = 10.0


@dataclass
class Process(Generic[S]):
    """One running process of the platform, handed to its `serve` function.

    Attributes:
        name: Name in logs, traces and metrics.
        settings: The checked configuration.
        health: Where dependencies are registered.
        stopping: Set once, when the process should finish its work and end.
        metrics_port: Bound port of the probe server, -1 when it is off.
    """

    name: str
    settings: S
    health: Health = field(default_factory=Health)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    metrics_port: int = -1
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set, repr=False)
    _fault: BaseException | None = field(default=None, repr=False)

    def spawn(self, work: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Runs `work` in the background for as long as the process lives.

        It should watch `stopping` and return. If it raises, the process logs the reason, stops and exits with
        code 1, so that a supervisor starts it again: a process without one of its parts must not look alive.

        Args:
            work: The coroutine.
            name: Name for logs.

        Returns:
            The task, already scheduled and held until it ends.
        """
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def fail(self, reason: str, error: BaseException | None = None) -> None:
        """Logs why the process cannot go on and begins to stop it; the exit code will be 1."""
        logger.critical("%s; stopping", reason, exc_info=error)
        if self._fault is None:
            self._fault = error or RuntimeError(reason)
        self.stopping.set()

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(f"background task {task.get_name()!r} failed: {error!r}", error)


def run_process(
    name: str,
    settings_class: type[S],
    serve: Callable[[Process[S]], Awaitable[None]],
    *,
    argv: Sequence[str] | None = None,
) -> None:
    """Runs a process until it is told to stop, then exits the interpreter.

    `--help` prints the settings, `--check` reads them and says whether they are good. SIGTERM and SIGINT set
    `process.stopping`; a second one ends the process at once. The exit code is 0 after an orderly stop, 1 after a
    fault, 2 for bad configuration and 130 when forced.

    Args:
        name: Name in logs, traces and metrics, for example `"embedding"`.
        settings_class: Settings to read from the environment.
        serve: The service; returns when `process.stopping` is set and its work is done.
        argv: Arguments instead of `sys.argv[1:]`; words without a dash are left to the caller.
    """
    options = {word for word in (sys.argv[1:] if argv is None else argv) if word.startswith("-")}
    if options & {"-h", "--help"}:
        print(f"{name}: configured by environment variables\n\n{describe_settings(settings_class)}")
        print("\n  --check  read the configuration, say whether it is good, and exit\n  --help   this text")
        raise SystemExit(_EXIT_OK)
    if unknown := options - {"--check"}:
        print(f"{name}: unknown option {sorted(unknown)[0]}; try --help", file=sys.stderr)
        raise SystemExit(_EXIT_USAGE)
    settings = load_settings(settings_class)
    if "--check" in options:
        print(f"{name}: configuration is good")
        raise SystemExit(_EXIT_OK)
    setup_logging(name, settings.log_level)
    setup_tracing(name, settings.otlp_endpoint)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(_live(name, settings, serve))
        shutdown_tracing()
    logging.shutdown()
    raise SystemExit(code)


async def _live(name: str, settings: S, serve: Callable[[Process[S]], Awaitable[None]]) -> int:
    process = Process(name, settings)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: _unhandled(process, context))
    _install_signals(process, loop)
    probes = ProbeServer(process.health)
    if settings.metrics_port >= 0:
        try:
            process.metrics_port = await probes.start(settings.host, settings.metrics_port)
        except OSError as error:
            logger.critical("cannot listen on metrics port %d: %s", settings.metrics_port, error)
            return _EXIT_FAULT
    logger.info("started", extra={"pid": os.getpid(), "metrics_port": process.metrics_port})
    try:
        serving = asyncio.ensure_future(serve(process))
        stopped = loop.create_task(process.stopping.wait())
        await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        process.health.drain()
        # Whatever hangs from here on must not keep the process: its supervisor waits for it.
        _end_after(settings.shutdown_grace_seconds + _CLOSING_SECONDS)
        await serving
    except Exception as error:
        process.fail(f"{name} failed: {error!r}", error)
    finally:
        stopped.cancel()
        process.stopping.set()
        await _finish(process)
        await probes.close()
    if process._fault is not None:
        logger.error("stopped after a fault", extra={"reason": repr(process._fault)})
        return _EXIT_FAULT
    logger.info("stopped")
    return _EXIT_OK


async def _finish(process: Process[S]) -> None:
    tasks = set(process._tasks)
    if not tasks:
        return
    _done, late = await asyncio.wait(tasks, timeout=process.settings.shutdown_grace_seconds)
    for task in late:
        logger.warning("background task did not stop in time; cancelling it", extra={"task": task.get_name()})
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=1.0)


def _install_signals(process: Process[S], loop: asyncio.AbstractEventLoop) -> None:
    def on_signal(number: signal.Signals) -> None:
        if process.stopping.is_set():
            logger.warning("%s again: exiting without waiting", number.name)
            _exit_now(_EXIT_FORCED)
        logger.info("%s: stopping", number.name)
        process.stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)


def _unhandled(process: Process[S], context: dict[str, Any]) -> None:
    """Ends the process for a task that died unseen; reports anything else.

    Broken connections and refused calls are everyday events that client libraries leave behind in tasks of their
    own, and whose effect the code that used them has already met. Anything else is a part that silently stopped.
    """
    error = context.get("exception")
    message = str(context.get("message", "unhandled error"))
    everyday = isinstance(error, OSError | grpc.RpcError | ServiceError | TimeoutError)
    if "never retrieved" in message and error is not None and not everyday:
        process.fail(f"unhandled error in a background task: {error!r}", error)
    else:
        logger.error(message, exc_info=error, extra={"task": str(context.get("task") or context.get("future") or "")})


def _end_after(seconds: float) -> None:
    def end() -> None:
        logger.critical("not stopped after %g s; exiting", seconds)
        _exit_now(_EXIT_FAULT)

    watchdog = threading.Timer(seconds, end)
    watchdog.daemon = True
    watchdog.start()


def _exit_now(code: int) -> None:
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)
