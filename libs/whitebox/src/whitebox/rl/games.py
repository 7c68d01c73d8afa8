"""Games of two players who take turns, see everything, and win what the other loses; and their exact solution."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol, TypeVar

from whitebox._validation import positive_int
from whitebox.errors import RangeError

State = TypeVar("State", bound=Hashable)
Move = TypeVar("Move", bound=Hashable)
# Stones of the player to move, and of the other one; a bit for each cell.
Stones = tuple[int, int]


class Game(Protocol[State, Move]):
    """Rules. States are values: playing gives another one, and leaves the former as it was."""

    def start(self) -> State:
        """The state before the first move."""
        ...

    def moves(self, state: State) -> Sequence[Move]:
        """What the player to move may do, always in the same order. Not asked once the game is over."""
        ...

    def play(self, state: State, move: Move) -> State:
        """The state after a move that is allowed; the other player is then to move."""
        ...

    def result(self, state: State) -> float | None:
        """What the player to move has got, from -1 for a loss to 1 for a win, if the game is over; else none."""
        ...


class TicTacToe:
    """Three in a row on three by three cells. Moves are the cells 0 to 8, line by line.

    Perfect play of both ends in a draw.

    >>> game = TicTacToe()
    >>> state = game.start()
    >>> for cell in (0, 3, 1, 4, 2):
    ...     state = game.play(state, cell)
    >>> game.result(state)
    -1.0
    """

    _LINES = (0o7, 0o70, 0o700, 0o111, 0o222, 0o444, 0o421, 0o124)

    def start(self) -> Stones:
        """The empty board."""
        return 0, 0

    def moves(self, state: Stones) -> list[int]:
        """Empty cells."""
        taken = state[0] | state[1]
        return [cell for cell in range(9) if not taken >> cell & 1]

    def play(self, state: Stones, move: int) -> Stones:
        """Puts a stone.

        Raises:
            RangeError: The cell is taken, or none.
        """
        mine, theirs = state
        if not 0 <= move < 9 or (mine | theirs) >> move & 1:
            raise RangeError(f"cell {move} is not free")
        return theirs, mine | 1 << move

    def result(self, state: Stones) -> float | None:
        """A loss if the other player has three in a row, a draw if the board is full."""
        mine, theirs = state
        if any(theirs & line == line for line in self._LINES):
            return -1.0
        return 0.0 if mine | theirs == 0o777 else None


class ConnectFour:
    """Stones dropped into columns, four in a row in any direction win. Moves are the columns, from 0.

    Args:
        columns: Of the board.
        rows: Of the board.
        connected: How many in a row win.

    Raises:
        RangeError: An argument is no whole number of at least 1.

    >>> game = ConnectFour(4, 4, connected=3)
    >>> state = game.start()
    >>> for column in (0, 1, 0, 1, 0):
    ...     state = game.play(state, column)
    >>> game.result(state)
    -1.0
    """

    def __init__(self, columns: int = 7, rows: int = 6, *, connected: int = 4) -> None:
        self.columns = positive_int(columns, "columns")
        self.rows = positive_int(rows, "rows")
        self.connected = positive_int(connected, "connected")
        # A row above the board stays empty, so that no line of bits runs from one column into the next.
        stride = rows + 1
        self._bottoms = [1 << column * stride for column in range(columns)]
        self._tops = [bottom << rows - 1 for bottom in self._bottoms]
        self._full = sum(bottom * ((1 << rows) - 1) for bottom in self._bottoms)
        self._directions = (1, stride, stride - 1, stride + 1)

    def start(self) -> Stones:
        """The empty board."""
        return 0, 0

    def moves(self, state: Stones) -> list[int]:
        """Columns that are not full."""
        taken = state[0] | state[1]
        return [column for column, top in enumerate(self._tops) if not taken & top]

    def play(self, state: Stones, move: int) -> Stones:
        """Drops a stone.

        Raises:
            RangeError: The column is full, or none.
        """
        mine, theirs = state
        if not 0 <= move < self.columns or (mine | theirs) & self._tops[move]:
            raise RangeError(f"column {move} takes no stone")
        bottom = self._bottoms[move]
        column = bottom * ((1 << self.rows) - 1)
        # Adding one at the bottom carries to the lowest empty cell.
        return theirs, mine | (((mine | theirs) & column) + bottom)

    def result(self, state: Stones) -> float | None:
        """A loss if the other player has connected enough, a draw if the board is full."""
        mine, theirs = state
        for direction in self._directions:
            line = theirs
            for place in range(1, self.connected):
                line &= theirs >> direction * place
            if line:
                return -1.0
        return 0.0 if mine | theirs == self._full else None


class Nim:
    """Heaps of which players take from one at a time; who takes the last piece wins.

    The player to move wins with perfect play just if the exclusive or of all sizes is not 0 (Bouton 1901). Moves are
    pairs: which heap, and how many.

    Args:
        heaps: Their sizes.

    Raises:
        RangeError: A size is no whole number of at least 1.

    >>> minimax(Nim(1, 2, 3), (1, 2, 3)), minimax(Nim(1, 2, 3), (0, 2, 3))
    (-1.0, 1.0)
    """

    def __init__(self, *heaps: int) -> None:
        self.heaps = tuple(positive_int(size, "a heap") for size in heaps)

    def start(self) -> tuple[int, ...]:
        """All heaps whole."""
        return self.heaps

    def moves(self, state: tuple[int, ...]) -> list[tuple[int, int]]:
        """Every number of pieces of every heap."""
        return [(heap, count) for heap, size in enumerate(state) for count in range(1, size + 1)]

    def play(self, state: tuple[int, ...], move: tuple[int, int]) -> tuple[int, ...]:
        """Takes pieces.

        Raises:
            RangeError: There are not so many, or there is no such heap.
        """
        heap, count = move
        if not 0 <= heap < len(state) or not 1 <= count <= state[heap]:
            raise RangeError(f"{count} pieces cannot be taken from heap {heap} of {list(state)}")
        return (*state[:heap], state[heap] - count, *state[heap + 1 :])

    def result(self, state: tuple[int, ...]) -> float | None:
        """A loss if nothing is left: the other player took the last piece."""
        return None if any(state) else -1.0


def minimax(game: Game[State, Move], state: State, *, known: dict[State, float] | None = None) -> float:
    """What the player to move gets if both play perfectly (Zermelo 1913; Shannon 1950).

    Depth first over all states that can be reached, each once; without recursion. O(states · moves) time and memory.

    Args:
        game: The rules.
        state: Where the game stands.
        known: Values found before, which are used and added to.

    Returns:
        From -1 to 1.

    >>> minimax(TicTacToe(), TicTacToe().start())
    0.0
    """
    values: dict[State, float] = {} if known is None else known
    path = [state]
    while path:
        here = path[-1]
        result = values.get(here, game.result(here))
        if result is None:
            following = [game.play(here, move) for move in game.moves(here)]
            unknown = [after for after in following if after not in values]
            if unknown:
                path += unknown
                continue
            # What is good for the one is as bad for the other.
            result = 0.0 - min(values[after] for after in following)
        values[here] = result
        path.pop()
    return values[state]
