"""Events in, features out."""

from __future__ import annotations

import pytest

EVENT = {
    "event_id": "e1", "source": "transactions", "entity_id": "c1", "event_time": "2026-03-01T10:00:00.250+01:00", "values": {"amount": 3},
}  # fmt: skip


async def test_events_are_taken_once_and_read_back_with_their_age(gateway) -> None:
    pushed = await gateway.client.post("/v1/features/events", json={"events": [EVENT, {**EVENT, "event_id": "e2"}]})
    assert (pushed.status_code, pushed.json()) == (202, {"accepted": 2, "duplicates": 0})
    assert (await gateway.client.post("/v1/features/events", json={"events": [EVENT]})).json()["duplicates"] == 1
    known = {
        "feature": "count",
        "value": 2.0,
        "status": "present",
        "event_time": "2026-03-01T09:00:00.250000Z",
        "age_seconds": 1.5,
    }
    unknown = {"feature": "count", "value": 0.0, "status": "default", "event_time": None, "age_seconds": None}
    both = await gateway.client.post("/v1/features/spend/online", json={"entity_ids": ["c1", "c2"]})
    assert both.json() == {
        "feature_view": "spend",
        "feature_view_version": 3,
        "entities": [{"entity_id": "c1", "values": [known]}, {"entity_id": "c2", "values": [unknown]}],
    }
    one = await gateway.client.get("/v1/features/spend/online/c1", params={"feature": "count"})
    assert one.json()["entities"] == [{"entity_id": "c1", "values": [known]}]


async def test_history_has_null_where_nothing_was_known(gateway) -> None:
    rows = [{"entity_id": "c1", "as_of": "2026-03-01T10:00:00Z"}, {"entity_id": "c2", "as_of": "2026-03-01T10:00:00Z"}]
    body = (await gateway.client.post("/v1/features/spend/historical", json={"rows": rows})).json()
    assert body["features"] == ["count"]
    assert [row["values"] for row in body["rows"]] == [{"count": None}, {"count": 1.0}]
    assert body["rows"][0]["as_of"] == "2026-03-01T10:00:00Z"


async def test_views_are_described(gateway) -> None:
    (view,) = (await gateway.client.get("/v1/feature-views")).json()["feature_views"]
    assert (view["name"], view["freshness_limit_seconds"], view["features"][0]["window_seconds"]) == ("spend", 60, 3600)


@pytest.mark.parametrize(
    "change",
    [
        {"event_time": "2026-03-01T10:00:00"}, {"event_time": "yesterday"}, {"event_time": 5}, {"event_time": "0001-01-01T00:00:00+14:00"}, {"event_id": ""}, {"event_id": "x" * 129},
        {"values": {"amount": "3"}}, {"values": {"": 3}}, {"values": [3]}, {"entity_id": "a\nb"}, {"surprise": 1},
    ],
)  # fmt: skip
async def test_a_bad_event_is_refused_whole(gateway, assert_problem, change) -> None:
    response = await gateway.client.post("/v1/features/events", json={"events": [EVENT, {**EVENT, **change}]})
    assert "body.events.1" in assert_problem(response, 400)["detail"]
    assert gateway.backends.features.events == {}


@pytest.mark.parametrize("count", [0, 1001])
async def test_lists_have_bounds(gateway, assert_problem, count: int) -> None:
    assert_problem(await gateway.client.post("/v1/features/events", json={"events": [EVENT] * count}), 400)
    assert_problem(await gateway.client.post("/v1/features/spend/online", json={"entity_ids": ["c"] * count}), 400)


async def test_an_unknown_view_is_not_found(gateway, assert_problem) -> None:
    assert_problem(await gateway.client.get("/v1/features/other/online/c1"), 404, "view_not_found")
    rows = [{"entity_id": "c1", "as_of": "2026-03-01T10:00:00Z"}]
    assert_problem(await gateway.client.post("/v1/features/other/historical", json={"rows": rows}), 404)
