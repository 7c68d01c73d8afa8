"""Starts the serving service: `python -m whitebox_serving.main`."""

import random

from whitebox_contracts.serving.v1 import serving_pb2, serving_pb2_grpc
from whitebox_runtime.errors import Unavailable
from whitebox_runtime.grpc_server import GrpcServer
from whitebox_runtime.process import Process, run_process

from whitebox_serving.adapters.folder_store import FolderStore
from whitebox_serving.api import ServingApi
from whitebox_serving.audit import PredictionAudit
from whitebox_serving.explanations import Explanations
from whitebox_serving.models import Models
from whitebox_serving.prediction import Backend
from whitebox_serving.predictions import Predictions
from whitebox_serving.settings import ServingSettings

_SERVICE = serving_pb2.DESCRIPTOR.services_by_name["ServingService"].full_name


async def serve(process: Process[ServingSettings]) -> None:
    """Answers until the process is told to stop; ready as soon as the store holds a model that can be served."""
    settings = process.settings
    models: Models | None = None

    async def models_answer() -> None:
        if models is None:
            raise Unavailable("the back end is starting", reason="backend_starting")
        await models.check_serving()

    process.health.add_check("models", models_answer)
    backend = await _open_backend(process)
    if backend is None:
        return
    models = Models(FolderStore(settings.model_store), backend, versions=settings.versions_in_service)
    process.health.add_check("store", models.check_store, critical=False)
    audit = PredictionAudit(settings.audit_share, random.random)
    process.spawn(models.watch(process.stopping, poll_seconds=settings.poll_seconds), name="model store")
    process.spawn(audit.run(process.stopping), name="audit")
    try:
        async with GrpcServer(process, service_names=[_SERVICE]) as server:
            predictions = Predictions(models, audit)
            api = ServingApi(models, predictions, Explanations(models, predictions))
            serving_pb2_grpc.add_ServingServiceServicer_to_server(api, server.server)
            await server.serve_until_stopped()
    finally:
        await models.close()
        await backend.close()


async def _open_backend(process: Process[ServingSettings]) -> Backend | None:
    """The back end that the settings choose; `None` if the process is told to stop before there is one."""
    settings = process.settings
    if settings.backend == "ray":
        # Importing Ray takes a second and 100 MB, which only those pay who asked for it.
        from whitebox_serving.adapters.ray_backend import RayBackend

        return await RayBackend.start(settings, process.stopping)
    from whitebox_serving.adapters.in_process import InProcessBackend

    return InProcessBackend(settings.batch_limits, intra_op_threads=settings.intra_op_threads)


def main() -> None:
    """Entry point."""
    run_process("serving", ServingSettings, serve)


if __name__ == "__main__":
    main()
