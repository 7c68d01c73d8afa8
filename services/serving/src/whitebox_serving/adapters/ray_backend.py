"""The back end `ray`: Ray Serve, where one process or one machine is not enough.

Each version is an application of its own, so that versions come, go and scale independently. Replicas get the graph
through Ray's object store and need no access to the model store. Ray pickles what travels between its own processes;
nothing that a model's author supplies is ever unpickled.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Self

# Ray reads these when it is imported. It must not report its use to its makers.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# What Ray calls so is whether a node can be reached from others: without, it stays on loopback. A cluster to join says
# itself where it is, so this concerns only the one that `start` may start.
os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")

import numpy as np
import ray
import ray.serve._private.replica as replica_internals
from ray import serve
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import ApplicationStatus
from whitebox_runtime.errors import ResourceExhausted, Unavailable
from whitebox_runtime.telemetry import histogram

from whitebox_serving.adapters.onnx_engine import OnnxEngine
from whitebox_serving.artifact import Artifact
from whitebox_serving.prediction import Matrix, Prediction
from whitebox_serving.settings import ServingSettings

logger = logging.getLogger(__name__)

_OBJECT_STORE_BYTES = 100 * 2**20
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_STATUS_SECONDS = 0.1
_QUIET = {"log_level": "WARNING", "enable_access_log": False}


class RayBackend:
    """Deploys each version as a Ray Serve application; make one with `start`.

    Args:
        settings: Its `ray_*` fields, and those that bound a batch.
        owns_cluster: Whether the cluster was started for this process and ends with it.
    """

    name = "ray"

    def __init__(self, settings: ServingSettings, *, owns_cluster: bool) -> None:
        self._settings = settings
        self._owns_cluster = owns_cluster
        # Two processes on one cluster, or two contents of one version, must not take each other's applications away.
        self._prefix = secrets.token_hex(4)
        self._deployed = 0
        # Ray's calls block, and a few of them must come from one thread.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ray")

    @classmethod
    async def start(cls, settings: ServingSettings, stopping: asyncio.Event) -> Self | None:
        """Joins `ray_address`, or starts a cluster on this machine that listens on loopback and keeps no dashboard.

        A cluster that cannot be reached is tried again until it can.

        Args:
            settings: See the class.
            stopping: Set when the process should end.

        Returns:
            The back end, or `None` if `stopping` was set first.
        """
        backend = cls(settings, owns_cluster=not settings.ray_address)
        pause = _FIRST_PAUSE_SECONDS
        while not stopping.is_set():
            try:
                await backend._call(_start_cluster, settings)
            except ConnectionError as error:
                logger.warning("the Ray cluster cannot be reached", extra={"reason": str(error), "retry_after": pause})
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                _take_signals_back()
                return backend
        backend._thread.shutdown()
        return None

    async def deploy(self, artifact: Artifact) -> RayPredictor:
        """See `Backend.deploy`; returns when the first replica answers."""
        # Checked here first: a replica that fails to start is started again and again, and says why only in its log.
        await asyncio.to_thread(OnnxEngine, artifact)
        settings = self._settings
        self._deployed += 1
        application = f"{self._prefix}-{self._deployed}-{artifact.manifest.name}-{artifact.manifest.version}"
        deployment = serve.deployment(
            name=artifact.manifest.name,
            max_ongoing_requests=settings.max_batch_rows,
            max_queued_requests=settings.ray_max_waiting_requests,
            graceful_shutdown_timeout_s=settings.shutdown_grace_seconds,
            graceful_shutdown_wait_loop_s=0.1,
            autoscaling_config={
                "min_replicas": settings.ray_min_replicas,
                "max_replicas": settings.ray_max_replicas,
                "target_ongoing_requests": settings.ray_target_requests,
            },
            ray_actor_options={"num_cpus": settings.ray_cpus},
            logging_config=_QUIET,
        )(_Replica)
        bound = deployment.bind(
            artifact,
            settings.intra_op_threads,
            settings.max_batch_rows,
            settings.ray_batch_wait_seconds,
            loopback=self._owns_cluster,
        )
        delete = partial(self._call, serve.delete, application)
        try:
            handle = await self._run(bound, application)
        except BaseException:
            await asyncio.shield(delete())
            raise
        return RayPredictor(artifact.manifest.name, handle, delete)

    async def close(self) -> None:
        """Ends the cluster if it was started for this process, else only the connection to it."""
        if self._owns_cluster:
            await self._call(serve.shutdown)
        await self._call(ray.shutdown)
        self._thread.shutdown()

    async def _run(self, bound: serve.Application, application: str) -> Any:
        """Starts an application and returns its handle once a replica answers."""
        target = serve.RunTarget(bound, name=application, route_prefix=None, logging_config=_QUIET)
        # Ray itself would wait for ever, and occupy the thread, where no processor is free for the replica.
        (handle,) = await self._call(serve.run_many, [target], wait_for_applications_running=False)
        give_up = time.monotonic() + self._settings.ray_start_seconds
        while True:
            state = (await self._call(serve.status)).applications.get(application)
            if state is not None and state.status == ApplicationStatus.RUNNING:
                return handle
            if state is not None and state.status == ApplicationStatus.DEPLOY_FAILED:
                raise Unavailable(f"Ray cannot start {application}: {state.message}", reason="replica_failed")
            if time.monotonic() > give_up:
                raise Unavailable(
                    f"Ray has not started {application} within {self._settings.ray_start_seconds:g} s: "
                    f"does the cluster have {self._settings.ray_cpus:g} processors to spare?",
                    reason="replica_late",
                )
            await asyncio.sleep(_STATUS_SECONDS)

    async def _call(self, function: Any, *args: Any, **options: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(function, *args, **options))


class RayPredictor:
    """One version's application.

    Args:
        model: Name for metrics.
        handle: Of the deployment.
        delete: Ends the application.
    """

    def __init__(self, model: str, handle: DeploymentHandle[Any], delete: Any) -> None:
        self._handle = handle
        self._delete = delete
        self._batch_rows = histogram("whitebox_prediction_batch_rows").labels(model)
        self._queue_seconds = histogram("whitebox_prediction_queue_seconds").labels(model)

    async def predict(self, rows: Matrix) -> Prediction:
        """Computes (rows, features) on some replica; see `Predictor.predict`."""
        began = time.perf_counter()
        try:
            outputs, batch_rows, seconds = await self._handle.predict.remote(rows)
        except BackPressureError as error:
            raise ResourceExhausted(
                "too many requests wait for a replica; try again later or send fewer rows at a time",
                reason="prediction_queue_full",
                retry_after=1.0,
            ) from error
        except (DeploymentUnavailableError, ray.exceptions.RayActorError) as error:
            raise Unavailable(
                "the replicas of this model cannot be reached; try again later", reason="replicas_unavailable"
            ) from error
        self._batch_rows.observe(batch_rows)
        self._queue_seconds.observe(max(time.perf_counter() - began - seconds, 0.0))
        return Prediction(outputs, batch_rows)

    async def close(self) -> None:
        """Ends the application and its replicas."""
        await self._delete()


class _Replica:
    """A version in a Ray worker process."""

    def __init__(
        self, artifact: Artifact, intra_op_threads: int, max_batch_rows: int, wait_seconds: float, *, loopback: bool
    ) -> None:
        if loopback:
            _listen_on_loopback_only()
        self._engine = OnnxEngine(artifact, intra_op_threads=intra_op_threads)
        self._max_batch_rows = max_batch_rows
        batched: Any = self._batched
        batched.set_max_batch_size(max_batch_rows)
        batched.set_batch_wait_timeout_s(wait_seconds)

    async def predict(self, rows: Matrix) -> tuple[Matrix, int, float]:
        """Returns the outputs, the rows that were computed together, and how long that took."""
        if len(rows) >= self._max_batch_rows:
            # Ray refuses an item that is larger than a batch may be.
            return (await self._compute([rows]))[0]
        result: tuple[Matrix, int, float] = await self._batched(rows)
        return result

    @serve.batch(batch_size_fn=lambda requests: sum(map(len, requests)))
    async def _batched(self, requests: list[Matrix]) -> list[tuple[Matrix, int, float]]:
        return await self._compute(requests)

    async def _compute(self, requests: Sequence[Matrix]) -> list[tuple[Matrix, int, float]]:
        began = time.perf_counter()
        outputs = await asyncio.to_thread(self._engine.run, np.concatenate(requests))
        seconds = time.perf_counter() - began
        ends = np.cumsum([len(rows) for rows in requests])
        return [(part, len(outputs), seconds) for part in np.split(outputs, ends[:-1])]


def _start_cluster(settings: ServingSettings) -> None:
    if not settings.ray_address:
        # A token of this process alone; without one, Ray writes one to the home folder, which may be read-only.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    local: dict[str, Any] = {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
    ray.init(
        address=settings.ray_address or "local",
        namespace="whitebox",
        configure_logging=False,
        log_to_driver=False,
        **({} if settings.ray_address else local),
    )
    # gRPC is the way in; Ray's HTTP proxy would be a second, unguarded one.
    serve.start(proxy_location="Disabled", logging_config=_QUIET)


def _take_signals_back() -> None:
    """Undoes that Ray's core has made SIGTERM a crash: it would abort the process 3 s later, amid its orderly end."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        # Setting a handler makes system calls end early again, which the event loop had turned off.
        signal.siginterrupt(signal.SIGTERM, False)


def _listen_on_loopback_only() -> None:
    """Keeps the port that a replica opens for other Ray applications off the network.

    Ray has no setting for it: the replica asks for every interface by name.
    """
    internals: Any = replica_internals
    add_port = internals.add_port_to_grpc_server
    internals.add_port_to_grpc_server = lambda server, _address: add_port(server, "127.0.0.1:0")
