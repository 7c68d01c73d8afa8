"""Descent by gradients, with every running sum and mean written out over the whole history of gradients.

`step(x, gradients)` gives the next value of one parameter from its value and all its gradients so far, latest last.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def _weighted(values: Sequence[float], beta: float) -> float:
    """The running mean from zero, (1 - β) Σ βᵃᵍᵉ value, with age 0 for the latest.

    >>> _weighted([4.0, 8.0], 0.5)
    5.0
    """
    return (1 - beta) * sum(beta**age * value for age, value in enumerate(reversed(values)))


class GradientDescent:
    """Against the gradient."""

    def __init__(self, learning_rate: float) -> None:
        self.rate = learning_rate

    def step(self, x: float, gradients: Sequence[float]) -> float:
        """The next value."""
        return x - self.rate * gradients[-1]


class Momentum:
    """Against the gradients so far, older ones weighing less."""

    def __init__(self, learning_rate: float, momentum: float = 0.9) -> None:
        self.rate, self.momentum = learning_rate, momentum

    def step(self, x: float, gradients: Sequence[float]) -> float:
        """The next value."""
        return x - self.rate * self.velocity(gradients)

    def velocity(self, gradients: Sequence[float]) -> float:
        """Σ μᵃᵍᵉ gradient."""
        return sum(self.momentum**age * gradient for age, gradient in enumerate(reversed(gradients)))


class Nesterov(Momentum):
    """As momentum, with the latest gradient once more: that is where the next step would go."""

    def step(self, x: float, gradients: Sequence[float]) -> float:
        """The next value."""
        return x - self.rate * (gradients[-1] + self.momentum * self.velocity(gradients))


class AdaGrad:
    """Slower where gradients have been large."""

    def __init__(self, learning_rate: float, epsilon: float = 1e-10) -> None:
        self.rate, self.epsilon = learning_rate, epsilon

    def step(self, x: float, gradients: Sequence[float]) -> float:
        """The next value."""
        if gradients[-1] == 0:
            return x
        return x - self.rate * gradients[-1] / (math.hypot(*gradients) + self.epsilon)


class RMSprop:
    """Slower where gradients are large lately."""

    def __init__(self, learning_rate: float = 0.01, decay: float = 0.99, epsilon: float = 1e-8) -> None:
        self.rate, self.decay, self.epsilon = learning_rate, decay, epsilon

    def step(self, x: float, gradients: Sequence[float]) -> float:
        """The next value."""
        square = _weighted([gradient**2 for gradient in gradients], self.decay)
        return x - self.rate * gradients[-1] / (math.sqrt(square) + self.epsilon)


class Adam:
    """The mean gradient lately over its typical size lately; both means corrected for having begun at zero."""

    def __init__(
        self, learning_rate: float = 0.001, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        self.rate, self.beta1, self.beta2, self.epsilon = learning_rate, beta1, beta2, epsilon

    def step(self, x: float, gradients: Sequence[float]) -> float:
        """The next value."""
        mean = _weighted(gradients, self.beta1) / (1 - self.beta1 ** len(gradients))
        return x - self.rate * mean / self.spread(gradients)

    def spread(self, gradients: Sequence[float]) -> float:
        """The typical size."""
        square = _weighted([gradient**2 for gradient in gradients], self.beta2) / (1 - self.beta2 ** len(gradients))
        return math.sqrt(square) + self.epsilon


class AdamW(Adam):
    """As Adam, after shrinking the parameter a little."""

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon)
        self.weight_decay = weight_decay

    def step(self, x: float, gradients: Sequence[float]) -> float:
        """The next value."""
        return super().step(x - self.rate * self.weight_decay * x, gradients)


class NAdam(Adam):
    """As Adam, with the momentum that the next step is going to use, and the latest gradient for what is new."""

    def __init__(
        self,
        learning_rate: float = 0.002,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        momentum_decay: float = 0.004,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon)
        self.momentum_decay = momentum_decay

    def step(self, x: float, gradients: Sequence[float]) -> float:
        """The next value."""
        count = len(gradients)
        momenta = [self.beta1 * (1 - math.pow(0.96, t * self.momentum_decay) / 2) for t in range(1, count + 2)]
        new = (1 - momenta[-2]) * gradients[-1] / (1 - math.prod(momenta[:-1]))
        old = momenta[-1] * _weighted(gradients, self.beta1) / (1 - math.prod(momenta))
        return x - self.rate * (new + old) / self.spread(gradients)
