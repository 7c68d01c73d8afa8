"""Feature maps and vectors to the matrix that a model takes, naming whatever is missing, unknown or out of range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from whitebox_runtime.errors import InvalidArgument

_NAMED = 10
_LARGEST = float(np.finfo(np.float32).max)

Instance = Mapping[str, float] | Sequence[float]


def to_rows(instances: Sequence[Instance], names: Sequence[str]) -> NDArray[np.float32]:
    """Arranges instances in the model's order of features.

    Args:
        instances: Each a map by feature name, or a vector in the model's order.
        names: The model's features.

    Returns:
        (instances, features) float32.

    Raises:
        InvalidArgument: An instance lacks a feature, has an unknown one, has the wrong length, or a value that does
            not fit into 32 bits.
    """
    rows = np.empty((len(instances), len(names)), np.float64)
    for index, instance in enumerate(instances):
        if isinstance(instance, Mapping):
            _check_names(instance, names, index, len(instances))
            rows[index] = [instance[name] for name in names]
        else:
            if len(instance) != len(names):
                raise InvalidArgument(
                    f"{_which(index, len(instances))}the vector has {len(instance)} values, the model takes "
                    f"{len(names)}: {_listed(names)}",
                    reason="vector_length",
                )
            rows[index] = instance
    wrong = np.argwhere(~(np.abs(rows) <= _LARGEST))
    if len(wrong):
        row, column = wrong[0]
        raise InvalidArgument(
            f"{_which(row, len(instances))}the value of {names[column]!r} is outside the range of 32-bit floats",
            reason="feature_out_of_range",
        )
    return rows.astype("<f4")


def _check_names(instance: Mapping[str, float], names: Sequence[str], index: int, count: int) -> None:
    if instance.keys() == set(names):
        return
    missing = [name for name in names if name not in instance]
    unknown = [name for name in instance if name not in set(names)]
    problems = [f"missing features: {_listed(missing)}"] * bool(missing)
    problems += [f"unknown features: {_listed(unknown)}"] * bool(unknown)
    raise InvalidArgument(_which(index, count) + "; ".join(problems), reason="features_mismatch")


def _which(index: int, count: int) -> str:
    return f"instance {index}: " if count > 1 else ""


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:100]) for name in names[:_NAMED])
    return shown + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
