"""Models trained once for all tests, and stores that hold them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_friedman1
from whitebox_serving import datasets, publication, training
from whitebox_serving.adapters.folder_store import FolderStore
from whitebox_serving.adapters.onnx_engine import OnnxEngine
from whitebox_serving.adapters.onnx_export import export
from whitebox_serving.datasets import Dataset
from whitebox_serving.training import Trained


def friedman() -> Dataset:
    """A regression that a standard model can learn well, unlike the diabetes set."""
    rows, targets = make_friedman1(300, 5, noise=0.1, random_state=3)
    names = [f"x{column}" for column in range(5)]
    return Dataset("friedman", "regressor", "Friedman's first", rows.astype(np.float32), targets, names, [])


def store_version(folder: Path, trained: Trained) -> int:
    onnx = export(trained)
    differences = publication.check_equal(trained, onnx, OnnxEngine)
    return publication.publish(FolderStore(folder), trained, onnx, differences).version


@pytest.fixture(scope="session")
def logistic() -> Trained:
    return training.fit(
        datasets.load("breast-cancer"), training.choose_estimator("logistic", "classifier"), seed=0, folds=2
    )


@pytest.fixture(scope="session")
def iris_logistic() -> Trained:
    return training.fit(datasets.load("iris"), training.choose_estimator("logistic", "classifier"), seed=0, folds=2)


@pytest.fixture(scope="session")
def forest() -> Trained:
    return training.fit(datasets.load("iris"), training.choose_estimator("forest", "classifier"), seed=0, folds=2)


@pytest.fixture(scope="session")
def regressor() -> Trained:
    return training.fit(friedman(), training.choose_estimator("ridge", "regressor"), seed=0, folds=2)


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory, logistic, forest, regressor) -> Path:
    folder = tmp_path_factory.mktemp("pristine")
    for trained in (logistic, forest, regressor):
        store_version(folder, trained)
    return folder


@pytest.fixture
def store_folder(tmp_path: Path, pristine: Path) -> Path:
    """A store with version 1 of breast-cancer (logistic), iris (forest) and friedman (ridge)."""
    return Path(shutil.copytree(pristine, tmp_path / "store"))


@pytest.fixture
def add_version(store_folder: Path) -> Callable[[Trained], int]:
    return lambda trained: store_version(store_folder, trained)
