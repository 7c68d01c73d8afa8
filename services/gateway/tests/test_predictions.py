"""Predictions by name and by position, in batches, across reloads."""

from __future__ import annotations

import httpx
import pytest


async def test_a_feature_map_is_put_into_the_models_order(gateway) -> None:
    response = await gateway.client.post("/v1/predict", json={"model": "sum", "features": {"b": -5.0, "a": 2}})
    body = response.json()
    assert body.pop("processing_seconds") > 0
    assert body == {
        "prediction": "big", "confidence": 0.75, "probabilities": {"small": 0.25, "big": 0.75}, "model": "sum", "version": "1",
    }  # fmt: skip
    assert gateway.backends.serving.rows[0].tolist() == [[2, -5]]
    vector = await gateway.client.post("/v1/predict", json={"model": "sum", "vector": [-1, 9]})
    assert vector.json()["prediction"] == "small"


async def test_a_regressor_has_a_value_and_no_probabilities(gateway) -> None:
    body = (await gateway.client.post("/v1/predict", json={"model": "value", "vector": [1.5, 2]})).json()
    assert (body["prediction"], body["confidence"], body["probabilities"]) == (3.5, None, {})


async def test_a_batch_is_one_call_in_order_of_maps_and_vectors(gateway) -> None:
    instances = [{"a": 1, "b": 0}, [-1, 0], {"b": 0, "a": 3}]
    body = (await gateway.client.post("/v1/predict/batch", json={"model": "sum", "instances": instances})).json()
    assert [one["prediction"] for one in body["predictions"]] == ["big", "small", "big"]
    assert len(gateway.backends.serving.rows) == 1


async def test_after_a_reload_the_new_versions_order_is_used_at_once(gateway) -> None:
    ask = {"model": "sum", "features": {"a": 2, "b": -5}}
    assert (await gateway.client.post("/v1/predict", json=ask)).json()["version"] == "1"
    gateway.backends.serving.version = "2"
    second = (await gateway.client.post("/v1/predict", json=ask)).json()
    assert (second["version"], second["prediction"]) == ("2", "big")
    assert gateway.backends.serving.rows[-1].tolist() == [[-5, 2]]
    gateway.backends.serving.version = "3"
    third = (
        await gateway.client.post("/v1/predict", json={"model": "sum", "features": {"a": 2, "b": -5, "c": 1}})
    ).json()
    assert third["version"] == "3"
    pinned = (await gateway.client.post("/v1/predict", json={**ask, "version": "1"})).json()
    assert pinned["version"] == "1"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"model": "sum", "features": {"a": 1, "c": 2}}, "missing features: 'b'; unknown features: 'c'"),
        ({"model": "sum", "vector": [1]}, "the vector has 1 values, the model takes 2: 'a', 'b'"),
        ({"model": "sum", "vector": [1, 1e300]}, "'b' is outside the range"),
        ({"model": "sum", "features": {"a": "1", "b": 2}}, "body.features.a"),
        ({"model": "sum", "features": {"a": True, "b": 2}}, "body.features.a"),
        ({"model": "sum", "features": {"a": None, "b": 2}}, "body.features.a"),
        ({"model": "sum"}, "either features or vector"),
        ({"model": "sum", "features": {"a": 1}, "vector": [1]}, "either features or vector"),
        ({"model": "", "vector": [1, 2]}, "body.model"),
        ({"vector": [1, 2]}, "body.model"),
    ],
)
async def test_input_that_does_not_fit_is_refused_by_name(gateway, assert_problem, body, said: str) -> None:
    assert said in assert_problem(await gateway.client.post("/v1/predict", json=body), 400)["detail"]


@pytest.mark.parametrize("instances", [[], [[1, 2]] * 1001, [[1, 2], {"a": 1}], [5]])
async def test_a_batch_that_does_not_fit_is_refused(gateway, assert_problem, instances) -> None:
    response = await gateway.client.post("/v1/predict/batch", json={"model": "sum", "instances": instances})
    problem = assert_problem(response, 400)
    if instances and isinstance(instances[-1], dict):
        assert "instance 1: missing features: 'b'" in problem["detail"]


async def test_unknown_models_and_versions_are_not_found(gateway, assert_problem) -> None:
    assert_problem(await gateway.client.post("/v1/predict", json={"model": "x", "vector": [1]}), 404, "model_not_found")
    body = {"model": "sum", "version": "9", "vector": [1, 2]}
    assert_problem(await gateway.client.post("/v1/predict", json=body), 404, "version_not_found")
    assert_problem(await gateway.client.get("/v1/predictors/x"), 404)


async def test_models_are_listed_and_described_with_their_features(gateway) -> None:
    listed = (await gateway.client.get("/v1/predictors")).json()["predictors"]
    assert [model["name"] for model in listed] == ["sum", "value"]
    one = (await gateway.client.get("/v1/predictors/sum")).json()
    assert one["features"][0] == {"name": "a", "minimum": 0, "maximum": 1, "mean": 0.5}
    assert one["trained_at"] is None


async def test_reloading_needs_the_operators_role(gateway, assert_problem) -> None:
    assert_problem(await gateway.client.post("/v1/predictors/sum/reload"), 403, "role_missing")
    async with httpx.AsyncClient(base_url=gateway.url, headers={"X-API-Key": gateway.operator_key}) as operator:
        done = (await operator.post("/v1/predictors/sum/reload")).json()
    assert (done["previous_version"], done["predictor"]["version"]) == ("1", "2")


async def test_a_prediction_is_explained_where_that_is_asked_for(gateway):
    body = {"model": "sum", "features": {"a": 1.0, "b": -5.0}}
    plain = (await gateway.client.post("/v1/predict", json=body)).json()
    assert "explanation" not in plain
    explained = (await gateway.client.post("/v1/predict", json={**body, "explain": True})).json()
    explanation = explained.pop("explanation")
    assert {**explained, "processing_seconds": 0} == {**plain, "processing_seconds": 0}
    assert (explanation["output"], explanation["base_value"]) == ("big", 0.5)
    assert explanation["attributions"] == {"a": 0.25, "b": 0.0}
    assert explanation["by_class"] == {"small": {"a": -0.25, "b": 0.0}, "big": {"a": 0.25, "b": 0.0}}
    assert sum(explanation["attributions"].values()) + explanation["base_value"] == explained["confidence"]
    assert (explanation["exact"], explanation["background_rows"], explanation["evaluated_rows"]) == (True, 32, 64)


async def test_attributions_bear_the_names_of_the_version_that_answered(gateway):
    body = {"model": "sum", "features": {"a": 1.0, "b": -5.0}, "explain": True}
    await gateway.client.post("/v1/predict", json=body)
    gateway.backends.serving.version = "2"  # takes its features in the other order
    answer = (await gateway.client.post("/v1/predict", json=body)).json()
    assert answer["version"] == "2"
    assert answer["explanation"]["attributions"] == {"b": 0.0, "a": 0.25}


async def test_a_value_is_explained_without_classes(gateway):
    body = {"model": "value", "vector": [1.0, 2.0], "explain": True}
    explanation = (await gateway.client.post("/v1/predict", json=body)).json()["explanation"]
    assert explanation["output"] is None
    assert explanation["by_class"] == explanation["base_values"] == {}
    assert explanation["attributions"] == {"a": -0.25, "b": 0.0}
