"""What is wrong with an input, by name. All are `ValueError`s, so that callers who do not care can catch one thing."""

from __future__ import annotations


class WhiteboxError(ValueError):
    """Base of every error that this library raises on purpose."""


class ShapeError(WhiteboxError):
    """An array has the wrong number of dimensions, or two arrays do not fit together."""


class DtypeError(WhiteboxError, TypeError):
    """An input holds something other than real numbers."""


class EmptyInputError(WhiteboxError):
    """An input holds nothing to compute with."""


class NotFiniteError(WhiteboxError):
    """An input holds NaN or infinity, or a result overflows."""


class RangeError(WhiteboxError):
    """A number lies outside the range that makes sense for it."""


class NotFittedError(WhiteboxError, AttributeError):
    """An estimator was used before `fit`."""


class SingleClassError(WhiteboxError):
    """A classifier was given one class only."""
