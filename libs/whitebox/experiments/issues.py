"""Tells what an issue is about - a bug, a feature, a question, documentation - from its text.

    PYTHONPATH=libs/whitebox/src python libs/whitebox/experiments/issues.py [--quick] [--seed N]

Weighted uni- and bigrams go into a network of one hidden layer. Accuracy comes from stratified cross-validation, in
which every issue is classified once by a network that has not seen it. Terms, weights and the number of epochs are
learned from the training folds alone. The run fails if an issue of a test fold nearly stands in the training folds.
"""

from __future__ import annotations

import csv
import itertools
import sys
import time
from typing import Any, NamedTuple

import numpy as np
from experiment import HERE, Outcome, accuracy_interval, main, percentiles
from whitebox.autograd import Tensor, no_grad, relu
from whitebox.naive_bayes import MultinomialNB
from whitebox.nn import (
    DataLoader,
    Dropout,
    EarlyStopping,
    History,
    Linear,
    Optimizer,
    Sequential,
    Trainer,
    cross_entropy,
)
from whitebox.optimize.first_order import AdamW
from whitebox.search.lsh import jaccard, near_duplicates, shingles
from whitebox.text.tfidf import TfidfVectorizer

CLASSES = ("bug", "feature", "question", "documentation")
# Words of one letter too, and marks: "I" and "?" say much about what an issue is.
TERM = r"\w+|[?!]"
# Jaccard similarity of character 5-grams from which two issues count as nearly the same.
NEARLY_THE_SAME = 0.5


class Issues(NamedTuple):
    """Texts, and the places of their types in `CLASSES`."""

    texts: list[str]
    types: np.ndarray


def load() -> Issues:
    """The issues of data/issues.tsv."""
    with (HERE / "data" / "issues.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return Issues(
        [f"{row['title']}. {row['body']}" for row in rows], np.array([CLASSES.index(row["type"]) for row in rows])
    )


def folds(types: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Number of a fold for each example, each type spread over all folds as evenly as can be."""
    numbers = np.empty(len(types), dtype=np.int64)
    for kind in np.unique(types):
        members = rng.permutation(np.flatnonzero(types == kind))
        numbers[members] = np.arange(len(members)) % count
    return numbers


def check_folds(texts: list[str], numbers: np.ndarray) -> float:
    """Refuses folds of which one nearly holds an issue of another; gives the largest similarity between folds."""
    for one, other, similarity in near_duplicates(texts, NEARLY_THE_SAME):
        if numbers[one] != numbers[other]:
            raise SystemExit(
                f"issues {one + 1} and {other + 1} are {similarity:.0%} the same and stand in different folds:\n"
                f"  {texts[one]}\n  {texts[other]}"
            )
    sets = [shingles(text) for text in texts]
    pairs = itertools.combinations(range(len(texts)), 2)
    largest = max(jaccard(sets[one], sets[other]) for one, other in pairs if numbers[one] != numbers[other])
    if largest >= NEARLY_THE_SAME:
        raise SystemExit(f"two issues in different folds are {largest:.0%} the same")
    return largest


def loss(model: Any, x: np.ndarray, y: np.ndarray) -> Tensor:
    """Cross entropy of a batch."""
    return cross_entropy(model(Tensor(x)), y)


def fit(x: np.ndarray, y: np.ndarray, *, epochs: int, seed: int) -> tuple[Sequential, History]:
    """A network for weighted terms; a tenth of the examples says when to stop."""
    rng = np.random.default_rng(seed)
    model = Sequential(
        Dropout(0.2, rng=rng),
        Linear(x.shape[1], 64, rng=rng),
        relu,
        Dropout(0.5, rng=rng),
        Linear(64, len(CLASSES), rng=rng),
    )
    held = folds(y, 10, rng) == 0
    trainer = Trainer(
        model,
        Optimizer(model, AdamW(2e-3, weight_decay=0.05), max_norm=1.0),
        loss,
        DataLoader(x[~held], y[~held], batch_size=16, seed=seed),
        validation=DataLoader(x[held], y[held], batch_size=64),
        early_stopping=EarlyStopping(patience=10),
    )
    return model, trainer.fit(epochs)


def vectors(vectorizer: TfidfVectorizer, texts: list[str]) -> np.ndarray:
    """Weighted terms as single-precision rows."""
    return vectorizer.transform(texts).to_dense().astype(np.float32)


def classify(vectorizer: TfidfVectorizer, model: Sequential, texts: list[str]) -> np.ndarray:
    """Places of the types in `CLASSES`."""
    with no_grad():
        return np.asarray(model.eval()(Tensor(vectors(vectorizer, texts))).data.argmax(axis=1))


def measure(quick: bool, seed: int) -> Outcome:
    """Cross-validates network and baselines on the same folds."""
    issues = load()
    rng = np.random.default_rng(seed)
    count, epochs = (2, 8) if quick else (10, 80)
    numbers = folds(issues.types, count, rng)
    similarity = check_folds(issues.texts, numbers)
    network, bayes = np.empty_like(issues.types), np.empty_like(issues.types)
    seconds, histories = [], []
    for fold in range(count):
        train, test = np.flatnonzero(numbers != fold), np.flatnonzero(numbers == fold)
        texts = [issues.texts[place] for place in train]
        vectorizer = TfidfVectorizer(ngram_range=(1, 2), token_pattern=TERM, sublinear_tf=True, min_df=2)
        vectorizer.fit(texts)
        model, history = fit(vectors(vectorizer, texts), issues.types[train], epochs=epochs, seed=seed)
        histories.append(history)
        for place in test:
            started = time.perf_counter()
            network[place] = classify(vectorizer, model, [issues.texts[place]])[0]
            seconds.append(time.perf_counter() - started)
        known = MultinomialNB(alpha=0.5).fit(vectorizer.transform(texts).to_dense(), issues.types[train])
        bayes[test] = known.predict(vectors(vectorizer, [issues.texts[place] for place in test]))
    right, bayes_right = network == issues.types, bayes == issues.types
    confusion = np.zeros((len(CLASSES), len(CLASSES)), dtype=int)
    np.add.at(confusion, (issues.types, network), 1)
    total = len(issues.types)
    return Outcome(
        {
            "issues": total,
            "folds": count,
            "largest_similarity_between_folds": round(similarity, 3),
            "accuracy": round(float(right.mean()), 4),
            "accuracy_95": [round(end, 4) for end in accuracy_interval(int(right.sum()), total)],
            "accuracy_of_folds": [round(float(right[numbers == fold].mean()), 3) for fold in range(count)],
            "majority": round(float(np.bincount(issues.types).max() / total), 4),
            "naive_bayes": round(float(bayes_right.mean()), 4),
            "naive_bayes_95": [round(end, 4) for end in accuracy_interval(int(bayes_right.sum()), total)],
            "only_network_right": int((right & ~bayes_right).sum()),
            "only_naive_bayes_right": int((~right & bayes_right).sum()),
            "confusion": {
                kind: dict(zip(CLASSES, row, strict=True))
                for kind, row in zip(CLASSES, confusion.tolist(), strict=True)
            },
            "epochs_of_folds": [len(history) for history in histories],
        },
        percentiles(seconds),
        {"issues.svg": histories[0].to_svg(title="Issue types: loss on the first of the folds")},
    )


if __name__ == "__main__":
    sys.exit(main("issues", __doc__, measure))
