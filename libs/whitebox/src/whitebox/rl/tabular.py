r"""Finite Markov decision processes, solved exactly: what the learners of this package are held against.

Values are those of discounted returns, :math:`v_\pi(s) = E_\pi[\sum_t \gamma^t r_t \mid s_0 = s]` (Puterman: Markov
Decision Processes, 1994; Sutton, Barto: Reinforcement Learning, 2nd ed., ch. 3 and 4).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from whitebox import linalg
from whitebox._validation import Array, as_array, number_in, positive_int
from whitebox.errors import ConvergenceError, DtypeError, RangeError, ShapeError

# How far probabilities may miss a sum of 1 by rounding.
_ROUNDING = 1e-8


class MarkovDecisionProcess:
    r"""States, actions, where they lead, and what they pay.

    Args:
        transitions: :math:`P(s' \mid s, a)`, shape (S, A, S); each row sums to 1.
        rewards: :math:`R(s, a)`, expected, shape (S, A).
        discount: :math:`\gamma`, from 0 to 1. With 1, values exist only where every policy asked about comes to an end.
        terminal: Numbers of the states at which an episode ends: nothing is paid there or later. Their rows of
            `transitions` and `rewards` are not looked at.

    Raises:
        ShapeError: The shapes do not fit.
        RangeError: A row is no distribution, or a number lies outside its range.
        DtypeError, EmptyInputError, NotFiniteError: An array holds no finite real numbers.

    >>> chain = MarkovDecisionProcess([[[0.0, 1.0]], [[0.0, 1.0]]], [[3.0], [0.0]], 0.9, terminal=[1])
    >>> chain.states, chain.actions, policy_evaluation(chain, [0, 0]).tolist()
    (2, 1, [3.0, 0.0])
    """

    def __init__(
        self,
        transitions: npt.ArrayLike,
        rewards: npt.ArrayLike,
        discount: float,
        *,
        terminal: npt.ArrayLike = (),
    ) -> None:
        P, R = np.array(as_array(transitions, "transitions")), np.array(as_array(rewards, "rewards"))
        if P.ndim != 3 or P.shape[0] != P.shape[2]:
            raise ShapeError(f"transitions must have shape (S, A, S), got {P.shape}")
        if R.shape != P.shape[:2]:
            raise ShapeError(f"rewards must have shape {P.shape[:2]}, got {R.shape}")
        ends = np.zeros(len(P), bool)
        ends[_numbers(terminal, "terminal", len(P))] = True
        P[ends], R[ends] = 0.0, 0.0
        wrong = np.argwhere(~ends[:, None] & ((P.min(axis=2) < 0) | (np.abs(P.sum(axis=2) - 1) > _ROUNDING)))
        if len(wrong):
            s, a = (int(i) for i in wrong[0])
            raise RangeError(f"transitions[{s}, {a}] is no distribution: it sums to {P[s, a].sum():.8g}")
        self.transitions = P
        self.rewards = R
        self.discount = number_in(discount, "discount", 0, 1)
        self.terminal = ends

    @property
    def states(self) -> int:
        """S."""
        return len(self.transitions)

    @property
    def actions(self) -> int:
        """A."""
        return int(self.transitions.shape[1])


class Solution(NamedTuple):
    """An optimal policy.

    Attributes:
        values: :math:`v_*`, shape (S,).
        policy: An action that is best in each state, shape (S,).
        iterations: How often the policy or the values were improved.
    """

    values: Array
    policy: npt.NDArray[np.int64]
    iterations: int


def policy_evaluation(mdp: MarkovDecisionProcess, policy: npt.ArrayLike) -> Array:
    r"""Values of a policy, exactly: the solution of :math:`(I - \gamma P_\pi) v = R_\pi`. O(S³ + S² · A).

    Args:
        mdp: The process.
        policy: Probabilities :math:`\pi(a \mid s)`, shape (S, A), or an action for each state, shape (S,).

    Returns:
        :math:`v_\pi`, shape (S,).

    Raises:
        ShapeError, RangeError, DtypeError: The policy does not fit the process, or is none.
        SingularMatrixError: The discount is 1 and the policy never ends from some state.

    >>> stay = MarkovDecisionProcess([[[1.0]]], [[1.0]], 0.75)
    >>> policy_evaluation(stay, [0]).tolist()
    [4.0]
    """
    P, R = _under(mdp, policy)
    return linalg.solve(np.eye(mdp.states) - mdp.discount * P, R)


def iterative_policy_evaluation(
    mdp: MarkovDecisionProcess, policy: npt.ArrayLike, *, tol: float = 1e-10, max_sweeps: int = 100_000
) -> Array:
    r"""Values of a policy as the limit of :math:`v \leftarrow R_\pi + \gamma P_\pi v`. O(S²) a sweep.

    Args:
        mdp: The process.
        policy: As for `policy_evaluation`.
        tol: Largest error of a value. With a discount of 1 no bound is known: largest change in the last sweep.
        max_sweeps: Gives up after so many.

    Raises:
        ShapeError, RangeError, DtypeError: As `policy_evaluation`.
        ConvergenceError: The tolerance was not reached.

    >>> stay = MarkovDecisionProcess([[[1.0]]], [[1.0]], 0.75)
    >>> iterative_policy_evaluation(stay, [0]).round(8).tolist()
    [4.0]
    """
    P, R = _under(mdp, policy)
    v = np.zeros(mdp.states)
    limit = _change_allowed(mdp.discount, number_in(tol, "tol", 0, open_low=True))
    for _ in range(positive_int(max_sweeps, "max_sweeps")):
        before, v = v, R + mdp.discount * (P @ v)
        if np.abs(v - before).max() <= limit:
            return v
    raise ConvergenceError(f"values still changed by {np.abs(v - before).max():.3g} after {max_sweeps} sweeps")


def action_values(mdp: MarkovDecisionProcess, values: npt.ArrayLike) -> Array:
    r"""What each action is worth if values hold afterwards: :math:`q(s, a) = R(s, a) + \gamma \sum_{s'} P v(s')`.

    O(S² · A).

    Args:
        mdp: The process.
        values: v, shape (S,).

    Returns:
        q, shape (S, A); 0 in terminal states.

    Raises:
        ShapeError: There is not one value for each state.

    >>> mdp = MarkovDecisionProcess([[[1, 0], [0, 1]], [[0, 1], [0, 1]]], [[1.0, 5.0], [0, 0]], 0.5, terminal=[1])
    >>> action_values(mdp, [2.0, 0.0]).tolist()
    [[2.0, 5.0], [0.0, 0.0]]
    """
    v = as_array(values, "values")
    if v.shape != (mdp.states,):
        raise ShapeError(f"values must have shape ({mdp.states},), got {v.shape}")
    q: Array = mdp.rewards + mdp.discount * (mdp.transitions @ v)
    return q


def policy_iteration(mdp: MarkovDecisionProcess, *, max_iterations: int = 1000) -> Solution:
    """Evaluates a policy exactly, makes it greedy, and so on until nothing improves (Howard 1960).

    An action changes only where another is better by more than rounding, so that ties cannot make it go round. O(S³)
    an iteration, of which there are few.

    Args:
        mdp: The process. With a discount of 1, the policy of first actions and all better ones must come to an end.
        max_iterations: Gives up after so many.

    Raises:
        SingularMatrixError: The discount is 1 and a policy on the way never ends.
        ConvergenceError: Policies still improved.

    >>> mdp = MarkovDecisionProcess([[[1, 0], [0, 1]], [[0, 1], [0, 1]]], [[1.0, 5.0], [0, 0]], 0.9, terminal=[1])
    >>> solution = policy_iteration(mdp)
    >>> solution.values.round(8).tolist(), solution.policy.tolist()
    ([10.0, 0.0], [0, 0])
    """
    policy = np.zeros(mdp.states, np.int64)
    for iteration in range(1, positive_int(max_iterations, "max_iterations") + 1):
        values = policy_evaluation(mdp, policy)
        q = action_values(mdp, values)
        better = q.max(axis=1) > values + _ROUNDING * np.maximum(1.0, np.abs(values))
        if not better.any():
            return Solution(values, policy, iteration)
        policy = np.where(better, q.argmax(axis=1), policy)
    raise ConvergenceError(f"policies still improved after {max_iterations} iterations")


def value_iteration(mdp: MarkovDecisionProcess, *, tol: float = 1e-10, max_sweeps: int = 100_000) -> Solution:
    r"""Optimal values as the limit of :math:`v(s) \leftarrow \max_a q(s, a)` (Bellman 1957). O(S² · A) a sweep.

    Args:
        mdp: The process.
        tol: Largest error of a value. With a discount of 1 no bound is known: largest change in the last sweep.
        max_sweeps: Gives up after so many.

    Raises:
        ConvergenceError: The tolerance was not reached.

    >>> mdp = MarkovDecisionProcess([[[1, 0], [0, 1]], [[0, 1], [0, 1]]], [[1.0, 5.0], [0, 0]], 0.9, terminal=[1])
    >>> value_iteration(mdp).values.round(8).tolist()
    [10.0, 0.0]
    """
    v = np.zeros(mdp.states)
    limit = _change_allowed(mdp.discount, number_in(tol, "tol", 0, open_low=True))
    for sweep in range(1, positive_int(max_sweeps, "max_sweeps") + 1):
        before, v = v, action_values(mdp, v).max(axis=1)
        if np.abs(v - before).max() <= limit:
            return Solution(v, action_values(mdp, v).argmax(axis=1), sweep)
    raise ConvergenceError(f"values still changed by {np.abs(v - before).max():.3g} after {max_sweeps} sweeps")


def _change_allowed(discount: float, tol: float) -> float:
    """The change of a sweep below which the error is: the map is a contraction by the discount (Banach)."""
    return tol * (1 - discount) / discount if 0 < discount < 1 else tol


def _under(mdp: MarkovDecisionProcess, policy: npt.ArrayLike) -> tuple[Array, Array]:
    """Transitions and rewards once actions are drawn by the policy."""
    given = as_array(policy, "policy")
    if given.shape == (mdp.states,):
        chosen = _numbers(policy, "policy", mdp.actions)
        given = np.zeros((mdp.states, mdp.actions))
        given[np.arange(mdp.states), chosen] = 1.0
    if given.shape != (mdp.states, mdp.actions):
        raise ShapeError(f"policy must have shape ({mdp.states}, {mdp.actions}) or ({mdp.states},), got {given.shape}")
    wrong = np.flatnonzero((given.min(axis=1) < 0) | (np.abs(given.sum(axis=1) - 1) > _ROUNDING))
    if len(wrong):
        raise RangeError(f"policy[{wrong[0]}] is no distribution: it sums to {given[wrong[0]].sum():.8g}")
    return np.einsum("sa,sat->st", given, mdp.transitions), (given * mdp.rewards).sum(axis=1)


def _numbers(values: Any, name: str, count: int) -> npt.NDArray[np.int64]:
    """Whole numbers below `count`."""
    numbers = np.asarray(values)
    if not numbers.size:
        return np.zeros(0, np.int64)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise DtypeError(f"{name} must be a vector of whole numbers, got dtype {numbers.dtype}, shape {numbers.shape}")
    if not 0 <= numbers.min() <= numbers.max() < count:
        raise RangeError(f"{name} must hold numbers from 0 to {count - 1}, got {numbers.min()} to {numbers.max()}")
    return numbers.astype(np.int64)
