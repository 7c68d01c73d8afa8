"""The data that models are trained on: real sets that ship with scikit-learn, so that nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.utils import Bunch

from whitebox_serving.artifact import Task, sha256
from whitebox_serving.prediction import Matrix


@dataclass(frozen=True)
class Dataset:
    """A table to learn from.

    Attributes:
        name: What the model is called.
        task: What there is to learn.
        description: One line for people.
        rows: (n, features), in the precision in which requests arrive.
        targets: (n,) class numbers, or values.
        features: Names of the columns.
        classes: Names of the classes; empty for values.
    """

    name: str
    task: Task
    description: str
    rows: Matrix
    targets: NDArray[np.generic]
    features: list[str]
    classes: list[str]

    @property
    def sha256(self) -> str:
        """SHA-256 of rows and targets."""
        return sha256(self.rows.astype("<f4").tobytes() + self.targets.astype("<f8").tobytes())


_SETS: dict[str, tuple[Task, str, Callable[[], Bunch]]] = {
    "breast-cancer": (
        "classifier",
        "Malignant or benign, from 30 measurements of cell nuclei (Wisconsin, 569 tumours)",
        load_breast_cancer,
    ),
    "iris": ("classifier", "Species of an iris, from the size of its leaves (Fisher, 150 flowers)", load_iris),
    "diabetes": ("regressor", "Progression of diabetes after a year (Efron et al., 442 patients)", load_diabetes),
}
NAMES = tuple(_SETS)


def load(name: str) -> Dataset:
    """Loads one of `NAMES`."""
    task, description, read = _SETS[name]
    bunch = read()
    return Dataset(
        name=name,
        task=task,
        description=description,
        rows=np.ascontiguousarray(bunch.data, np.float32),
        targets=np.asarray(bunch.target),
        features=[str(feature) for feature in bunch.feature_names],
        classes=[str(one) for one in bunch.target_names] if task == "classifier" else [],
    )
