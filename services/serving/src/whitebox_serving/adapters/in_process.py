"""The back end `batcher`: ONNX Runtime in this process."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from whitebox_serving.adapters.onnx_engine import OnnxEngine
from whitebox_serving.artifact import Artifact
from whitebox_serving.batcher import Batcher, BatchLimits
from whitebox_serving.cost import RunCost, measure


class InProcessBackend:
    """Gives each version a batcher; all share one set of threads.

    Args:
        limits: Of each version's batcher.
        intra_op_threads: Threads that share one run.
    """

    name = "batcher"

    def __init__(self, limits: BatchLimits, *, intra_op_threads: int = 1) -> None:
        self._limits = limits
        self._intra_op_threads = intra_op_threads
        self._executor = ThreadPoolExecutor(limits.threads, thread_name_prefix="inference")

    async def deploy(self, artifact: Artifact) -> Batcher:
        """See `Backend.deploy`; also measures what a run costs here."""
        engine, cost = await asyncio.to_thread(self._load, artifact)
        return Batcher(artifact.manifest.name, engine, cost, self._executor, self._limits)

    async def close(self) -> None:
        """Ends the threads."""
        self._executor.shutdown()

    def _load(self, artifact: Artifact) -> tuple[OnnxEngine, RunCost]:
        engine = OnnxEngine(artifact, intra_op_threads=self._intra_op_threads)
        return engine, measure(engine, artifact.probe[0])
