"""`whitebox demo`: shows the platform at work on documents, a model and a feature view, and says what it did."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from whitebox_local.gateway_client import GatewayClient, GatewayError, find_documents
from whitebox_local.presentation import (
    show_answer,
    show_completion_check,
    show_embedding_check,
    show_features,
    show_prediction,
)

SAMPLES = Path(__file__).parents[2] / "samples"
ANSWERABLE = "How often is the gearbox oil of a turbine changed?"
UNANSWERABLE = "What is the salary of the duty manager?"
CUSTOMER = "customer-42"
CHECKED_TEXTS = ("Tides rise twice a day.", "Les marées sont causées par la lune.")
CHECKED_PROMPT = "Tides rise and fall because of"
CHECKED_COMPLETION = " the gravity of the moon and the sun."


def run_demo(client: GatewayClient, console: Console, samples: Path = SAMPLES) -> None:
    """Indexes the samples, asks two questions, predicts, recomputes what the models serve, and reads features.

    Raises:
        GatewayError: at the first step that does not do what it should.
    """
    ingest(client, console, find_documents([samples]))

    console.rule("[bold]Ask: the answer stands on one page of one PDF")
    answer = client.post("/v1/questions", {"question": ANSWERABLE})
    show_answer(console, ANSWERABLE, answer)
    if not any(citation["filename"] == "halden-handbook.pdf" for citation in answer["citations"]):
        raise GatewayError("the answer does not cite the handbook")

    console.rule("[bold]Ask: the documents do not say")
    refusal = client.post("/v1/questions", {"question": UNANSWERABLE})
    show_answer(console, UNANSWERABLE, refusal)
    if refusal["outcome"] != "not_found":
        raise GatewayError("a question without an answer in the documents was answered")

    console.rule("[bold]Predict: a classical model, with its probabilities")
    predict_typical(client, console, "breast-cancer")

    console.rule("[bold]Check: what the models serve, recomputed from their weights in plain NumPy")
    check(client, console, list(CHECKED_TEXTS), CHECKED_PROMPT, CHECKED_COMPLETION)

    console.rule("[bold]Features: events in, windowed aggregates out, each with its age")
    push_and_read(client, console)


def ingest(client: GatewayClient, console: Console, paths: list[Path]) -> list[dict[str, Any]]:
    """Uploads documents and waits until each is searchable or refused. Returns the documents as they ended."""
    if not paths:
        raise GatewayError("there is nothing to ingest: name files or folders with PDF, DOCX, TXT, MD or HTML files")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    ended = []
    with Progress(*columns, console=console) as progress:
        upload = progress.add_task("uploading", total=len(paths))
        index = progress.add_task("indexing ", total=len(paths))
        accepted = []
        for path in paths:
            try:
                accepted.append(client.upload(path))
            except GatewayError as error:
                console.print(f"[red]{path.name}[/]: {error}")
                progress.advance(index)
            progress.advance(upload)
        for upload_result in accepted:
            client.wait_for_job(upload_result["job"]["job_id"])
            document = client.get(f"/v1/documents/{upload_result['document']['document_id']}")
            ended.append(document)
            if document["status"] == "failed":
                console.print(f"[red]{document['filename']}[/]: {document['failure_reason']}")
            progress.advance(index)
    for document in ended:
        if document["status"] == "indexed":
            pages = f"{document['page_count']} pages, " if document["page_count"] else ""
            console.print(f"  [green]✓[/] {document['filename']}: {pages}{document['chunk_count']} chunks")
    return ended


def typical_features(client: GatewayClient, model: str) -> dict[str, float]:
    """The mean of each feature in a model's training data, as its manifest states it."""
    description = client.get(f"/v1/predictors/{model}")
    return {feature["name"]: feature["mean"] for feature in description["features"]}


def predict_typical(client: GatewayClient, console: Console, model: str) -> None:
    """Predicts for the average row of a model's training data, and says what each feature contributed."""
    features = typical_features(client, model)
    console.print(f"[dim]input: the mean of every feature in the training data ({len(features)} features)[/]")
    show_prediction(console, client.post("/v1/predict", {"model": model, "features": features, "explain": True}))


def check(client: GatewayClient, console: Console, texts: list[str], prompt: str, completion: str) -> None:
    """Has the models' vectors and log-probabilities recomputed by libs/whitebox, and shows both.

    Raises:
        GatewayError: They do not agree.
    """
    embeddings = client.post("/v1/self-checks/embeddings", {"texts": texts})
    show_embedding_check(console, texts, embeddings)
    tokens = client.post("/v1/self-checks/completions", {"prompt": prompt, "completion": completion})
    show_completion_check(console, prompt, tokens)
    if not (embeddings["agrees"] and tokens["agrees"]):
        raise GatewayError("what is served differs from what libs/whitebox computes from the same weights")


def push_and_read(client: GatewayClient, console: Console) -> None:
    """Sends five transactions, waits until the stream process has counted them, and reads the view."""
    view, feature = "customer_spend", "transaction_count_1h"
    before = _value(_read(client, view), feature)
    now = datetime.now(UTC)
    events = [
        {
            "event_id": str(uuid.uuid4()),
            "source": "transactions",
            "entity_id": CUSTOMER,
            "event_time": (now - timedelta(seconds=8 - i)).isoformat(),
            "values": {"amount": amount},
        }
        for i, amount in enumerate((12.5, 80.0, 7.25, 45.9, 3.35))
    ]
    pushed = client.post("/v1/features/events", {"events": events})
    console.print(f"pushed {pushed['accepted']} events for {CUSTOMER}")
    deadline = time.monotonic() + 60
    while True:
        read = _read(client, view)
        if _value(read, feature) >= before + len(events):
            break
        if time.monotonic() > deadline:
            raise GatewayError("the pushed events did not reach the online store within a minute")
        time.sleep(0.2)
    show_features(console, read)


def _read(client: GatewayClient, view: str) -> dict[str, Any]:
    result: dict[str, Any] = client.get(f"/v1/features/{view}/online/{CUSTOMER}")
    return result


def _value(read: dict[str, Any], feature: str) -> float:
    return next(float(item["value"]) for item in read["entities"][0]["values"] if item["feature"] == feature)
