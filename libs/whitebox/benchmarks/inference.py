"""Writing with transformers: many requests at once against one after the other, and the price of pages."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from comparison import Comparison
from whitebox.autograd import no_grad
from whitebox.transformers.cache import ContiguousCache
from whitebox.transformers.generation import generate
from whitebox.transformers.llama import Llama, LlamaConfig
from whitebox.transformers.paged_cache import PagedCache
from whitebox.transformers.scheduling import ContinuousBatching, Request


def model(width: int) -> Llama:
    """A Llama of SmolLM2's proportions, in small."""
    heads = width // 64
    config = LlamaConfig(
        4096,
        width,
        8 * width // 3 // 64 * 64,
        num_hidden_layers=4,
        num_attention_heads=heads,
        num_key_value_heads=heads // 3,
    )
    return Llama(config, rng=np.random.default_rng(0))


def batched(width: int, requests: int, tokens: int) -> Iterator[Comparison]:
    """Continuous batching, with our own `generate` on one request after the other for a peer."""
    llama, rng = model(width), np.random.default_rng(0)
    prompts = [rng.integers(0, 4096, int(length)).tolist() for length in rng.integers(4, 33, requests)]

    def ours() -> list[list[int]]:
        pool = llama.new_pool(requests * 8, block_size=16)
        batching = ContinuousBatching(llama, pool, tokens_per_step=64, sequences=requests)
        texts: dict[int, list[int]] = {batching.submit(Request(prompt, tokens)): [] for prompt in prompts}
        for event in batching.run():
            if event.written is not None:
                texts[event.request].append(event.written.token)
        return list(texts.values())

    def theirs() -> list[list[int]]:
        return [[one.token for one in generate(llama, prompt, max_tokens=tokens)] for prompt in prompts]

    assert ours() == theirs()
    yield Comparison(f"{requests} requests side by side, width {width}", "one after the other (ours)", ours, theirs)


def pages(width: int, past: int) -> Iterator[Comparison]:
    """A token behind a long past, from blocks and from one array (ours, too)."""
    llama = model(width)
    past_ids = np.random.default_rng(0).integers(0, 4096, past).tolist()
    paged, contiguous = llama.new_pool(past // 16 + 2).new_sequence(), llama.new_cache(1, past + 8)

    def step(cache: PagedCache | ContiguousCache) -> np.ndarray:
        with no_grad():
            logits: np.ndarray = llama([[1]], cache, last_only=True).data
        cache.truncate(past)
        return logits

    for cache in (paged, contiguous):
        with no_grad():
            llama([past_ids], cache, last_only=True)
    np.testing.assert_array_equal(step(paged), step(contiguous))
    yield Comparison(
        f"a token behind {past}, from blocks",
        "a contiguous cache (ours)",
        lambda: step(paged),
        lambda: step(contiguous),
    )


def comparisons(scale: int) -> Iterator[Comparison]:
    """Everything, at sizes divided by `scale`."""
    width = 384 if scale == 1 else 192
    for requests in (8, 16):
        yield from batched(width, requests, 16 // scale + 1)
    yield from pages(width, 1024 // scale)
