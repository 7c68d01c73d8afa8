"""The training command: what it stores, what it refuses, and that the same seed gives the same bytes."""

import json
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from typer.testing import CliRunner
from whitebox_serving import datasets, training
from whitebox_serving.adapters.onnx_engine import OnnxEngine
from whitebox_serving.adapters.onnx_export import export
from whitebox_serving.artifact import RejectedModelError
from whitebox_serving.publication import check_equal
from whitebox_serving.train import app

run = CliRunner().invoke


def test_the_command_stores_a_version_with_everything_that_describes_it(tmp_path):
    done = run(app, ["--store", str(tmp_path), "--folds", "2"])
    assert done.exit_code == 0, done.stderr
    folder = tmp_path / "breast-cancer" / "1"
    assert done.stdout.strip() == str(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "model.onnx"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["name"], manifest["version"], manifest["task"]) == ("breast-cancer", 1, "classifier")
    assert manifest["classes"] == ["malignant", "benign"]
    assert manifest["metrics"]["accuracy"] > 0.95
    assert manifest["metrics"]["onnx_difference"] < 1e-5
    assert manifest["metrics"]["audit_difference"] < 1e-5
    assert manifest["library_versions"]["onnxruntime"] == onnxruntime.__version__
    first = manifest["features"][0]
    assert first["name"] == "mean radius"
    assert first["minimum"] < first["mean"] < first["maximum"]


def test_every_run_adds_a_version_and_the_same_seed_gives_the_same_bytes(tmp_path):
    for _ in range(2):
        assert run(app, ["iris", "--estimator", "forest", "--store", str(tmp_path), "--folds", "2"]).exit_code == 0
    one, two = ((tmp_path / "iris" / version / "model.onnx").read_bytes() for version in ("1", "2"))
    assert one == two
    assert run(app, ["iris", "--estimator", "forest", "--seed", "1", "--store", str(tmp_path)]).exit_code == 0
    assert (tmp_path / "iris" / "3" / "model.onnx").read_bytes() != one


@pytest.mark.parametrize("estimator", ["ridge", "forest"])
def test_a_model_below_its_bar_is_refused_with_its_figures_and_nothing_is_stored(tmp_path, estimator):
    done = run(app, ["diabetes", "--estimator", estimator, "--store", str(tmp_path), "--folds", "3"])
    assert done.exit_code == 1
    assert "refused, nothing stored: diabetes" in done.stderr
    assert "at least 0.60 is required" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_good_luck_with_the_split_does_not_help_over_the_bar(logistic):
    lucky = replace(logistic, metrics=logistic.metrics | {"accuracy": 1.0, "cross_validated_accuracy": 0.64})
    with pytest.raises(training.BelowBarError, match=r"0\.640 in cross-validation; at least 0\.65"):
        lucky.check_bar()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["weather"], "choose one of breast-cancer, iris, diabetes"),
        (["iris", "--estimator", "ridge"], "choose one of logistic, forest"),
        (["diabetes", "--estimator", "logistic"], "choose one of forest, ridge"),
        (["--store", "/proc/none"], "/proc/none cannot be written"),
        (["--seed", "-1"], "--seed"),
        (["--folds", "1"], "--folds"),
    ],
)
def test_a_wrong_command_says_what_would_be_right(arguments, says, tmp_path):
    done = run(app, [*arguments, *([] if "--store" in arguments else ["--store", str(tmp_path)])])
    assert done.exit_code == 2
    assert says in done.stderr


@pytest.mark.parametrize("name", ["logistic", "iris_logistic", "forest", "regressor"])
def test_the_graph_answers_as_scikit_learn_does(name, request):
    trained = request.getfixturevalue(name)
    differences = check_equal(trained, export(trained), OnnxEngine)
    assert differences.keys() >= {"onnx_difference"}
    assert ("audit_difference" in differences) == ("logistic" in name)


def test_a_graph_that_answers_differently_is_refused(logistic, iris_logistic):
    other = training.fit(
        datasets.load("breast-cancer"), training.choose_estimator("logistic", "classifier"), seed=5, folds=2
    )
    with pytest.raises(RejectedModelError):
        check_equal(logistic, export(other), OnnxEngine)
    with pytest.raises(RejectedModelError):
        check_equal(logistic, export(iris_logistic), OnnxEngine)


def test_the_split_keeps_the_share_of_each_class(logistic):
    assert np.mean(logistic.model.predict(logistic.held_out)) == pytest.approx(357 / 569, abs=0.05)
    assert len(logistic.held_out) == 114
