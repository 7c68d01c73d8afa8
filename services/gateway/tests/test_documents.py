"""Uploading, listing, deleting; streaming with bounded memory."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest


async def test_an_upload_is_relayed_whole_with_its_name_metadata_and_job(gateway) -> None:
    content = bytes(range(256)) * 4096
    response = await gateway.client.post(
        "/v1/documents",
        data={"metadata": json.dumps({"team": "ops", "überschrift": "ja"})},
        files={"file": ("report.pdf", content, "application/pdf")},
        headers={"Idempotency-Key": "k-1"},
    )
    assert response.status_code == 202, response.text
    body = response.json()
    document = body["document"]
    assert gateway.backends.retrieval.contents[document["document_id"]] == content
    assert document["filename"] == "report.pdf"
    assert document["metadata"] == {"team": "ops", "überschrift": "ja"}
    assert document["status"] == "accepted"
    assert document["created_at"] == "2023-11-14T22:13:20Z"
    assert body["job"] == {"job_id": document["job_id"], "url": f"/v1/jobs/{document['job_id']}"}
    assert response.headers["location"] == f"/v1/documents/{document['document_id']}"
    assert gateway.backends.retrieval.documents["d0"].tenant == "acme"
    again = await gateway.client.post("/v1/documents", files={"file": ("other.pdf", content)})
    assert again.json()["duplicate"] is True


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("C:\\Users\\me\\plan.txt", "plan.txt"),
        ("/etc/../secret/plan.txt", "plan.txt"),
        ("Überblick – 計画.txt", "Überblick – 計画.txt"),
        ('quote".txt', 'quote".txt'),
    ],
)
async def test_file_names_lose_their_path_and_keep_their_script(gateway, sent: str, kept: str) -> None:
    response = await gateway.client.post("/v1/documents", files={"file": (sent, b"x")})
    assert response.json()["document"]["filename"] == kept


async def test_an_extended_file_name_is_understood(gateway) -> None:
    body = (
        b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename*=UTF-8''na%C3%AFve.txt\r\n\r\nabc\r\n--b--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    response = await gateway.client.post("/v1/documents", content=body, headers=headers)
    assert response.json()["document"]["filename"] == "naïve.txt"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "form_cut"),
        (b"--b--\r\n", "file_missing"),
        (b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc", "form_cut"),
        (b"--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nabc\r\n--b--\r\n", "form_part_unknown"),
        (b"--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nabc\r\n--b--\r\n", "filename_missing"),
        (b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\x00b\"\r\n\r\nabc\r\n--b--\r\n", "filename_bad"),
        (b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\xff\"\r\n\r\nabc\r\n--b--\r\n", "form_malformed"),
        (b"--b\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n[1]\r\n--b--\r\n", "metadata_bad"),
        (b"--b\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{\"a\": 1}\r\n--b--\r\n", "metadata_bad"),
        (b"--b\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{\"a\": \"\xff\"}\r\n--b--\r\n", "json_invalid"),
        (b"--b\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{}\r\n--b--\r\n", "file_missing"),
        (
            b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc\r\n"
            b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b\"\r\n\r\nabc\r\n--b--\r\n",
            "two_files",
        ),
        (
            b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc\r\n"
            b"--b\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{}\r\n--b--\r\n",
            "metadata_late",
        ),
        (b"junk", "form_malformed"),
    ],
)  # fmt: skip
async def test_a_broken_form_is_refused_and_stores_nothing(gateway, assert_problem, body: bytes, reason: str) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert_problem(await gateway.client.post("/v1/documents", content=body, headers=headers), 400, reason)
    assert gateway.backends.retrieval.documents == {}


@pytest.mark.parametrize("kind", ["application/json", "", "multipart/form-data", "multipart/form-data; boundary="])
async def test_anything_but_a_form_is_refused(gateway, kind: str) -> None:
    response = await gateway.client.post("/v1/documents", content=b"{}", headers={"Content-Type": kind})
    assert response.status_code in (400, 415)


@pytest.mark.parametrize("announced", [True, False])
async def test_a_document_over_the_limit_is_refused_with_the_limit(
    start_gateway, assert_problem, announced: bool
) -> None:
    gateway = await start_gateway(max_upload_bytes=100_000)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'

    async def chunks():
        yield head
        for _ in range(200):
            yield b"x" * 10_000
        yield b"\r\n--b--\r\n"

    content = head + b"x" * 2_000_000 + b"\r\n--b--\r\n" if announced else chunks()
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    response = await gateway.client.post("/v1/documents", content=content, headers=headers)
    # Whichever limit is met first: the document's, or the body's with its form around it.
    assert assert_problem(response, 413)["reason"] in {"document_too_large", "body_too_large"}
    assert gateway.backends.retrieval.documents == {}


async def test_an_upload_that_breaks_off_is_not_stored(gateway) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc'
    started = asyncio.Event()

    async def chunks():
        yield head
        started.set()
        await asyncio.sleep(30)

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    sending = asyncio.create_task(gateway.client.post("/v1/documents", content=chunks(), headers=headers))
    await started.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await asyncio.wait_for(gateway.backends.retrieval.aborted.wait(), 5)
    assert gateway.backends.retrieval.documents == {}


@pytest.mark.parametrize("key", ["", "x" * 129, "a b", "é"])
async def test_a_bad_idempotency_key_is_refused(gateway, assert_problem, key: str) -> None:
    headers = {"Idempotency-Key": key.encode("latin-1")}
    assert_problem(await gateway.client.post("/v1/documents", files={"file": ("a", b"x")}, headers=headers), 400)


async def test_lists_page_by_page_and_each_tenant_sees_its_own(gateway, assert_problem) -> None:
    for number in range(3):
        await gateway.client.post("/v1/documents", files={"file": (f"{number}.txt", str(number).encode())})
    first = (await gateway.client.get("/v1/documents", params={"limit": 2})).json()
    second = (await gateway.client.get("/v1/documents", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [d["filename"] for d in first["documents"] + second["documents"]] == ["0.txt", "1.txt", "2.txt"]
    assert second["next_cursor"] is None
    async with httpx.AsyncClient(base_url=gateway.url, headers={"X-API-Key": gateway.other_tenant_key}) as other:
        assert (await other.get("/v1/documents")).json()["documents"] == []
        assert_problem(await other.get("/v1/documents/d0"), 404, "document_not_found")
        assert_problem(await other.delete("/v1/documents/d0"), 404, "document_not_found")
    assert_problem(await gateway.client.get("/v1/documents", params={"cursor": "nonsense"}), 400, "bad_page_token")


async def test_deleting_answers_with_the_job_that_does_it(gateway) -> None:
    await gateway.client.post("/v1/documents", files={"file": ("a.txt", b"x")})
    response = await gateway.client.delete("/v1/documents/d0")
    assert response.status_code == 202
    assert response.json()["document"]["status"] == "deleting"
    job = (await gateway.client.get(response.json()["job"]["url"])).json()
    assert (job["state"], job["error_code"]) == ("succeeded", None)


async def test_totals(gateway) -> None:
    totals = (await gateway.client.get("/v1/stats")).json()
    assert totals == {"documents_accepted": 0, "documents_indexed": 0, "documents_failed": 0, "chunks": 3, "bytes": 10}
