"""Games and search in their trees: what must hold of them."""

from __future__ import annotations

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox.rl.games import ConnectFour, Nim, TicTacToe, minimax
from whitebox.rl.tree_search import Node, TreeSearch

TIC_TAC_TOE = TicTacToe()
# Cell 7 is the mover's, 1 and 5 are the other's. Playing on at random, 6 looks best by far, and it loses.
TRAP = (1 << 7, 1 << 1 | 1 << 5)


def after(game, moves):
    state = game.start()
    for move in moves:
        state = game.play(state, move)
    return state


# ---- games


@EXAMPLES
@given(st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_nim_is_won_just_where_the_sizes_do_not_cancel(heaps: list[int]) -> None:
    game = Nim(*heaps)
    assert minimax(game, game.start()) == (1.0 if np.bitwise_xor.reduce(heaps) else -1.0)


def test_tic_tac_toe_is_a_draw_and_the_corner_has_one_answer() -> None:
    known: dict = {}
    assert minimax(TIC_TAC_TOE, TIC_TAC_TOE.start(), known=known) == 0.0
    assert len(known) == 5478  # all positions that can be reached
    corner = after(TIC_TAC_TOE, [0])
    answers = [move for move in TIC_TAC_TOE.moves(corner) if known[TIC_TAC_TOE.play(corner, move)] == 0.0]
    assert answers == [4]


@EXAMPLES
@given(st.integers(0, 2**32 - 1), st.sampled_from([(7, 6, 4), (4, 5, 3), (3, 3, 3)]))
def test_stones_connect_in_every_direction_and_nowhere_else(seed: int, sizes: tuple[int, int, int]) -> None:
    columns, rows, connected = sizes
    game, rng = ConnectFour(columns, rows, connected=connected), np.random.default_rng(seed)
    board, state, player = np.zeros((rows, columns), int), game.start(), 1
    while game.result(state) is None:
        assert game.moves(state) == [column for column in range(columns) if not board[-1, column]]
        column = int(rng.choice(game.moves(state)))
        board[np.flatnonzero(board[:, column] == 0)[0], column] = player
        state, player = game.play(state, column), -player
        lines = [
            [board[r + i * down, c + i * right] for i in range(connected)]
            for down, right in ((0, 1), (1, 0), (1, 1), (-1, 1))
            for r in range(rows)
            for c in range(columns)
            if 0 <= r + (connected - 1) * down < rows and c + (connected - 1) * right < columns
        ]
        won = any(len(set(line)) == 1 and line[0] for line in lines)
        assert game.result(state) == (-1.0 if won else 0.0 if board.all() else None)


# ---- search


def optimal(game, state) -> set:
    known: dict = {}
    value = minimax(game, state, known=known)
    return {move for move in game.moves(state) if -known[game.play(state, move)] == value}


def every(root: Node) -> list[Node]:
    found = [root]
    for node in found:
        found += node.children.values()
    return found


def test_visits_and_results_add_up_through_the_tree() -> None:
    root = TreeSearch(TIC_TAC_TOE, np.random.default_rng(0)).search(300)
    assert root.visits == 300
    for node in every(root):
        if node.children:
            # The first visit played on from the node itself, the others went through a child.
            assert sum(child.visits for child in node.children.values()) == node.visits - 1
            rest = node.total + sum(child.total for child in node.children.values())
            assert rest in (-1, 0, 1)
        elif node.result is not None:
            assert node.total == node.visits * node.result
        assert abs(node.value) <= 1
    # A tree, not a row of arms: some lines were looked at many moves deep, and each simulation added a node or an end.
    assert len(root.principal_variation()) >= 3
    ends = sum(node.visits - 1 for node in every(root) if node.result is not None and node.visits)
    assert root.size() == 300 - ends


def test_a_trap_that_random_play_walks_into_is_seen() -> None:
    # Whoever plays on at random from each move would play 6, for which there is one answer, and it wins.
    root = TreeSearch(TIC_TAC_TOE, np.random.default_rng(0), state=TRAP).search(1500)
    assert root.best_move() in optimal(TIC_TAC_TOE, TRAP) == {0, 2}
    assert root.children[6].value > 0.3  # for the one who answers, who would lose against random play


def test_values_approach_those_of_perfect_play() -> None:
    for moves, value in (([0, 1, 3], -1.0), ([0, 4, 8], 0.0), ([0, 1], 1.0)):
        state = after(TIC_TAC_TOE, moves)
        if minimax(TIC_TAC_TOE, state) != value:
            raise AssertionError(moves)
        root = TreeSearch(TIC_TAC_TOE, np.random.default_rng(1), state=state, exploration=0.7).search(1500)
        assert root.value == pytest.approx(value, abs=0.15)
        assert root.best_move() in optimal(TIC_TAC_TOE, state)


def test_forced_wins_are_found() -> None:
    game = Nim(1, 2, 4)
    root = TreeSearch(game, np.random.default_rng(0)).search(1500)
    heap, count = root.best_move()
    assert np.bitwise_xor.reduce(game.play((1, 2, 4), (heap, count))) == 0
    # Two open ends of three in a row: one move makes both.
    connect = ConnectFour(5, 4, connected=4)
    state = after(connect, [1, 1, 2, 2])
    assert TreeSearch(connect, np.random.default_rng(0), state=state).search(600).best_move() == 3


def test_playing_on_gives_the_result_to_the_player_who_earned_it() -> None:
    # Whoever is left a single piece wins, whoever is left two heaps of one loses, whatever they do.
    for heaps, value in (((1,), 1.0), ((1, 1), -1.0), ((1, 1, 1), 1.0)):
        root = TreeSearch(Nim(*heaps), np.random.default_rng(0)).search(1)
        assert (root.visits, root.value, root.children) == (1, value, {})


def test_the_same_draws_give_the_same_tree() -> None:
    def visits(seed: int) -> list[int]:
        return [node.visits for node in every(TreeSearch(TIC_TAC_TOE, np.random.default_rng(seed)).search(200))]

    assert visits(0) == visits(0) != visits(1)


def test_what_was_searched_before_a_move_still_counts_after_it() -> None:
    search = TreeSearch(TIC_TAC_TOE, np.random.default_rng(0))
    kept = search.search(200).children[4]
    before = kept.visits
    search.advance(4)
    assert search.root is kept
    assert search.search(50).visits == before + 50
    # A move that was never looked at begins a new tree.
    fresh = TreeSearch(TIC_TAC_TOE, np.random.default_rng(0))
    fresh.advance(0)
    assert fresh.root.visits == 0
    assert fresh.search(10).visits == 10


def test_an_evaluation_takes_the_place_of_playing_on() -> None:
    asked = []

    def perfect(state):
        asked.append(state)
        best = optimal(TIC_TAC_TOE, state)
        return dict.fromkeys(best, 1.0), minimax(TIC_TAC_TOE, state)

    root = TreeSearch(TIC_TAC_TOE, np.random.default_rng(0), state=TRAP, evaluate=perfect).search(60)
    assert root.best_move() in {0, 2}
    assert root.value == 0.0
    assert {move for move, child in root.children.items() if child.visits} == {0, 2}
    # Each state was judged once, when the tree reached it.
    assert asked.count(TRAP) == 1
    assert len(asked) == sum(node.visits > 0 and node.result is None for node in every(root))
    assert sum(child.prior for child in root.children.values()) == pytest.approx(1)
    assert root.summary(2).splitlines()[0].startswith(f"{root.best_move()}: ")


@pytest.mark.slow
def test_nobody_wins_against_the_search_and_mistakes_are_punished() -> None:
    known: dict = {}
    minimax(TIC_TAC_TOE, TIC_TAC_TOE.start(), known=known)
    rng = np.random.default_rng(0)
    for number in range(12):
        search, turn = TreeSearch(TIC_TAC_TOE, rng), number % 2
        while search.root.result is None:
            if turn == 0:
                search.advance(search.search(250).best_move())
            else:
                state = search.root.state
                value = known[state]
                best = [move for move in TIC_TAC_TOE.moves(state) if -known[TIC_TAC_TOE.play(state, move)] == value]
                search.advance(int(rng.choice(best)))
            turn = 1 - turn
        # The player to move at the end has lost or drawn.
        assert search.root.result == 0.0, number
