"""Bad input on every route is a 4xx problem document with a reason, never a 5xx."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DEEP = b'{"question": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"
BODIES = {
    "not JSON": b"{",
    "bad UTF-8": b'{"question": "\xff\xfe"}',
    "deep JSON": DEEP,
    "wrong types": b'{"question": {"a": 1}, "model": [], "input": 5.5, "messages": "x", "events": 3, "entity_ids": {}}',
    "a list": b"[1, 2, 3]",
    "null": b"null",
    "NaN": b'{"question": NaN, "vector": [NaN], "input": NaN}',
    "NUL and a lone surrogate": rb'{"question": "\u0000\ud800", "model": "\ud800", "input": "\ud800", "entity_ids": ["\ud800"]}',
    "huge numbers": b'{"question": 1e999, "top_k": 99999999999999999999999999, "vector": [1e999]}',
    "huge body": b'{"question": "' + b"x" * (3 * 2**20) + b'"}',
    "nothing": b"",
}


def operations(url: str) -> list[tuple[str, str]]:
    """Every (method, path) that the gateway publishes, with path parameters filled in."""
    paths = httpx.get(f"{url}/openapi.json").json()["paths"]
    found = []
    for path, methods in paths.items():
        for method in methods:
            filled = path
            while "{" in filled:
                filled = filled[: filled.index("{")] + "nothing" + filled[filled.index("}") + 1 :]
            found.append((method.upper(), filled))
    return found


def assert_problem(response: httpx.Response) -> None:
    assert 400 <= response.status_code < 500, f"{response.request.url}: {response.status_code} {response.text[:300]}"
    assert response.headers["content-type"].startswith("application/problem+json")
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["title"]
    assert problem["detail"]
    assert problem["trace_id"]


@pytest.mark.parametrize("kind", BODIES)
def test_a_bad_body_is_refused_on_every_route_that_takes_one(platform, kind: str) -> None:
    headers = {"Authorization": f"Bearer {platform.api_key}", "Content-Type": "application/json"}
    posts = [path for method, path in operations(platform.url) if method == "POST" and not path.endswith("/reload")]
    assert len(posts) >= 9
    with httpx.Client(base_url=platform.url, headers=headers, timeout=60) as client:
        for path in posts:
            assert_problem(client.post(path, content=BODIES[kind]))


def test_every_route_but_health_and_docs_needs_a_key(platform) -> None:
    public = {"/health", "/live", "/ready", "/metrics", "/docs", "/openapi.json"}
    for method, path in operations(platform.url):
        if path in public:
            continue
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"X-API-Key": "nonsense"}):
            response = httpx.request(method, f"{platform.url}{path}", headers=headers, timeout=30)
            assert response.status_code == 401, f"{method} {path}"
            assert_problem(response)


def test_unknown_routes_and_methods_are_problems_too(platform) -> None:
    headers = {"Authorization": f"Bearer {platform.api_key}"}
    missing = httpx.get(f"{platform.url}/v1/nothing-here", headers=headers)
    assert missing.status_code == 404
    assert_problem(missing)
    wrong = httpx.put(f"{platform.url}/v1/questions", headers=headers)
    assert wrong.status_code == 405
    assert_problem(wrong)


@pytest.fixture
def key_of_another_tenant(platform) -> str:
    """A key for what may delete whatever it finds: schemathesis follows ids from answers into DELETE."""
    command = [
        sys.executable, "-m", "whitebox_gateway.keys", "create", "--quiet", "--tenant", "schemathesis",
        "--role", "user", "--role", "operator", "--file", str(platform.stack.home.api_keys_file),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_schemathesis_finds_no_server_error(platform, key_of_another_tenant: str, tmp_path) -> None:
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file", str(Path(__file__).with_name("schemathesis.toml")), "run", f"{platform.url}/openapi.json",
        "--checks", "not_a_server_error", "--max-examples", "10", "--seed", "1", "--workers", "2",
        "--header", f"Authorization: Bearer {key_of_another_tenant}", "--request-timeout", "60", "--no-color",
        "--exclude-path-regex", "/metrics|/docs",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=800, check=False)
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
