"""Clients: they have the data, and send parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, as_vector, number_in, positive_int
from whitebox.errors import BudgetExhaustedError, ShapeError
from whitebox.federated._losses import Loss
from whitebox.linalg import inverse
from whitebox.optimize import newton
from whitebox.privacy import Accountant, noisy_gradient, poisson_sample


class Update(NamedTuple):
    """All that a client ever sends: numbers about parameters, none about rows.

    Without noise they still tell something about the rows. Clipped and noisy, they tell as little as the accountant
    says.

    Attributes:
        parameters: After local training, shape (p,).
        samples: How many rows they come from.
        variance: Of each parameter, shape (p,), where the client estimates it.
        precision: Inverse covariance of the parameters, shape (p, p), where the client estimates it.
    """

    parameters: Array
    samples: int
    variance: Array | None = None
    precision: Array | None = None


@dataclass(frozen=True)
class LocalTraining:
    r"""How a client goes on from the server's parameters.

    Args:
        steps: Gradient steps a round.
        learning_rate: Their length, positive.
        batch_rate: Probability with which a row takes part in a step; 1 for all rows in all steps.
        proximal: μ of :math:`\tfrac{\mu}{2} \lVert w - w_{\text{server}} \rVert^2`, which keeps clients with unlike
            data together (Li and others: Federated Optimization in Heterogeneous Networks, 2020).

    Raises:
        RangeError: for an argument out of its range.

    >>> LocalTraining(steps=5).learning_rate
    0.1
    """

    steps: int = 1
    learning_rate: float = 0.1
    batch_rate: float = 1.0
    proximal: float = 0.0

    def __post_init__(self) -> None:
        positive_int(self.steps, "steps")
        number_in(self.learning_rate, "learning_rate", 0, open_low=True)
        number_in(self.batch_rate, "batch_rate", 0, 1, open_low=True)
        number_in(self.proximal, "proximal", 0)


class Client:
    r"""Holds rows that never leave it: it cannot be copied or pickled, only asked for updates.

    Args:
        X: Rows, shape (n, p); add a column of ones for an intercept.
        y: Targets, shape (n,).
        loss: What is minimised.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable data.

    >>> from whitebox.federated import LeastSquares
    >>> client = Client([[1.0], [2.0]], [2.0, 4.0], LeastSquares())
    >>> update = client.update(np.zeros(1), LocalTraining(steps=100), np.random.default_rng(0))
    >>> update.parameters.round(6).tolist(), update.samples
    ([2.0], 2)
    """

    def __init__(self, X: npt.ArrayLike, y: npt.ArrayLike, loss: Loss) -> None:
        self._X = as_matrix(X, "X")
        self._y = loss.targets(y)
        if len(self._X) != len(self._y):
            raise ShapeError(f"X has {len(self._X)} rows, y has {len(self._y)} entries")
        self._loss = loss

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._X)} rows of {self._X.shape[1]}, {self._loss!r})"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a client's data stay where they are: send its updates instead")

    @property
    def samples(self) -> int:
        """How many rows there are."""
        return len(self._X)

    def update(self, parameters: npt.ArrayLike, training: LocalTraining, rng: np.random.Generator) -> Update:
        """Trains from the server's parameters on. O(steps · n · p).

        Args:
            parameters: The server's, shape (p,).
            training: How to go on from them.
            rng: Draws the batches, where there are any.

        Raises:
            ShapeError, DtypeError, NotFiniteError: for unusable parameters.
        """
        start = self._parameters(parameters)
        w = start.copy()
        for _ in range(training.steps):
            gradient = self._gradient(w, training.batch_rate, rng)
            w -= training.learning_rate * (gradient + self._loss.penalty * w + training.proximal * (w - start))
        return Update(w, len(self._X))

    def posterior(self, prior_precision: float) -> Update:
        r"""The local posterior under a normal prior about 0, as a normal distribution.

        .. math:: p(w \mid D_k) \approx \mathcal{N}(w_k, \Lambda_k^{-1}), \qquad
                  \Lambda_k = \lambda_0 I + \sum_i \ell_i''(w_k) \, x_i x_i^\top

        where :math:`w_k` is its mode: exact for `LeastSquares`, Laplace's approximation (Bishop 2006, section 4.4) for
        others. The loss's own penalty has no part in it. O(n · p² + p³) a step of Newton's method.

        Args:
            prior_precision: :math:`\lambda_0`, positive.

        Raises:
            RangeError: if it is not positive.

        >>> from whitebox.federated import LeastSquares
        >>> update = Client([[1.0], [1.0]], [3.0, 6.0], LeastSquares()).posterior(prior_precision=1.0)
        >>> update.parameters.round(6).tolist(), update.precision.round(6).tolist()
        ([3.0], [[3.0]])
        """
        weight = number_in(prior_precision, "prior_precision", 0, open_low=True)
        X, y, loss = self._X, self._y, self._loss
        eye = np.eye(X.shape[1])

        def objective(w: Array) -> tuple[float, Array]:
            value = float(loss.values(w, X, y).sum() + weight / 2 * (w @ w))
            return value, loss.row_gradients(w, X, y).sum(axis=0) + weight * w

        def curvature(w: Array) -> Array:
            matrix: Array = (X.T * loss.curvature(w, X)) @ X + weight * eye
            return matrix

        mode = newton(objective, curvature, np.zeros(X.shape[1]), tol=1e-14 * len(X)).x
        precision = curvature(mode)
        return Update(mode, len(X), np.diag(inverse(precision)).copy(), precision)

    def _parameters(self, parameters: npt.ArrayLike) -> Array:
        start: Array = as_vector(parameters, "parameters")
        if len(start) != self._X.shape[1]:
            raise ShapeError(
                f"the server has {len(start)} parameters, the client's rows have {self._X.shape[1]} columns"
            )
        return start

    def _gradient(self, w: Array, batch_rate: float, rng: np.random.Generator) -> Array:
        """Mean gradient of the rows' losses, or of a sample of them."""
        rows: Any = slice(None) if batch_rate == 1 else poisson_sample(rng, len(self._X), batch_rate)
        X, y = self._X[rows], self._y[rows]
        if len(X) == 0:
            return np.zeros(len(w))
        mean: Array = self._loss.row_gradients(w, X, y).mean(axis=0)
        return mean


class PrivateClient(Client):
    r"""A client whose updates hide each of its rows, from the server too.

    Its steps see clipped gradients with normal noise (`whitebox.privacy.noisy_gradient`), booked with an accountant of
    its own. Once its budget is spent it raises: it has no way to go on without noise.

    Args:
        X: Rows, shape (n, p).
        y: Targets, shape (n,).
        loss: What is minimised.
        accountant: Of this client's rows.
        max_norm: Length to which each row's gradient is clipped, positive.
        noise_multiplier: Standard deviation of the noise over `max_norm`, positive.

    Raises:
        ShapeError, DtypeError, EmptyInputError, NotFiniteError, RangeError: for unusable data.

    >>> from whitebox.federated import LeastSquares
    >>> accountant = Accountant(epsilon=1.0, delta=1e-5)
    >>> client = PrivateClient([[1.0]] * 100, [2.0] * 100, LeastSquares(), accountant=accountant)
    >>> client.update(np.zeros(1), LocalTraining(steps=1), np.random.default_rng(0))
    Traceback (most recent call last):
    ...
    whitebox.errors.BudgetExhaustedError: this would spend epsilon = 4.729 of 1 at delta = 1e-05; 0 is spent
    """

    def __init__(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        loss: Loss,
        *,
        accountant: Accountant,
        max_norm: float = 1.0,
        noise_multiplier: float = 1.0,
    ) -> None:
        super().__init__(X, y, loss)
        self.accountant = accountant
        self._max_norm = number_in(max_norm, "max_norm", 0, open_low=True)
        self._noise_multiplier = number_in(noise_multiplier, "noise_multiplier", 0, open_low=True)

    def posterior(self, prior_precision: float) -> NoReturn:  # noqa: ARG002  # as every client has it
        """Refused: a posterior without noise would cost more than any budget holds.

        Raises:
            BudgetExhaustedError: always.
        """
        raise BudgetExhaustedError("a posterior without noise would spend an infinite epsilon")

    def _gradient(self, w: Array, batch_rate: float, rng: np.random.Generator) -> Array:
        rows = poisson_sample(rng, len(self._X), batch_rate)
        return noisy_gradient(
            rng,
            self._loss.row_gradients(w, self._X[rows], self._y[rows]),
            max_norm=self._max_norm,
            noise_multiplier=self._noise_multiplier,
            expected_rows=batch_rate * len(self._X),
            accountant=self.accountant,
            sampling_rate=batch_rate,
        )
