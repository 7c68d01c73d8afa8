"""GPT-2 with weights that transformers drew; the golden logits and texts are PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.published import golden
from whitebox.autograd import no_grad
from whitebox.errors import StateError
from whitebox.safetensors import save_safetensors
from whitebox.transformers.generation import generate
from whitebox.transformers.gpt2 import GPT2, GPT2Config

CONFIG = {"vocab_size": 40, "n_positions": 32, "n_embd": 16, "n_layer": 2, "n_head": 4, "tie_word_embeddings": False}


def published() -> tuple[GPT2, dict[str, np.ndarray]]:
    stored = golden("gpt2")
    weights = {name: array for name, array in stored.items() if "." in name}
    # A mask that older files hold is no weight.
    weights["transformer.h.0.attn.bias"] = np.ones((1, 1, 32, 32), np.bool_)
    model = GPT2(GPT2Config.from_dict(CONFIG), rng=np.random.default_rng(0))
    return model.load_published(weights), stored


def test_gpt2_gives_transformers_logits() -> None:
    model, stored = published()
    with no_grad():
        np.testing.assert_allclose(model(stored["ids"]).data, stored["logits"], rtol=0, atol=5e-5)


def test_gpt2_continues_as_transformers_does() -> None:
    model, stored = published()
    for prompt, written in zip(stored["ids"], stored["written"], strict=True):
        assert [one.token for one in generate(model, prompt.tolist(), max_tokens=20)] == written.tolist()


@pytest.mark.parametrize("prefix", ["", "transformer."])
def test_a_folder_is_read_with_and_without_the_prefix(tmp_path, prefix: str) -> None:
    _, stored = published()
    named = {
        name.replace("transformer.", prefix): array
        for name, array in stored.items()
        if name.endswith(("weight", "bias"))
    }
    save_safetensors(tmp_path / "model.safetensors", named)
    (tmp_path / "config.json").write_text(str(CONFIG).replace("'", '"').replace("False", "false"))
    with no_grad():
        logits = GPT2.from_pretrained(tmp_path)(stored["ids"]).data
    np.testing.assert_allclose(logits, stored["logits"], rtol=0, atol=5e-5)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(StateError, match="no object"):
        GPT2.from_pretrained(tmp_path)
