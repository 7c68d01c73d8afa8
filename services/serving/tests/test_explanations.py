"""What features contributed: Shapley values of the served model, held against the shap library and the definition."""

import asyncio
import itertools
import json
import math

import numpy as np
import pytest
from whitebox_runtime.errors import FailedPrecondition, InvalidArgument, NotFound
from whitebox_serving.adapters.folder_store import FolderStore
from whitebox_serving.adapters.in_process import InProcessBackend
from whitebox_serving.audit import PredictionAudit
from whitebox_serving.batcher import BatchLimits
from whitebox_serving.explanations import Explanations
from whitebox_serving.models import Models
from whitebox_serving.predictions import Predictions


@pytest.fixture
async def in_service(store_folder):
    models = Models(FolderStore(store_folder), InProcessBackend(BatchLimits()))
    await models.refresh()
    yield models, Explanations(models, Predictions(models, PredictionAudit(0.0, lambda: 1.0)))
    await models.close()


async def explain(in_service, name, rows, version=""):
    rows = np.asarray(rows, "<f4")
    return await in_service[1].explain(name, version, len(rows), rows.tobytes())


def by_definition(predict, row, background):
    """Shapley values as the mean of marginal contributions over all orders of the features."""
    width = len(row)

    def worth(members):
        mixed = background.copy()
        mixed[:, list(members)] = row[list(members)]
        return predict(mixed).mean(axis=0)

    values = []
    for feature in range(width):
        others = [one for one in range(width) if one != feature]
        total = 0.0
        for size in range(width):
            weight = math.factorial(size) * math.factorial(width - size - 1) / math.factorial(width)
            for members in itertools.combinations(others, size):
                total = total + weight * (worth([*members, feature]) - worth(members))
        values.append(total)
    return np.array(values)


async def test_few_features_are_explained_exactly_as_shapley_defines_it(in_service, forest):
    explanation = await explain(in_service, "iris", forest.held_out[:2])
    background = forest.background.astype(np.float64)
    assert explanation.exact
    assert explanation.background_rows == len(background) == 32
    for row, found in zip(forest.held_out[:2].astype(np.float64), explanation.attributions, strict=True):
        expected = by_definition(forest.model.predict_proba, row, background)
        np.testing.assert_allclose(found, expected.T, atol=1e-5)


async def test_the_shap_library_finds_the_same(in_service, forest):
    shap = pytest.importorskip("shap")
    explainer = shap.KernelExplainer(forest.model.predict_proba, forest.background)
    theirs = explainer.shap_values(forest.held_out[:3], silent=True)
    ours = await explain(in_service, "iris", forest.held_out[:3])
    np.testing.assert_allclose(ours.attributions, theirs.transpose(0, 2, 1), atol=1e-4)
    np.testing.assert_allclose(ours.base_values, explainer.expected_value, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "fixture"), [("iris", "forest"), ("breast-cancer", "logistic"), ("friedman", "regressor")]
)
async def test_attributions_add_up_to_the_answer(in_service, name, fixture, request):
    trained = request.getfixturevalue(fixture)
    explanation = await explain(in_service, name, trained.held_out[:3])
    sums = explanation.base_values + explanation.attributions.sum(axis=2)
    outputs = explanation.answer.prediction.outputs
    np.testing.assert_allclose(sums, outputs, atol=1e-6 * max(1.0, np.abs(outputs).max()))
    assert explanation.attributions.shape == (3, outputs.shape[1], len(trained.dataset.features))
    assert explanation.evaluated_rows > 3


async def test_a_linear_model_is_explained_by_its_coefficients(in_service, regressor):
    """For a linear model each value is the coefficient times the distance from the background's mean."""
    explanation = await explain(in_service, "friedman", regressor.held_out[:2])
    scale, ridge = regressor.model["scale"], regressor.model["model"]
    expected = (regressor.held_out[:2] - regressor.background.mean(axis=0)) * ridge.coef_ / scale.scale_
    np.testing.assert_allclose(explanation.attributions[:, 0], expected, atol=1e-4)


async def test_many_features_are_sampled_and_it_says_so(in_service, logistic):
    explanation = await explain(in_service, "breast-cancer", logistic.held_out[:1])
    assert not explanation.exact
    again = await explain(in_service, "breast-cancer", logistic.held_out[:1])
    np.testing.assert_array_equal(explanation.attributions, again.attributions)
    # What one class gains the other loses.
    np.testing.assert_allclose(explanation.attributions.sum(axis=1), 0, atol=1e-6)


async def test_the_version_that_predicts_is_the_one_that_explains(in_service, add_version, iris_logistic, forest):
    models = in_service[0]
    add_version(iris_logistic)
    await models.refresh()
    newest, pinned = (
        await explain(in_service, "iris", forest.held_out[:1]),
        await explain(in_service, "iris", forest.held_out[:1], "1"),
    )
    assert (newest.answer.manifest.version, pinned.answer.manifest.version) == (2, 1)
    assert np.abs(newest.attributions - pinned.attributions).max() > 1e-3


async def test_predictions_are_answered_while_something_is_explained(in_service, logistic):
    explaining = asyncio.create_task(explain(in_service, "breast-cancer", logistic.held_out[:4]))
    predictions = Predictions(in_service[0], PredictionAudit(0.0, lambda: 1.0))
    rows = logistic.held_out[:2]
    for _ in range(5):
        answer = await predictions.predict("breast-cancer", "", 2, rows.astype("<f4").tobytes())
        np.testing.assert_allclose(answer.prediction.outputs, logistic.outputs[:2], atol=1e-5)
    assert (await explaining).attributions.shape == (4, 2, 30)


async def test_a_caller_who_leaves_stops_the_work(in_service, logistic):
    evaluated = []
    with in_service[0].lease("breast-cancer") as model:
        predict = model.predictor.predict

        async def counted(rows):
            evaluated.append(len(rows))
            return await predict(rows)

        model.predictor.predict = counted
        explaining = asyncio.create_task(explain(in_service, "breast-cancer", logistic.held_out[:16]))
        while len(evaluated) < 5:
            await asyncio.sleep(0.001)
        explaining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await explaining
        await asyncio.sleep(0.05)
        stopped = len(evaluated)
        await asyncio.sleep(0.1)
        assert len(evaluated) == stopped


async def test_what_cannot_be_explained_says_why(in_service, store_folder, logistic):
    with pytest.raises(InvalidArgument, match="1 to 16"):
        await explain(in_service, "iris", np.zeros((17, 4)))
    with pytest.raises(InvalidArgument, match="1 to 16"):
        await explain(in_service, "iris", np.zeros((0, 4)))
    with pytest.raises(NotFound):
        await explain(in_service, "nothing", np.zeros((1, 4)))
    with pytest.raises(InvalidArgument, match="bytes"):
        await explain(in_service, "iris", np.zeros((1, 5)))
    with pytest.raises(InvalidArgument, match="finite"):
        await explain(in_service, "iris", [[np.nan, 1, 1, 1]])
    manifest = store_folder / "iris" / "1" / "manifest.json"
    old = json.loads(manifest.read_text())
    del old["background"]
    manifest.write_text(json.dumps(old))
    await in_service[0].reload("iris")
    with pytest.raises(FailedPrecondition, match="train it again"):
        await explain(in_service, "iris", np.ones((1, 4)))
