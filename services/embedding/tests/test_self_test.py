"""A model that answers wrongly is found out."""

import numpy as np
import pytest
from whitebox_embedding.batcher import Batcher
from whitebox_embedding.embedder import Embedder
from whitebox_embedding.self_test import check_model
from whitebox_runtime.errors import Unavailable


class BentEncoder:
    """Spoils what a good encoder gives."""

    def __init__(self, encoder, bend) -> None:
        self._encoder, self._bend = encoder, bend

    def encode(self, token_ids, lengths):
        return self._bend(self._encoder.encode(token_ids, lengths))


async def run(bundle, tokenizer, encoder) -> None:
    batcher = Batcher(encoder, dimensions=384)
    embedder = Embedder(tokenizer, batcher, max_waiting_texts=512)
    try:
        await check_model(embedder, bundle.manifest.probe, bundle.probe_vector, "fp32")
    finally:
        embedder.close()
        batcher.close()


async def test_the_served_model_passes(bundle, tokenizer, encoder):
    await run(bundle, tokenizer, encoder)


@pytest.mark.parametrize(
    "bend",
    [lambda v: -v, lambda v: v * 1.01, lambda v: v * np.nan, lambda v: v[:, ::-1], lambda v: v * 0],
    ids=["opposite", "too long", "not a number", "reversed", "zero"],
)
async def test_wrong_vectors_fail(bundle, tokenizer, encoder, bend):
    with pytest.raises(Unavailable, match="self-test"):
        await run(bundle, tokenizer, BentEncoder(encoder, bend))
