"""Whole trainings against PyTorch's: the same weights, batches, clipping and method give the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from whitebox.autograd import Tensor, tanh
from whitebox.nn import Linear, Optimizer, Sequential, cross_entropy, pad
from whitebox.optimize.first_order import Adam, AdamW, Momentum, NAdam, Nesterov, RMSprop
from whitebox.text.characters import CharacterModel, windows

torch = pytest.importorskip("torch")

METHODS: dict[str, tuple[Any, Any]] = {
    "Momentum": (Momentum(0.05), lambda p: torch.optim.SGD(p, 0.05, momentum=0.9)),
    "Nesterov": (Nesterov(0.05), lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, nesterov=True)),
    "RMSprop": (RMSprop(0.01), lambda p: torch.optim.RMSprop(p, 0.01)),
    "Adam": (Adam(0.01), lambda p: torch.optim.Adam(p, 0.01)),
    "AdamW": (AdamW(0.01, weight_decay=0.1), lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1)),
    "NAdam": (NAdam(0.01), lambda p: torch.optim.NAdam(p, 0.01)),
}


def train_both(ours: Any, theirs: Any, loss: Any, their_loss: Any, method: str, max_norm: float, steps: int) -> None:
    """Steps both, and holds norms and all weights against each other."""
    ready, make = METHODS[method]
    optimizer, their_optimizer = Optimizer(ours, ready, max_norm=max_norm), make(list(theirs.parameters()))
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        norm = optimizer.step()
        their_optimizer.zero_grad()
        their_loss().backward()
        their_norm = torch.nn.utils.clip_grad_norm_(theirs.parameters(), max_norm)
        their_optimizer.step()
        # PyTorch divides by the norm and a millionth more.
        assert norm == pytest.approx(float(their_norm), rel=1e-4)
    expected = [parameter.detach().numpy() for parameter in theirs.parameters()]
    for parameter, array in zip(ours.parameters(), expected, strict=True):
        np.testing.assert_allclose(parameter.data, array, rtol=1e-4, atol=1e-6)


@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from(sorted(METHODS)),
    st.integers(1, 6),
    st.integers(1, 9),
    st.integers(2, 4),
    st.sampled_from([0.05, 0.5, 1e6]),
    st.integers(0, 99),
)
def test_a_network_takes_the_steps_that_it_takes_in_pytorch(method, width, hidden, classes, max_norm, seed) -> None:
    rng = np.random.default_rng(seed)
    layers = [Linear(a, b, rng=rng, dtype=np.float64) for a, b in ((width, hidden), (hidden, classes))]
    ours = Sequential(layers[0], tanh, layers[1])
    theirs = torch.nn.Sequential(torch.nn.Linear(width, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, classes))
    theirs.double().load_state_dict({name[7:]: torch.tensor(array) for name, array in ours.state_dict().items()})
    x, y = rng.standard_normal((8, width)), rng.integers(0, classes, 8)
    tx, ty = torch.tensor(x), torch.tensor(y)
    train_both(
        ours,
        theirs,
        lambda: cross_entropy(ours(Tensor(x)), y),
        lambda: torch.nn.functional.cross_entropy(theirs(tx), ty),
        method,
        max_norm,
        6,
    )


@pytest.mark.parametrize("layers", [1, 2])
def test_a_character_model_learns_what_it_learns_in_pytorch(layers: int) -> None:
    text = "the tide rises, the tide falls, "
    alphabet = "".join(sorted(set(text)))
    ours = CharacterModel(
        alphabet, hidden=7, embedding=5, layers=layers, rng=np.random.default_rng(0), dtype=np.float64
    )

    class Theirs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = torch.nn.Embedding(len(alphabet), 5)
            self.lstm = torch.nn.LSTM(5, 7, layers, batch_first=True)
            self.head = torch.nn.Linear(7, len(alphabet))

        def forward(self, numbers: Any) -> Any:
            return self.head(self.lstm(self.embedding(numbers))[0])

    theirs = Theirs().double()
    theirs.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
    pieces = windows(ours.encode(text), 10)
    read, wanted = torch.tensor(pieces[:, :-1]), torch.tensor(pieces[:, 1:])
    train_both(
        ours,
        theirs,
        lambda: cross_entropy(ours(pieces[:, :-1])[0], pieces[:, 1:]),
        lambda: torch.nn.functional.cross_entropy(theirs(read).flatten(0, 1), wanted.flatten()),
        "Adam",
        0.5,
        5,
    )
    numbers = ours.encode(text)
    logs = torch.log_softmax(theirs(torch.tensor(numbers[None])).detach(), -1)[0, range(len(text) - 1), numbers[1:]]
    assert ours.bits_per_character(text) == pytest.approx(-logs.mean().item() / np.log(2), rel=1e-5)


def test_padding_is_pytorchs() -> None:
    sequences = [np.arange(4.0), np.arange(1.0), np.arange(3.0)]
    theirs = torch.nn.utils.rnn.pad_sequence([torch.tensor(one) for one in sequences], batch_first=True)
    np.testing.assert_array_equal(pad(sequences)[0], theirs.numpy())
