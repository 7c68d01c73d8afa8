"""Layers and whole networks against PyTorch and transformers, where these two are installed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import transformers
from comparison import Comparison
from whitebox import nn
from whitebox.autograd import Tensor, no_grad
from whitebox.transformers.attention import attention
from whitebox.transformers.bert import Bert, BertConfig
from whitebox.transformers.generation import generate
from whitebox.transformers.llama import Llama

PYTORCH = f"PyTorch {torch.__version__}"
TRANSFORMERS = f"transformers {transformers.__version__} on {PYTORCH}"


def unrecorded(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    """A call of ours without a graph."""

    def call() -> Any:
        with no_grad():
            return function(*arguments)

    return call


def inferred(function: Callable[..., Any], *arguments: Any, **options: Any) -> Callable[[], Any]:
    """A call of theirs without a graph."""

    def call() -> Any:
        with torch.inference_mode():
            return function(*arguments, **options)

    return call


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def minilm(batch: int, length: int) -> Iterator[Comparison]:
    """A BERT of the shape of all-MiniLM-L6-v2."""
    shape = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
    torch.manual_seed(0)
    theirs = transformers.BertModel(transformers.BertConfig(**shape)).eval()
    ours = Bert(BertConfig(**shape), rng=np.random.default_rng(0)).eval()
    ours.load_published({name: value.numpy() for name, value in theirs.state_dict().items()})
    ids = np.random.default_rng(0).integers(0, 30_000, (batch, length))
    run, peer = unrecorded(ours, ids), inferred(theirs, torch.tensor(ids))
    np.testing.assert_allclose(run().data, peer().last_hidden_state.numpy(), atol=1e-4)
    yield Comparison(f"MiniLM forward, {batch} texts of {length} tokens", TRANSFORMERS, run, peer, gate=1.2)


def scaled_dot_product(length: int) -> Iterator[Comparison]:
    """Twelve heads of width 64, as BERT's, with and without a causal mask."""
    q, k, v = (drawn(1, 12, length, 64, seed=seed) for seed in range(3))
    for causal in (False, True):
        run = unrecorded(
            lambda q, k, v, causal=causal: attention(q, k, v, causal=causal), Tensor(q), Tensor(k), Tensor(v)
        )
        peer = inferred(
            torch.nn.functional.scaled_dot_product_attention,
            *(torch.tensor(one) for one in (q, k, v)),
            is_causal=causal,
        )
        np.testing.assert_allclose(run().data, peer().numpy(), atol=1e-5)
        name = f"{'causal ' if causal else ''}attention, 12 heads, {length} positions"
        yield Comparison(name, PYTORCH, run, peer, gate=None if causal else 2)


def convolution(batch: int, channels: int, size: int) -> Iterator[Comparison]:
    """As inside a ResNet: 3×3, as many channels out as in; forward, and forward with backward."""
    x, w = drawn(batch, channels, size, size), drawn(channels, channels, 3, 3, seed=1) / 24
    image, kernels = torch.tensor(x), torch.tensor(w)
    name = f"convolution 3×3, {batch} × {channels} × {size} × {size}"
    run = unrecorded(lambda x, w: nn.conv2d(x, w, padding=1), Tensor(x), Tensor(w))
    peer = inferred(torch.nn.functional.conv2d, image, kernels, padding=1)
    np.testing.assert_allclose(run().data, peer().numpy(), atol=1e-3)
    yield Comparison(name, PYTORCH, run, peer, gate=3)

    def ours() -> list[np.ndarray]:
        inputs = Tensor(x, requires_grad=True), Tensor(w, requires_grad=True)
        (nn.conv2d(*inputs, padding=1)).sum().backward()
        return [one.grad for one in inputs]

    def theirs() -> list[torch.Tensor]:
        inputs = image.detach().requires_grad_(), kernels.detach().requires_grad_()
        torch.nn.functional.conv2d(*inputs, padding=1).sum().backward()
        return [one.grad for one in inputs]

    for found, expected in zip(ours(), theirs(), strict=True):
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-3, atol=2e-2)
    yield Comparison(f"{name}, with backward", PYTORCH, ours, theirs, gate=3)


def recurrent(batch: int, steps: int, width: int) -> Iterator[Comparison]:
    """One layer with as many inputs as hidden units."""
    x = drawn(batch, steps, width)
    torch.manual_seed(0)
    for kind, gate in (("LSTM", 4.0), ("GRU", None)):
        theirs = getattr(torch.nn, kind)(width, width, batch_first=True)
        ours = getattr(nn, kind)(width, width, rng=np.random.default_rng(0))
        ours.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
        run, peer = unrecorded(ours, Tensor(x)), inferred(theirs, torch.tensor(x))
        np.testing.assert_allclose(run()[0].data, peer()[0].numpy(), atol=1e-5)
        yield Comparison(f"{kind} forward, {batch} × {steps} × {width}", PYTORCH, run, peer, gate=gate)


def decoding(tokens: int) -> Iterator[Comparison]:
    """A Llama of the shape of SmolLM2-135M writes greedily behind a prompt of eight tokens."""
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=49_152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
    )
    theirs = transformers.LlamaForCausalLM(config).eval()
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        ours = Llama.from_pretrained(folder).eval()
    prompt = list(range(100, 108))

    def run() -> list[int]:
        return [written.token for written in generate(ours, prompt, max_tokens=tokens)]

    peer = inferred(
        theirs.generate,
        torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt)),
        max_new_tokens=tokens,
        do_sample=False,
        pad_token_id=0,
    )
    assert run() == peer()[0, len(prompt) :].tolist()
    yield Comparison(f"SmolLM2-135M writes {tokens} tokens", TRANSFORMERS, run, peer)


def comparisons(scale: int) -> Iterator[Comparison]:
    """Everything, at sizes divided by `scale`."""
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    yield from minilm(max(1, 16 // scale), 128)
    yield from scaled_dot_product(512 // scale)
    yield from convolution(max(1, 8 // scale), 64, 56)
    yield from recurrent(16, 64 // scale, 256)
    yield from decoding(16 // scale)
