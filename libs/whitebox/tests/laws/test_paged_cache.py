from __future__ import annotations

import copy
from functools import cache

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st
from whitebox.autograd import no_grad
from whitebox.errors import CacheFullError, StateError
from whitebox.transformers.cache import ContiguousCache, PackedCaches
from whitebox.transformers.gpt2 import GPT2, GPT2Config
from whitebox.transformers.llama import Llama, LlamaConfig
from whitebox.transformers.paged_cache import BlockPool, PagedCache

VOCABULARY = 17


@st.composite
def scripts(draw: st.DrawFn) -> tuple[list[tuple[str, int, int]], int, int]:
    """What is done to which sequence, the positions in a block, and the blocks of the pool."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kinds = rng.choice(
        ["read", "fork", "truncate", "publish", "begin", "free"], 24, p=[0.45, 0.12, 0.15, 0.12, 0.1, 0.06]
    )
    script = [(str(kind), int(rng.integers(8)), int(rng.integers(10))) for kind in kinds]
    return script, int(rng.integers(1, 5)), int(rng.integers(3, 24))


@cache
def llama() -> Llama:
    config = LlamaConfig(VOCABULARY, 8, 8, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
    return Llama(config, rng=np.random.default_rng(0))


@cache
def gpt2() -> GPT2:
    config = GPT2Config(VOCABULARY, 64, 8, n_layer=2, n_head=2, initializer_range=0.4)
    return GPT2(config, rng=np.random.default_rng(0))


def logits(model, tokens: list[int], held) -> np.ndarray:
    with no_grad():
        return model([tokens], held).data


def check_books(pool: BlockPool, paged: list[PagedCache]) -> None:
    """Each block is free, kept, or held as often as it stands in a table, and what is found again is full."""
    tables = [block for one in paged for block in one.block_table]
    usage = pool.usage()
    assert usage.used == len(set(tables))
    assert usage.shared == sum(tables.count(block) > 1 for block in set(tables))
    assert usage.used + usage.cached + usage.free == pool.blocks
    assert pool.available == usage.cached + usage.free
    assert pool._references == [tables.count(block) for block in range(pool.blocks)]
    assert not set(pool._free) & {*tables, *pool._cached}
    assert {block: digest for digest, block in pool._by_digest.items()} == {
        block: digest for block, digest in enumerate(pool._digests) if digest is not None
    }
    filled: dict[int, int] = {}
    for one in paged:
        assert len(one.block_table) == -(-one.length // pool.block_size)
        assert one.waste == len(one.block_table) * pool.block_size - one.length
        for position in range(one.length):
            block, slot = one.block_table[position // pool.block_size], position % pool.block_size
            filled[block] = max(filled.get(block, 0), slot + 1)
    assert usage.waste == sum(pool.block_size - count for count in filled.values())


def follow(model, script: list[tuple[str, int, int]], block_size: int, blocks: int) -> None:
    """Does the same with paged caches and with a contiguous one for each sequence, and compares every logit."""
    pool = model.new_pool(blocks, block_size)
    paged: list[PagedCache] = [pool.new_sequence()]
    contiguous: list[ContiguousCache] = [model.new_cache(1, 64)]
    read: list[list[int]] = [[]]
    rng = np.random.default_rng(len(script))
    # What was written into the blocks that can be found again, by their tokens and all before them.
    known: dict[tuple[int, ...], list[tuple[np.ndarray, np.ndarray]]] = {}
    for kind, which, number in script:
        place = which % len(paged) if paged else 0
        if kind == "begin" or not paged:
            tokens = [*(read[place] if read else []), 1][: number + 1]
            paged.append(pool.new_sequence(tokens))
            found = paged[-1].length
            assert found % block_size == 0
            assert found < len(tokens)
            read.append(tokens[:found])
            contiguous.append(model.new_cache(1, 64))
            for end in range(block_size, found + 1, block_size):
                for layer, (keys, values) in enumerate(known[tuple(tokens[:end])]):
                    contiguous[-1].extend(layer, keys, values)
        elif kind == "read":
            tokens = rng.integers(0, VOCABULARY, number % 5 + 1).tolist()
            one, before = paged[place], pool.usage()
            needed, table = one.needed(len(tokens)), one.block_table
            try:
                found = logits(model, tokens, one)
            except CacheFullError:
                assert needed > pool.available
                assert (pool.usage(), one.block_table) == (before, table)
                continue
            # What was kept in case and is written over counts as taken too.
            assert pool.usage().used == before.used + needed
            np.testing.assert_array_equal(found, logits(model, tokens, contiguous[place]))
            read[place] += tokens
        elif kind == "fork":
            paged.append(paged[place].fork())
            contiguous.append(copy.deepcopy(contiguous[place]))
            read.append(list(read[place]))
        elif kind == "truncate":
            length = max(0, paged[place].length - number)
            paged[place].truncate(length)
            contiguous[place].truncate(length)
            del read[place][length:]
        elif kind == "publish":
            paged[place].publish(read[place])
            for end in range(block_size, len(read[place]) + 1, block_size):
                block, held = paged[place].block_table[end // block_size - 1], contiguous[place]
                # Where another has published the same before, its block is the one that is found.
                if pool._digests[block] is not None:
                    part = np.s_[:, :, end - block_size : end]
                    pairs = zip(held._keys, held._values, strict=True)
                    known[tuple(read[place][:end])] = [(k[part].copy(), v[part].copy()) for k, v in pairs]
        else:
            paged.pop(place).free()
            del contiguous[place], read[place]
        check_books(pool, paged)
    for one in paged:
        one.free()
    check_books(pool, [])


@EXAMPLES
@given(scripts())
def check_scripts(script) -> None:
    follow(llama(), *script)


def test_whatever_is_forked_shortened_and_shared_llamas_logits_are_those_of_a_contiguous_cache() -> None:
    check_scripts()


@settings(EXAMPLES, max_examples=20)
@given(scripts())
def test_gpt2s_logits_are_those_of_a_contiguous_cache(script) -> None:
    follow(gpt2(), *script)


def test_a_fork_and_its_origin_do_not_see_what_the_other_reads() -> None:
    model, pool = llama(), llama().new_pool(8, block_size=4)
    first, alone, other = pool.new_sequence(), model.new_cache(1, 20), model.new_cache(1, 20)
    logits(model, [1, 2, 3, 4, 5], first)
    for one in (alone, other):
        logits(model, [1, 2, 3, 4, 5], one)
    second = first.fork()
    np.testing.assert_array_equal(logits(model, [6], second), logits(model, [6], other))
    np.testing.assert_array_equal(logits(model, [7, 8], first), logits(model, [7, 8], alone))
    np.testing.assert_array_equal(logits(model, [9], second), logits(model, [9], other))
    assert pool.usage() == (3, 0, 5, 1, 2)


def test_sequences_that_begin_alike_use_fewer_blocks_and_read_less() -> None:
    beginning = list(range(12))
    used, logit = [], []
    for shared in (False, True):
        pool = llama().new_pool(20, block_size=4, prefix_caching=shared)
        first = pool.new_sequence(beginning)
        logits(llama(), [*beginning, 5], first)
        first.publish([*beginning, 5])
        second = pool.new_sequence([*beginning, 6])
        assert second.length == 12 * shared
        logit.append(logits(llama(), [*beginning, 6][second.length :], second)[0, -1])
        used.append(pool.usage().used)
    assert used == [8, 5]
    np.testing.assert_allclose(*logit, atol=1e-5)


def test_other_tokens_before_make_another_block() -> None:
    pool = llama().new_pool(20, block_size=2)
    first = pool.new_sequence()
    logits(llama(), [1, 2, 3, 4], first)
    first.publish([1, 2, 3, 4])
    assert pool.new_sequence([1, 2, 3, 4, 5]).length == 4
    assert pool.new_sequence([1, 2, 9, 4, 5]).length == 2
    assert pool.new_sequence([9, 2, 3, 4, 5]).length == 0
    second = pool.new_sequence()
    logits(llama(), [5, 6], second)
    second.publish([5, 6])
    assert pool.new_sequence([5, 6, 3, 4, 5]).length == 2
    # The last token is always read, for its logits.
    assert pool.new_sequence([1, 2, 3, 4]).length == 2


def test_what_was_unused_for_longest_goes_first_and_is_not_found_any_more() -> None:
    pool = BlockPool(layers=1, heads=1, width=1, blocks=4, block_size=2)

    def extend(sequence: PagedCache, count: int) -> None:
        sequence.extend(0, np.ones((1, 1, count, 1)), np.ones((1, 1, count, 1)))

    for tokens in ([1, 2], [3, 4], [5, 6]):
        with pool.new_sequence() as one:
            extend(one, 2)
            one.publish(tokens)
    with pool.new_sequence([1, 2, 0]) as again:
        assert again.length == 2
    assert pool.usage() == (0, 3, 1, 0, 0)
    held = pool.new_sequence()
    extend(held, 3)
    assert pool.usage() == (2, 2, 0, 0, 1)
    assert [pool.new_sequence([*tokens, 0]).length for tokens in ([1, 2], [3, 4], [5, 6])] == [2, 0, 2]
    with pytest.raises(CacheFullError, match="0 of 4 blocks left, 1 are needed"):
        extend(held, 2)
    extend(held, 1)
    assert held.waste == 0


def test_a_shortened_block_that_is_written_again_is_not_found_under_its_old_tokens() -> None:
    pool = llama().new_pool(6, block_size=2)
    one = pool.new_sequence()
    logits(llama(), [1, 2, 3], one)
    one.publish([1, 2, 3])
    one.truncate(1)
    assert pool.new_sequence([1, 2, 0]).length == 2  # the block itself is still whole
    two = pool.new_sequence()
    logits(llama(), [4, 5], two)
    two.publish([4, 5])
    two.truncate(1)
    logits(llama(), [6], two)
    assert pool.new_sequence([4, 5, 0]).length == 0
    two.publish([4, 6])
    assert pool.new_sequence([4, 6, 0]).length == 2


def test_blocks_that_are_cut_off_are_given_back() -> None:
    pool = llama().new_pool(6, block_size=2)
    one = pool.new_sequence()
    logits(llama(), [1, 2, 3, 4, 5], one)
    one.truncate(3)
    assert pool.usage() == (2, 0, 4, 0, 1)
    one.truncate(0)
    assert pool.usage() == (0, 0, 6, 0, 0)


def test_sequences_side_by_side_in_one_row_give_what_each_gives_alone() -> None:
    for model in (llama(), gpt2()):
        pool = model.new_pool(30, block_size=3)
        rng = np.random.default_rng(0)
        lengths, counts = [4, 0, 7, 1], [1, 3, 2, 1]
        texts = [rng.integers(0, VOCABULARY, n + m).tolist() for n, m in zip(lengths, counts, strict=True)]
        packed, alone = [], []
        for text, length in zip(texts, lengths, strict=True):
            packed.append(pool.new_sequence())
            if length:
                logits(model, text[:length], packed[-1])
            alone.append(logits(model, text, None)[0])
        row = [token for text, length in zip(texts, lengths, strict=True) for token in text[length:]]
        ends = [one.fork() for one in packed]
        found = logits(model, row, PackedCaches(packed, counts))[0]
        expected = np.concatenate([each[length:] for each, length in zip(alone, lengths, strict=True)])
        np.testing.assert_allclose(found, expected, atol=2e-5)
        with no_grad():
            last = model([row], PackedCaches(ends, counts), last_only=True).data[0]
        np.testing.assert_allclose(last, [each[-1] for each in alone], atol=2e-5)


def test_a_sequence_that_was_freed_is_not_used_any_more() -> None:
    pool = llama().new_pool(6, block_size=2)
    one = pool.new_sequence()
    logits(llama(), [1, 2], one)
    one.free()
    one.free()
    for call in (one.fork, lambda: one.truncate(0), lambda: one.publish([]), lambda: logits(llama(), [1], one)):
        with pytest.raises(StateError, match="freed"):
            call()
