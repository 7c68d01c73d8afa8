"""LoRA: nothing changes at first, merging is the same and can be undone exactly, and only the adapter learns."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from whitebox.autograd import Tensor, gradcheck
from whitebox.errors import RangeError, StateError
from whitebox.nn import Linear, Module, Sequential
from whitebox.optimize.first_order import Adam
from whitebox.peft.lora import (
    LoRALinear,
    adapters,
    apply_lora,
    load_lora,
    merge_lora,
    save_lora,
    unmerge_lora,
    without_adapters,
)
from whitebox.quantize.linear import NF4Scheme, quantize
from whitebox.safetensors import load_safetensors
from whitebox.transformers.llama import Llama, LlamaConfig

CONFIG = LlamaConfig(30, 32, 64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
IDS = np.arange(14).reshape(2, 7)


def llama() -> Llama:
    return Llama(CONFIG, rng=np.random.default_rng(0)).eval()


def disturbed(model: Module, seed: int = 5) -> None:
    """Gives all adapters something to say."""
    rng = np.random.default_rng(seed)
    for layer in adapters(model).values():
        layer.lora_B.data = rng.standard_normal(layer.lora_B.shape).astype(layer.lora_B.dtype)


def test_a_fresh_adapter_changes_no_bit() -> None:
    for init in ("kaiming", "gaussian"):
        model = llama()
        before = model(IDS).data.copy()
        apply_lora(model, ["query", "down"], rank=3, alpha=9, init=init, rng=np.random.default_rng(1))
        np.testing.assert_array_equal(model(IDS).data, before)
        for layer in adapters(model).values():
            assert np.abs(layer.lora_A.data).max() > 0
            assert layer.lora_A.dtype == layer.lora_B.dtype == np.float32


def test_a_merged_model_computes_what_the_adapters_beside_it_do() -> None:
    model = llama()
    plain = model(IDS).data
    apply_lora(model, ["layers.*"], rank=2, alpha=1, rng=np.random.default_rng(1))
    disturbed(model)
    beside = model(IDS).data
    merge_lora(model)
    merged = model(IDS).data
    assert np.abs(merged - plain).max() > 0.1
    np.testing.assert_allclose(merged, beside, atol=2e-4 * np.abs(beside).max())
    assert merged.dtype == np.float32
    # As precise as its weights are.
    base = Linear(6, 5, rng=np.random.default_rng(0), dtype=np.float64)
    layer = LoRALinear(base, rank=3, alpha=0.7, rng=np.random.default_rng(1))
    layer.lora_B.data = np.random.default_rng(2).standard_normal((5, 3))
    x = Tensor(np.random.default_rng(3).standard_normal((4, 6)))
    beside = layer(x).data
    layer.merge()
    np.testing.assert_allclose(layer(x).data, beside, rtol=1e-13, atol=1e-13)


def test_unmerging_gives_back_every_bit_as_subtracting_would_not() -> None:
    model = llama()
    layers = apply_lora(model, ["layers.*"], rank=2, rng=np.random.default_rng(1))
    disturbed(model)
    before = {name: layer.base_layer.weight.data.tobytes() for name, layer in layers.items()}
    for _ in range(3):
        merge_lora(model)
        assert all(layer.base_layer.weight.data.tobytes() != before[name] for name, layer in layers.items())
        unmerge_lora(model)
        assert all(layer.base_layer.weight.data.tobytes() == before[name] for name, layer in layers.items())
    one = layers["layers.0.up"]
    weight, change = one.base_layer.weight.data, one.change()
    assert ((weight + change) - change != weight).any()


def test_merging_twice_and_unmerging_what_is_not_merged_are_refused() -> None:
    model = llama()
    layers = list(apply_lora(model, ["up", "down"], rank=1, rng=np.random.default_rng(1)).values())
    with pytest.raises(StateError, match="not merged"):
        unmerge_lora(model)
    layers[-1].merge()
    with pytest.raises(StateError, match="twice"):
        merge_lora(model)
    assert [layer.merged for layer in layers] == [False] * 3 + [True]
    layers[-1].base_layer.weight.data = layers[-1].base_layer.weight.data.copy()
    with pytest.raises(StateError, match="replaced"):
        layers[-1].unmerge()


def test_the_change_grows_with_alpha_over_rank() -> None:
    base = Linear(6, 5, rng=np.random.default_rng(0))
    for rank, alpha in ((1, 1.0), (2, 1.0), (2, 8.0), (5, 16.0)):
        layer = LoRALinear(base, rank=rank, alpha=alpha, rng=np.random.default_rng(1))
        layer.lora_A.data, layer.lora_B.data = np.ones((rank, 6), np.float32), np.ones((5, rank), np.float32)
        # Each number of B A is the rank.
        np.testing.assert_allclose(layer.change(), alpha, rtol=1e-6)
        x = Tensor(np.ones((1, 6), np.float32))
        np.testing.assert_allclose(layer(x).data - base(x).data, 6 * alpha, rtol=1e-5)
        assert layer.parameter_count == rank * 11


def test_only_adapters_learn() -> None:
    model = llama()
    count = sum(parameter.size for parameter in model.parameters())
    apply_lora(model, ["query", "value"], rank=2, rng=np.random.default_rng(1))
    (model(IDS) ** 2).mean().backward()
    learned = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert sorted(name.rpartition(".")[2] for name in learned) == ["lora_A"] * 4 + ["lora_B"] * 4
    assert sum(parameter.size for parameter in learned.values()) == 2 * 2 * (32 + 32 + 32 + 16)
    assert sum(parameter.size for parameter in model.parameters()) == count + 2 * 2 * (32 + 32 + 32 + 16)
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == (name in learned)
    # B is zero, so that A has no gradient yet and B has.
    assert all((np.abs(p.grad).max() > 0) == name.endswith("lora_B") for name, p in learned.items())


def test_adapters_that_do_not_fit_leave_the_model_learning_as_it_did() -> None:
    model = llama()
    model.embedding.requires_grad(False)
    for targets, rank in ((["query", "nothing"], 1), (["query", "key"], 17)):
        with pytest.raises(RangeError):
            apply_lora(model, targets, rank=rank, rng=np.random.default_rng(0))
        assert [name for name, p in model.named_parameters() if not p.requires_grad] == ["embedding.weight"]
        with pytest.raises(StateError, match="no adapters"):
            adapters(model)


def test_gradients_are_those_of_differences() -> None:
    rng = np.random.default_rng(0)
    layer = LoRALinear(Linear(4, 3, rng=rng, dtype=np.float64), rank=2, alpha=5, rng=rng)
    x, a, b = (Tensor(rng.standard_normal(shape), requires_grad=True) for shape in ((2, 4), (2, 4), (3, 2)))

    def forward(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        layer.lora_A, layer.lora_B = a, b
        return layer(x)

    gradcheck(forward, x, a, b)


def test_dropout_keeps_the_mean_and_is_for_training_only() -> None:
    rng = np.random.default_rng(0)
    layer = LoRALinear(Linear(3, 3, rng=rng), rank=3, dropout=0.25, rng=rng)
    layer.lora_A.data = layer.lora_B.data = np.eye(3, dtype=np.float32)
    x = Tensor(np.ones((20_000, 3), np.float32))
    added = layer(x).data - layer.base_layer(x).data
    # scale 1 / 3; kept numbers grow by 4 / 3.
    np.testing.assert_allclose(np.unique(added.round(4)), [0, 0.4444], atol=1e-3)
    assert abs(added.mean() * 3 - 1) < 6 * np.sqrt(1 / 3 / 60_000)
    layer.eval()
    np.testing.assert_allclose(layer(x).data - layer.base_layer(x).data, 1 / 3, rtol=1e-5)


def test_without_adapters_the_model_is_what_it_was() -> None:
    model = llama()
    before = model(IDS).data
    apply_lora(model, ["layers.*"], rank=2, rng=np.random.default_rng(1))
    disturbed(model)
    with without_adapters(model):
        np.testing.assert_array_equal(model(IDS).data, before)
    assert np.abs(model(IDS).data - before).max() > 0.1
    with pytest.raises(RuntimeError, match="inside"), without_adapters(model):
        raise RuntimeError("inside")
    assert all(layer.enabled for layer in adapters(model).values())
    merge_lora(model)
    with pytest.raises(StateError, match="merged"), without_adapters(model):
        pass


def test_what_is_saved_is_the_adapters_and_loads_to_the_same_numbers() -> None:
    model = llama()
    apply_lora(model, ["query", "up"], rank=2, alpha=6, rng=np.random.default_rng(1))
    disturbed(model)
    with tempfile.TemporaryDirectory() as folder:
        save_lora(folder, model)
        size = (Path(folder) / "adapter_model.safetensors").stat().st_size
        names = load_safetensors(Path(folder) / "adapter_model.safetensors").keys()
        config = json.loads((Path(folder) / "adapter_config.json").read_text())
        again = llama()
        layers = load_lora(folder, again)
    assert size < 4 * sum(layer.parameter_count for layer in layers.values()) + 1500
    assert config["peft_type"] == "LORA"
    assert {
        "base_model.model.layers.0.attention.query.lora_A.weight",
        "base_model.model.layers.1.up.lora_B.weight",
    } < names
    assert (config["r"], config["lora_alpha"]) == (2, 6)
    np.testing.assert_array_equal(again(IDS).data, model(IDS).data)
    assert [name for name, p in again.named_parameters() if p.requires_grad] == [
        name for name, p in model.named_parameters() if p.requires_grad
    ]


def test_files_that_do_not_belong_to_the_model_leave_it_alone() -> None:
    model = llama()
    apply_lora(model, ["query"], rank=2, rng=np.random.default_rng(1))
    with tempfile.TemporaryDirectory() as folder:
        save_lora(folder, model)
        other = Sequential(Linear(4, 4, rng=np.random.default_rng(0)))
        with pytest.raises(StateError, match="no linear layer"):
            load_lora(folder, other)
        wider = Llama(LlamaConfig(30, 64, 64, 2, 4, 2), rng=np.random.default_rng(0))
        with pytest.raises(StateError, match="must have shape"):
            load_lora(folder, wider)
        for found in (other, wider):
            assert all(parameter.requires_grad for parameter in found.parameters())
        config = Path(folder) / "adapter_config.json"
        for text in ("{", "[]", '{"r": 2}', '{"r": 2, "lora_alpha": 1, "target_modules": 3}'):
            config.write_text(text)
            with pytest.raises(StateError, match="describes no adapters"):
                load_lora(folder, llama())


def _learned(model: Module, x: Tensor, wanted: np.ndarray, steps: int) -> float:
    method = Adam(0.05)
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    states = [method.init(parameter.data) for parameter in learned]
    for _ in range(steps):
        loss = ((model(x) - wanted) ** 2).mean()
        model.zero_grad()
        loss.backward()
        for place, parameter in enumerate(learned):
            parameter.data, states[place] = method.step(parameter.data, parameter.grad, states[place])
    return ((model(x) - wanted) ** 2).mean().item()


def test_a_change_of_its_rank_is_learned_entirely_and_one_above_it_is_not() -> None:
    rng = np.random.default_rng(0)
    x = Tensor(rng.standard_normal((40, 6)))
    for rank, learnable in ((2, True), (1, False)):
        base = Linear(6, 5, rng=rng, dtype=np.float64)
        change = rng.standard_normal((5, 2)) @ rng.standard_normal((2, 6))
        wanted = base(x).data + x.data @ change.T
        model = Sequential(base)
        apply_lora(model, ["0"], rank=rank, alpha=rank, rng=np.random.default_rng(1))
        assert (_learned(model, x, wanted, 400) < 1e-5) == learnable


def test_an_adapter_beside_a_quantised_weight_learns_what_rounding_lost() -> None:
    rng = np.random.default_rng(0)
    model = Sequential(Linear(64, 16, rng=rng))
    x = Tensor(rng.standard_normal((60, 64)).astype(np.float32))
    wanted = model(x).data
    quantize(model, NF4Scheme())
    lost = ((model(x).data - wanted) ** 2).mean()
    apply_lora(model, ["0"], rank=8, alpha=8, rng=rng)
    packed = model.layers[0].base_layer.weight.codes.copy()
    assert _learned(model, x, wanted, 150) < 0.3 * lost
    np.testing.assert_array_equal(model.layers[0].base_layer.weight.codes, packed)
    with pytest.raises(StateError, match="quantised weight"):
        merge_lora(model)
