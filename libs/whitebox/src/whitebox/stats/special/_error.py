"""The error function, the normal distribution function, and their inverses."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array
from whitebox.errors import RangeError
from whitebox.stats.special._arrays import elementwise, horner, probability, real

_ROOT_2 = math.sqrt(2)
_LOG_2 = math.log(2)

# Cody (1969), rational approximations: of erf up to 15/32; of erfcx up to 4; of its remainder in 1/x² beyond. The
# highest power first.
_NEAR = (
    (
        1.85777706184603153e-1,
        3.16112374387056560e0,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3,
    ),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
_MIDDLE = (
    (
        2.15311535474403846e-8,
        5.64188496988670089e-1,
        8.88314979438837594e0,
        6.61191906371416295e1,
        2.98635138197400131e2,
        8.81952221241769090e2,
        1.71204761263407058e3,
        2.05107837782607147e3,
        1.23033935479799725e3,
    ),
    (
        1.0,
        1.57449261107098347e1,
        1.17693950891312499e2,
        5.37181101862009858e2,
        1.62138957456669019e3,
        3.29079923573345963e3,
        4.36261909014324716e3,
        3.43936767414372164e3,
        1.23033935480374942e3,
    ),
)
_FAR = (
    (
        1.63153871373020978e-2,
        3.05326634961232344e-1,
        3.60344899949804439e-1,
        1.25781726111229246e-1,
        1.60837851487422766e-2,
        6.58749161529837803e-4,
    ),
    (
        1.0,
        2.56852019228982242e0,
        1.87295284992346725e0,
        5.27905102951428412e-1,
        6.05183413124413191e-2,
        2.33520497626869185e-3,
    ),
)

# Wichura (1988), AS 241: the normal quantile in the middle (|p - ½| up to 0.425), in the tails to exp(-25), beyond.
_CENTRE = (
    (
        2.5090809287301226727e3,
        3.3430575583588128105e4,
        6.7265770927008700853e4,
        4.5921953931549871457e4,
        1.3731693765509461125e4,
        1.9715909503065514427e3,
        1.3314166789178437745e2,
        3.3871328727963666080e0,
    ),
    (
        5.2264952788528545610e3,
        2.8729085735721942674e4,
        3.9307895800092710610e4,
        2.1213794301586595867e4,
        5.3941960214247511077e3,
        6.8718700749205790830e2,
        4.2313330701600911252e1,
        1.0,
    ),
)
_TAIL = (
    (
        7.74545014278341407640e-4,
        2.27238449892691845833e-2,
        2.41780725177450611770e-1,
        1.27045825245236838258e0,
        3.64784832476320460504e0,
        5.76949722146069140550e0,
        4.63033784615654529590e0,
        1.42343711074968357734e0,
    ),
    (
        1.05075007164441684324e-9,
        5.47593808499534494600e-4,
        1.51986665636164571966e-2,
        1.48103976427480074590e-1,
        6.89767334985100004550e-1,
        1.67638483018380384940e0,
        2.05319162663775882187e0,
        1.0,
    ),
)
_EXTREME = (
    (
        2.01033439929228813265e-7,
        2.71155556874348757815e-5,
        1.24266094738807843860e-3,
        2.65321895265761230930e-2,
        2.96560571828504891230e-1,
        1.78482653991729133580e0,
        5.46378491116411436990e0,
        6.65790464350110377720e0,
    ),
    (
        2.04426310338993978564e-15,
        1.42151175831644588870e-7,
        1.84631831751005468180e-5,
        7.86869131145613259100e-4,
        1.48753612908506148525e-2,
        1.36929880922735805310e-1,
        5.99832206555887937690e-1,
        1.0,
    ),
)


def erf(x: npt.ArrayLike) -> Array:
    r"""The error function :math:`\mathrm{erf}(x) = \frac{2}{\sqrt\pi} \int_0^x e^{-t^2} dt`.

    By rational approximations (Cody: Rational Chebyshev approximations for the error function, 1969). O(1) an element.

    Args:
        x: Any shape; infinities are fine.

    Raises:
        DtypeError, NotFiniteError: for anything but real numbers, NaN included.

    >>> float(erf(0.5).round(12))
    0.520499877813
    """
    return elementwise(_erf, real(x, "x"))[0]


def erfc(x: npt.ArrayLike) -> Array:
    r"""The complementary error function :math:`1 - \mathrm{erf}(x)`, exact where that is tiny. See `erf`.

    Raises:
        DtypeError, NotFiniteError: as `erf`.

    >>> f"{erfc(10.0):.9g}"
    '2.08848758e-45'
    """
    return elementwise(erfc_kernel, real(x, "x"))[0]


def erfcx(x: npt.ArrayLike) -> Array:
    r"""The scaled complementary error function :math:`e^{x^2} \mathrm{erfc}(x)`, which does not underflow. See `erf`.

    Raises:
        DtypeError, NotFiniteError: as `erf`.

    >>> f"{erfcx(1e10):.9g}"
    '5.64189584e-11'
    """
    return elementwise(_erfcx, real(x, "x"))[0]


def ndtr(x: npt.ArrayLike) -> Array:
    r"""The standard normal distribution function :math:`\Phi(x) = \tfrac12 \mathrm{erfc}(-x / \sqrt 2)`.

    Raises:
        DtypeError, NotFiniteError: as `erf`.

    >>> float(ndtr(-1.96).round(9))
    0.024997895
    """
    return elementwise(lambda x: (0.5 * erfc_kernel(-x / _ROOT_2)[0],), real(x, "x"))[0]


def log_ndtr(x: npt.ArrayLike) -> Array:
    r""":math:`\log \Phi(x)`, finite where the probability itself underflows.

    Raises:
        DtypeError, NotFiniteError: as `erf`.

    >>> float(log_ndtr(-40.0).round(6))
    -804.608442
    """
    return elementwise(_log_ndtr, real(x, "x"))[0]


def ndtri(p: npt.ArrayLike) -> Array:
    r"""The standard normal quantile :math:`\Phi^{-1}(p)`, minus and plus infinity at 0 and 1.

    By rational approximations with an error of about 1e-16 (Wichura: Algorithm AS 241, 1988).

    Raises:
        RangeError: for a p below 0 or above 1.
        DtypeError, NotFiniteError: as `erf`.

    >>> float(ndtri(0.975).round(9))
    1.959963985
    """
    return elementwise(lambda p: (normal_quantile(p, 1 - p),), probability(p, "p"))[0]


def erfinv(y: npt.ArrayLike) -> Array:
    r"""The inverse of `erf`: :math:`\Phi^{-1}((1 + y) / 2) / \sqrt 2`, without the rounding of 1 + y.

    Raises:
        RangeError: for a y below -1 or above 1.
        DtypeError, NotFiniteError: as `erf`.

    >>> float(erfinv(0.5).round(9))
    0.476936276
    """
    y = real(y, "y")
    if (np.abs(y) > 1).any():
        raise RangeError(f"y must be from -1 to 1, got {y[np.abs(y) > 1][0]:g}")
    return elementwise(lambda y: (_quantile(y / 2, (1 - np.abs(y)) / 2) / _ROOT_2,), y)[0]


def erfcinv(y: npt.ArrayLike) -> Array:
    r"""The inverse of `erfc`, exact where y is tiny. See `erfinv`.

    Raises:
        RangeError: for a y below 0 or above 2.
        DtypeError, NotFiniteError: as `erf`.

    >>> float(erfcinv(1e-100).round(9))
    15.065574703
    """
    y = real(y, "y")
    if ((y < 0) | (y > 2)).any():
        raise RangeError(f"y must be from 0 to 2, got {y[(y < 0) | (y > 2)][0]:g}")
    return elementwise(lambda y: (_quantile((1 - y) / 2, np.minimum(y, 2 - y) / 2) / _ROOT_2,), y)[0]


def normal_quantile(p: Array, q: Array) -> Array:
    """`ndtri` of a vector, given q = 1 - p as well, one of the two without rounding."""
    return _quantile(np.where(p <= q, p - 0.5, 0.5 - q), np.minimum(p, q))


def erfc_kernel(x: Array) -> tuple[Array]:
    """`erfc` of a vector."""
    result = np.empty_like(x)
    size = np.abs(x)
    near = size <= 0.46875
    inner, outer = x[near], x[~near]
    result[near] = 1 - inner * _ratio(_NEAR, inner * inner)
    size = size[~near]
    tail = _scaled_tail(size) * _exp_minus_square(size)
    result[~near] = np.where(outer < 0, 2 - tail, tail)
    return (result,)


def _erf(x: Array) -> tuple[Array]:
    result = np.empty_like(x)
    size = np.abs(x)
    near = size <= 0.46875
    inner, outer = x[near], x[~near]
    result[near] = inner * _ratio(_NEAR, inner * inner)
    size = size[~near]
    result[~near] = np.copysign(1 - _scaled_tail(size) * _exp_minus_square(size), outer)
    return (result,)


def _erfcx(x: Array) -> tuple[Array]:
    right = x > 0.46875
    result = np.empty_like(x)
    result[right] = _scaled_tail(x[right])
    left = x[~right]
    result[~right] = np.exp(left * left) * erfc_kernel(left)[0]
    return (result,)


def _log_ndtr(x: Array) -> tuple[Array]:
    left = x < -1
    result = np.empty_like(x)
    z = -x[left] / _ROOT_2
    result[left] = np.where(np.isinf(z), -np.inf, np.log(_scaled_tail(z)) - z * z - _LOG_2)
    result[~left] = np.log1p(-0.5 * erfc_kernel(x[~left] / _ROOT_2)[0])
    return (result,)


def _scaled_tail(size: Array) -> Array:
    """exp(x²) erfc(x) for x above 15/32."""
    result = np.empty_like(size)
    middle = size <= 4
    result[middle] = _ratio(_MIDDLE, size[middle])
    far = size[~middle]
    inverse = 1 / (far * far)
    result[~middle] = (1 / math.sqrt(math.pi) - inverse * _ratio(_FAR, inverse)) / far
    return result


def _exp_minus_square(size: Array) -> Array:
    """exp(-x²) without the rounding of x²: the square of a multiple of 1/16 is exact. Beyond 28 nothing is left."""
    size = np.minimum(size, 28.0)
    coarse = np.floor(size * 16) / 16
    product: Array = np.exp(-coarse * coarse) * np.exp((coarse - size) * (coarse + size))
    return product


def _quantile(centred: Array, tail: Array) -> Array:
    """The normal quantile of p from p - ½ and from the smaller of p and 1 - p, each without rounding."""
    result = np.empty_like(centred)
    middle = np.abs(centred) <= 0.425
    inner = centred[middle]
    result[middle] = inner * _ratio(_CENTRE, 0.180625 - inner * inner)
    r = np.sqrt(-np.log(tail[~middle]))
    size = np.where(r <= 5, _ratio(_TAIL, np.minimum(r, 5.0) - 1.6), _ratio(_EXTREME, np.minimum(r, 30.0) - 5))
    size[np.isinf(r)] = np.inf
    result[~middle] = np.copysign(size, centred[~middle])
    return result


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Array) -> Array:
    return horner(coefficients[0], x) / horner(coefficients[1], x)
