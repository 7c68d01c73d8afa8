from __future__ import annotations

import numpy as np
import pytest
from whitebox.autograd import log_softmax, no_grad
from whitebox.transformers.generation import generate, speculate
from whitebox.transformers.gpt2 import GPT2, GPT2Config


def drawn(dtype=np.float64, **changes) -> GPT2:
    shape = {"vocab_size": 17, "n_positions": 40, "n_embd": 8, "n_layer": 2, "n_head": 2, "initializer_range": 0.4}
    return GPT2(GPT2Config(**{**shape, **changes}), rng=np.random.default_rng(0), dtype=dtype)


@pytest.mark.parametrize("tied", [True, False])
def test_the_gradients_of_all_weights_are_those_of_differences(tied: bool) -> None:
    model, rng = drawn(tie_word_embeddings=tied), np.random.default_rng(1)
    ids = rng.integers(0, 17, (2, 7))

    def loss():
        chances = log_softmax(model(ids[:, :-1]))
        return -chances[np.arange(2)[:, None], np.arange(6), ids[:, 1:]].mean()

    loss().backward()
    for name, parameter in model.named_parameters():
        before, direction = parameter.data, rng.standard_normal(parameter.shape)
        values = []
        for step in (1e-5, -1e-5):
            parameter.data = before + step * direction
            values.append(loss().item())
        parameter.data = before
        assert (parameter.grad * direction).sum() == pytest.approx(
            (values[0] - values[1]) / 2e-5, rel=1e-5, abs=1e-9
        ), name


def test_nothing_of_the_future_reaches_the_past() -> None:
    model, ids = drawn(), np.arange(9)[None]
    changed = np.where(np.arange(9) < 5, ids, 16)
    before, after = model(ids).data, model(changed).data
    np.testing.assert_array_equal(after[:, :5], before[:, :5])
    assert np.abs(after[:, 5:] - before[:, 5:]).max() > 1e-3


def test_the_same_token_at_another_position_is_another_vector() -> None:
    found = drawn().hidden([[3, 3]]).data[0]
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_it_writes_the_same_with_a_cache_without_and_with_a_draft() -> None:
    model = drawn(tie_word_embeddings=False)
    written = [one.token for one in generate(model, [3, 4], max_tokens=20)]
    assert len(set(written)) > 3
    seen = [3, 4]
    with no_grad():
        for token in written:
            assert model([seen]).data[0, -1].argmax() == token
            seen.append(token)
    assert list(speculate(model, drawn(n_layer=1), [3, 4], max_tokens=20, ahead=3)) == written


def test_weights_are_drawn_as_the_paper_says() -> None:
    model = GPT2(GPT2Config(300, 50, 64, n_layer=8, n_head=2), rng=np.random.default_rng(0))
    spread = {name: float(array.std()) for name, array in model.state_dict().items()}
    for name in ("embedding.weight", "layers.3.attention.qkv.weight", "layers.0.up.weight"):
        assert spread[name] == pytest.approx(0.02, rel=0.03)
    for name in ("layers.3.attention.output.weight", "layers.0.down.weight"):
        assert spread[name] == pytest.approx(0.005, rel=0.03)
    assert all(not array.any() for name, array in model.state_dict().items() if name.endswith("bias"))
    assert all((array == 1).all() for name, array in model.state_dict().items() if "norm.weight" in name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept_from_the_weights_to_the_logits_and_in_the_cache(dtype) -> None:
    model = drawn(dtype)
    assert model([[1, 2]]).dtype == dtype
    sequence = model.new_pool(4, 2).new_sequence()
    for cache in (model.new_cache(), sequence):
        assert model([[1, 2]], cache).dtype == dtype
        keys, values = cache.extend(0, np.ones((1, 2, 1, 4)), np.ones((1, 2, 1, 4)))
        assert keys.dtype == values.dtype == dtype
