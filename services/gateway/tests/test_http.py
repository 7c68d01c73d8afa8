"""What holds on every route: keys, problems, limits, traces, shedding, compression, health."""

from __future__ import annotations

import asyncio
import hashlib
import json

import httpx
import pytest

QUESTION = {"question": "How deep is the water?"}
POSTS = [
    "/v1/questions", "/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/predict", "/v1/predict/batch",
    "/v1/features/events", "/v1/features/spend/online", "/v1/features/spend/historical",
]  # fmt: skip
BAD_BODIES = {
    "not JSON": b"{",
    "empty": b"",
    "bad UTF-8": b'{"question": "\xff"}',
    "deep": b'{"question": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "deep enough for the parser": b'{"question": ' + b"[" * 200 + b"]" * 200 + b"}",
    "NaN": b'{"question": NaN}',
    "infinite": b'{"vector": [1e999], "model": "sum"}',
    "lone surrogate": rb'{"question": "\ud800"}',
    "NUL": rb'{"question": "a\u0000b", "model": "a\u0000b", "input": "a\u0000b", "prompt": "\u0000"}',
    "a list": b"[1]",
    "null": b"null",
    "unknown field": b'{"surprise": 1}',
}


@pytest.mark.parametrize("kind", BAD_BODIES)
async def test_a_bad_body_is_a_problem_on_every_route(gateway, assert_problem, kind: str) -> None:
    for path in POSTS:
        response = await gateway.client.post(
            path, content=BAD_BODIES[kind], headers={"Content-Type": "application/json"}
        )
        problem = assert_problem(response, 400)
        assert problem["instance"] == path


async def test_an_escaped_backslash_before_u0000_is_ordinary_text(gateway) -> None:
    body = rb'{"input": "C:\\u0000"}'
    response = await gateway.client.post("/v1/embeddings", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic abc"},
        {"X-API-Key": "wrong"},
        {"X-API-Key": "é" * 9000},
    ],
)
async def test_without_a_known_key_nothing_but_health_answers(gateway, assert_problem, headers) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    async with httpx.AsyncClient(base_url=gateway.url) as stranger:
        for method, path in (("GET", "/v1/documents"), ("POST", "/v1/questions"), ("GET", "/v1/nothing"), ("PUT", "/")):
            response = await stranger.request(method, path, headers=raw)
            assert_problem(response, 401)
            assert response.headers["www-authenticate"].startswith("Bearer")
        for path in ("/health", "/live", "/ready", "/metrics", "/docs", "/openapi.json"):
            assert (await stranger.get(path)).status_code == 200, path


async def test_a_key_works_in_either_header_and_is_followed_when_the_file_changes(gateway, monkeypatch) -> None:
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        for headers in ({"X-API-Key": gateway.key}, {"Authorization": f"bearer {gateway.key}"}):
            assert (await client.get("/v1/stats", headers=headers)).status_code == 200
        monkeypatch.setattr("whitebox_gateway.authentication._LOOK_SECONDS", 0.0)
        new = {"id": "n", "sha256": hashlib.sha256(b"new").hexdigest(), "tenant": "t", "roles": ["user"]}
        gateway.keys_file.write_text(json.dumps(new) + "\n")
        assert (await client.get("/v1/stats", headers={"X-API-Key": "new"})).status_code == 200
        assert (await client.get("/v1/stats", headers={"X-API-Key": gateway.key})).status_code == 401
        gateway.keys_file.write_text("{broken")
        assert (await client.get("/v1/stats", headers={"X-API-Key": "new"})).status_code == 200


async def test_unknown_paths_and_methods_are_problems(gateway, assert_problem) -> None:
    assert_problem(await gateway.client.get("/v1/nothing-here"), 404, "route_not_found")
    response = await gateway.client.put("/v1/documents/x")
    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "DELETE, GET"


async def test_only_json_is_taken_where_json_is_expected(gateway, assert_problem) -> None:
    for kind in ("text/plain", "application/xml", ""):
        response = await gateway.client.post("/v1/questions", content=b"{}", headers={"Content-Type": kind})
        assert_problem(response, 415, "content_type_not_json")


async def test_a_body_over_the_limit_is_refused_by_its_announced_length_and_while_it_arrives(
    gateway, assert_problem
) -> None:
    large = b'{"question": "' + b"x" * 2**21 + b'"}'
    headers = {"Content-Type": "application/json"}
    assert_problem(await gateway.client.post("/v1/questions", content=large, headers=headers), 413, "body_too_large")

    async def chunks():
        for start in range(0, len(large), 65536):
            yield large[start : start + 65536]

    assert_problem(await gateway.client.post("/v1/questions", content=chunks(), headers=headers), 413, "body_too_large")
    assert (await gateway.client.get("/v1/stats")).status_code == 200


async def test_hostile_paths_and_queries_are_refused_not_crashed_on(gateway) -> None:
    for path in (
        "/v1/documents/%00", "/v1/documents/" + "x" * 300, "/v1/documents/%ff%fe", "/v1/jobs/%ed%a0%80", "/v1/models/%00",
        "/v1/documents?cursor=%00", "/v1/documents?limit=0", "/v1/documents?limit=99999999999999999999", "/v1/documents?status=odd",
        "/v1/documents?cursor=%ff", "/v1/features/spend/online/a?feature=%00", "/v1/predictors/%0a", "/v1/predictors/sum?version=" + "1" * 99,
    ):  # fmt: skip
        response = await gateway.client.get(path)
        assert 400 <= response.status_code < 500, (path, response.text)


async def test_the_callers_trace_is_continued_and_named_in_the_answer(gateway) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    response = await gateway.client.get("/v1/stats", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert response.headers["x-trace-id"] == trace
    for broken in ("", "00-zz-11-01", "00-" + "0" * 32 + "-" + "0" * 16 + "-00", "é"):
        response = await gateway.client.get("/v1/stats", headers={"traceparent": broken.encode("latin-1")})
        assert response.status_code == 200
        assert len(response.headers["x-trace-id"]) == 32


async def test_beyond_the_limit_of_requests_at_once_the_rest_is_turned_away_and_the_gateway_is_not_ready(
    start_gateway, assert_problem
) -> None:
    gateway = await start_gateway(max_in_flight=1)
    gateway.backends.llm.pause = asyncio.Event()
    body = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
    async with gateway.client.stream("POST", "/v1/chat/completions", json=body) as busy:
        lines = busy.aiter_lines()
        await anext(lines)
        refused = await gateway.client.get("/v1/stats")
        assert_problem(refused, 503, "overloaded")
        assert refused.headers["retry-after"] == "1"
        assert (await gateway.client.get("/live")).status_code == 200
        ready = await gateway.client.get("/ready")
        assert ready.status_code == 503
        assert "being answered" in ready.json()["reason"]
        gateway.backends.llm.pause.set()
        assert [line async for line in lines]
    assert (await gateway.client.get("/v1/stats")).status_code == 200


async def test_a_client_that_goes_away_stops_the_generation(gateway) -> None:
    gateway.backends.llm.pause = asyncio.Event()
    for stream in (True, False):
        gateway.backends.llm.cancelled.clear()
        body = {"messages": [{"role": "user", "content": "hi"}], "stream": stream}
        with pytest.raises(httpx.ReadTimeout):
            await gateway.client.post("/v1/chat/completions", json=body, timeout=0.3)
        await asyncio.wait_for(gateway.backends.llm.cancelled.wait(), 5)


async def test_a_service_that_is_away_is_a_503_that_says_which(start_gateway, assert_problem) -> None:
    from whitebox_runtime.testing import free_port

    nowhere = f"127.0.0.1:{free_port()}"
    gateway = await start_gateway(serving_target=nowhere, retrieval_target=nowhere)
    response = await gateway.client.post("/v1/predict", json={"model": "sum", "vector": [1, 2]})
    assert "serving" in assert_problem(response, 503, "peer_unreachable")["detail"]
    assert response.headers["retry-after"]
    assert_problem(await gateway.client.post("/v1/questions", json=QUESTION), 503, "peer_unreachable")
    health = (await gateway.client.get("/health")).json()
    assert health["status"] == "unhealthy"
    assert "waiting for the first answer of: retrieval, serving" in health["reason"]
    assert health["components"]["serving"]["status"] == "unhealthy"
    assert health["components"]["llm"] == {"status": "healthy", "detail": ""}


async def test_one_lost_service_degrades_the_platform_and_keeps_the_gateway_in_traffic(start_gateway) -> None:
    from whitebox_runtime.testing import free_port

    gateway = await start_gateway(llm_target=f"127.0.0.1:{free_port()}", start_wait_seconds=0)
    assert (await gateway.client.get("/ready")).status_code == 200
    health = (await gateway.client.get("/health")).json()
    assert (health["status"], health["ready"]) == ("degraded", True)
    assert health["uptime_seconds"] > 0


async def test_when_every_service_is_lost_the_gateway_is_not_ready(start_gateway) -> None:
    from whitebox_runtime.testing import free_port

    nowhere = f"127.0.0.1:{free_port()}"
    targets = {f"{name}_target": nowhere for name in ("embedding", "retrieval", "llm", "serving", "features")}
    gateway = await start_gateway(**targets, start_wait_seconds=0)
    response = await gateway.client.get("/ready")
    assert response.status_code == 503
    assert response.json()["reason"] == "no service answers"


async def test_long_answers_are_compressed_and_streams_never_are(gateway) -> None:
    headers = {"Accept-Encoding": "gzip"}
    long = await gateway.client.get("/openapi.json", headers=headers)
    assert long.headers["content-encoding"] == "gzip"
    body = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
    gateway.backends.llm.reply = "word " * 500
    streamed = await gateway.client.post("/v1/chat/completions", json=body, headers=headers)
    assert "content-encoding" not in streamed.headers
    assert streamed.headers["content-type"].startswith("text/event-stream")


async def test_cross_origin_calls_are_allowed_for_configured_origins_alone(start_gateway) -> None:
    gateway = await start_gateway(cors_origins=["https://app.example"])
    async with httpx.AsyncClient(base_url=gateway.url) as browser:
        for origin, allowed in (("https://app.example", True), ("https://evil.example", False)):
            headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            preflight = await browser.options("/v1/questions", headers=headers)
            assert (preflight.headers.get("access-control-allow-origin") == origin) is allowed
    answer = await gateway.client.get("/v1/stats", headers={"Origin": "https://app.example"})
    assert "X-Trace-Id" in answer.headers["access-control-expose-headers"]


async def test_metrics_name_routes_by_template_and_bound_their_labels(gateway) -> None:
    await gateway.client.get("/v1/documents/some-very-particular-id")
    await gateway.client.request("PROPFIND", "/v1/odd-path")
    text = (await gateway.client.get("/metrics")).text
    assert 'method="GET",route="/v1/documents/{document_id}",status="404"' in text
    assert 'method="OTHER",route="(none)"' in text
    assert "some-very-particular-id" not in text
    assert "odd-path" not in text


async def test_a_fault_of_the_gateway_is_a_500_without_its_inside(gateway, assert_problem, monkeypatch, caplog) -> None:
    def broken(*_args, **_kwargs):
        raise ZeroDivisionError("secret inside")

    monkeypatch.setattr("whitebox_gateway.rest.documents.json_response", broken)
    response = await gateway.client.get("/v1/stats")
    problem = assert_problem(response, 500, "internal")
    assert "secret" not in response.text
    assert problem["trace_id"]
    assert "secret inside" in caplog.text
