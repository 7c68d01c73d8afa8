"""Fits a model, measures it on rows it has not seen, and holds it to its bar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, log_loss, mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from whitebox_serving.artifact import LinearPart, Task
from whitebox_serving.datasets import Dataset
from whitebox_serving.prediction import Matrix

_TREES = 100
_MAX_ITERATIONS = 1000
_HELD_OUT_SHARE = 0.2
_BACKGROUND_ROWS = 32


@dataclass(frozen=True)
class Estimator:
    """A kind of model.

    Attributes:
        task: What it can learn.
        description: One line for people.
        bar: Least accuracy (classifier) or R² (regressor) with which it may go into service.
        parameters: What it is made with, besides the seed.
        make: Makes an unfitted one from a seed.
    """

    task: Task
    description: str
    bar: float
    parameters: dict[str, str | int | float | bool | None]
    make: Callable[[int], Any]

    @property
    def measure(self) -> str:
        """What the bar is a bar for: `"accuracy"` or `"r2"`."""
        return "accuracy" if self.task == "classifier" else "r2"


ESTIMATORS: dict[tuple[str, Task], Estimator] = {
    ("logistic", "classifier"): Estimator(
        "classifier",
        "standard scaler and logistic regression",
        0.65,
        {"C": 1.0, "max_iter": _MAX_ITERATIONS},
        lambda _seed: Pipeline(
            [("scale", StandardScaler()), ("model", LogisticRegression(C=1.0, max_iter=_MAX_ITERATIONS))]
        ),
    ),
    ("forest", "classifier"): Estimator(
        "classifier",
        "random forest of 100 trees",
        0.80,
        {"n_estimators": _TREES},
        lambda seed: RandomForestClassifier(_TREES, random_state=seed),
    ),
    ("forest", "regressor"): Estimator(
        "regressor",
        "random forest of 100 trees",
        0.60,
        {"n_estimators": _TREES},
        lambda seed: RandomForestRegressor(_TREES, random_state=seed),
    ),
    ("ridge", "regressor"): Estimator(
        "regressor",
        "standard scaler and ridge regression",
        0.60,
        {"alpha": 1.0},
        lambda _seed: Pipeline([("scale", StandardScaler()), ("model", Ridge(alpha=1.0))]),
    ),
}
DEFAULT_ESTIMATOR: dict[Task, str] = {"classifier": "logistic", "regressor": "ridge"}


class BelowBarError(Exception):
    """A trained model is not good enough to be stored; the message has the figures."""


@dataclass(frozen=True)
class Trained:
    """A fitted model and what it did on rows that it had not seen.

    Attributes:
        dataset: What it learned from.
        estimator: What it is.
        model: The fitted scikit-learn object.
        seed: Decides the split, the folds and the forest.
        held_out: (n, features) rows that were kept from it.
        outputs: (n, classes) of its probabilities for them, or (n, 1) of its values.
        background: (n, features) rows that it learned from, drawn at random, to explain predictions against.
        metrics: `accuracy` or `r2`, their cross-validated means, and more.
    """

    dataset: Dataset
    estimator: Estimator
    model: Any
    seed: int
    held_out: Matrix
    outputs: NDArray[np.float64]
    background: Matrix
    metrics: dict[str, float]

    def check_bar(self) -> None:
        """Holds the model to its bar, on the held-out rows and in cross-validation.

        Raises:
            BelowBarError: It misses one of them.
        """
        measure, bar = self.estimator.measure, self.estimator.bar
        scores = {
            "on held-out rows": self.metrics[measure],
            "in cross-validation": self.metrics[f"cross_validated_{measure}"],
        }
        short = [f"{score:.3f} {where}" for where, score in scores.items() if score < bar]
        if short:
            raise BelowBarError(
                f"{self.dataset.name} ({self.estimator.description}) has {measure} {' and '.join(short)}; "
                f"at least {bar:.2f} is required"
            )

    @property
    def linear(self) -> LinearPart | None:
        """The coefficients of a logistic regression behind a scaler; `None` for other models."""
        if not isinstance(self.model, Pipeline) or self.dataset.task != "classifier":
            return None
        scaler, regression = self.model["scale"], self.model["model"]
        return LinearPart(
            mean=scaler.mean_.tolist(),
            scale=scaler.scale_.tolist(),
            coefficients=regression.coef_.tolist(),
            intercepts=regression.intercept_.tolist(),
        )


def choose_estimator(name: str, task: Task) -> Estimator:
    """Returns the estimator of that name for that task.

    Raises:
        ValueError: There is none; the message lists those that there are.
    """
    if (name, task) not in ESTIMATORS:
        fitting = ", ".join(known for known, kind in ESTIMATORS if kind == task)
        raise ValueError(f"{name} is no {task}: choose one of {fitting}")
    return ESTIMATORS[name, task]


def fit(dataset: Dataset, estimator: Estimator, *, seed: int, folds: int = 5) -> Trained:
    """Fits on four fifths of the rows and measures on the last; the same seed gives the same model.

    Args:
        dataset: What to learn.
        estimator: What learns it.
        seed: Decides the split, the folds and the forest.
        folds: Of the cross-validation, which sees the four fifths only.
    """
    classifies = dataset.task == "classifier"
    rows, held_out, targets, expected = train_test_split(
        dataset.rows,
        dataset.targets,
        test_size=_HELD_OUT_SHARE,
        random_state=seed,
        stratify=dataset.targets if classifies else None,
    )
    splitter = (StratifiedKFold if classifies else KFold)(folds, shuffle=True, random_state=seed)
    scores = cross_val_score(estimator.make(seed), rows, targets, cv=splitter, scoring=estimator.measure)
    model = estimator.make(seed).fit(rows, targets)
    if classifies:
        outputs = model.predict_proba(held_out)
        found = model.predict(held_out)
        metrics = {
            "accuracy": float(np.mean(found == expected)),
            "macro_f1": float(f1_score(expected, found, average="macro")),
            "log_loss": float(log_loss(expected, outputs)),
        }
    else:
        found = model.predict(held_out)
        outputs = found[:, None]
        metrics = {
            "r2": float(r2_score(expected, found)),
            "mean_absolute_error": float(mean_absolute_error(expected, found)),
            "root_mean_squared_error": float(root_mean_squared_error(expected, found)),
        }
    metrics |= {
        f"cross_validated_{estimator.measure}": float(scores.mean()),
        f"cross_validated_{estimator.measure}_deviation": float(scores.std()),
        "rows_trained": float(len(rows)),
        "rows_held_out": float(len(held_out)),
    }
    drawn = np.random.default_rng(seed).choice(len(rows), min(_BACKGROUND_ROWS, len(rows)), replace=False)
    return Trained(dataset, estimator, model, seed, held_out, outputs, rows[np.sort(drawn)], metrics)
