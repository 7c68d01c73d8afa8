"""Mistakes in `whitebox.text`."""

from __future__ import annotations

from mutants.mutant import Mutant

SENTENCES = "whitebox.text.sentences"

MUTANTS = [
    Mutant(
        "every full stop ends a sentence",
        SENTENCES,
        "and _continues(text, start, end)",
        "and False",
        ("pair:text.sentences.split_sentences",),
    ),
]
