"""GPT-2 against transformers' with the same weights: logits, all gradients, what is written, files."""

from __future__ import annotations

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st
from whitebox.transformers.generation import generate
from whitebox.transformers.gpt2 import GPT2, GPT2Config

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

FEW = settings(EXAMPLES, max_examples=12)


@st.composite
def shapes(draw: st.DrawFn) -> dict[str, object]:
    heads = draw(st.integers(1, 3))
    return {
        "vocab_size": draw(st.integers(2, 30)),
        "n_positions": 12,
        # One in which square maps would fit untransposed, too.
        "n_embd": heads * draw(st.sampled_from([2, 4, 8])),
        "n_layer": draw(st.integers(1, 3)),
        "n_head": heads,
        "n_inner": draw(st.sampled_from([None, 5, 12])),
        "activation_function": draw(st.sampled_from(["gelu_new", "gelu"])),
        "tie_word_embeddings": draw(st.booleans()),
        "initializer_range": 0.3,
    }


def theirs_of(shape: dict[str, object], seed: int = 0):
    torch.manual_seed(seed)
    config = transformers.GPT2Config(**shape, attn_implementation="eager", bos_token_id=0, eos_token_id=0)
    model = transformers.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.2 * torch.randn_like(parameter))
    return model.double()


def ours_of(shape: dict[str, object], theirs) -> GPT2:
    model = GPT2(GPT2Config.from_dict(shape), rng=np.random.default_rng(0), dtype=np.float64)
    return model.load_published({name: tensor.numpy() for name, tensor in theirs.state_dict().items()})


@FEW
@given(shapes(), st.integers(1, 3), st.integers(1, 12), st.integers(0, 9))
def test_logits_and_all_gradients_are_theirs(shape, batch: int, length: int, seed: int) -> None:
    theirs = theirs_of(shape, seed)
    ours = ours_of(shape, theirs)
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, shape["vocab_size"], (batch, length))
    logits, expected = ours(ids), theirs(torch.tensor(ids)).logits
    np.testing.assert_allclose(logits.data, expected.detach().numpy(), rtol=1e-8, atol=1e-9)
    ends = rng.standard_normal(logits.shape)
    logits.backward(ends)
    expected.backward(torch.tensor(ends))
    gradients = {name: parameter.grad.numpy() for name, parameter in theirs.named_parameters()}
    turned = ours_of(shape, theirs).load_published(
        {**dict(gradients), "lm_head.weight": gradients.get("lm_head.weight", 0)}
    )
    found = dict(ours.named_parameters())
    assert len(found) == len(gradients)
    for name, parameter in turned.named_parameters():
        np.testing.assert_allclose(found[name].grad, parameter.data, rtol=1e-7, atol=1e-9, err_msg=name)


def test_what_is_written_greedily_is_theirs() -> None:
    shape = {"vocab_size": 40, "n_positions": 64, "n_embd": 24, "n_layer": 2, "n_head": 3, "initializer_range": 0.3}
    # Tied vectors would make a token its own most probable successor.
    theirs = theirs_of({**shape, "tie_word_embeddings": False})
    ours = ours_of({**shape, "tie_word_embeddings": False}, theirs)
    for seed in range(5):
        prompt = np.random.default_rng(seed).integers(0, 40, 6).tolist()
        expected = theirs.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones((1, 6)),
            max_new_tokens=50,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=0,
        )[0, 6:].tolist()
        assert [one.token for one in generate(ours, prompt, max_tokens=50)] == expected
        assert len(set(expected)) > 3


@pytest.mark.parametrize("kind", ["GPT2Model", "GPT2LMHeadModel"])
def test_what_transformers_saves_is_loaded(tmp_path, kind: str) -> None:
    config = transformers.GPT2Config(
        vocab_size=11, n_positions=8, n_embd=12, n_layer=2, n_head=3, initializer_range=0.3
    )
    theirs = getattr(transformers, kind)(config).eval()
    theirs.save_pretrained(tmp_path)
    ours = GPT2.from_pretrained(tmp_path)
    ids = np.arange(8)[None] % 11
    with torch.no_grad():
        base = theirs if kind == "GPT2Model" else theirs.transformer
        expected = base(torch.tensor(ids)).last_hidden_state.numpy()
    np.testing.assert_allclose(ours.hidden(ids).data, expected, atol=1e-5)
