"""What every estimator has in common: parameters, validation of fitted state, and scikit-learn's conventions."""

from __future__ import annotations

import inspect
import sys
import warnings
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix
from whitebox.errors import (
    DtypeError,
    EmptyInputError,
    NotFiniteError,
    NotFittedError,
    RangeError,
    ShapeError,
    SingleClassError,
)


class BaseEstimator:
    """Base of estimators: constructor arguments are the parameters, fitted attributes end in an underscore.

    scikit-learn clones, prints, tunes and pipes such an estimator without either library importing the other.

    Attributes:
        n_features_in_: Number of columns seen by `fit`.
        feature_names_in_: Their names, where `fit` was given a table whose columns have names.

    >>> class Shift(BaseEstimator):
    ...     def __init__(self, by=1.0):
    ...         self.by = by
    >>> Shift().set_params(by=2.0)
    Shift(by=2.0)
    """

    n_features_in_: int
    feature_names_in_: npt.NDArray[Any]
    # scikit-learn's name for what this is: "classifier", "transformer", ...
    _kind: ClassVar[str | None] = None
    # Whether `y` may have several columns, whether `X` must not be negative, and whether it should be counts.
    _many_targets: ClassVar[bool] = False
    _positive_only: ClassVar[bool] = False
    _counts_only: ClassVar[bool] = False

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002  # scikit-learn's signature
        """Parameters by name, as given to the constructor."""
        return {name: getattr(self, name) for name in _parameter_names(type(self))}

    def set_params(self, **params: Any) -> Self:
        """Sets parameters by name.

        Raises:
            RangeError: for a name that is no parameter.
        """
        known = _parameter_names(type(self))
        for name, value in params.items():
            if name not in known:
                raise RangeError(
                    f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known) or 'none'}"
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({arguments})"

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn's own tools (pipelines, searches, checks) ask an estimator; they have it loaded already."""
        sklearn = sys.modules["sklearn.utils"]
        return sklearn.Tags(
            estimator_type=self._kind,
            target_tags=sklearn.TargetTags(
                required=self._kind in ("classifier", "regressor"), multi_output=self._many_targets
            ),
            classifier_tags=(
                sklearn.ClassifierTags(poor_score=self._counts_only) if self._kind == "classifier" else None
            ),
            regressor_tags=sklearn.RegressorTags() if self._kind == "regressor" else None,
            transformer_tags=sklearn.TransformerTags() if hasattr(type(self), "transform") else None,
            input_tags=sklearn.InputTags(positive_only=self._positive_only),
        )

    def _rows_to_fit(self, X: npt.ArrayLike) -> Array:
        """Validates what `fit` is given, and remembers how many columns it has and what they are called."""
        names = _column_names(X)
        rows = as_matrix(X, "X")
        self.n_features_in_ = rows.shape[1]
        if names is not None:
            self.feature_names_in_ = names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return rows

    def _rows_to_use(self, X: npt.ArrayLike, attribute: str, *, names: bool = True) -> Array:
        """Validates what a fitted estimator is given; `attribute`, of shape (..., d), is what fitting leaves behind.

        `names` says whether the columns are those of `fit`, and have to be called the same.
        """
        if not hasattr(self, attribute):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit first")
        if names:
            self._check_names(_column_names(X))
        rows = as_matrix(X, "X")
        expected = np.shape(getattr(self, attribute))[-1]
        if rows.shape[1] != expected:
            raise ShapeError(
                f"X has {rows.shape[1]} features, but {type(self).__name__} is expecting {expected} features as input"
            )
        return rows

    def _check_names(self, names: npt.NDArray[Any] | None) -> None:
        fitted = getattr(self, "feature_names_in_", None)
        kind = type(self).__name__
        if fitted is None and names is not None:
            warnings.warn(
                f"X has feature names, but {kind} was fitted without feature names", UserWarning, stacklevel=4
            )
        elif fitted is not None and names is None:
            warnings.warn(
                f"X does not have valid feature names, but {kind} was fitted with feature names",
                UserWarning,
                stacklevel=4,
            )
        elif fitted is not None and names is not None and list(fitted) != list(names):
            unseen, missing = sorted(set(names) - set(fitted)), sorted(set(fitted) - set(names))
            message = "The feature names should match those that were passed during fit.\n"
            if unseen:
                message += "Feature names unseen at fit time:\n" + "".join(f"- {name}\n" for name in unseen)
            if missing:
                message += "Feature names seen at fit time, yet now missing:\n" + "".join(f"- {n}\n" for n in missing)
            if not unseen and not missing:
                message += "Feature names must be in the same order as they were in fit.\n"
            raise ShapeError(message)


class Classifier(BaseEstimator):
    """Base of classifiers.

    Attributes:
        classes_: Sorted class labels.
    """

    _kind = "classifier"
    classes_: npt.NDArray[Any]

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The class of each row, shape (n,)."""
        raise NotImplementedError

    def score(self, X: npt.ArrayLike, y: npt.ArrayLike) -> float:
        """Share of rows whose class is predicted right.

        Raises:
            ShapeError: if `X` and `y` differ in length.
        """
        predicted, labels = self.predict(X), np.asarray(y)
        if labels.shape != predicted.shape:
            raise ShapeError(f"y must have shape {predicted.shape}, got {labels.shape}")
        return float((predicted == labels).mean())

    def _encode(self, y: Any, rows: int) -> npt.NDArray[np.intp]:
        """Sets `classes_` and gives each label's number among them."""
        if y is None:
            raise EmptyInputError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        labels = np.asarray(y)
        if labels.ndim != 1 or len(labels) != rows:
            raise ShapeError(f"y must have shape ({rows},), got {labels.shape}")
        if labels.dtype.kind == "f":
            if not np.isfinite(labels).all():
                raise NotFiniteError("Input y contains NaN or infinity")
            if (labels != np.floor(labels)).any():
                raise RangeError("Unknown label type: continuous. Class labels are whole numbers or strings")
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise SingleClassError(f"y holds one class only: {self.classes_[0]!r}; a classifier needs at least two")
        return numbers


class Regressor(BaseEstimator):
    """Base of regressors."""

    _kind = "regressor"

    def predict(self, X: npt.ArrayLike) -> Array:
        """The target of each row, shape (n,), or (n, targets) where `fit` was given several."""
        raise NotImplementedError

    def score(self, X: npt.ArrayLike, y: npt.ArrayLike) -> float:
        r"""The coefficient of determination :math:`R^2 = 1 - \sum (y - \hat y)^2 / \sum (y - \bar y)^2`.

        With several targets, their mean. A target that does not vary scores 1 where it is predicted exactly, else 0.

        Raises:
            ShapeError: if `X` and `y` differ in length.
        """
        predicted, target = self.predict(X), np.asarray(y, dtype=np.float64)
        if target.shape != predicted.shape:
            raise ShapeError(f"y must have shape {predicted.shape}, got {target.shape}")
        lost = ((target - predicted) ** 2).sum(axis=0)
        whole = ((target - target.mean(axis=0)) ** 2).sum(axis=0)
        return float(np.where(whole > 0, 1 - lost / np.where(whole > 0, whole, 1.0), lost == 0).mean())

    def _target(self, y: Any, rows: int) -> Array:
        """Validates the target: shape (rows,), or (rows, targets) where the estimator can do several."""
        if y is None:
            raise EmptyInputError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        try:
            target = np.asarray(y, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DtypeError(f"y must hold real numbers: {error}") from error
        if len(target.shape) not in ((1, 2) if self._many_targets else (1,)) or len(target) != rows or not target.size:
            raise ShapeError(f"y must have shape ({rows},), got {target.shape}")
        if not np.isfinite(target).all():
            place = np.argwhere(~np.isfinite(target))[0]
            raise NotFiniteError(f"Input y contains NaN or infinity: y[{', '.join(map(str, place))}]")
        return target


def _parameter_names(cls: type) -> list[str]:
    if cls.__init__ is object.__init__:  # type: ignore[misc]  # the slot, not an instance's method
        return []
    return sorted(name for name in inspect.signature(cls.__init__).parameters if name != "self")  # type: ignore[misc]


def _column_names(X: Any) -> npt.NDArray[Any] | None:
    """Names of a data frame's columns, where all are strings."""
    columns = getattr(X, "columns", None)
    if columns is None or not all(isinstance(name, str) for name in columns):
        return None
    return np.asarray(list(columns), dtype=object)
