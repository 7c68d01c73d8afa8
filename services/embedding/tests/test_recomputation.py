"""What is served against libs/whitebox, which starts from the published files."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import numpy as np
import pytest
from whitebox_embedding.embedder import Embeddings
from whitebox_embedding.errors import ModelError
from whitebox_embedding.recomputation import SelfCheck, WhiteboxEncoder, open_tokenizer
from whitebox_runtime.errors import FailedPrecondition, ResourceExhausted


class Golden:
    """Gives what sentence-transformers gave, or something else."""

    def __init__(self, golden, bend=lambda vectors: vectors, more_tokens: int = 0) -> None:
        self._golden, self._bend, self._more_tokens = golden, bend, more_tokens
        self.pause = asyncio.Event()
        self.pause.set()

    async def embed(self, texts):
        await self.pause.wait()
        places = [self._golden.texts.index(text) for text in texts]
        counts = (self._golden.token_counts[places] + self._more_tokens).tolist()
        return Embeddings(self._bend(self._golden.vectors[places]), counts, [False] * len(places))


@pytest.fixture
def check(bundle):
    def made(serving, **changes):
        parts = {
            "weights_path": bundle.weights_path,
            "tokenizer_path": bundle.tokenizer_path,
            "architecture": bundle.manifest.architecture,
            "smallest_cosine": 0.99999,
        }
        return SelfCheck(serving, **(parts | changes))

    return made


async def test_whitebox_cuts_and_embeds_texts_in_many_scripts_as_sentence_transformers_does(check, golden):
    report = await check(Golden(golden)).run(golden.texts)
    assert report.agrees
    assert [one.recomputed_token_count for one in report.comparisons] == golden.token_counts.tolist()
    assert max(one.cosine_distance for one in report.comparisons) < 1e-6
    assert max(one.largest_difference for one in report.comparisons) < 1e-5
    assert report.recomputed_seconds > 0


@pytest.mark.parametrize(
    "serving",
    [
        {"bend": lambda vectors: vectors[:, ::-1]},
        {"bend": lambda vectors: vectors * np.nan},
        {"bend": lambda vectors: vectors + np.float32(0.01)},
        {"more_tokens": 1},
    ],
    ids=["reversed", "not a number", "bent", "other tokens"],
)
async def test_what_differs_does_not_agree(check, golden, serving):
    report = await check(Golden(golden, **serving)).run(golden.texts[:1])
    assert not report.agrees


async def test_one_check_runs_at_a_time_and_a_failed_one_makes_room(check, golden):
    serving = Golden(golden)
    serving.pause.clear()
    checks = check(serving)
    first = asyncio.ensure_future(checks.run(golden.texts[:1]))
    await asyncio.sleep(0)
    with pytest.raises(ResourceExhausted, match="is running"):
        await checks.run(golden.texts[:1])
    first.cancel()
    await asyncio.wait({first})
    serving.pause.set()
    with pytest.raises(ValueError, match="not in list"):
        await checks.run(["no golden text"])
    assert (await checks.run(golden.texts[:1])).agrees


async def test_another_tokenizer_cannot_be_recomputed(check, golden, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({"model": {"type": "BPE"}}))
    with pytest.raises(FailedPrecondition, match="WordPiece"):
        await check(Golden(golden), tokenizer_path=path).run(golden.texts[:1])


def test_case_is_kept_where_the_tokenizer_keeps_it(tmp_path):
    path = tmp_path / "tokenizer.json"
    vocabulary = {word: n for n, word in enumerate(["[UNK]", "[CLS]", "[SEP]", "tide", "Tide"])}
    described = {"model": {"type": "WordPiece", "vocab": vocabulary}, "normalizer": {"type": "BertNormalizer"}}
    for lowercase, number in ((True, 3), (False, 4)):
        described["normalizer"]["lowercase"] = lowercase
        path.write_text(json.dumps(described))
        assert open_tokenizer(path).encode("Tide") == [1, number, 2]


def test_weights_that_do_not_fit_are_refused(tiny_weights, tiny):
    with pytest.raises(ModelError, match="cannot be recomputed"):
        WhiteboxEncoder(tiny_weights, replace(tiny, dimensions=64))
    with pytest.raises(ModelError, match="cannot be recomputed"):
        WhiteboxEncoder({}, tiny)
