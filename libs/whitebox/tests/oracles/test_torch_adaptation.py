"""Quantisation, LoRA and the losses of answers and preferences against PyTorch, gradients included."""

from __future__ import annotations

import numpy as np
import pytest
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox.autograd import Tensor
from whitebox.nn import Linear
from whitebox.peft.lora import LoRALinear, apply_lora
from whitebox.preference.dpo import dpo_loss, ipo_loss
from whitebox.preference.sequences import Batch, Example, pad, reference_log_probabilities, sequence_log_probabilities
from whitebox.preference.sft import sft_loss
from whitebox.quantize.int8 import affine_parameters, dequantize_affine, quantize_affine, quantize_int8
from whitebox.quantize.nf4 import NF4_LEVELS, dequantize_nf4, quantize_nf4
from whitebox.transformers._decoder import translated
from whitebox.transformers.llama import Llama, LlamaConfig

torch = pytest.importorskip("torch")
# PyTorch is about to give up tensors of integers: what they hold is what ours hold.
pytestmark = pytest.mark.filterwarnings("ignore:torch.quantize_per:UserWarning", "ignore:.*torch.ao:DeprecationWarning")


@EXAMPLES
@given(st.integers(0, 999), st.sampled_from([0, 1]), st.booleans())
def test_channels_are_quantised_as_torch_does(seed: int, axis: int, symmetric: bool) -> None:
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal((5, 9)) * np.exp(2 * rng.standard_normal((5, 1)))).astype(np.float32)
    ours = quantize_int8(x, axis=axis, symmetric=symmetric)
    zeros = torch.from_numpy(ours.zero_point.astype(np.int64))
    theirs = torch.quantize_per_channel(torch.from_numpy(x), torch.from_numpy(ours.scale), zeros, axis, torch.qint8)
    # PyTorch multiplies by the inverse: next to the middle of two integers it may find the other one.
    differ = ours.values != theirs.int_repr().numpy()
    assert differ.mean() < 0.05
    steps = ours.scale.reshape((-1, 1) if axis == 0 else (1, -1))
    quotient = x / steps
    assert (np.abs(np.abs(quotient - np.trunc(quotient)) - 0.5)[differ] < 1e-4).all()
    np.testing.assert_allclose(
        dequantize_affine(ours)[~differ], theirs.dequantize().numpy()[~differ], rtol=1e-6, atol=1e-7
    )


@EXAMPLES
@given(st.integers(0, 999))
def test_parameters_are_those_of_torch_s_observers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal(50) * 10 ** rng.uniform(-2, 2) + rng.uniform(-3, 3)).astype(np.float32)
    observer = torch.ao.quantization.MinMaxObserver(dtype=torch.qint8, qscheme=torch.per_tensor_affine)
    observer(torch.from_numpy(x))
    scale, zero = observer.calculate_qparams()
    ours = affine_parameters(x.min(), x.max())
    np.testing.assert_allclose(ours[0], scale.item(), rtol=1e-6)
    assert abs(int(ours[1]) - zero.item()) <= (abs(x.min() / scale.item() % 1 - 0.5) < 1e-3)
    values = torch.quantize_per_tensor(torch.from_numpy(x), float(ours[0]), int(ours[1]), torch.qint8).int_repr()
    assert (quantize_affine(x, *ours).values == values.numpy()).mean() > 0.95


def test_nf4_is_the_nearest_level_as_torch_finds_it() -> None:
    x = np.random.default_rng(0).standard_normal((40, 64)).astype(np.float32)
    rows, levels = torch.from_numpy(x), torch.from_numpy(NF4_LEVELS)
    absmax = rows.abs().amax(dim=1, keepdim=True)
    codes = ((rows / absmax)[..., None] - levels).abs().argmin(dim=-1)
    np.testing.assert_array_equal(dequantize_nf4(quantize_nf4(x)), (levels[codes] * absmax).numpy())


@EXAMPLES
@given(st.integers(0, 999), st.integers(1, 6), st.integers(1, 6), st.sampled_from([0.5, 1.0, 16.0]), st.booleans())
def test_lora_and_its_gradients_are_torch_s(seed: int, d: int, m: int, alpha: float, biased: bool) -> None:
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, min(d, m) + 1))
    base = Linear(d, m, bias=biased, rng=rng, dtype=np.float64)
    layer = LoRALinear(base, rank=rank, alpha=alpha, rng=rng)
    layer.lora_B.data = rng.standard_normal((m, rank))
    x0, ends = rng.standard_normal((2, 3, d)), rng.standard_normal((2, 3, m))
    x, a, b = (torch.tensor(v, requires_grad=True) for v in (x0, layer.lora_A.data, layer.lora_B.data))
    bias = torch.tensor(base.bias.data) if biased else None
    expected = torch.nn.functional.linear(x, torch.tensor(base.weight.data), bias) + alpha / rank * (x @ a.T @ b.T)
    expected.backward(torch.tensor(ends))
    ours = Tensor(x0, requires_grad=True)
    found = layer(ours)
    found.backward(ends)
    np.testing.assert_allclose(found.data, expected.detach().numpy(), rtol=1e-10, atol=1e-10)
    for mine, theirs in ((ours, x), (layer.lora_A, a), (layer.lora_B, b)):
        np.testing.assert_allclose(mine.grad, theirs.grad.numpy(), rtol=1e-10, atol=1e-10)
    layer.merge()
    np.testing.assert_allclose(layer(Tensor(x0)).data, found.data, rtol=1e-10, atol=1e-10)


def _random_batch(rng: np.random.Generator) -> Batch:
    rows, n = int(rng.integers(1, 4)), int(rng.integers(2, 6))
    response = rng.random((rows, n)) < 0.5
    response[0, -1] = True
    return Batch(rng.integers(0, 5, (rows, n)), response)


def _torch_log_probabilities(logits, batch: Batch):
    """As trl sums them: shifted by one, and zero where no response is."""
    labels = torch.tensor(batch.ids[:, 1:])
    mask = torch.tensor(batch.response[:, 1:])
    each = torch.gather(logits[:, :-1].log_softmax(-1), 2, labels[..., None])[..., 0]
    return (each * mask).sum(-1), mask


@EXAMPLES
@given(st.integers(0, 999))
def test_sft_and_its_gradient_are_torch_s_cross_entropy_with_ignored_labels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    batch = _random_batch(rng)
    scores = rng.standard_normal((*batch.ids.shape, 5)) * 3
    theirs = torch.tensor(scores, requires_grad=True)
    labels = torch.tensor(np.where(batch.response, batch.ids, -100))[:, 1:]
    expected = torch.nn.functional.cross_entropy(theirs[:, :-1].reshape(-1, 5), labels.reshape(-1), ignore_index=-100)
    expected.backward()
    ours = Tensor(scores, requires_grad=True)
    loss = sft_loss(lambda _: ours, batch)
    loss.backward()
    np.testing.assert_allclose(loss.item(), expected.item(), rtol=1e-10)
    np.testing.assert_allclose(ours.grad, theirs.grad.numpy(), rtol=1e-10, atol=1e-12)


@EXAMPLES
@given(st.integers(0, 999), st.sampled_from([0.05, 0.1, 1.0]), st.sampled_from([0.0, 0.1, "ipo"]))
def test_dpo_and_its_gradients_are_torch_s(seed: int, beta: float, kind: float | str) -> None:
    rng = np.random.default_rng(seed)
    batch = _random_batch(rng)
    other = Batch(rng.integers(0, 5, batch.ids.shape), batch.response)
    scores = [rng.standard_normal((*batch.ids.shape, 5)) * 3 for _ in range(4)]
    theirs = [torch.tensor(one, requires_grad=place < 2) for place, one in enumerate(scores)]
    pairs = (batch, other, batch, other)
    sums = [_torch_log_probabilities(one, rows)[0] for one, rows in zip(theirs, pairs, strict=True)]
    margin = (sums[0] - sums[1]) - (sums[2] - sums[3])
    if kind == "ipo":
        expected = ((margin - 1 / (2 * beta)) ** 2).mean()
    else:
        logsigmoid = torch.nn.functional.logsigmoid
        expected = (-logsigmoid(beta * margin) * (1 - kind) - logsigmoid(-beta * margin) * kind).mean()
    expected.backward()
    ours = [Tensor(one, requires_grad=True) for one in scores[:2]]
    policy = [
        sequence_log_probabilities(lambda _, one=one: one, rows) for one, rows in zip(ours, pairs[:2], strict=True)
    ]
    before = [
        reference_log_probabilities(lambda _, one=one: Tensor(one), rows)
        for one, rows in zip(scores[2:], pairs[2:], strict=True)
    ]
    loss = ipo_loss(*policy, *before, beta=beta) if kind == "ipo" else dpo_loss(*policy, *before, beta=beta, label_smoothing=kind)  # fmt: skip
    loss.backward()
    np.testing.assert_allclose(loss.item(), expected.item(), rtol=1e-9)
    for mine, other_one in zip(ours, theirs, strict=False):
        np.testing.assert_allclose(mine.grad, other_one.grad.numpy(), rtol=1e-8, atol=1e-10)


@pytest.mark.oracle
def test_adapters_in_a_llama_get_the_gradients_of_transformers_llama() -> None:
    transformers = pytest.importorskip("transformers")
    config = LlamaConfig(19, 16, 24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
    model = Llama(config, rng=np.random.default_rng(0))
    theirs = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=19, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, rms_norm_eps=1e-6, tie_word_embeddings=False, attn_implementation="eager",
        )
    ).eval()  # fmt: skip

    def published(name: str) -> str:
        return translated(name, Llama.published, Llama.layer_prefix)

    theirs.load_state_dict({published(name): torch.tensor(v) for name, v in model.state_dict().items()}, strict=False)
    theirs.requires_grad_(False)
    layers = apply_lora(model, ["value", "down"], rank=2, alpha=3, rng=np.random.default_rng(1))
    held = {}
    for name, layer in layers.items():
        layer.lora_B.data = np.random.default_rng(2).standard_normal(layer.lora_B.shape).astype(np.float32)
        a, b = (torch.tensor(p.data, requires_grad=True) for p in (layer.lora_A, layer.lora_B))
        held[name] = a, b
        module = theirs.get_submodule(published(f"{name}.weight").rpartition(".")[0])

        def hook(_module, inputs, output, a=a, b=b, scale=layer.scale):
            return output + scale * (inputs[0] @ a.T @ b.T)

        module.register_forward_hook(hook)
    batch = pad([Example([1, 2, 3, 4, 5], [False, False, True, True, True]), Example([7, 8, 9], [False, True, True])])
    loss = sft_loss(model, batch)
    loss.backward()
    labels = torch.tensor(np.where(batch.response, batch.ids, -100))
    logits = theirs(torch.tensor(batch.ids)).logits
    expected = torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, 19), labels[:, 1:].reshape(-1))
    expected.backward()
    np.testing.assert_allclose(loss.item(), expected.item(), rtol=1e-5)
    for name, (a, b) in held.items():
        np.testing.assert_allclose(layers[name].lora_A.grad, a.grad.numpy(), rtol=2e-3, atol=2e-5)
        np.testing.assert_allclose(layers[name].lora_B.grad, b.grad.numpy(), rtol=2e-3, atol=2e-5)
