"""Latency of one search among 10,000 chunks through the index adapter, against exact search in this process's NumPy.

    python services/retrieval/benchmarks/search_latency.py

Ours is what the api process does for a question: the adapter, gRPC on loopback, the local vector engine in its own
process, and passages with text and metadata back. The peer is one matrix product over vectors that lie in this
process's memory, plus, in the hybrid row, BM25 over them. It has no process boundary, filter, payload or durability,
and is the floor for this many chunks. Both answer the same queries turn by turn; what they find is compared before
anything is reported. Prints one JSON line a row: p50 in milliseconds, and
how many of the exact ten nearest are found.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from whitebox.search import exact, fusion
from whitebox.search.bm25 import BM25, tokenize
from whitebox_retrieval.adapters.qdrant_index import QdrantIndex, open_client
from whitebox_retrieval.index import IndexedChunk, SearchFilter
from whitebox_retrieval.sparse import document_vector, query_vector
from whitebox_runtime.errors import Unavailable
from whitebox_runtime.testing import free_port

DIMENSIONS = 384
CANDIDATES = 30
Search = Callable[[NDArray[np.float32], str], Awaitable[Sequence[str]]]


def make_texts(count: int, chance: random.Random) -> list[str]:
    """Texts of 60 to 180 words, drawn from 20,000 words as unevenly as a language does."""
    words = [f"{chance.choice('bdfgklmnprstv')}{chance.choice('aeiou')}{n:x}" for n in range(20_000)]
    weights = [1 / (rank + 10) for rank in range(len(words))]
    return [" ".join(chance.choices(words, weights, k=chance.randint(60, 180))) for _ in range(count)]


def make_vectors(count: int, centres: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.float32]:
    """Unit vectors around some centres, as an encoder's are around topics."""
    vectors = centres[generator.integers(len(centres), size=count)] + generator.normal(0, 0.05, (count, DIMENSIONS))
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def make_chunks(texts: Sequence[str]) -> list[IndexedChunk]:
    return [
        IndexedChunk(
            chunk_id=str(uuid.UUID(int=number + 1)),
            tenant="benchmark",
            document_id=f"{number // 10:032x}",
            content_sha256=f"{number // 10:064x}",
            filename=f"document-{number // 10}.txt",
            media_type="text/plain",
            metadata={"team": f"team-{number % 7}"},
            chunk_index=number % 10,
            page=0,
            start=0,
            end=len(text),
            text=text,
        )
        for number, text in enumerate(texts)
    ]


async def fill(index: QdrantIndex, chunks: Sequence[IndexedChunk], vectors: NDArray[np.float32]) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await index.prepare("benchmark", DIMENSIONS)
                break
            except Unavailable:
                await asyncio.sleep(0.1)
    for start in range(0, len(chunks), 128):
        part = slice(start, start + 128)
        await index.upsert(chunks[part], vectors[part], [document_vector(chunk.text) for chunk in chunks[part]])


async def until_settled(index: QdrantIndex, vector: NDArray[np.float32]) -> None:
    """Waits until the engine, which builds its graph in one go once writing pauses, answers at its usual speed."""
    quick = 0
    async with asyncio.timeout(300):
        while quick < 20:
            await asyncio.sleep(0.25)
            began = time.perf_counter()
            try:
                await index.search("benchmark", vector, None, SearchFilter(), 5)
            except Unavailable:
                quick = 0
                continue
            quick = quick + 1 if time.perf_counter() - began < 0.25 else 0


async def compare(
    name: str, peer_name: str, ours: Search, peer: Search, queries: Sequence[tuple[NDArray[np.float32], str]]
) -> dict[str, object]:
    """Both sides on every query, turn by turn, after a warm-up of ten."""
    durations: dict[str, list[float]] = {"ours": [], "peer": []}
    overlap: list[float] = []
    for number, (vector, text) in enumerate(queries):
        found = {}
        for side, search in (("ours", ours), ("peer", peer)):
            began = time.perf_counter()
            found[side] = await search(vector, text)
            if number >= 10:
                durations[side].append(1000 * (time.perf_counter() - began))
        overlap.append(len(set(found["ours"]) & set(found["peer"])) / len(found["peer"]))
    if statistics.mean(overlap) < 0.9:
        raise SystemExit(
            f"{name}: only {statistics.mean(overlap):.2f} of the exact results are found; nothing to compare"
        )
    p50 = {side: statistics.median(values) for side, values in durations.items()}
    return {
        "name": name,
        "ours": round(p50["ours"], 3),
        "peer": round(p50["peer"], 3),
        "peer_name": peer_name,
        "ratio": round(p50["peer"] / p50["ours"], 2),
        "unit": "ms p50",
        "recall": round(statistics.mean(overlap), 3),
    }


async def measure(address: str, count: int, searches: int) -> None:
    chance, generator = random.Random(3), np.random.default_rng(3)
    centres = generator.normal(0, 1 / DIMENSIONS**0.5, (200, DIMENSIONS)).astype(np.float32)
    texts = make_texts(count, chance)
    vectors = make_vectors(count, centres, generator)
    chunks = make_chunks(texts)
    client = open_client(address)
    index = QdrantIndex(client)
    await fill(index, chunks, vectors)
    await until_settled(index, vectors[0])
    bm25 = BM25().fit([tokenize(text) for text in texts])
    ids = [chunk.chunk_id for chunk in chunks]
    everything = SearchFilter()

    async def dense(vector: NDArray[np.float32], _text: str) -> list[str]:
        hits, _ = await index.search("benchmark", vector, None, everything, 5)
        return [hit.chunk.chunk_id for hit in hits]

    async def exact_dense(vector: NDArray[np.float32], _text: str) -> list[str]:
        best, _ = exact.search(vector[None], vectors, 5, metric="dot")
        return [ids[at] for at in best[0]]

    async def recall_at_10(asked: NDArray[np.float32]) -> dict[str, object]:
        best, _ = exact.search(asked, vectors, 10, metric="dot")
        shares = []
        for vector, expected in zip(asked, best, strict=True):
            hits, _ = await index.search("benchmark", vector, None, everything, 10)
            shares.append(len({hit.chunk.chunk_id for hit in hits} & {ids[at] for at in expected}) / 10)
        recall = statistics.mean(shares)
        return {
            "name": f"search_dense_recall_{count // 1000}k",
            "ours": round(recall, 4),
            "peer": 1.0,
            "peer_name": "whitebox.search.exact",
            "ratio": round(recall, 4),
            "unit": "recall@10",
        }

    async def hybrid(vector: NDArray[np.float32], text: str) -> list[str]:
        lists = await index.search("benchmark", vector, query_vector(text), everything, CANDIDATES)
        fused = fusion.reciprocal_rank_fusion([[hit.chunk.chunk_id for hit in hits] for hits in lists])
        return [chunk_id for chunk_id, _ in fused[:5]]

    async def exact_hybrid(vector: NDArray[np.float32], text: str) -> list[str]:
        nearest, _ = exact.search(vector[None], vectors, CANDIDATES, metric="dot")
        best, _ = bm25.search(tokenize(text), CANDIDATES)
        fused = fusion.reciprocal_rank_fusion([nearest[0].tolist(), best.tolist()])
        return [ids[at] for at, _ in fused[:5]]

    asked = make_vectors(searches + 10, centres, generator)
    queries = [(vector, " ".join(chance.sample(chance.choice(texts).split(), 6))) for vector in asked]
    size = f"{count // 1000}k"
    print(json.dumps(await compare(f"search_dense_top5_{size}", "NumPy exact in process", dense, exact_dense, queries)))
    print(json.dumps(await recall_at_10(asked)))
    peer = "NumPy exact + whitebox BM25 in process"
    print(json.dumps(await compare(f"search_hybrid_top5_{size}", peer, hybrid, exact_hybrid, queries)))
    await client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--searches", type=int, default=200)
    arguments = parser.parse_args()
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "whitebox_local.qdrant_edge", "--path", folder, "--port", str(port)]
        engine = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            asyncio.run(measure(f"http://127.0.0.1:{port}", arguments.chunks, arguments.searches))
        finally:
            engine.terminate()
            engine.wait()


if __name__ == "__main__":
    main()
