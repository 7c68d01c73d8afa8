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


class SingularMatrixError(WhiteboxError):
    """A matrix has no inverse, or a column that depends on the ones before it."""


class NotSymmetricError(WhiteboxError):
    """A matrix that has to be symmetric is not."""


class NotPositiveDefiniteError(WhiteboxError):
    """A symmetric matrix has a direction along which it is not positive."""


class ConvergenceError(WhiteboxError):
    """An iteration did not reach its tolerance."""


class DegenerateWeightsError(WhiteboxError):
    """No sample has any weight left."""


class MissingDependencyError(WhiteboxError, ImportError):
    """Something optional was asked for that is not installed; the message says what to install."""


class BudgetError(WhiteboxError):
    """A budget pays for no result at all."""


class InfeasibleError(WhiteboxError):
    """No point satisfies all constraints."""


class UnboundedError(WhiteboxError):
    """An objective falls without end."""


class BudgetExhaustedError(WhiteboxError):
    """A release would spend more privacy than there is left."""


class GradientError(WhiteboxError):
    """There is no gradient to compute, or a gradient is wrong."""


class StateError(WhiteboxError):
    """A saved state does not belong to this model, or a file is not what it claims to be."""


class CacheFullError(WhiteboxError):
    """A cache has no room for further positions."""
