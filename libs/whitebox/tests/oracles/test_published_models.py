"""Published weights give the published models' numbers; the golden ones are transformers' and PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.published import golden, minilm, smollm2
from whitebox.autograd import no_grad
from whitebox.transformers.bert import Bert, mean_pooling
from whitebox.transformers.llama import Llama, streamed_log_probabilities
from whitebox.transformers.sampling import log_probabilities
from whitebox.transformers.scheduling import ContinuousBatching, Request

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def bert() -> Bert:
    return Bert.from_pretrained(minilm()).eval()


@pytest.fixture(scope="module")
def llama() -> Llama:
    return Llama.from_gguf(smollm2()).eval()


def test_minilm_embeds_two_hundred_texts_as_transformers_does(bert: Bert) -> None:
    stored = golden("minilm")
    rows = np.split(stored["ids"], np.cumsum(stored["lengths"])[:-1])
    order = np.argsort(stored["lengths"])
    found = np.empty_like(stored["vectors"])
    for start in range(0, len(order), 20):
        # Texts of different lengths side by side, padded with a word: it must not be seen.
        some = order[start : start + 20]
        lengths = stored["lengths"][some]
        ids = np.full((len(some), lengths.max()), 2000)
        for place, row in enumerate(some):
            ids[place, : lengths[place]] = rows[row]
        with no_grad():
            found[some] = mean_pooling(bert(ids, lengths), lengths).data
    assert len(found) == 200
    np.testing.assert_allclose(found, stored["vectors"], rtol=0, atol=2e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_smollm2_gives_transformers_logits(llama: Llama) -> None:
    stored = golden("smollm2")
    with no_grad():
        logits = llama(stored["ids"], last_only=True).data[:, 0]
    np.testing.assert_allclose(logits[:, stored["some"]], stored["logits"], rtol=0, atol=1e-3)
    np.testing.assert_array_equal(logits.argmax(axis=1), stored["best"])


def test_reading_the_weights_layer_by_layer_changes_no_probability(llama: Llama) -> None:
    ids = golden("smollm2")["ids"][0].tolist() * 12
    with no_grad():
        expected = log_probabilities(llama([ids]).data[0, 2:-1], ids[3:])
    np.testing.assert_allclose(streamed_log_probabilities(smollm2(), ids, 3), expected, rtol=0, atol=1e-5)


def test_smollm2_continues_as_transformers_does_for_sixty_four_tokens(llama: Llama) -> None:
    stored = golden("smollm2")
    cache = llama.new_cache(batch=len(stored["ids"]), capacity=80)
    written = []
    with no_grad():
        tokens = stored["ids"]
        for _ in range(stored["written"].shape[1]):
            best = llama(tokens, cache, last_only=True).data[:, 0].argmax(axis=1)
            written.append(best)
            tokens = best[:, None]
    np.testing.assert_array_equal(np.array(written).T, stored["written"])


def test_a_cache_changes_nothing(llama: Llama) -> None:
    ids = golden("smollm2")["ids"][:2]
    with no_grad():
        whole = llama(ids).data
        cache = llama.new_cache(batch=2, capacity=16)
        parts = [llama(ids[:, :3], cache).data, llama(ids[:, 3:4], cache).data, llama(ids[:, 4:], cache).data]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=2e-4)


def test_requests_side_by_side_in_few_blocks_are_continued_as_transformers_does(llama: Llama) -> None:
    stored = golden("smollm2")
    # Two of five give up their blocks on the way.
    pool, count = llama.new_pool(11, block_size=8), 20
    batching = ContinuousBatching(llama, pool, tokens_per_step=24, sequences=5)
    texts: dict[int, list[int]] = {batching.submit(Request(prompt, count)): [] for prompt in stored["ids"][:5].tolist()}
    for event in batching.run():
        texts[event.request].append(event.written.token)
    np.testing.assert_array_equal(list(texts.values()), stored["written"][:5, :count])
    assert batching.served.preemptions > 0
    assert batching.served.most_blocks == 11
