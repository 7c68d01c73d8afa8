r"""Search in the tree of a game by simulations: UCT, and PUCT where an evaluation of states is given.

Each simulation walks down the tree by upper confidence bounds, adds a node, finds out what the game is worth from there
by playing on at random, and carries the result back up, with its sign changed at each step, since what is good for one
player is as bad for the other (Kocsis, Szepesvári 2006: Bandit based Monte-Carlo Planning; Coulom 2006).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Generic

import numpy as np

from whitebox._validation import number_in, positive_int
from whitebox.errors import RangeError, StateError
from whitebox.rl.games import Game, Move, State

# From a state to the prior probabilities of its moves, and its value for the player to move.
Evaluation = Callable[[State], tuple[Mapping[Move, float], float]]


def ucb1(value: float, visits: int, parent_visits: int, *, exploration: float = math.sqrt(2)) -> float:
    r"""Upper confidence bound of an arm: :math:`\bar x + c \sqrt{\ln N / n}` (Auer, Cesa-Bianchi, Fischer 2002).

    Args:
        value: :math:`\bar x`, the mean result so far.
        visits: n, how often it was tried; an arm that never was comes first.
        parent_visits: N, how often any arm was tried, at least 1.
        exploration: c; the default is theirs, for results from 0 to 1.

    Raises:
        RangeError: An argument lies outside its range.

    >>> round(ucb1(0.5, 4, 16), 4), ucb1(0.5, 0, 16)
    (1.6774, inf)
    """
    if visits < 0 or parent_visits < max(1, visits):
        raise RangeError(f"an arm was tried {visits} times of {parent_visits}")
    number_in(exploration, "exploration", 0)
    return value + exploration * math.sqrt(math.log(parent_visits) / visits) if visits else math.inf


def puct(value: float, prior: float, visits: int, parent_visits: int, *, exploration: float = 1.25) -> float:
    r"""The bound of a move with a prior: :math:`\bar x + c P \sqrt N / (1 + n)` (Rosin 2011; Silver et al. 2017).

    Args:
        value: :math:`\bar x`, the mean result so far; 0 if there is none.
        prior: P, from 0 to 1.
        visits: n, how often it was tried.
        parent_visits: N, how often any was.
        exploration: c.

    Raises:
        RangeError: An argument lies outside its range.

    >>> puct(0.5, 0.25, 1, 16, exploration=1.0)
    1.0
    """
    if visits < 0 or parent_visits < visits:
        raise RangeError(f"a move was tried {visits} times of {parent_visits}")
    number_in(prior, "prior", 0, 1)
    number_in(exploration, "exploration", 0)
    return value + exploration * prior * math.sqrt(parent_visits) / (1 + visits)


class Node(Generic[State, Move]):
    """A state of the game, and what the simulations that came through it have found.

    Attributes:
        state: The state.
        result: What the player to move has got, if the game is over here.
        prior: Probability that the evaluation gave to the move that leads here.
        visits: How many simulations came through.
        total: Sum of their results, for the player to move here.
        children: Nodes by move; there are none before the second visit.

    >>> node = Node((), None)
    >>> node.visits, node.value
    (0, 0.0)
    """

    __slots__ = ("children", "prior", "result", "state", "total", "visits")

    def __init__(self, state: State, result: float | None, prior: float = 1.0) -> None:
        self.state = state
        self.result = result
        self.prior = prior
        self.visits = 0
        self.total = 0.0
        self.children: dict[Move, Node[State, Move]] = {}

    @property
    def value(self) -> float:
        """Mean result for the player to move; 0 before the first visit."""
        return self.total / self.visits if self.visits else 0.0

    def best_move(self) -> Move:
        """The move tried most often; of equals the one that went best.

        Raises:
            StateError: Nothing was tried here.
        """
        if not self.children:
            raise StateError("no move was tried here: search first, and not where the game is over")
        return max(self.children, key=lambda move: (self.children[move].visits, -self.children[move].value))

    def principal_variation(self) -> list[Move]:
        """The moves tried most often, one after the other, as far as the tree goes."""
        node, moves = self, []
        while any(child.visits for child in node.children.values()):
            moves.append(node.best_move())
            node = node.children[moves[-1]]
        return moves

    def size(self) -> int:
        """How many nodes were visited, here and below."""
        waiting, count = [self], 0
        while waiting:
            node = waiting.pop()
            count += node.visits > 0
            waiting += node.children.values()
        return count

    def summary(self, depth: int = 1) -> str:
        """A line a move, the most visited first: the move, its visits, its value for the one who makes it.

        Args:
            depth: Of the moves shown.
        """
        lines = []
        for move in sorted(self.children, key=lambda move: -self.children[move].visits):
            child = self.children[move]
            if child.visits:
                lines.append(f"{move}: {child.visits} visits, value {-child.value:+.3f}")
                if depth > 1:
                    lines += [f"  {line}" for line in child.summary(depth - 1).splitlines()]
        return "\n".join(lines)


class TreeSearch(Generic[State, Move]):
    r"""A game under way, and the tree of what was searched from where it stands.

    O(depth · moves) a simulation, a node of memory each. The means at the root converge to the value under perfect play
    (Kocsis, Szepesvári 2006, theorem 6).

    Args:
        game: The rules.
        rng: Draws the moves of the simulations.
        state: Where the game stands; by default at its start.
        exploration: The c of `ucb1`, or of `puct` if there is an evaluation.
        evaluate: From a state to prior probabilities of its moves and its value for the player to move, instead of
            playing on at random; moves are then chosen by `puct`.

    Raises:
        RangeError: `exploration` is negative or not finite.

    >>> from whitebox.rl.games import Nim
    >>> search = TreeSearch(Nim(1, 3), np.random.default_rng(0))
    >>> root = search.search(200)
    >>> root.best_move(), root.visits
    ((1, 2), 200)
    >>> search.advance((1, 2))
    >>> search.root.state, search.root.visits > 50
    ((1, 1), True)
    """

    def __init__(
        self,
        game: Game[State, Move],
        rng: np.random.Generator,
        *,
        state: State | None = None,
        exploration: float = math.sqrt(2),
        evaluate: Evaluation[State, Move] | None = None,
    ) -> None:
        self.game = game
        self.exploration = number_in(exploration, "exploration", 0)
        self._rng = rng
        self._evaluate = evaluate
        first = game.start() if state is None else state
        self.root: Node[State, Move] = Node(first, game.result(first))

    def search(self, simulations: int) -> Node[State, Move]:
        """Adds simulations to the tree.

        Args:
            simulations: How many.

        Returns:
            The root, at where the game stands.

        Raises:
            RangeError: `simulations` is no whole number of at least 1, or an evaluation gave no probabilities or value.
            StateError: The game is over.
        """
        positive_int(simulations, "simulations")
        if self.root.result is not None:
            raise StateError("the game is over: there is nothing to search")
        for _ in range(simulations):
            self._simulate()
        return self.root

    def advance(self, move: Move) -> None:
        """Makes a move, of either player. What was searched below it stays, the rest is forgotten.

        Raises:
            RangeError: The move is not allowed.
            StateError: The game is over.
        """
        if self.root.result is not None:
            raise StateError("the game is over: there is no move to make")
        if move not in self.game.moves(self.root.state):
            raise RangeError(f"move {move!r} is not allowed here")
        self.root = self.root.children.get(move) or self._after(self.root, move, 1.0)

    def _simulate(self) -> None:
        node = self.root
        path = [node]
        while node.visits and node.result is None:
            if not node.children:
                moves = self.game.moves(node.state)
                node.children = {move: self._after(node, move, 1 / len(moves)) for move in moves}
            node = self._selected(node)
            path.append(node)
        value = self._worth(node) if node.result is None else node.result
        for passed in reversed(path):
            passed.visits += 1
            passed.total += value
            value = -value

    def _selected(self, node: Node[State, Move]) -> Node[State, Move]:
        children = list(node.children.values())
        if self._evaluate is not None:
            return max(
                children,
                key=lambda child: puct(
                    -child.value, child.prior, child.visits, node.visits, exploration=self.exploration
                ),
            )
        untried = [child for child in children if not child.visits]
        if untried:
            return untried[int(self._rng.random() * len(untried))]
        return max(
            children,
            key=lambda child: ucb1(-child.value, child.visits, node.visits, exploration=self.exploration),
        )

    def _worth(self, node: Node[State, Move]) -> float:
        """What a state that the tree has just reached is worth to the player to move."""
        if self._evaluate is None:
            return self._played_out(node.state)
        priors, value = self._evaluate(node.state)
        moves = self.game.moves(node.state)
        given = [number_in(priors.get(move, 0.0), f"the prior of {move!r}", 0) for move in moves]
        if sum(given) <= 0:
            raise RangeError("the evaluation gives no move that is allowed a positive probability")
        node.children = {
            move: self._after(node, move, prior / sum(given)) for move, prior in zip(moves, given, strict=True)
        }
        return number_in(value, "the value of a state", -1, 1)

    def _played_out(self, state: State) -> float:
        """The result for the player to move, if both play at random from here."""
        sign = 1.0
        while (result := self.game.result(state)) is None:
            moves = self.game.moves(state)
            state = self.game.play(state, moves[int(self._rng.random() * len(moves))])
            sign = -sign
        return sign * result

    def _after(self, node: Node[State, Move], move: Move, prior: float) -> Node[State, Move]:
        state = self.game.play(node.state, move)
        return Node(state, self.game.result(state), prior)
