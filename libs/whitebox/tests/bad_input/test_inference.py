"""What writing with transformers does with what it should not be given: GPT-2, caches, many requests at once."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from pairs.pair import plain
from whitebox.errors import CacheFullError, DtypeError, EmptyInputError, RangeError, ShapeError, StateError
from whitebox.transformers.cache import ContiguousCache, PackedCaches
from whitebox.transformers.gpt2 import GPT2, GPT2Config
from whitebox.transformers.paged_cache import BlockPool, PagedCache, PoolUsage, gather_blocks
from whitebox.transformers.sampling import Sampling
from whitebox.transformers.scheduling import ContinuousBatching, Event, Request, Served, allot_tokens

RNG = np.random.default_rng(0)
MODEL = GPT2(GPT2Config(vocab_size=9, n_positions=6, n_embd=4, n_layer=1, n_head=2), rng=RNG)
WEIGHTS = {
    "wte.weight": np.ones((9, 4)),
    "wpe.weight": np.ones((6, 4)),
    "ln_f.weight": np.ones(4),
    "ln_f.bias": np.ones(4),
    "h.0.ln_1.weight": np.ones(4),
    "h.0.ln_1.bias": np.ones(4),
    "h.0.ln_2.weight": np.ones(4),
    "h.0.ln_2.bias": np.ones(4),
    "h.0.attn.c_attn.weight": np.ones((4, 12)),
    "h.0.attn.c_attn.bias": np.ones(12),
    "h.0.attn.c_proj.weight": np.ones((4, 4)),
    "h.0.attn.c_proj.bias": np.ones(4),
    "h.0.mlp.c_fc.weight": np.ones((4, 16)),
    "h.0.mlp.c_fc.bias": np.ones(16),
    "h.0.mlp.c_proj.weight": np.ones((16, 4)),
    "h.0.mlp.c_proj.bias": np.ones(4),
}
ONE = np.ones((1, 2, 1, 2))


def pool(blocks: int = 2) -> BlockPool:
    return MODEL.new_pool(blocks, block_size=2)


def batching(blocks: int = 2) -> ContinuousBatching:
    return ContinuousBatching(MODEL, pool(blocks), tokens_per_step=4, sequences=2)


def packed(*counts: int) -> PackedCaches:
    return PackedCaches([MODEL.new_cache() for _ in counts], counts)


def twice() -> PackedCaches:
    cache = MODEL.new_cache()
    return PackedCaches([cache, cache], [1, 1])


def full() -> PagedCache:
    sequence = pool().new_sequence()
    MODEL([[1, 2, 3, 4]], sequence)
    return sequence


REFUSED = [
    ("a GPT-2 of odd heads", partial(GPT2Config, n_embd=10, n_head=3), RangeError, "divide"),
    ("a GPT-2 without layers", partial(GPT2Config, n_layer=0), RangeError, "n_layer"),
    ("a GPT-2 without width", partial(GPT2Config, n_embd=0), RangeError, "n_embd"),
    ("a GPT-2 of half a head", partial(GPT2Config, n_head=1.5), RangeError, "n_head"),
    ("an inner width of nothing", partial(GPT2Config, n_inner=0), RangeError, "n_inner"),
    ("an unknown activation", partial(GPT2Config, activation_function="swish"), RangeError, "swish"),
    ("a negative spread", partial(GPT2Config, initializer_range=-1.0), RangeError, "initializer_range"),
    ("layers scaled one by one", partial(GPT2Config.from_dict, {"scale_attn_by_inverse_layer_idx": True}), RangeError, "inverse"),
    ("attention that is not scaled", partial(GPT2Config.from_dict, {"scale_attn_weights": False}), RangeError, "scale"),
    ("attention to an encoder", partial(GPT2Config.from_dict, {"add_cross_attention": True}), RangeError, "cross"),
    ("a text too long for GPT-2", partial(MODEL, np.zeros((1, 7), int)), ShapeError, "1 to 6"),
    ("no text", partial(MODEL, np.zeros((1, 0), int)), ShapeError, "1 to 6"),
    ("a row of tokens", partial(MODEL, [1, 2]), ShapeError, "rows"),
    ("a token that is none", partial(MODEL, [[9]]), RangeError, "9 rows"),
    ("half a token", partial(MODEL, [[0.5]]), DtypeError, "whole numbers"),
    ("weights of another model", partial(MODEL.load_published, {"a": [1.0]}), StateError, "no GPT-2.*wte"),
    (
        "one weight that is missing",
        lambda: MODEL.load_published({name: value for name, value in WEIGHTS.items() if name != "ln_f.bias"}),
        StateError,
        "ln_f.bias is missing$",
    ),
    (
        "weights that stand on their side",
        lambda: MODEL.load_published({**WEIGHTS, "h.0.mlp.c_fc.weight": np.ones((16, 4))}),
        ShapeError,
        r"up.weight must have shape \(16, 4\), got \(4, 16\)",
    ),
    ("fewer than no positions", lambda: MODEL.new_cache().truncate(-1), RangeError, "-1"),
    ("nothing to pack", partial(packed), EmptyInputError, "no sequence"),
    ("a cache without a count", lambda: PackedCaches([MODEL.new_cache()], [1, 2]), ShapeError, "as many counts"),
    ("a sequence of no new tokens", partial(packed, 1, 0), RangeError, "count"),
    ("a cache twice", twice, RangeError, "twice"),
    ("tokens that fit no pack", lambda: MODEL([[1, 2]], packed(1, 2)), ShapeError, r"\(1, 3\)"),
    ("packed rows", lambda: MODEL([[1], [2]], packed(1, 1)), ShapeError, r"\(1, 2\)"),
    ("a packed sequence that is too long", lambda: MODEL([[1] * 8], packed(7, 1)), ShapeError, "7 positions long"),
    ("a pool without blocks", partial(MODEL.new_pool, 0), RangeError, "blocks"),
    ("blocks without positions", partial(MODEL.new_pool, 2, 0), RangeError, "block_size"),
    ("a pool for no layers", partial(BlockPool, layers=0, heads=1, width=1, blocks=1), RangeError, "layers"),
    ("a pool for no heads", partial(BlockPool, layers=1, heads=0, width=1, blocks=1), RangeError, "heads"),
    ("a pool for nothing", partial(BlockPool, layers=1, heads=1, width=0, blocks=1), RangeError, "width"),
    ("two sequences in a paged cache", lambda: MODEL([[1], [2]], pool().new_sequence()), ShapeError, "one sequence"),
    ("a pool without room", lambda: MODEL([[1] * 5], pool().new_sequence()), CacheFullError, "2 of 2.*3 are needed"),
    ("a fork without room", lambda: MODEL([[1]], full().fork()), CacheFullError, "0 of 2.*1 are needed"),
    ("fewer than no pages", lambda: pool().new_sequence().truncate(-1), RangeError, "-1"),
    ("other tokens than were read", lambda: full().publish([1, 2]), ShapeError, "4 positions"),
    ("a table that is too short", partial(gather_blocks, np.zeros((2, 1, 3, 2, 1)), [1], 3), RangeError, "1 blocks"),
    ("a request for nothing", partial(Request, [], 1), EmptyInputError, "prompt"),
    ("several prompts in one", partial(Request, [[1, 2]], 1), ShapeError, r"\(1, 2\)"),
    ("a prompt of words", partial(Request, ["a"], 1), DtypeError, "token numbers"),
    ("a prompt of fractions", partial(Request, [0.5], 1), DtypeError, "token numbers"),
    ("no tokens to write", partial(Request, [1], 0), RangeError, "max_tokens"),
    ("no draws", partial(Request, [1], 1, Sampling()), RangeError, "generator"),
    ("a request with a token that is none", lambda: batching().submit(Request([1, 9], 1)), RangeError, "0 to 8"),
    ("a request with a token below none", lambda: batching().submit(Request([-1], 1)), RangeError, "-1"),
    ("a request longer than the model", lambda: batching(9).submit(Request([1] * 6, 2)), ShapeError, "6 positions"),
    ("a request longer than the pool", lambda: batching().submit(Request([1] * 3, 3)), CacheFullError, "4 positions, 5"),
    ("a request nobody made", lambda: batching().cancel(0), RangeError, "no request 0"),
    ("steps of nothing", partial(ContinuousBatching, MODEL, pool(), tokens_per_step=0), RangeError, "tokens_per_step"),
    ("no sequences", partial(ContinuousBatching, MODEL, pool(), sequences=0), RangeError, "sequences"),
    (
        "more sequences than tokens",
        partial(ContinuousBatching, MODEL, pool(), tokens_per_step=2, sequences=3),
        RangeError,
        "as many tokens_per_step",
    ),
    ("less than a token each", partial(allot_tokens, [1, 1], 1), RangeError, "2 sequences"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def served(*requests: Request) -> list[Event]:
    runs = batching()
    for request in requests:
        runs.submit(request)
    return list(runs.run())


WORKS = [
    ("a text of one token", lambda: MODEL([[1]]).shape, (1, 1, 9)),
    ("no texts", lambda: MODEL(np.zeros((0, 3), int)).shape, (0, 3, 9)),
    ("a text of all positions", lambda: MODEL([[1] * 6]).shape, (1, 6, 9)),
    ("a pack of one", lambda: MODEL([[1, 2]], packed(2)).shape, (1, 2, 9)),
    ("blocks of one position", lambda: MODEL([[1, 2]], MODEL.new_pool(2, 1).new_sequence()).shape, (1, 2, 9)),
    ("a pool that is full to the last position", lambda: full().waste, 0),
    ("a fork of nothing", lambda: pool().new_sequence().fork().length, 0),
    ("less than there is", lambda: (s := full(), s.truncate(9), s.length)[2], 4),
    ("a beginning that nobody read", lambda: pool().new_sequence([1, 2, 3, 4, 5]).length, 0),
    ("nothing to publish", lambda: pool().new_sequence().publish([]), None),
    ("an unused pool", lambda: pool().usage(), PoolUsage(0, 0, 2, 0, 0)),
    ("an empty table", lambda: gather_blocks(np.zeros((2, 1, 3, 2, 1)), [], 0).shape, (2, 1, 0, 1)),
    ("positions of one", lambda: ContiguousCache(layers=1, batch=1, heads=2, width=2, capacity=1).extend(0, ONE, ONE)[0].shape, (1, 2, 1, 2)),
    ("nothing to serve", lambda: (served(), batching().step()), ([], [])),
    ("one token to write", lambda: [event.finish for event in served(Request([1], 1))], ["length"]),
    ("a stop at once", lambda: served(Request([1], 3, stop=range(9))), [(0, None, "stop", None)]),
    ("the pool to its last position", lambda: [event.finish for event in served(Request([1] * 3, 2))], [None, "length"]),
    ("arrays for prompts", lambda: len(served(Request(np.array([1, 2]), 2))), 2),
    ("nobody to share a step", lambda: allot_tokens([], 3), []),
    ("what was served of nothing", lambda: Served().steps, 0),
]  # fmt: skip


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_but_valid_input_works(call, expected: object) -> None:
    assert plain(call()) == plain(expected)
