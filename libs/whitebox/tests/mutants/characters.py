"""Mistakes in writing character by character."""

from __future__ import annotations

from mutants.mutant import Mutant

CHARACTERS = "whitebox.text.characters"
LAWS = "laws.test_characters"

MUTANTS = [
    Mutant(
        "each character is written without the state behind the ones before",
        CHARACTERS,
        "logits, state = self(np.array([unread]), state)",
        "logits, _ = self(np.array([unread]), state)",
        (f"{LAWS}:test_greedy_writing_takes_the_most_probable_character_after_all_that_was_read",),
    ),
    Mutant(
        "writes with dropout",
        CHARACTERS,
        '            raise EmptyInputError("the prompt is empty")\n        training = self.training\n        self.eval()\n',
        '            raise EmptyInputError("the prompt is empty")\n        training = self.training\n',
        (f"{LAWS}:test_greedy_writing_takes_the_most_probable_character_after_all_that_was_read",),
    ),
    Mutant(
        "bits are nats",
        CHARACTERS,
        "/ (len(numbers) - 1) / math.log(2)",
        "/ (len(numbers) - 1)",
        (f"{LAWS}:test_bits_are_counted_over_all_pieces",),
    ),
    Mutant(
        "a long text is read in pieces that know nothing of each other",
        CHARACTERS,
        "logits, state = self(piece[None, :-1], state)",
        "logits, _ = self(piece[None, :-1], state)",
        (f"{LAWS}:test_bits_are_counted_over_all_pieces",),
    ),
    Mutant(
        "predicts the character that was just read",
        CHARACTERS,
        "logs[np.arange(len(piece) - 1), piece[1:]]",
        "logs[np.arange(len(piece) - 1), piece[:-1]]",
        (f"{LAWS}:test_bits_are_counted_over_all_pieces",),
    ),
    Mutant(
        "pieces lose the character between them",
        CHARACTERS,
        "places = np.arange(count)[:, None] * length + np.arange(length + 1)",
        "places = np.arange(count)[:, None] * (length + 1) % (len(text) - length) + np.arange(length + 1)",
        (f"{LAWS}:test_pieces_overlap_by_the_character_that_is_read_but_was_predicted_before",),
    ),
    Mutant(
        "openings are sums",
        CHARACTERS,
        "sums / np.bincount(places)[:, None]",
        "sums",
        (f"{LAWS}:test_openings_are_means_over_the_places_of_each_character",),
    ),
]
