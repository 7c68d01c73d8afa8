"""Starts the language model service: `python -m whitebox_llm.main`."""

from __future__ import annotations

import asyncio
import logging
import socket

from whitebox_contracts.llm.v1 import llm_pb2, llm_pb2_grpc
from whitebox_runtime.errors import Unavailable
from whitebox_runtime.grpc_server import GrpcServer
from whitebox_runtime.process import Process, run_process
from whitebox_runtime.telemetry import gauge

from whitebox_llm.admission import Admission
from whitebox_llm.api import Defaults, LanguageModelApi
from whitebox_llm.catalogue import Catalogue
from whitebox_llm.engine import Engine
from whitebox_llm.generator import Generator
from whitebox_llm.recomputation import Scorer, SelfCheck
from whitebox_llm.settings import LlmSettings

logger = logging.getLogger(__name__)

_SERVICE = llm_pb2.DESCRIPTOR.services_by_name["LanguageModelService"].full_name
_VLLM_STOP_SECONDS = 8.0


async def serve(process: Process[LlmSettings]) -> None:
    """Opens the engine, then answers until the process is told to stop."""
    settings = process.settings
    engine: Engine | None = None

    async def engine_works() -> None:
        if engine is None:
            raise Unavailable("the model is being loaded", reason="model_loading")
        await engine.check()

    admission = Admission(
        settings.slots, settings.max_waiting, saturated_after_seconds=settings.saturated_after_seconds
    )
    process.health.add_check("engine", engine_works)
    process.health.add_check("queue", admission.check)
    engine = await _open_engine(process)
    if engine is None:
        return
    # Only llama.cpp's weights are in this process, and in a form that libs/whitebox reads.
    self_check = SelfCheck(engine if isinstance(engine, Scorer) else None, admission, settings.context_tokens)
    catalogue = Catalogue(engine, settings.model_name)
    defaults = Defaults(
        settings.default_max_tokens, settings.max_tokens, settings.default_temperature, settings.default_top_p
    )
    try:
        async with GrpcServer(process, service_names=[_SERVICE]) as server:
            api = LanguageModelApi(Generator(engine, admission), catalogue, defaults, self_check)
            llm_pb2_grpc.add_LanguageModelServiceServicer_to_server(api, server.server)
            await server.serve_until_stopped()
    finally:
        await engine.close()


async def _open_engine(process: Process[LlmSettings]) -> Engine | None:
    match process.settings.engine:
        case "llamacpp":
            return await _open_llamacpp(process)
        case "openai":
            return _open_openai(process)
        case "vllm":
            return _open_vllm(process)


async def _open_llamacpp(process: Process[LlmSettings]) -> Engine | None:
    from whitebox_llm.adapters.llamacpp import LlamaCppEngine, LlamaCppOptions, ModelLoadError
    from whitebox_llm.model_file import ModelFileError, open_model_file

    settings = process.settings
    try:
        file = await asyncio.to_thread(open_model_file, settings.model_path, settings.model_name, settings.model_sha256)
        engine = LlamaCppEngine(
            LlamaCppOptions(
                model_path=file.path,
                model_name=file.name,
                weights_sha256=file.sha256,
                slots=settings.slots,
                context_tokens=settings.context_tokens,
                threads=settings.threads,
                batch_tokens=settings.batch_tokens,
                prefix_cache_bytes=settings.prefix_cache_bytes,
                stalled_after_seconds=settings.silence_seconds,
            )
        )
    except (ModelFileError, ModelLoadError) as error:
        process.fail(f"the model cannot be served: {error}")
        return None
    gauge("whitebox_model_loaded").labels(file.name, file.sha256[:12]).set(1)
    logger.info("model loaded", extra={"model": file.name, "path": str(file.path), "sha256": file.sha256})
    return engine


def _open_openai(process: Process[LlmSettings]) -> Engine | None:
    from whitebox_llm.adapters.openai_compatible import OpenAiEngine, OpenAiOptions

    settings = process.settings
    key = "none"
    if settings.openai_api_key_file is not None:
        try:
            key = settings.openai_api_key_file.read_text().strip()
        except OSError as error:
            process.fail(f"cannot read the API key file {settings.openai_api_key_file}: {error.strerror}")
            return None
    return OpenAiEngine(OpenAiOptions(settings.openai_base_url, key, settings.silence_seconds))


def _open_vllm(process: Process[LlmSettings]) -> Engine:
    from whitebox_llm.adapters.vllm import SupervisionOptions, VllmEngine, child_environment
    from whitebox_llm.vllm_command import vllm_argv

    settings = process.settings
    port = settings.vllm_port or _free_port()
    engine = VllmEngine(
        SupervisionOptions(
            argv=vllm_argv(settings.vllm_options(port)),
            port=port,
            environment=child_environment(),
            start_seconds=settings.vllm_start_seconds,
            stop_seconds=_VLLM_STOP_SECONDS,
            max_failures=settings.vllm_max_failures,
            silence_seconds=settings.silence_seconds,
        )
    )
    process.spawn(engine.run(), name="vllm")
    return engine


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def main() -> None:
    """Entry point."""
    run_process("llm", LlmSettings, serve)


if __name__ == "__main__":
    main()
