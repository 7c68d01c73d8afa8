"""Starts the embedding service: `python -m whitebox_embedding.main`."""

import asyncio

from whitebox_contracts.embedding.v1 import embedding_pb2, embedding_pb2_grpc
from whitebox_runtime.errors import Unavailable
from whitebox_runtime.grpc_server import GrpcServer
from whitebox_runtime.process import Process, run_process

from whitebox_embedding.adapters.onnx_encoder import OnnxEncoder
from whitebox_embedding.adapters.tokenizer import HuggingFaceTokenizer
from whitebox_embedding.api import EmbeddingApi
from whitebox_embedding.batcher import Batcher
from whitebox_embedding.bundle import ensure_bundle
from whitebox_embedding.caching import CachingEmbedder
from whitebox_embedding.embedder import Embedder
from whitebox_embedding.errors import ModelError
from whitebox_embedding.recomputation import SelfCheck
from whitebox_embedding.self_test import SMALLEST_COSINE, check_model
from whitebox_embedding.settings import EmbeddingSettings

_SERVICE = embedding_pb2.DESCRIPTOR.services_by_name["EmbeddingService"].full_name


async def serve(process: Process[EmbeddingSettings]) -> None:
    """Loads and tests the model, then answers until the process is told to stop."""
    settings = process.settings
    embedder: Embedder | None = None

    async def model_answers() -> None:
        if embedder is None:
            raise Unavailable("the model is being loaded", reason="model_loading")
        await check_model(embedder, bundle.manifest.probe, bundle.probe_vector, bundle.manifest.precision)

    process.health.add_check("model", model_answers)
    try:
        bundle = await asyncio.to_thread(ensure_bundle, settings.data_dir, settings.choice, HuggingFaceTokenizer)
        tokenizer = HuggingFaceTokenizer(bundle.tokenizer_path, bundle.manifest.max_tokens)
        encoder = await asyncio.to_thread(OnnxEncoder, bundle.graph_path, intra_op_threads=settings.intra_op_threads)
    except ModelError as error:
        process.fail(f"the model cannot be served: {error}")
        return
    batcher = Batcher(
        encoder,
        dimensions=bundle.manifest.dimensions,
        padding_id=tokenizer.padding_id,
        max_batch_tokens=settings.max_batch_tokens,
        threads=settings.threads,
    )
    embedder = Embedder(tokenizer, batcher, max_waiting_texts=settings.max_waiting_texts)
    try:
        # A model that gives wrong vectors must not come into service: an index filled with them would look healthy.
        await model_answers()
        async with GrpcServer(process, service_names=[_SERVICE]) as server:
            cache = CachingEmbedder(embedder, settings.cache_texts)
            self_check = SelfCheck(
                cache,
                weights_path=bundle.weights_path,
                tokenizer_path=bundle.tokenizer_path,
                architecture=bundle.manifest.architecture,
                smallest_cosine=SMALLEST_COSINE[bundle.manifest.precision],
            )
            api = EmbeddingApi(embedder, cache, self_check, bundle.manifest, encoder.runtime)
            embedding_pb2_grpc.add_EmbeddingServiceServicer_to_server(api, server.server)
            await server.serve_until_stopped()
    finally:
        embedder.close()
        batcher.close()


def main() -> None:
    """Entry point."""
    run_process("embedding", EmbeddingSettings, serve)


if __name__ == "__main__":
    main()
