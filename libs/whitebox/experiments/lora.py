"""Teaches SmolLM2-135M-Instruct to answer in the style of a telegram, by LoRA on its last layers.

    PYTHONPATH=libs/whitebox/src python libs/whitebox/experiments/lora.py [--quick] [--seed N]

24 questions with answers are learned from, 8 are held out; only the tokens of the answers count. Reported are the
losses of both, the greedy answers to the held-out questions before and after, and how far the adapted model has drifted
on neutral text: its perplexity, and the mean divergence from the model before. --quick has a tiny model of random
weights.
"""

from __future__ import annotations

import json
import math
import sys
import time
from typing import Any

import numpy as np
from experiment import HERE, Outcome, main
from smollm2 import published, tiny
from whitebox.autograd import no_grad
from whitebox.nn import History, Optimizer
from whitebox.optimize.first_order import Adam
from whitebox.optimize.schedules import CosineDecay
from whitebox.peft.lora import adapters, apply_lora, merge_lora, unmerge_lora
from whitebox.preference.sequences import Example, pad
from whitebox.preference.sft import Turn, encode_chat, sft_loss
from whitebox.transformers.generation import generate

BATCH, RANK, ALPHA, RATE = 4, 8, 16.0, 2e-3
ANSWER_TOKENS = 28


def conversations(kind: str, tokenizer: Any) -> tuple[list[str], list[Example]]:
    """Questions of "train" or "held_out", and the conversations that they are part of."""
    pairs = json.loads((HERE / "data" / "telegrams.json").read_text(encoding="utf-8"))[kind]
    turns = [[Turn("user", question), Turn("assistant", answer)] for question, answer in pairs]
    return [question for question, _ in pairs], [encode_chat(one, tokenizer) for one in turns]


def mean_loss(model: Any, examples: list[Example]) -> float:
    """Mean over all answer tokens, in nats."""
    total, count = 0.0, 0
    with no_grad():
        for start in range(0, len(examples), BATCH):
            batch = pad(examples[start : start + BATCH])
            tokens = int(batch.counts.sum())
            total, count = total + sft_loss(model, batch).item() * tokens, count + tokens
    return total / count


def answers(model: Any, tokenizer: Any, questions: list[str], tokens: int) -> dict[str, str]:
    """What is most probable, token by token."""
    found = {}
    for question in questions:
        prompt = encode_chat([Turn("user", question)], tokenizer, answer_next=True).ids
        written = generate(model, prompt, max_tokens=tokens, stop=[tokenizer.special["<|im_end|>"]])
        found[question] = tokenizer.decode(one.token for one in written)
    return found


def in_style(text: str) -> bool:
    """Whether every sentence says something and ends with STOP, and with nothing else."""
    *sentences, rest = text.split(" STOP")
    return rest == "" and bool(sentences) and all(one.strip(" .!?") == one.strip() != "" for one in sentences)


def neutral_log_probabilities(model: Any, ids: list[int]) -> np.ndarray:
    """Logs of all next tokens' probabilities behind each position of a text, shape (positions, vocabulary)."""
    with no_grad():
        logits = model([ids]).data[0, :-1].astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def perplexity(log_probabilities: np.ndarray, ids: list[int]) -> float:
    """Exponential of the mean of minus the logs of what came."""
    return math.exp(-log_probabilities[np.arange(len(ids) - 1), ids[1:]].mean())


def drawing(losses: dict[str, list[float]]) -> str:
    """The loss of both sets of answers before training and after each epoch."""
    rows = zip(losses["train"], losses["held_out"], strict=True)
    history = History([{"epoch": epoch, "train_loss": a, "held_out_loss": b} for epoch, (a, b) in enumerate(rows)])
    return history.to_svg(title="Telegrams by LoRA: loss of the answers in nats")


def measure(quick: bool, seed: int) -> Outcome:
    """Adapts the model and compares it with what it was."""
    model, tokenizer = tiny(seed) if quick else published()
    _, train = conversations("train", tokenizer)
    questions, held_out = conversations("held_out", tokenizer)
    if quick:
        train, held_out, questions = train[:4], held_out[:2], questions[:2]
    neutral = tokenizer.encode((HERE / "data" / "neutral.txt").read_text(encoding="utf-8"))[: 60 if quick else 400]
    tokens, epochs = (6 if quick else ANSWER_TOKENS), (2 if quick else 6)
    rng = np.random.default_rng(seed)

    before = neutral_log_probabilities(model, neutral)
    first_answers = answers(model, tokenizer, questions, tokens)
    count = sum(parameter.size for parameter in model.parameters())
    layers = apply_lora(
        model, ["layers.1.*" if quick else "layers.2[2-9].*"], rank=RANK, alpha=ALPHA, dropout=0.05, rng=rng
    )
    learned = sum(layer.parameter_count for layer in layers.values())
    steps = epochs * math.ceil(len(train) / BATCH)
    optimizer = Optimizer(model, Adam(CosineDecay(RATE, steps, final=RATE / 20)), max_norm=1.0)
    losses = {"train": [mean_loss(model, train)], "held_out": [mean_loss(model, held_out)]}
    started = time.perf_counter()
    for _ in range(epochs):
        model.train()
        order = rng.permutation(len(train))
        for start in range(0, len(order), BATCH):
            loss = sft_loss(model, pad([train[place] for place in order[start : start + BATCH]]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        losses["train"].append(mean_loss(model, train))
        losses["held_out"].append(mean_loss(model, held_out))
    seconds = time.perf_counter() - started

    after = neutral_log_probabilities(model, neutral)
    last_answers = answers(model, tokenizer, questions, tokens)
    ids = [neutral[:40]]
    with no_grad():
        beside = model(ids).data
        weights = {name: layer.base_layer.weight.data.tobytes() for name, layer in adapters(model).items()}
        merge_lora(model)
        merged = model(ids).data
        unmerge_lora(model)
    rounded = {kind: [round(value, 4) for value in values] for kind, values in losses.items()}
    restored = all(layer.base_layer.weight.data.tobytes() == weights[name] for name, layer in layers.items())
    return Outcome(
        {
            "model": "tiny, random" if quick else "SmolLM2-135M-Instruct",
            "parameters": count,
            "learned": learned,
            "learned_share": round(learned / count, 5),
            "layers": len(layers),
            "examples": {"train": len(train), "held_out": len(held_out)},
            "losses": rounded,
            "in_style": {
                "before": sum(map(in_style, first_answers.values())),
                "after": sum(map(in_style, last_answers.values())),
                "of": len(questions),
            },
            "answers": {
                question: {"before": first_answers[question], "after": last_answers[question]} for question in questions
            },
            "neutral_text": {
                "tokens": len(neutral),
                "perplexity_before": round(perplexity(before, neutral), 3),
                "perplexity_after": round(perplexity(after, neutral), 3),
                "mean_divergence_nats": round(float((np.exp(before) * (before - after)).sum(axis=1).mean()), 4),
            },
            "merged": {
                "largest_difference_of_logits": float(f"{np.abs(merged - beside).max():.2g}"),
                "largest_logit": round(float(np.abs(beside).max()), 2),
                "unmerged_bit_by_bit": restored,
            },
        },
        {"training_s": round(seconds, 1), "step_s": round(seconds / steps, 2)},
        {"lora.svg": drawing(rounded)},
    )


if __name__ == "__main__":
    sys.exit(main("lora", __doc__, measure))
