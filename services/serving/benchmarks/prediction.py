"""Predictions per second of the running service against FastAPI calling `model.predict_proba`, turn by turn.

    python services/serving/benchmarks/prediction.py

Both serve a random forest of 100 trees on the breast cancer data, fitted on the same rows with the same seed, one row
a request, as processes of their own on this machine; the load comes from a third. Their answers are compared before
anything is reported. Prints one JSON line for each number of concurrent callers; the ratio is the median over the
rounds of ours / peer.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import grpc.aio
import httpx
import numpy as np
import uvicorn
import uvloop
from fastapi import FastAPI
from pydantic import BaseModel
from whitebox_contracts.serving.v1 import serving_pb2 as pb
from whitebox_contracts.serving.v1 import serving_pb2_grpc
from whitebox_runtime.testing import free_port
from whitebox_serving import datasets, training

MODEL = "breast-cancer"
START_SECONDS = 60.0


class Features(BaseModel):
    features: list[float]


def serve_peer(port: int) -> None:
    """FastAPI as most people write it: the model in a global, `predict_proba` in the handler."""
    forest = training.choose_estimator("forest", "classifier")
    model = training.fit(datasets.load(MODEL), forest, seed=0, folds=2).model
    app = FastAPI()

    @app.post("/predict")
    async def predict(body: Features) -> dict[str, object]:
        probabilities = model.predict_proba(np.array([body.features], np.float32))[0]
        return {"class_index": int(probabilities.argmax()), "probabilities": probabilities.tolist()}

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


Call = Callable[[int], Awaitable[list[float]]]


async def measure(call: Call, callers: int, seconds: float) -> tuple[float, float]:
    """Requests per second, and the 95th percentile of their time in seconds."""
    times: list[float] = []
    end = time.perf_counter() + seconds

    async def caller(number: int) -> None:
        while (began := time.perf_counter()) < end:
            await call(number)
            times.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    return len(times) / (time.perf_counter() - began), statistics.quantiles(times, n=20)[-1] if len(times) > 1 else 0.0


async def until(answers: Callable[[], Awaitable[object]]) -> None:
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            await answers()
        except (grpc.aio.AioRpcError, httpx.TransportError):
            if time.monotonic() > give_up:
                raise
            await asyncio.sleep(0.1)
        else:
            return


async def compare(grpc_port: int, http_port: int, levels: list[int], rounds: int, seconds: float) -> None:
    rows = datasets.load(MODEL).rows
    requests = [pb.InferRequest(model=MODEL, rows=1, features=row.tobytes()) for row in rows]
    bodies = [json.dumps({"features": row.tolist()}) for row in rows]
    limits = httpx.Limits(max_connections=max(levels), max_keepalive_connections=max(levels))
    async with (
        grpc.aio.insecure_channel(f"127.0.0.1:{grpc_port}") as channel,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{http_port}", limits=limits, timeout=60) as client,
    ):
        stub = serving_pb2_grpc.ServingServiceStub(channel)

        async def ours(row: int) -> list[float]:
            answer = await stub.Infer(requests[row], timeout=60)
            return np.frombuffer(answer.probabilities, "<f4").tolist()

        async def peer(row: int) -> list[float]:
            answer = await client.post("/predict", content=bodies[row], headers={"content-type": "application/json"})
            probabilities: list[float] = answer.raise_for_status().json()["probabilities"]
            return probabilities

        await until(lambda: ours(0))
        await until(lambda: peer(0))
        for row in range(0, len(rows), 25):
            np.testing.assert_allclose(await ours(row), await peer(row), atol=1e-5)
        for callers in levels:
            figures = [
                (await measure(ours, callers, seconds), await measure(peer, callers, seconds)) for _ in range(rounds)
            ]
            report(callers, figures)


def report(callers: int, figures: list[tuple[tuple[float, float], tuple[float, float]]]) -> None:
    median = statistics.median
    line = {
        "name": f"random forest, one row, {callers} callers" if callers > 1 else "random forest, one row, 1 caller",
        "ours": round(median(ours[0] for ours, _ in figures), 1),
        "peer": round(median(peer[0] for _, peer in figures), 1),
        "peer_name": "FastAPI calling scikit-learn",
        "ratio": round(median(ours[0] / peer[0] for ours, peer in figures), 2),
        "unit": "requests/s",
        "ours_p95_ms": round(1000 * median(ours[1] for ours, _ in figures), 2),
        "peer_p95_ms": round(1000 * median(peer[1] for _, peer in figures), 2),
    }
    print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each side in each round")
    parser.add_argument("--serve-peer", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve_peer:
        serve_peer(options.serve_peer)
        return
    grpc_port, http_port = free_port(), free_port()
    with ExitStack() as stack:
        store = stack.enter_context(tempfile.TemporaryDirectory())
        subprocess.run(
            [
                sys.executable,
                "-m",
                "whitebox_serving.train",
                MODEL,
                "--estimator",
                "forest",
                "--store",
                store,
                "--folds",
                "2",
            ],
            check=True,
            capture_output=True,
        )
        environment = os.environ | {
            "WHITEBOX_SERVING_PORT": str(grpc_port),
            "WHITEBOX_SERVING_METRICS_PORT": "-1",
            "WHITEBOX_SERVING_MODEL_STORE": store,
            "WHITEBOX_SERVING_LOG_LEVEL": "WARNING",
        }
        for command in (["-m", "whitebox_serving.main"], [str(Path(__file__)), "--serve-peer", str(http_port)]):
            process = subprocess.Popen([sys.executable, *command], env=environment, stdout=sys.stderr)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        uvloop.run(compare(grpc_port, http_port, options.callers, options.rounds, options.seconds))


if __name__ == "__main__":
    main()
