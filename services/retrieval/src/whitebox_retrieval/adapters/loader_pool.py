"""Runs loaders in processes of their own: a parser that hangs or crashes on a hostile file takes nothing else along."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any

from whitebox_retrieval.adapters.loaders import load
from whitebox_retrieval.loading import LoadedDocument, LoadLimits, UnreadableDocumentError

logger = logging.getLogger(__name__)

# Fork server: workers start in milliseconds, and share no threads or connections with this process.
_CONTEXT = multiprocessing.get_context("forkserver")


class LoaderPool:
    """A fixed number of loader processes, each started for its first document and again after a crash.

    Args:
        processes: How many documents are parsed at a time.
        limits: What a document may unfold to.
        timeout_seconds: A loader that takes longer is killed.
    """

    def __init__(self, processes: int, limits: LoadLimits, timeout_seconds: float) -> None:
        _CONTEXT.set_forkserver_preload(["whitebox_retrieval.adapters.loaders"])
        self._limits = limits
        self._timeout_seconds = timeout_seconds
        self._workers = [_Worker() for _ in range(processes)]
        self._idle: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()
        for worker in self._workers:
            self._idle.put_nowait(worker)

    async def load(self, content: bytes, filename: str, stated: str) -> LoadedDocument:
        """Loads a document in one of the processes.

        Raises:
            UnreadableDocumentError: the loader's own, or "timeout" or "corrupt" where it had to be killed or crashed.
        """
        worker = await self._idle.get()

        def finished(run: asyncio.Future[LoadedDocument]) -> None:
            run.exception()  # told to whoever still waits
            self._idle.put_nowait(worker)

        request = (content, filename, stated, self._limits)
        # Shielded, as a thread cannot be cancelled: the worker is idle when its answer is in, and not before.
        run = asyncio.ensure_future(asyncio.to_thread(worker.run, request, self._timeout_seconds))
        run.add_done_callback(finished)
        try:
            return await asyncio.shield(run)
        except asyncio.CancelledError:
            worker.kill()
            raise

    def close(self) -> None:
        """Ends the processes."""
        for worker in self._workers:
            worker.kill()


class _Worker:
    """One process, and the pipe to it; used by one thread at a time."""

    def __init__(self) -> None:
        self._process: ForkServerProcess | None = None
        self._connection: Connection | None = None
        self._abandoned = False

    def run(self, request: Any, timeout_seconds: float) -> LoadedDocument:
        self._abandoned = False
        fresh = self._process is None or not self._process.is_alive()
        connection = self._connected()
        try:
            connection.send(request)
            if not connection.poll(timeout_seconds):
                self._end()
                raise UnreadableDocumentError(
                    "timeout", f"Reading the document took more than {timeout_seconds:.0f} s."
                )
            answer = connection.recv()
        except (EOFError, OSError):
            self._end()
            if not fresh and not self._abandoned:
                # It may have been dying since the document before: only a fresh process tells which one is to blame.
                return self.run(request, timeout_seconds)
            logger.warning("a loader process died while it read a document")
            raise UnreadableDocumentError("corrupt", "Reading the document crashed the parser.") from None
        if isinstance(answer, BaseException):
            raise answer
        document: LoadedDocument = answer
        return document

    def kill(self) -> None:
        """Ends the process; whoever waits for its answer learns that there is none."""
        self._abandoned = True
        self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()

    def _connected(self) -> Connection:
        if self._connection is not None and self._process is not None and self._process.is_alive():
            return self._connection
        if self._connection is not None:
            self._connection.close()
        self._connection, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        return self._connection


def _serve(connection: Connection) -> None:
    """The worker process: one request, one answer, until the other end closes."""
    with suppress(EOFError, KeyboardInterrupt):
        while True:
            content, filename, stated, limits = connection.recv()
            try:
                connection.send(load(content, filename, stated, limits))
            except UnreadableDocumentError as error:
                connection.send(error)
            except (MemoryError, RecursionError):
                connection.send(UnreadableDocumentError("too_large", "The document is too complex to be read."))
            except Exception as error:  # parsers raise anything on hostile input
                reason = f"The document cannot be read ({type(error).__name__})."
                connection.send(UnreadableDocumentError("corrupt", reason))
