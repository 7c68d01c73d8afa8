"""Learning from answers and preferences: what counts, what does not, and where it leads."""

from __future__ import annotations

import math

import numpy as np
from examples import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st
from whitebox.autograd import Tensor, gradcheck, log_softmax, no_grad, take
from whitebox.optimize.first_order import Adam
from whitebox.peft.lora import apply_lora, without_adapters
from whitebox.preference.dpo import dpo_loss, implicit_rewards, ipo_loss
from whitebox.preference.sequences import (
    Example,
    pack,
    pad,
    reference_log_probabilities,
    response_log_probabilities,
    sequence_log_probabilities,
    token_log_probabilities,
)
from whitebox.preference.sft import Turn, encode_chat, sft_loss
from whitebox.transformers.llama import Llama, LlamaConfig
from whitebox.transformers.tokenizer import BytePairTokenizer

CONFIG = LlamaConfig(12, 16, 32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1)


def llama(seed: int = 0) -> Llama:
    return Llama(CONFIG, rng=np.random.default_rng(seed)).eval()


def examples(count: int, seed: int = 0) -> list[Example]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        prompt, answer = rng.integers(1, 12, rng.integers(1, 5)), rng.integers(1, 12, rng.integers(1, 5))
        found.append(Example([*prompt, *answer], [False] * len(prompt) + [True] * len(answer)))
    return found


def fixed(logits: Tensor):
    """A model that says the same whatever it is given."""
    return lambda ids: logits


# ---- responses only


def test_prompts_and_padding_have_exactly_no_gradient() -> None:
    @EXAMPLES
    @given(st.integers(1, 5), st.integers(0, 99))
    def holds(count: int, seed: int) -> None:
        batch = pad(examples(count, seed), token=3, length=9)
        logits = Tensor(np.random.default_rng(seed).standard_normal((count, 9, 12)), requires_grad=True)
        loss = sft_loss(fixed(logits), batch)
        loss.backward()
        counts = np.zeros((count, 9), bool)
        counts[:, :-1] = batch.response[:, 1:]
        assert (logits.grad[~counts] == 0).all()
        assert (np.abs(logits.grad[counts]).max(axis=-1) > 0).all()
        # Each gradient is the probabilities minus the token that came, over the tokens that count.
        np.testing.assert_allclose(logits.grad.sum(axis=-1), 0, atol=1e-12)
        changed = np.where(counts[..., None], logits.data, 1e6)
        assert sft_loss(fixed(Tensor(changed)), batch).item() == loss.item()

    holds()


def test_what_a_prompt_token_is_predicted_with_does_not_reach_the_weights() -> None:
    model = llama()
    one = Example([1, 2, 3, 4, 5], [False, False, False, True, True])
    last = Example([1, 2, 3, 4, 5], [False, False, False, False, True])
    gradients = []
    for example in (one, last):
        model.zero_grad()
        sft_loss(model, pad([example])).backward()
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})
    table, all_of_table = gradients[1]["output.weight"], gradients[0]["output.weight"]
    # The last token alone: one outer product. Both: two.
    assert np.linalg.matrix_rank(table, tol=1e-6) == 1
    assert np.linalg.matrix_rank(all_of_table, tol=1e-6) == 2


def test_padding_changes_nothing_whatever_stands_there() -> None:
    model, rows = llama(), examples(4)
    alone = np.array([sequence_log_probabilities(model, pad([row])).data[0] for row in rows])
    for token in (0, 7):
        together = sequence_log_probabilities(model, pad(rows, token=token, length=12)).data
        np.testing.assert_allclose(together, alone, rtol=1e-5)
    zero, seven = (sft_loss(model, pad(rows, token=token, length=12)).item() for token in (0, 7))
    assert zero == seven
    counts = pad(rows).counts
    np.testing.assert_allclose(zero, -alone.sum() / counts.sum(), rtol=1e-5)


def test_packed_examples_count_as_they_do_alone_for_a_model_that_sees_one_token() -> None:
    table = np.random.default_rng(0).standard_normal((12, 12))

    def bigram(ids):
        return take(Tensor(table), ids)

    rows = [*examples(9), Example([4, 5, 6], [True, True, True])]
    apart, together = pad(rows), pack(rows, 10)
    assert len(together.ids) < len(apart.ids)
    assert together.counts.sum() == apart.counts.sum()
    np.testing.assert_allclose(sft_loss(bigram, together).item(), sft_loss(bigram, apart).item(), rtol=1e-12)
    assert sorted(together.ids[together.ids > 0].tolist()) == sorted(n for row in rows for n in row.ids)
    # Where one example ends and the next begins, nothing is predicted.
    assert not together.response[:, 0].any()
    starts = [Example([1, 2], [True, True]), Example([3, 4], [True, True])]
    assert pack(starts, 4).response.tolist() == [[False, True, False, True]]


def test_probabilities_of_all_responses_sum_to_one() -> None:
    model = llama()
    prompt = [3, 1, 4]
    every = [Example([*prompt, a, b], [False] * 3 + [True] * 2) for a in range(12) for b in range(12)]
    with no_grad():
        found = sequence_log_probabilities(model, pad(every)).data
    np.testing.assert_allclose(np.exp(found.astype(np.float64)).sum(), 1, rtol=1e-5)


def test_a_model_with_hidden_vectors_gives_the_same_as_its_logits() -> None:
    model, batch = llama(), pad(examples(3))
    short, whole = response_log_probabilities(model, batch), response_log_probabilities(model.forward, batch)
    np.testing.assert_allclose(short.data, whole.data, rtol=1e-5)
    np.testing.assert_array_equal(
        reference_log_probabilities(model, batch), sequence_log_probabilities(model, batch).data
    )
    assert short.requires_grad
    assert not Tensor(reference_log_probabilities(model, batch)).requires_grad


def test_token_log_probabilities_are_those_of_softmax_with_its_gradient() -> None:
    rng = np.random.default_rng(0)
    logits = Tensor(rng.standard_normal((5, 7)) * 3, requires_grad=True)
    targets = rng.integers(0, 7, 5)
    found = token_log_probabilities(logits, targets)
    np.testing.assert_allclose(found.data, log_softmax(logits).data[np.arange(5), targets], rtol=1e-12)
    gradcheck(lambda z: token_log_probabilities(z, targets), logits)
    extreme = token_log_probabilities(Tensor(np.array([[1e4, -1e4], [-1e4, 1e4]], np.float32)), np.array([0, 0]))
    assert extreme.data.tolist() == [0, -2e4]
    assert extreme.dtype == np.float32


def _tokenizer() -> BytePairTokenizer:
    names = ["<|im_start|>", "<|im_end|>", *map(chr, range(33, 127)), "Ġ", "Ċ"]
    return BytePairTokenizer({name: number for number, name in enumerate(names)}, [], special=names[:2])


def test_a_conversation_reads_as_chatml_and_marks_what_the_assistant_says() -> None:
    tokenizer = _tokenizer()
    turns = [Turn("system", "Be brief."), Turn("user", "Hi"), Turn("assistant", "Yes <|im_end|> no"), Turn("user", "Ok"), Turn("assistant", "")]  # fmt: skip
    ids, response = encode_chat(turns, tokenizer, answer_next=True)
    written = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in turns)
    assert tokenizer.decode(ids) == written + "<|im_start|>assistant\n"
    marked = [number for number, mark in zip(ids, response, strict=True) if mark]
    assert tokenizer.decode(marked) == "Yes <|im_end|> no<|im_end|><|im_end|>"
    # The text that looks like a special token is none.
    assert ids.count(tokenizer.special["<|im_end|>"]) == len(turns)


# ---- preferences

FOUR = st.tuples(*[st.lists(st.floats(-30, 0), min_size=3, max_size=3)] * 4)


def test_without_a_margin_the_loss_is_log_two() -> None:
    rng = np.random.default_rng(0)
    chosen, rejected = rng.uniform(-30, 0, (2, 5))
    for beta, smoothing in ((0.1, 0.0), (3.0, 0.0), (0.1, 0.3)):
        loss = dpo_loss(chosen, rejected, chosen, rejected, beta=beta, label_smoothing=smoothing)
        np.testing.assert_allclose(loss.item(), math.log(2), rtol=1e-12)


def test_the_gradient_of_a_pair_is_beta_times_how_wrongly_it_is_ranked() -> None:
    @EXAMPLES
    @given(FOUR, st.sampled_from([0.05, 0.5]), st.sampled_from([0.0, 0.2]))
    def holds(rows: tuple[list[float], ...], beta: float, smoothing: float) -> None:
        chosen, rejected = Tensor(np.array(rows[0]), True), Tensor(np.array(rows[1]), True)
        dpo_loss(chosen, rejected, rows[2], rows[3], beta=beta, label_smoothing=smoothing).backward()
        better, worse = implicit_rewards(chosen, rows[2], beta=beta), implicit_rewards(rejected, rows[3], beta=beta)
        h = better.data - worse.data
        weight = (1 - smoothing) / (1 + np.exp(h)) - smoothing / (1 + np.exp(-h))
        np.testing.assert_allclose(chosen.grad, -beta * weight / 3, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(rejected.grad, -chosen.grad, rtol=1e-12)

    holds()


def test_only_differences_from_the_reference_count() -> None:
    @EXAMPLES
    @given(FOUR, st.floats(-5, 5))
    def holds(rows: tuple[list[float], ...], shift: float) -> None:
        chosen, rejected, first, second = (np.array(row) for row in rows)
        for loss in (dpo_loss, ipo_loss):
            value = loss(chosen, rejected, first, second).item()
            # Both answers more probable, under the policy or under the reference: a term of the prompt.
            np.testing.assert_allclose(loss(chosen + shift, rejected + shift, first, second).item(), value, rtol=1e-9)
            np.testing.assert_allclose(loss(chosen, rejected, first + shift, second + shift).item(), value, rtol=1e-9)
            # One answer more probable under both.
            np.testing.assert_allclose(loss(chosen + shift, rejected, first + shift, second).item(), value, rtol=1e-9)
        up = dpo_loss(chosen + 1, rejected, first, second, beta=1).item()
        assert up < dpo_loss(chosen, rejected, first, second, beta=1).item()

    holds()


def test_smoothed_labels_and_ipo_stop_where_they_should() -> None:
    margins = np.linspace(-30, 60, 9001)

    def best(loss) -> float:
        zero = np.zeros(1)
        return margins[int(np.argmin([loss(np.array([m]), zero, zero, zero).item() for m in margins[::10]])) * 10]

    # A share of the labels is wrong: the odds of the others are where the loss is least.
    np.testing.assert_allclose(
        best(lambda *rows: dpo_loss(*rows, beta=0.1, label_smoothing=0.1)), math.log(9) / 0.1, atol=0.1
    )
    np.testing.assert_allclose(best(lambda *rows: ipo_loss(*rows, beta=0.1)), 5, atol=0.1)


def test_dpo_finds_the_policy_that_is_optimal_for_the_rewards() -> None:
    rng = np.random.default_rng(0)
    rewards, beta = np.log([1.0, 3.0, 9.0]), 0.5
    reference = np.log(rng.dirichlet(np.ones(3)))
    # Bradley and Terry: 3 of 4 prefer the second to the first and the third to the second, 9 of 10 the third to the first.
    pairs = [(1, 0)] * 15 + [(0, 1)] * 5 + [(2, 1)] * 15 + [(1, 2)] * 5 + [(2, 0)] * 18 + [(0, 2)] * 2
    better, worse = (np.array(side) for side in zip(*pairs, strict=True))
    logits = Tensor(reference.copy(), requires_grad=True)
    method = Adam(0.05)
    state = method.init(logits.data)
    for _ in range(400):
        logits.zero_grad()
        policy = log_softmax(logits)
        dpo_loss(policy[better], policy[worse], reference[better], reference[worse], beta=beta).backward()
        logits.data, state = method.step(logits.data, logits.grad, state)
    optimal = np.exp(reference + rewards / beta)
    np.testing.assert_allclose(np.exp(log_softmax(logits).data), optimal / optimal.sum(), atol=1e-4)


def test_adapters_learn_a_preference_beside_the_model_that_is_their_reference() -> None:
    model = llama()
    chosen = pad([Example([1, 2, 3, 4], [False, False, True, True]), Example([5, 6, 3], [False, False, True])])
    rejected = pad([Example([1, 2, 7], [False, False, True]), Example([5, 6, 8, 9], [False, False, True, True])])
    layers = apply_lora(model, ["value", "down"], rank=2, alpha=4, rng=np.random.default_rng(1))
    with without_adapters(model):
        before = [reference_log_probabilities(model, batch) for batch in (chosen, rejected)]
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    method = Adam(0.02)
    states = [method.init(parameter.data) for parameter in learned]
    losses = []
    for _ in range(25):
        model.zero_grad()
        now = [sequence_log_probabilities(model, batch) for batch in (chosen, rejected)]
        loss = dpo_loss(*now, *before, beta=0.5)
        loss.backward()
        losses.append(loss.item())
        for place, parameter in enumerate(learned):
            parameter.data, states[place] = method.step(parameter.data, parameter.grad, states[place])
    np.testing.assert_allclose(losses[0], math.log(2), rtol=1e-6)
    assert losses[-1] < 0.2
    assert loss.dtype == np.float32
    margins = implicit_rewards(now[0], before[0]).data - implicit_rewards(now[1], before[1]).data
    assert (margins > 0).all()
    with without_adapters(model):
        np.testing.assert_array_equal(reference_log_probabilities(model, chosen), before[0])
    assert len(layers) == 4
