"""The served vectors against sentence-transformers, stored and live."""

import importlib.util
from collections.abc import Sequence

import numpy as np
import pytest
from whitebox_embedding.adapters.onnx_encoder import OnnxEncoder
from whitebox_embedding.adapters.tokenizer import HuggingFaceTokenizer
from whitebox_embedding.batcher import Batcher
from whitebox_embedding.bundle import ModelChoice, ensure_bundle
from whitebox_embedding.embedder import Embedder, Embeddings
from whitebox_embedding.model_folder import default_folder

# Observed: 2e-7.
TOLERANCE = 1e-5


async def embed(tokenizer: HuggingFaceTokenizer, encoder: OnnxEncoder, texts: Sequence[str]) -> Embeddings:
    batcher = Batcher(encoder, dimensions=384, padding_id=tokenizer.padding_id)
    embedder = Embedder(tokenizer, batcher, max_waiting_texts=512)
    try:
        return await embedder.embed(texts)
    finally:
        embedder.close()
        batcher.close()


async def test_vectors_equal_those_of_sentence_transformers(tokenizer, encoder, golden):
    result = await embed(tokenizer, encoder, golden.texts)
    np.testing.assert_allclose(result.vectors, golden.vectors, atol=TOLERANCE)
    np.testing.assert_allclose(np.linalg.norm(result.vectors, axis=1), 1, atol=1e-6)


async def test_token_counts_equal_those_of_sentence_transformers(tokenizer, encoder, golden):
    result = await embed(tokenizer, encoder, golden.texts)
    assert result.token_counts == golden.token_counts.tolist()


async def test_only_texts_beyond_the_window_are_reported_as_truncated(tokenizer, encoder):
    # 254 words and the two special tokens fill the window of 256 exactly.
    result = await embed(tokenizer, encoder, ["word " * 253 + "end", "word " * 254 + "end", "word"])
    assert result.truncated == [False, True, False]
    assert result.token_counts == [256, 256, 3]


async def test_a_truncated_text_embeds_like_the_part_that_was_read(tokenizer, encoder):
    result = await embed(tokenizer, encoder, ["word " * 254, "word " * 900])
    np.testing.assert_allclose(result.vectors[0], result.vectors[1], atol=TOLERANCE)


async def test_int8_stays_close_and_does_not_depend_on_batch_mates(data_dir, golden):
    bundle = ensure_bundle(data_dir, ModelChoice(precision="int8"), HuggingFaceTokenizer)
    tokenizer = HuggingFaceTokenizer(bundle.tokenizer_path, bundle.manifest.max_tokens)
    encoder = OnnxEncoder(bundle.graph_path)
    together = (await embed(tokenizer, encoder, golden.texts)).vectors
    alone = np.concatenate([(await embed(tokenizer, encoder, [text])).vectors for text in golden.texts[:12]])
    assert (together * golden.vectors).sum(axis=1).min() > 0.99
    np.testing.assert_allclose(together[:12], alone, atol=TOLERANCE)


@pytest.mark.oracle
@pytest.mark.skipif(importlib.util.find_spec("sentence_transformers") is None, reason="needs sentence-transformers")
async def test_vectors_equal_those_of_sentence_transformers_live(tokenizer, encoder, golden):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(default_folder()), device="cpu", local_files_only=True)
    texts = [text[::-1] for text in golden.texts]
    result = await embed(tokenizer, encoder, texts)
    np.testing.assert_allclose(result.vectors, model.encode(texts, normalize_embeddings=True), atol=TOLERANCE)
