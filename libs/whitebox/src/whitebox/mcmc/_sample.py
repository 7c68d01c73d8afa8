"""The driver: several chains, one after the other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox._validation import Array, as_matrix, positive_int
from whitebox.errors import RangeError
from whitebox.mcmc._adaptation import warm_up
from whitebox.mcmc._hamiltonian import HMC
from whitebox.mcmc._kernel import Kernel
from whitebox.mcmc._nuts import NUTS


class Chains(NamedTuple):
    """What `sample` gives.

    Attributes:
        positions: Shape (chains, draws, d).
        info: What happened, as the kernel tells it, with an array of shape (chains, draws) in each field.
        kernels: The kernel of each chain, with what its warm-up learnt.
    """

    positions: Array
    info: Any
    kernels: tuple[Any, ...]


def sample(
    kernel: Kernel[Any, Any],
    rng: np.random.Generator,
    positions: npt.ArrayLike,
    draws: int,
    *,
    warmup: int = 0,
    target: float = 0.8,
) -> Chains:
    """Runs a chain from each position, every one with a stream of chance of its own.

    Args:
        kernel: `MetropolisHastings`, `HMC`, `NUTS`, or any other.
        rng: Source of chance.
        positions: Where to start, shape (chains, d); better scattered wider than the target than close together, so
            that `rhat` can tell whether the chains forget it.
        draws: Positions kept of each chain.
        warmup: Steps before; `HMC` and `NUTS` learn step size and masses in them, as `warm_up` says.
        target: Acceptance that the warm-up aims at.

    Raises:
        RangeError: for an argument out of its range, or a start outside the support.
        DtypeError, ShapeError, EmptyInputError, NotFiniteError: if `positions` are unusable.

    >>> kernel = NUTS(lambda x: (-0.5 * float(x @ x), -x))
    >>> chains = sample(kernel, np.random.default_rng(0), np.zeros((2, 3)), 100, warmup=100)
    >>> chains.positions.shape, chains.info.divergent.shape, len(chains.kernels)
    ((2, 100, 3), (2, 100), 2)
    """
    starts = as_matrix(positions, "positions")
    draws = positive_int(draws, "draws")
    if isinstance(warmup, bool) or not isinstance(warmup, int | np.integer) or warmup < 0:
        raise RangeError(f"warmup must be a whole number of at least 0, got {warmup!r}")
    kept = np.empty((len(starts), draws, starts.shape[1]))
    told: list[list[Any]] = []
    kernels: list[Any] = []
    for chain, (stream, start) in enumerate(zip(rng.spawn(len(starts)), starts, strict=True)):
        own: Kernel[Any, Any] = kernel
        if warmup and isinstance(kernel, HMC | NUTS):
            own, state = warm_up(kernel, stream, start, int(warmup), target=target)
        else:
            state = kernel.init(start)
            for _ in range(warmup):
                state, _info = kernel.step(stream, state)
        infos = []
        for draw in range(draws):
            state, info = own.step(stream, state)
            kept[chain, draw] = state.position
            infos.append(info)
        told.append(infos)
        kernels.append(own)
    kind = type(told[0][0])
    columns = [np.array([[info[field] for info in infos] for infos in told]) for field in range(len(kind._fields))]
    return Chains(kept, kind(*columns), tuple(kernels))
