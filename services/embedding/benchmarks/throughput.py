"""Texts per second through the batcher, against sentence-transformers in fp32, one thread each, turn by turn.

    WHITEBOX_ORACLE_PYTHON=/path/to/python python services/embedding/benchmarks/throughput.py

The named Python needs torch and sentence-transformers. Both sides get the same texts and weights, and their vectors are
compared before anything is reported. Prints one JSON line; the ratio is the median over the rounds of ours / peer.
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
from pathlib import Path
from typing import IO

os.environ["OMP_NUM_THREADS"] = "1"

WORDS = """
    the river carries silt from mountains to a delta where farmers grow rice and fishermen mend nets before storms
    arrive each autumn while engineers measure the tide and teachers explain how energy moves between water and land
""".split()


def make_texts(count: int) -> list[str]:
    """Texts of 10 to 250 tokens, 130 on average."""
    chance = random.Random(11)
    return [" ".join(chance.choices(WORDS, k=chance.randint(8, 248))) for _ in range(count)]


def peer(folder: str, vectors_path: str) -> None:
    """Runs in the other Python: reads the texts, then answers each line on stdin by encoding them once."""
    import numpy as np
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    model = SentenceTransformer(folder, device="cpu", local_files_only=True)
    texts = json.loads(sys.stdin.readline())
    vectors = model.encode(texts[:32], batch_size=32, show_progress_bar=False)
    reply("ready")
    for _ in sys.stdin:
        start = time.perf_counter()
        vectors = model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
        reply(time.perf_counter() - start)
    np.save(vectors_path, vectors)


def reply(value: object) -> None:
    print("@" + json.dumps(value), flush=True)


def ask(stream: IO[str], line: str | None, answers: IO[str]) -> object:
    """Sends a line and reads the peer's next answer, whatever its libraries print in between."""
    if line is not None:
        stream.write(line + "\n")
        stream.flush()
    for answer in answers:
        if answer.startswith("@"):
            return json.loads(answer[1:])
    raise SystemExit("the peer ended early; see its messages above")


def start_peer(python: str, vectors_path: Path) -> subprocess.Popen[str]:
    from whitebox_embedding.model_folder import default_folder

    command = [python, __file__, "--peer", str(default_folder()), str(vectors_path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


async def measure(python: str, texts: list[str], rounds: int, precision: str) -> dict[str, object]:
    import numpy as np
    from whitebox_embedding.adapters.onnx_encoder import OnnxEncoder
    from whitebox_embedding.adapters.tokenizer import HuggingFaceTokenizer
    from whitebox_embedding.batcher import Batcher
    from whitebox_embedding.bundle import ensure_bundle
    from whitebox_embedding.embedder import Embedder
    from whitebox_embedding.settings import EmbeddingSettings

    settings = EmbeddingSettings(precision=precision, max_waiting_texts=2 * len(texts) + 512)
    with tempfile.TemporaryDirectory() as folder:
        vectors_path = Path(folder, "vectors.npy")
        bundle = ensure_bundle(Path(folder), settings.choice, HuggingFaceTokenizer)
        tokenizer = HuggingFaceTokenizer(bundle.tokenizer_path, bundle.manifest.max_tokens)
        encoder = OnnxEncoder(bundle.graph_path, intra_op_threads=1)
        batcher = Batcher(
            encoder,
            dimensions=bundle.manifest.dimensions,
            padding_id=tokenizer.padding_id,
            max_batch_tokens=settings.max_batch_tokens,
        )
        embedder = Embedder(tokenizer, batcher, max_waiting_texts=settings.max_waiting_texts)
        await embedder.embed(texts[:32])
        other = start_peer(python, vectors_path)
        assert other.stdin is not None
        assert other.stdout is not None
        ask(other.stdin, json.dumps(texts), other.stdout)
        ours, theirs = [], []
        for _ in range(rounds):
            start = time.perf_counter()
            vectors = (await embedder.embed(texts)).vectors
            ours.append(len(texts) / (time.perf_counter() - start))
            theirs.append(len(texts) / float(str(ask(other.stdin, "go", other.stdout))))
        other.stdin.close()
        other.wait()
        embedder.close()
        batcher.close()
        smallest = float((vectors * np.load(vectors_path)).sum(axis=1).min())
    if smallest < (0.99999 if precision == "fp32" else 0.98):
        raise SystemExit(f"the vectors differ (smallest cosine {smallest:.6f}); there is nothing to compare")
    return {
        "name": f"embedding_throughput_{precision}",
        "ours": round(statistics.median(ours), 1),
        "peer": round(statistics.median(theirs), 1),
        "peer_name": "sentence-transformers fp32",
        "ratio": round(statistics.median(a / b for a, b in zip(ours, theirs, strict=True)), 2),
        "unit": "texts/s",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", choices=["fp32", "int8"], default="fp32")
    parser.add_argument("--peer", nargs=2, metavar=("FOLDER", "VECTORS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        peer(*arguments.peer)
        return
    python = os.environ.get("WHITEBOX_ORACLE_PYTHON")
    if not python:
        raise SystemExit("set WHITEBOX_ORACLE_PYTHON to a Python with torch and sentence-transformers")
    texts = make_texts(arguments.texts)
    print(json.dumps(asyncio.run(measure(python, texts, arguments.rounds, arguments.precision))))


if __name__ == "__main__":
    main()
