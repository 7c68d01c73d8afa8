"""Balances a pole on a cart by REINFORCE, PPO and DQN, three times each, and draws how they learn.

    PYTHONPATH=libs/whitebox/src python libs/whitebox/experiments/cartpole.py [--quick] [--seed N]

Episodes are cut off after 500 steps, so that 500 is the largest return; pushes at random last for about 22. Each
learner gets the same number of steps, over which its returns are averaged in equal parts; afterwards its best actions,
without exploration, are judged on 20 further episodes. What is drawn are the three runs, and their mean.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from experiment import Outcome, main
from whitebox.autograd import relu, tanh
from whitebox.nn import Linear, Module, Sequential
from whitebox.optimize.first_order import Adam
from whitebox.rl.dqn import DQN, LinearExploration
from whitebox.rl.environments import CartPole, TimeLimit
from whitebox.rl.ppo import PPO
from whitebox.rl.reinforce import Reinforce
from whitebox.rl.rollouts import LearningCurve, evaluate

LIMIT, RUNS, PARTS = 500, 3, 24
COLOURS = {"REINFORCE": "#b5542c", "PPO": "#1b6ca8", "DQN": "#4c8c3f"}


def environment() -> TimeLimit:
    """A pole that is balanced after 500 steps."""
    return TimeLimit(CartPole(), LIMIT)


def network(outputs: int, rng: np.random.Generator, activation: Callable[..., Any] = tanh) -> Sequential:
    """One hidden layer of 64."""
    return Sequential(Linear(4, 64, rng=rng), activation, Linear(64, outputs, rng=rng))


def reinforce(steps: int, rng: np.random.Generator) -> tuple[Module, LearningCurve]:
    """Two episodes between updates, a critic as baseline, until the steps are used up."""
    policy = network(2, rng)
    learner = Reinforce(policy, network(1, rng), method=Adam(0.005), critic_method=Adam(0.01), trace=0.98, rng=rng)
    place, taken, earned = environment(), [np.zeros(0, np.int64)], [np.zeros(0)]
    while (before := taken[-1][-1] if len(taken) > 1 else 0) < steps:
        curve = learner.learn(place, episodes=2, batch=2)
        taken.append(before + curve.steps)
        earned.append(curve.returns)
    return policy, LearningCurve(np.concatenate(taken), np.concatenate(earned))


def ppo(steps: int, rng: np.random.Generator) -> tuple[Module, LearningCurve]:
    """Eight environments side by side."""
    policy = network(2, rng)
    learner = PPO(policy, network(1, rng), method=Adam(0.003), horizon=64, epochs=6, minibatch=128, rng=rng)
    return policy, learner.learn([environment() for _ in range(8)], steps=steps)


def dqn(steps: int, rng: np.random.Generator) -> tuple[Module, LearningCurve]:
    """Double Q-learning, an update every second step; exploration falls over the first fifth."""
    values = network(2, rng, relu)
    learner = DQN(
        values,
        method=Adam(0.001),
        discount=0.98,
        exploration=LinearExploration(max(1, steps // 5), final=0.04),
        warm_up=min(500, steps // 2),
        update_every=2,
        target_every=50,
        delta=10.0,
        rng=rng,
    )
    return values, learner.learn(environment(), steps=steps)


LEARNERS: dict[str, Callable[[int, np.random.Generator], tuple[Module, LearningCurve]]] = {
    "REINFORCE": reinforce,
    "PPO": ppo,
    "DQN": dqn,
}


def averaged(curve: LearningCurve, steps: int) -> list[float]:
    """Mean return of the episodes that ended in each part of the steps; where none did, the mean of the part before."""
    parts = np.minimum((curve.steps - 1) * PARTS // steps, PARTS - 1)
    means: list[float] = []
    for part in range(PARTS):
        inside = curve.returns[parts == part]
        means.append(float(inside.mean()) if inside.size else means[-1] if means else 0.0)
    return means


def draw(curves: dict[str, list[list[float]]], steps: int) -> str:
    """The runs of each learner and their mean, over steps."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    # The same numbers make the same file: no date, no random names.
    settings = {"svg.hashsalt": "whitebox", "svg.fonttype": "none", "font.size": 8, "font.family": "sans-serif"}
    with mpl.rc_context(settings):
        figure, axis = pyplot.subplots(figsize=(6.0, 3.4), layout="constrained")
        ends = steps * (np.arange(PARTS) + 1) / PARTS / 1000
        for name, runs in curves.items():
            for run in runs:
                axis.plot(ends, run, color=COLOURS[name], linewidth=0.7, alpha=0.45)
            axis.plot(ends, np.mean(runs, axis=0), color=COLOURS[name], linewidth=2, label=name)
        axis.axhline(LIMIT, color="#999999", linestyle="--", linewidth=0.8)
        axis.set(
            xlabel="thousand steps", ylabel="return of an episode", title="A pole on a cart: return while learning"
        )
        axis.legend(frameon=False, loc="lower right")
        axis.spines[["top", "right"]].set_visible(False)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def measure(quick: bool, seed: int) -> Outcome:
    """Learns with each of the three, from seeds that follow each other."""
    steps, judged = (500, 1) if quick else (24_000, 20)
    numbers: dict[str, Any] = {"steps": steps, "runs": RUNS, "largest_return": LIMIT}
    timings, curves = {}, {}
    for name, learn in LEARNERS.items():
        runs, ends, best = [], [], []
        started = time.perf_counter()
        for run in range(RUNS):
            rng = np.random.default_rng([seed, run])
            learned, curve = learn(steps, rng)
            runs.append(averaged(curve, steps))
            ends.append(round(float(curve.returns[-20:].mean()), 1))
            best.append(round(float(evaluate(learned, environment(), episodes=judged, rng=rng).mean()), 1))
        timings[f"{name}_s"] = round(time.perf_counter() - started, 1)
        curves[name] = runs
        numbers[name] = {
            "last_20_episodes": ends,
            "judged_without_exploration": best,
            "mean_while_learning": [[round(part, 1) for part in run] for run in runs],
        }
    return Outcome(numbers, timings, {"cartpole.svg": draw(curves, steps)})


if __name__ == "__main__":
    sys.exit(main("cartpole", __doc__, measure))
