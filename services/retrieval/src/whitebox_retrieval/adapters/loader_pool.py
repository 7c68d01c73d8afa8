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
    """A fixed number of loader processes.

    Args:
        processes: How many documents are parsed at a time.
        limits: What a document may unfold to.
        timeout_seconds: A loader that takes longer is killed.
    """

    def __init__(self, processes: int, limits: LoadLimits, timeout_seconds: float) -> None:
        _CONTEXT.set_forkserver_preload(["whitebox_retrieval.adapters.loaders"])
        self._limits = limits
        self._timeout_seconds = timeout_seconds
        self._idle: asyncio.LifoQueue[_Worker | None] = asyncio.LifoQueue()
        for _ in range(processes):
            self._idle.put_nowait(None)
        self._workers: set[_Worker] = set()

    async def load(self, content: bytes, filename: str, stated: str) -> LoadedDocument:
        """Loads a document in one of the processes.

        Raises:
            UnreadableDocumentError: the loader's own, or "timeout" or "corrupt" where it had to be killed or crashed.
        """
        worker = await self._idle.get()
        try:
            if worker is None:
                worker = await asyncio.to_thread(_Worker)
                self._workers.add(worker)
            request = (content, filename, stated, self._limits)
            return await asyncio.to_thread(worker.run, request, self._timeout_seconds)
        except _WorkerLostError as error:
            raise UnreadableDocumentError(error.code, error.reason) from None
        finally:
            if worker is not None and not worker.alive:
                self._workers.discard(worker)
                worker = None
            self._idle.put_nowait(worker)

    def close(self) -> None:
        """Ends the processes."""
        for worker in self._workers:
            worker.kill()
        self._workers.clear()


class _WorkerLostError(Exception):
    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Worker:
    def __init__(self) -> None:
        self._connection, theirs = _CONTEXT.Pipe()
        self._process: ForkServerProcess = _CONTEXT.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self.alive = True

    def run(self, request: Any, timeout_seconds: float) -> LoadedDocument:
        try:
            self._connection.send(request)
            if not self._connection.poll(timeout_seconds):
                self.kill()
                raise _WorkerLostError("timeout", f"Reading the document took more than {timeout_seconds:.0f} s.")
            answer = self._connection.recv()
        except (EOFError, OSError):
            self.kill()
            logger.warning("a loader process died", extra={"exit_code": self._process.exitcode})
            raise _WorkerLostError("corrupt", "Reading the document crashed the parser.") from None
        if isinstance(answer, BaseException):
            raise answer
        document: LoadedDocument = answer
        return document

    def kill(self) -> None:
        self.alive = False
        self._process.kill()
        self._process.join()
        self._connection.close()


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
