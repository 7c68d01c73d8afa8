"""Originals in a folder and in an S3 bucket."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from whitebox_retrieval.adapters.object_store import Originals, open_store
from whitebox_runtime.errors import InvalidArgument, PayloadTooLarge, Unavailable

MOST = 12 * 2**20


@pytest.fixture(scope="module")
def s3_address():
    server = pytest.importorskip("moto.server", reason="moto's server is not installed: pip install moto[server]")
    threaded = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    threaded.start()
    host, port = threaded.get_host_and_port()
    yield f"http://{host}:{port}"
    threaded.stop()


@pytest.fixture
def s3_url(s3_address, monkeypatch) -> str:
    # The usual AWS variables, which the store reads by itself.
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_address)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    import boto3

    client = boto3.client("s3", endpoint_url=s3_address, region_name="us-east-1")
    client.create_bucket(Bucket="originals")
    return f"s3://originals/{uuid.uuid4().hex}"


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def store(request, tmp_path):
    url = request.getfixturevalue("s3_url") if request.param == "s3" else (tmp_path / "a folder").as_uri()
    return Originals(open_store(url), MOST)


async def parts(*contents: bytes) -> AsyncIterator[bytes]:
    for content in contents:
        yield content


@pytest.mark.parametrize(
    "contents",
    [(b"The ", b"tide."), (), (b"x",), (bytes(range(256)) * 4096,) * 11],
    ids=["two parts", "empty", "a byte", "more than an S3 part"],
)
async def test_an_original_comes_back_as_it_went(store, contents):
    whole = b"".join(contents)
    stored = await store.put("acme", parts(*contents))
    assert (stored.sha256, stored.size_bytes) == (hashlib.sha256(whole).hexdigest(), len(whole))
    assert await store.get(stored.key) == whole


async def test_the_same_bytes_twice_are_two_originals_so_that_each_can_go(store):
    first, second = await asyncio.gather(store.put("acme", parts(b"x")), store.put("acme", parts(b"x")))
    assert first.sha256 == second.sha256
    await store.delete(first.key)
    assert await store.get(second.key) == b"x"
    with pytest.raises(FileNotFoundError):
        await store.get(first.key)


async def test_deleting_again_does_no_harm(store):
    stored = await store.put("acme", parts(b"x"))
    await store.delete(stored.key)
    await store.delete(stored.key)


async def test_one_that_is_too_large_is_refused_while_it_comes_in(store):
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 2**20
            yield b"x" * 2**20

    with pytest.raises(PayloadTooLarge, match="larger than"):
        await store.put("acme", endless())
    assert sent <= MOST + 10 * 2**20
    assert await stored_keys(store) == []


async def test_an_upload_that_breaks_off_leaves_nothing(store):
    async def breaking() -> AsyncIterator[bytes]:
        yield b"x" * 6 * 2**20
        raise InvalidArgument("after the header, every message must carry data")

    with pytest.raises(InvalidArgument):
        await store.put("acme", breaking())
    assert await stored_keys(store) == []


async def stored_keys(store: Originals) -> list[str]:
    return [entry["path"] for batch in store._store.list() for entry in batch]


async def test_no_tenants_name_leaves_its_folder(store):
    stored = await store.put("../../etc", parts(b"x"))
    assert stored.key.startswith(f"originals/{b'../../etc'.hex()}/")
    assert await stored_keys(store) == [stored.key]


async def test_a_store_that_is_there_passes_its_check(store):
    await store.check()


async def test_a_bucket_that_is_away_is_unavailable(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    store = Originals(open_store("s3://originals"), MOST)
    async with asyncio.timeout(60):
        with pytest.raises(Unavailable, match="does not answer"):
            await store.check()


def test_without_an_address_it_is_a_folder_below_the_working_directory(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    open_store("")
    assert (tmp_path / ".whitebox/data/objects").is_dir()


@pytest.mark.parametrize("url", ["http://host/bucket", "s3://", "/plain/path", "file"])
def test_other_addresses_are_refused_with_what_to_write(url):
    with pytest.raises(InvalidArgument, match="must start with file:/// or s3://"):
        open_store(url)
