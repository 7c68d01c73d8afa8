"""Starts retrieval: `python -m whitebox_retrieval.main api` or `indexer`."""

from __future__ import annotations

import asyncio
import logging
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from whitebox_contracts.retrieval.v1 import retrieval_pb2, retrieval_pb2_grpc
from whitebox_runtime.database import open_engine
from whitebox_runtime.errors import ServiceError
from whitebox_runtime.events import Event, EventConsumer, EventProducer, each
from whitebox_runtime.grpc_client import open_channel, peer_ready
from whitebox_runtime.grpc_server import GrpcServer
from whitebox_runtime.outbox import OutboxRelay
from whitebox_runtime.process import Process, run_process

from whitebox_retrieval.adapters.change_events import TOPIC, change_of
from whitebox_retrieval.adapters.database import OUTBOX, SqlDocuments
from whitebox_retrieval.adapters.embedding_client import EmbeddingClient
from whitebox_retrieval.adapters.loader_pool import LoaderPool
from whitebox_retrieval.adapters.object_store import Originals, open_store
from whitebox_retrieval.adapters.qdrant_index import QdrantIndex, open_client
from whitebox_retrieval.api import RetrievalApi
from whitebox_retrieval.indexing import Indexer
from whitebox_retrieval.loading import LoadLimits
from whitebox_retrieval.recall_audit import RecallAudit
from whitebox_retrieval.searching import Searcher
from whitebox_retrieval.settings import IndexerSettings, RetrievalSettings

logger = logging.getLogger(__name__)

_SERVICE = retrieval_pb2.DESCRIPTOR.services_by_name["RetrievalService"].full_name
_RETRY_SECONDS = 0.5


@dataclass(frozen=True)
class Dependencies:
    """What both processes talk to."""

    documents: SqlDocuments
    originals: Originals
    encoder: EmbeddingClient
    index: QdrantIndex
    relay: OutboxRelay
    producer: EventProducer


@asynccontextmanager
async def open_dependencies(process: Process[RetrievalSettings]) -> AsyncIterator[Dependencies]:
    """Opens everything without waiting for anything; health says what is missing."""
    settings = process.settings
    engine = open_engine(settings.database_url)
    channel = open_channel(settings.embedding_target)
    qdrant = open_client(settings.qdrant_url)
    producer = EventProducer(settings.kafka_bootstrap_servers, process.name)
    dependencies = Dependencies(
        documents=SqlDocuments(engine),
        originals=Originals(open_store(settings.object_store_url), settings.max_document_bytes),
        encoder=EmbeddingClient(channel),
        index=QdrantIndex(qdrant),
        relay=OutboxRelay(engine, OUTBOX, producer, republish_after_seconds=settings.republish_after_seconds),
        producer=producer,
    )
    process.health.add_check("database", dependencies.documents.check)
    process.health.add_check("object store", dependencies.originals.check)
    process.health.add_check("embedding", peer_ready(channel, "embedding"))
    process.health.add_check("index", dependencies.index.check)
    process.spawn(_prepare(dependencies, process), name="preparation")
    try:
        yield dependencies
    finally:
        await qdrant.close()
        await channel.close()
        await engine.dispose()


async def _prepare(dependencies: Dependencies, process: Process[RetrievalSettings]) -> None:
    """Creates tables and collection as soon as database, embedding service and index are there."""
    tables = False
    waiting_for = ""
    while not process.stopping.is_set():
        try:
            if not tables:
                await dependencies.documents.create_tables()
                tables = True
            await dependencies.index.prepare(*await dependencies.encoder.model())
        except ServiceError as error:
            if error.http_status < 500:
                process.fail(f"retrieval cannot start: {error.message}")
                return
            if error.message != waiting_for:
                waiting_for = error.message
                logger.info("waiting: %s", waiting_for)
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return


async def serve_api(process: Process[RetrievalSettings]) -> None:
    """Answers RPCs and publishes what is in the outbox."""
    settings = process.settings
    async with open_dependencies(process) as dependencies:
        # Documents are taken without the broker: the outbox holds their announcements until it is back.
        process.health.add_check("broker", dependencies.producer.ready, critical=False)
        await dependencies.producer.start()
        relay = dependencies.relay
        process.spawn(relay.run(process.stopping), name="outbox relay")
        audit = RecallAudit(
            dependencies.index,
            share=settings.audit_share,
            max_vectors=settings.audit_max_vectors,
            draw=random.random,
        )
        process.spawn(audit.run(process.stopping), name="recall audit")
        searcher = Searcher(dependencies.encoder, dependencies.index, dependencies.documents, audit)
        api = RetrievalApi(dependencies.documents, dependencies.originals, searcher, relay.wake)
        async with GrpcServer(process, service_names=[_SERVICE]) as server:
            retrieval_pb2_grpc.add_RetrievalServiceServicer_to_server(api, server.server)
            await server.serve_until_stopped()
        await dependencies.producer.close()


async def serve_indexer(process: Process[RetrievalSettings]) -> None:
    """Carries out announced changes."""
    settings = process.settings
    loaders = LoaderPool(
        settings.loader_processes,
        LoadLimits(max_pages=settings.max_pages, max_characters=settings.max_text_characters),
        settings.load_timeout_seconds,
    )
    async with open_dependencies(process) as dependencies:
        indexer = Indexer(
            dependencies.documents,
            dependencies.originals,
            loaders,
            dependencies.encoder,
            dependencies.index,
            chunk_tokens=settings.chunk_tokens,
            chunk_overlap_tokens=settings.chunk_overlap_tokens,
        )

        async def handle(event: Event) -> None:
            await indexer.apply(change_of(event))

        consumer = EventConsumer(
            settings.kafka_bootstrap_servers,
            "retrieval-indexer",
            [TOPIC],
            each(handle, concurrency=settings.index_concurrency),
        )
        process.health.add_check("broker", consumer.ready)
        try:
            await consumer.run(process.stopping)
        finally:
            loaders.close()


def main() -> None:
    """Entry point."""
    processes = {"api": (serve_api, RetrievalSettings), "indexer": (serve_indexer, IndexerSettings)}
    if len(sys.argv) < 2 or sys.argv[1] not in processes:
        print("usage: python -m whitebox_retrieval.main api|indexer [--help | --check]", file=sys.stderr)
        sys.exit(0 if "--help" in sys.argv else 2)
    role = sys.argv[1]
    serve, settings_class = processes[role]
    run_process(f"retrieval-{role}", settings_class, serve, argv=sys.argv[2:])


if __name__ == "__main__":
    main()
