"""Two hundred documents of mixed types, bad ones among them: the good become searchable, the bad are named."""

from __future__ import annotations

import io
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from docx import Document
from fpdf import FPDF
from pypdf import PdfReader, PdfWriter
from whitebox_local.gateway_client import GatewayClient, GatewayError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PLACES = [
    "Ardmore",
    "Brindle",
    "Corvane",
    "Dunwick",
    "Eskdale",
    "Farrow",
    "Glenmoor",
    "Hathersage",
    "Inverlock",
    "Jarrow",
]
GOODS = ["barley", "copper wire", "linen", "lamp oil", "slate", "wool", "honey", "timber", "salt", "cheese"]


def fact(number: int) -> tuple[str, str, str]:
    """A sentence that stands in document `number` alone, a question about it, and the answer."""
    place, goods = PLACES[number % 10], GOODS[number // 10 % 10]
    warehouse = f"W{number:04d}"
    amount = str(1000 + number * 7)
    sentence = f"Warehouse {warehouse} in {place} holds {amount} crates of {goods}."
    return sentence, f"How many crates of {goods} does warehouse {warehouse} in {place} hold?", amount


def padding(number: int) -> str:
    chooser = random.Random(number)
    return " ".join(
        f"The clerk in {chooser.choice(PLACES)} counted the {chooser.choice(GOODS)} on day {chooser.randint(1, 28)}."
        for _ in range(12)
    )


def pdf(text: str) -> bytes:
    document = FPDF()
    document.add_page()
    document.set_font("helvetica", size=11)
    document.multi_cell(0, 6, text)
    return bytes(document.output())


def docx(text: str) -> bytes:
    document = Document()
    for paragraph in text.split("\n"):
        document.add_paragraph(paragraph)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def write(folder: Path, number: int) -> Path:
    sentence, _, _ = fact(number)
    text = f"{padding(number)}\n{sentence}\n{padding(number + 1000)}"
    kind = ("pdf", "docx", "txt", "md", "html")[number % 5]
    content = {
        "pdf": lambda: pdf(text),
        "docx": lambda: docx(text),
        "txt": text.encode,
        "md": f"# Inventory {number}\n\n{text}".encode,
        "html": f"<html><body><h1>Inventory {number}</h1><p>{text}</p></body></html>".encode,
    }[kind]()
    path = folder / f"inventory-{number:03d}.{kind}"
    path.write_bytes(content)
    return path


def encrypted(folder: Path) -> Path:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("secret stock list"))))
    writer.encrypt("password", algorithm="AES-256")
    path = folder / "bad-encrypted.pdf"
    with path.open("wb") as file:
        writer.write(file)
    return path


@pytest.fixture(scope="module")
def outcome(platform, tmp_path_factory):
    """Uploads everything at once, and returns what became of each file."""
    folder = tmp_path_factory.mktemp("documents")
    good = [write(folder, number) for number in range(196)]
    bad = {
        "bad-empty.txt": b"",
        "bad-corrupt.pdf": b"%PDF-1.7\n" + bytes(range(256)) * 40,
        "bad-oversized.txt": b"x" * (50 * 2**20 + 1),
    }
    for name, content in bad.items():
        (folder / name).write_bytes(content)
    encrypted(folder)
    results: dict[str, dict] = {}

    def upload(path: Path) -> None:
        with platform.client() as client:
            try:
                accepted = client.upload(path)
            except GatewayError as error:
                results[path.name] = {"refused": str(error)}
                return
            client.wait_for_job(accepted["job"]["job_id"], timeout_seconds=400)
            results[path.name] = client.get(f"/v1/documents/{accepted['document']['document_id']}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(upload, [*good, *(folder / name for name in sorted(bad)), folder / "bad-encrypted.pdf"]))
    return results


def test_every_good_document_is_indexed(outcome) -> None:
    good = {name: result for name, result in outcome.items() if name.startswith("inventory")}
    assert len(good) == 196
    assert {name: result for name, result in good.items() if result.get("status") != "indexed"} == {}


def test_good_documents_answer_with_their_own_number(platform, outcome) -> None:
    with platform.client() as client:
        for number in (0, 41, 87, 123, 194):
            _, question, amount = fact(number)
            answer = client.post("/v1/questions", {"question": question})
            assert amount in answer["answer"], answer["answer"]
            assert any(f"inventory-{number:03d}" in citation["filename"] for citation in answer["citations"])


@pytest.mark.parametrize(
    ("name", "reason"), [("bad-empty.txt", "empty"), ("bad-encrypted.pdf", "encrypted"), ("bad-corrupt.pdf", "corrupt")]
)
def test_a_bad_document_is_reported_by_name_and_reason(outcome, name: str, reason: str) -> None:
    result = outcome[name]
    if "refused" in result:
        assert reason in result["refused"].lower()
    else:
        assert (result["status"], result["failure_code"]) == ("failed", reason)
        assert result["failure_reason"]


def test_an_oversized_document_is_refused_with_the_limit(outcome) -> None:
    assert "413" in outcome["bad-oversized.txt"]["refused"]


def test_deleting_removes_exactly_one_document(platform, outcome) -> None:
    _, question, amount = fact(41)
    _, neighbour_question, neighbour_amount = fact(42)
    document = outcome["inventory-041.docx"]
    with platform.client() as client:
        before = client.get("/v1/stats")
        deletion = client.delete(f"/v1/documents/{document['document_id']}")
        answer = client.post("/v1/questions", {"question": question})
        assert amount not in answer["answer"]
        assert client.wait_for_job(deletion["job"]["job_id"])["state"] == "succeeded"
        after = client.get("/v1/stats")
        assert before["chunks"] - after["chunks"] == document["chunk_count"]
        assert neighbour_amount in client.post("/v1/questions", {"question": neighbour_question})["answer"]


def test_uploading_the_same_bytes_again_makes_no_second_document(platform: object, outcome, tmp_path: Path) -> None:
    path = write(tmp_path, 7)
    client: GatewayClient
    with platform.client() as client:  # type: ignore[attr-defined]
        again = client.upload(path)
    assert again["duplicate"]
    assert again["document"]["document_id"] == outcome["inventory-007.txt"]["document_id"]
