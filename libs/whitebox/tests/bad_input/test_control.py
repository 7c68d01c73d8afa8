"""What `whitebox.rl` does with what it should not be given."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from pairs.pair import plain
from whitebox.autograd import Tensor
from whitebox.errors import (
    ConvergenceError,
    DtypeError,
    EmptyInputError,
    NotFiniteError,
    RangeError,
    ShapeError,
    SingularMatrixError,
    StateError,
)
from whitebox.nn import Linear
from whitebox.rl.categorical import entropy, log_probability, sample_actions
from whitebox.rl.dqn import DQN, LinearExploration, dqn_targets, huber_loss
from whitebox.rl.environments import (
    CartPole,
    CartPoleState,
    TabularEnvironment,
    TimeLimit,
    cart_pole_accelerations,
    grid_world,
)
from whitebox.rl.games import ConnectFour, Nim, TicTacToe, minimax
from whitebox.rl.ppo import PPO, clipped_surrogate
from whitebox.rl.reinforce import Reinforce, policy_gradient_loss
from whitebox.rl.replay import ReplayBuffer, Transitions
from whitebox.rl.returns import discounted_returns, generalized_advantages
from whitebox.rl.rollouts import Actors, Episode, best_action, evaluate, play_episode, seed_from
from whitebox.rl.tabular import (
    MarkovDecisionProcess,
    action_values,
    iterative_policy_evaluation,
    policy_evaluation,
    policy_iteration,
    value_iteration,
)
from whitebox.rl.tree_search import Node, TreeSearch, puct, ucb1

RNG = np.random.default_rng(0)
STAY = [[[1.0, 0.0]], [[0.0, 1.0]]]
TWO = MarkovDecisionProcess(STAY, [[1.0], [0.0]], 0.5)
FOREVER = MarkovDecisionProcess(STAY, [[1.0], [0.0]], 1.0)
LOOSE = MarkovDecisionProcess(STAY, [[1.0], [0.0]], 1.0, terminal=[1])
LOGITS = Tensor(np.zeros((2, 3)))
LINE = Tensor(np.zeros(2))
POLICY, CRITIC, BROKEN = (Linear(4, outputs, rng=RNG) for outputs in (2, 1, 2))
BROKEN.weight.data = np.full((2, 4), np.nan, np.float32)
SEEN = np.zeros((1, 4), np.float32)
EPISODE = Episode(SEEN, np.zeros(1, int), np.ones(1, np.float32), SEEN, True)
ADVANTAGES = partial(generalized_advantages, discount=0.9, trace=0.9)
YES, NO = np.ones(2, bool), np.zeros(2, bool)


def kept(reward: float = 1.0, shape: tuple[int, ...] = (2,)) -> ReplayBuffer:
    buffer = ReplayBuffer(3)
    buffer.add(np.zeros(2), 0, 1.0, np.zeros(2), False)
    buffer.add(np.zeros(shape), 0, reward, np.zeros(2), False)
    return buffer


def single() -> ReplayBuffer:
    buffer = ReplayBuffer(1)
    for number in range(3):
        buffer.add([number], number, 0.0, [number], False)
    return buffer


def begun(environment, action: object):
    environment.reset(seed=0)
    return environment.step(action)


def over() -> TreeSearch:
    return TreeSearch(Nim(1), RNG, state=(0,))


def judged(priors: dict, value: float) -> Node:
    return TreeSearch(Nim(2), RNG, evaluate=lambda state: (priors, value)).search(2)


REFUSED = [
    # processes
    ("no cube of transitions", partial(MarkovDecisionProcess, [[1.0]], [[1.0]], 0.5), ShapeError, "(S, A, S)"),
    ("rewards of other actions", partial(MarkovDecisionProcess, STAY, [[1.0, 2.0]], 0.5), ShapeError, "rewards"),
    ("transitions that leak", partial(MarkovDecisionProcess, [[[0.5]]], [[1.0]], 0.5), RangeError, "sums to 0.5"),
    (
        "negative probabilities",
        partial(MarkovDecisionProcess, [[[1.5, -0.5]], [[0, 1]]], [[1.0], [0.0]], 0.5),
        RangeError,
        r"transitions\[0, 0\]",
    ),
    ("a discount above 1", partial(MarkovDecisionProcess, STAY, [[1.0], [0.0]], 1.1), RangeError, "discount"),
    ("a reward of NaN", partial(MarkovDecisionProcess, STAY, [[1.0], [np.nan]], 0.5), NotFiniteError, r"rewards\[1, 0\]"),
    ("no states", partial(MarkovDecisionProcess, np.zeros((0, 1, 0)), [[1.0]], 0.5), EmptyInputError, "transitions"),
    ("an end that is no state", partial(MarkovDecisionProcess, STAY, [[1.0], [0.0]], 0.5, terminal=[2]), RangeError, "terminal"),
    ("ends as truth values", partial(MarkovDecisionProcess, STAY, [[1.0], [0.0]], 0.5, terminal=[True, False]), DtypeError, "whole"),
    ("a policy of other states", partial(policy_evaluation, TWO, [0]), ShapeError, r"\(2, 1\)"),
    ("an action that is none", partial(policy_evaluation, TWO, [0, 1]), RangeError, "policy"),
    ("half an action", partial(policy_evaluation, TWO, [0.0, 0.5]), DtypeError, "whole numbers"),
    ("a policy that leaks", partial(policy_evaluation, TWO, [[1.0], [0.5]]), RangeError, r"policy\[1\]"),
    ("rewards without an end", partial(policy_evaluation, FOREVER, [0, 0]), SingularMatrixError, "singular"),
    ("a policy that never arrives", partial(policy_iteration, LOOSE), SingularMatrixError, "singular"),
    ("sweeps without an end", partial(value_iteration, FOREVER, max_sweeps=50), ConvergenceError, "still changed by 1"),
    ("no sweep", partial(iterative_policy_evaluation, TWO, [0, 0], max_sweeps=0), RangeError, "max_sweeps"),
    ("no tolerance", partial(value_iteration, TWO, tol=0), RangeError, "tol"),
    ("values of other states", partial(action_values, TWO, [1.0]), ShapeError, r"\(2,\)"),
    # environments
    ("a start that is no state", partial(TabularEnvironment, TWO, 2), RangeError, "start"),
    ("a start of other states", partial(TabularEnvironment, TWO, [1.0]), ShapeError, "start"),
    ("a start that leaks", partial(TabularEnvironment, TWO, [0.5, 0.4]), RangeError, "sums to 0.9"),
    ("a start at the end", partial(TabularEnvironment, LOOSE, 1), RangeError, "terminal"),
    ("a step before any reset", partial(TabularEnvironment(TWO).step, 0), StateError, "reset"),
    ("an action beyond the last", partial(begun, TabularEnvironment(TWO), 1), RangeError, "0 to 0"),
    ("an action in between", partial(begun, CartPole(), 0.5), RangeError, "0 to 1"),
    ("a cart at rest", lambda: CartPole().state, StateError, "reset"),
    ("a limit of no steps", partial(TimeLimit, CartPole(), 0), RangeError, "steps"),
    ("a clock that was not set", partial(TimeLimit(CartPole(), 3).step, 0), StateError, "reset"),
    ("a grid of one cell", partial(grid_world, 1, 1), RangeError, "single cell"),
    ("a grid without columns", partial(grid_world, 2, 0), RangeError, "columns"),
    ("slipping twice", partial(grid_world, 2, 2, slip=2.0), RangeError, "slip"),
    # returns
    ("a reward without time", partial(discounted_returns, 1.0, discount=0.9), ShapeError, "axis of time"),
    ("no rewards", partial(discounted_returns, [], discount=0.9), EmptyInputError, "rewards"),
    ("a negative discount", partial(discounted_returns, [1.0], discount=-0.1), RangeError, "discount"),
    ("values of other steps", partial(ADVANTAGES, [1.0, 1.0], [1.0], [1.0, 1.0], NO, NO), ShapeError, "values"),
    ("ends that are numbers", partial(ADVANTAGES, [1.0], [1.0], [1.0], [0], [False]), DtypeError, "terminated"),
    ("cuts of other steps", partial(ADVANTAGES, [1.0], [1.0], [1.0], [False], NO), ShapeError, "truncated"),
    (
        "a trace above 1",
        partial(generalized_advantages, [1.0], [1.0], [1.0], [True], [False], discount=0.9, trace=1.5),
        RangeError,
        "trace",
    ),
    # policies
    ("an action without logits", partial(log_probability, LOGITS, np.array([0, 3])), RangeError, "0 to 2, got 0 to 3"),
    ("actions of other rows", partial(log_probability, LOGITS, np.array([0])), ShapeError, r"\(2,\), got \(1,\)"),
    ("actions in between", partial(log_probability, LOGITS, np.array([0.5, 1])), DtypeError, "whole"),
    ("a row of logits", partial(sample_actions, [0.0, 1.0], RNG), ShapeError, "matrix"),
    ("logits of NaN", partial(sample_actions, [[np.nan, 0.0]], RNG), NotFiniteError, "diverged"),
    ("no action allowed", partial(sample_actions, [[-np.inf, -np.inf]], RNG), NotFiniteError, "none is finite"),
    ("weights of other steps", partial(policy_gradient_loss, LOGITS, [0, 1], [1.0]), ShapeError, "weights"),
    ("weights of NaN", partial(policy_gradient_loss, LOGITS, [0, 1], [1.0, np.nan]), NotFiniteError, "weights"),
    # acting
    ("no environment", partial(Actors, [], RNG), EmptyInputError, "no environment"),
    ("an environment twice", partial(Actors, [CartPole()] * 2, RNG), RangeError, "twice"),
    ("a rollout of no steps", lambda: Actors([CartPole()], RNG).collect(POLICY, 0), RangeError, "steps"),
    ("an episode of no steps", partial(play_episode, POLICY, CartPole(), RNG, max_steps=0), RangeError, "max_steps"),
    ("a policy of NaN", partial(play_episode, BROKEN, CartPole(), RNG), NotFiniteError, "diverged"),
    ("the best action of NaN", partial(play_episode, BROKEN, CartPole(), RNG, greedy=True), NotFiniteError, "diverged"),
    ("the best of no actions", partial(best_action, []), ShapeError, "vector"),
    ("no episodes", partial(evaluate, POLICY, CartPole(), episodes=0, rng=RNG), RangeError, "episodes"),
    # learners
    ("REINFORCE from nothing", lambda: Reinforce(POLICY, rng=RNG).update([]), EmptyInputError, "no episode"),
    ("REINFORCE for a discount of 2", partial(Reinforce, POLICY, discount=2.0, rng=RNG), RangeError, "discount"),
    ("REINFORCE in no batch", lambda: Reinforce(POLICY, rng=RNG).learn(CartPole(), episodes=1, batch=0), RangeError, "batch"),
    ("PPO without an interval", partial(PPO, POLICY, CRITIC, clip=0.0, rng=RNG), RangeError, "clip"),
    ("PPO of no epochs", partial(PPO, POLICY, CRITIC, epochs=0, rng=RNG), RangeError, "epochs"),
    ("PPO of no divergence", partial(PPO, POLICY, CRITIC, max_divergence=0.0, rng=RNG), RangeError, "max_divergence"),
    ("PPO for no steps", lambda: PPO(POLICY, CRITIC, rng=RNG).learn([CartPole()], steps=0), RangeError, "steps"),
    (
        "PPO with returns of other steps",
        lambda: PPO(POLICY, CRITIC, rng=RNG).loss(SEEN, [0], [0.0], [1.0], [1.0, 2.0]),
        ShapeError,
        "returns",
    ),
    ("a surrogate of other steps", partial(clipped_surrogate, LINE, [0.0, 0.0], [1.0]), ShapeError, "same length"),
    ("a surrogate of matrices", partial(clipped_surrogate, LOGITS, [0.0], [1.0]), ShapeError, "vectors"),
    ("a surrogate without an interval", partial(clipped_surrogate, LINE, NO * 1.0, NO * 1.0, clip=0), RangeError, "clip"),
    ("an empty buffer", partial(ReplayBuffer(2).sample, 1, RNG), EmptyInputError, "empty"),
    ("a buffer of nothing", partial(ReplayBuffer, 0), RangeError, "capacity"),
    ("a draw of nothing", lambda: kept().sample(0, RNG), RangeError, "size"),
    ("another observation", partial(kept, shape=(3,)), ShapeError, r"\(2,\)"),
    ("a reward without end", partial(kept, reward=np.inf), NotFiniteError, "reward is inf"),
    ("targets of other steps", partial(dqn_targets, [1.0], [[1.0], [1.0]], [True], discount=0.9), ShapeError, "lengths"),
    ("targets with ends as numbers", partial(dqn_targets, [1.0], [[1.0]], [1], discount=0.9), DtypeError, "truth"),
    (
        "a choice among other actions",
        partial(dqn_targets, [1.0], [[1.0]], [True], discount=0.9, choosing_values=[[1.0, 2.0]]),
        ShapeError,
        "choosing_values",
    ),
    ("targets of NaN", partial(dqn_targets, [1.0], [[np.nan]], [True], discount=0.9), NotFiniteError, "next_values"),
    ("errors of other steps", partial(huber_loss, LINE, [0.0]), ShapeError, "targets"),
    ("no delta", partial(huber_loss, LINE, [0.0, 0.0], delta=0.0), RangeError, "delta"),
    ("exploring for no steps", partial(LinearExploration, 0), RangeError, "steps"),
    ("exploring more than always", partial(LinearExploration, 5, initial=1.5), RangeError, "initial"),
    ("exploring by a number", partial(DQN, POLICY, exploration=0.1, rng=RNG), RangeError, "exploration"),
    ("learning from an empty buffer", lambda: DQN(POLICY, rng=RNG).update(), EmptyInputError, "empty"),
    ("DQN of NaN", lambda: DQN(BROKEN, rng=RNG).act(np.zeros(4, np.float32)), NotFiniteError, "diverged"),
    (
        "DQN from an action that is none",
        lambda: DQN(POLICY, rng=RNG).loss(Transitions(SEEN, np.array([2]), np.ones(1), SEEN, NO[:1])),
        RangeError,
        "0 to 1, got 2",
    ),
    # games and search
    ("a cell that is taken", partial(TicTacToe().play, (1, 0), 0), RangeError, "cell 0"),
    ("a cell that is none", partial(TicTacToe().play, (0, 0), 9), RangeError, "cell 9"),
    ("a full column", partial(ConnectFour(2, 1).play, (1, 0), 0), RangeError, "column 0"),
    ("a board without rows", partial(ConnectFour, 7, 0), RangeError, "rows"),
    ("more than there are", partial(Nim(3).play, (3,), (0, 4)), RangeError, "4 pieces"),
    ("a heap of nothing", partial(Nim, 1, 0), RangeError, "a heap"),
    ("more visits than there were", partial(ucb1, 0.0, 5, 4), RangeError, "5 times of 4"),
    ("a bound that shrinks", partial(ucb1, 0.0, 1, 4, exploration=-1.0), RangeError, "exploration"),
    ("a prior above 1", partial(puct, 0.0, 1.5, 1, 4), RangeError, "prior"),
    ("fewer visits than none", partial(puct, 0.0, 0.5, -1, 4), RangeError, "-1 times"),
    ("no simulations", partial(TreeSearch(Nim(2), RNG).search, 0), RangeError, "simulations"),
    ("a search where the game is over", lambda: over().search(1), StateError, "over"),
    ("a move where the game is over", lambda: over().advance((0, 1)), StateError, "over"),
    ("a move that is not allowed", partial(TreeSearch(Nim(2), RNG).advance, (0, 3)), RangeError, "not allowed"),
    ("the best of nothing", Node((), None).best_move, StateError, "search first"),
    ("priors of other moves", partial(judged, {(9, 9): 1.0}, 0.0), RangeError, "no move"),
    ("a negative prior", partial(judged, {(0, 1): -1.0}, 0.0), RangeError, "prior"),
    ("a value beyond a win", partial(judged, {(0, 1): 1.0}, 7.0), RangeError, "value of a state"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


WORKS = [
    ("a process that only ends", lambda: policy_evaluation(MarkovDecisionProcess([[[0.0]]], [[5.0]], 1.0, terminal=[0]), [0]), [0.0]),
    ("a discount of nothing", lambda: policy_evaluation(MarkovDecisionProcess(STAY, [[1.0], [2.0]], 0.0), [0, 0]), [1.0, 2.0]),
    ("actions that are all the same", lambda: policy_iteration(MarkovDecisionProcess([[[1.0]] * 3], [[1.0] * 3], 0.5))[:2], ([2.0], [0])),
    ("rows of the end that say nothing", lambda: value_iteration(MarkovDecisionProcess([[[0.0, 1.0]], [[0.0, 0.0]]], [[1.0], [9.0]], 1.0, terminal=[1])).values, [1.0, 0.0]),
    ("a row of cells", lambda: grid_world(1, 3, discount=1.0).states, 3),
    ("always slipping", lambda: grid_world(2, 2, slip=1.0).transitions[0, 0].round(9), [0.5, 0.5, 0.0, 0.0]),
    ("an upright pole", lambda: cart_pole_accelerations(CartPoleState(0, 0, 0, 0), 0.0), (0.0, 0.0)),
    ("one step", lambda: discounted_returns([2], discount=1.0), [2.0]),
    ("a step that ended and was cut off", lambda: ADVANTAGES([1.0, 1.0], [0.0, 0.0], [9.0, 9.0], YES, YES), [1.0, 1.0]),
    ("a single action", lambda: log_probability(Tensor(np.zeros((2, 1))), np.array([0, 0])).data, [0.0, 0.0]),
    ("no rows", lambda: entropy(Tensor(np.zeros((0, 2)))).data, []),
    ("logits of a certain policy", lambda: entropy(Tensor(np.array([0.0, -1e30, -1e30]))).data.round(9), 0.0),
    ("an episode of one step", lambda: len(Reinforce(POLICY, rng=RNG).advantages(EPISODE)), 1),
    ("a minibatch of one", lambda: PPO(POLICY, CRITIC, rng=RNG).loss(SEEN, [0], [-0.7], [5.0], [1.0])[1].objective, 0.0),
    ("advantages that are all the same", lambda: clipped_surrogate(LINE, [0.0, 0.0], [2.0, 2.0]).item(), 2.0),
    ("a buffer of one", lambda: single().sample(2, RNG).actions, [2, 2]),
    ("targets of whole numbers", lambda: dqn_targets([1], [[2, 4]], [False], discount=0.5), [3.0]),
    ("a seed", lambda: 0 <= seed_from(RNG) < 2**31, True),
    ("one in a row", lambda: ConnectFour(1, 1, connected=1).result((0, 1)), -1.0),
    ("more in a row than there is room", lambda: minimax(ConnectFour(2, 1, connected=4), (0, 0)), 0.0),
    ("no heaps", lambda: Nim().result(()), -1.0),
    ("a game that is over", lambda: minimax(TicTacToe(), (0, 7)), -1.0),
    ("a bound before the first visit", lambda: (puct(0.0, 0.5, 0, 0), ucb1(0.0, 0, 1)), (0.0, float("inf"))),
    ("a search with one move", lambda: TreeSearch(Nim(1), RNG).search(5).principal_variation(), [(0, 1)]),
    ("priors that do not sum to 1", lambda: judged({(0, 1): 3.0, (0, 2): 1.0}, 0.0).children[0, 1].prior, 0.75),
]  # fmt: skip


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_but_valid_input_works(call, expected: object) -> None:
    assert plain(call()) == plain(expected)
