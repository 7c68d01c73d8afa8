"""Mistakes in `whitebox.metrics`."""

from __future__ import annotations

from mutants.mutant import Mutant

PAIRWISE = "whitebox.metrics.pairwise"
RANKING = "whitebox.metrics.ranking"

MUTANTS = [
    Mutant(
        "cosine of the zero vector is NaN",
        PAIRWISE,
        "matrix / np.where(norms > 0, norms, 1)[:, None]",
        "matrix / norms[:, None]",
        ("laws.test_exact:test_the_zero_vector_is_similar_to_nothing", "pair:metrics.pairwise.cosine_similarity"),
    ),
    Mutant(
        "squares overflow in the norm",
        PAIRWISE,
        "if extreme.size:",
        "if False:",
        ("laws.test_exact:test_cosine_lies_between_minus_one_and_one_at_any_magnitude",),
    ),
    Mutant(
        "recall divides by k",
        RANKING,
        "len(hits) / len(wanted)",
        "len(hits) / k",
        ("laws.test_ranking:test_precision_and_recall_count_the_same_hits", "pair:metrics.ranking.recall_at_k"),
    ),
    Mutant(
        "precision divides by what was returned",
        RANKING,
        "len(hits) / k for hits, _",
        "len(hits) / max(1, len(_)) for hits, _",
        ("laws.test_ranking:test_a_worked_example", "pair:metrics.ranking.precision_at_k"),
    ),
    Mutant(
        "DCG discounts from rank 0 on",
        RANKING,
        "math.log2(rank + 1)",
        "math.log2(rank + 2)",
        ("laws.test_ranking:test_a_worked_example", "pair:metrics.ranking.ndcg_at_k"),
    ),
    Mutant(
        "the ideal order is taken from what was found",
        RANKING,
        "sorted(worth.values(), reverse=True)[:k]",
        "sorted((worth.get(i, 0.0) for i in islice(ranking, k)), reverse=True)",
        ("pair:metrics.ranking.ndcg_at_k",),
    ),
]
