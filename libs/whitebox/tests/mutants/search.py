"""Mistakes in `whitebox.search`."""

from __future__ import annotations

from mutants.mutant import Mutant

BM25 = "whitebox.search.bm25"
EXACT = "whitebox.search.exact"
FUSION = "whitebox.search.fusion"

MUTANTS = [
    Mutant(
        "RRF counts ranks from 0",
        FUSION,
        "enumerate(ranking, start=1)",
        "enumerate(ranking)",
        (
            "laws.test_fusion:test_the_first_of_one_ranking_scores_one_over_k_plus_one",
            "pair:search.fusion.reciprocal_rank_fusion",
        ),
    ),
    Mutant(
        "RRF ignores its weights",
        FUSION,
        "+ weight / (k + rank)",
        "+ 1 / (k + rank)",
        (
            "laws.test_fusion:test_a_weight_counts_as_so_many_copies",
            "laws.test_fusion:test_a_ranking_of_weight_zero_adds_its_items_last",
        ),
    ),
    Mutant(
        "RRF keeps the last ranking's score instead of the sum",
        FUSION,
        "scores.get(item, 0.0) + weight",
        "weight",
        (
            "laws.test_fusion:test_two_mirrored_rankings_tie_in_order_of_appearance",
            "pair:search.fusion.reciprocal_rank_fusion",
        ),
    ),
    Mutant(
        "RRF breaks ties by the item instead of by appearance",
        FUSION,
        "sorted(scores.items(), key=lambda pair: -pair[1])",
        'sorted(scores.items(), key=lambda pair: (-pair[1], str(pair[0]) < "v"))',
        ("laws.test_fusion:test_renaming_the_items_renames_the_result",),
    ),
    Mutant(
        "BM25 without length normalisation",
        BM25,
        "1 - self.b + self.b * lengths / (lengths.mean() or 1.0)",
        "1 + 0 * lengths",
        ("laws.test_bm25:test_of_two_documents_that_say_it_once_the_shorter_wins", "pair:search.bm25.BM25"),
    ),
    Mutant(
        "BM25 normalises by the longest document instead of the mean",
        BM25,
        "lengths.mean()",
        "lengths.max()",
        ("pair:search.bm25.BM25",),
    ),
    Mutant(
        "IDF turns negative for frequent terms",
        BM25,
        "np.log1p((len(documents)",
        "np.log((len(documents)",
        (
            "laws.test_bm25:test_scores_are_never_negative_and_positive_exactly_where_a_term_is_shared",
            "laws.test_bm25:test_a_term_in_every_document_still_counts_but_least",
        ),
    ),
    Mutant(
        "IDF counts occurrences instead of documents",
        BM25,
        "np.bincount(posted_terms, minlength=len(numbers))",
        "np.bincount(terms, minlength=len(numbers))",
        ("pair:search.bm25.BM25",),
    ),
    Mutant(
        "term frequency grows without saturation",
        BM25,
        "* (self.k1 + 1) / (frequency + norm[postings])",
        "/ norm[postings]",
        ("laws.test_bm25:test_more_occurrences_at_the_same_length_score_higher_but_by_less_and_less",),
    ),
    Mutant(
        "a repeated query term counts once",
        BM25,
        "repeats * self.weights_",
        "self.weights_",
        ("laws.test_bm25:test_a_query_is_the_sum_of_its_terms_in_any_order", "pair:search.bm25.BM25"),
    ),
    Mutant(
        "BM25's top k cuts ties at random places",
        BM25,
        "matching = np.flatnonzero(total >= max(bound, np.nextafter(0.0, 1.0)))",
        "matching = np.flatnonzero(total * bound)[::-1][:k]",
        ("laws.test_bm25:test_search_returns_every_tie_before_the_cut_by_index",),
    ),
    Mutant(
        "the sparse weight forgets k1 + 1",
        BM25,
        "count * (k1 + 1) / (count + norm)",
        "count / (count + norm)",
        ("laws.test_bm25:test_the_weight_saturates_at_k1_plus_1", "pair:search.bm25.term_weights"),
    ),
    Mutant(
        "tokens lose their combining marks",
        BM25,
        'return _word("".join(marks)).findall(folded)',
        'return _word("").findall(folded)',
        ("pair:search.bm25.tokenize",),
    ),
    Mutant(
        "exact search loses ties to partition",
        EXACT,
        "columns[order[first[:, None] + np.arange(k)]]",
        "np.argpartition(-scores, k - 1, axis=1)[:, :k]",
        (
            "laws.test_exact:test_equals_a_stable_sort_of_all_scores_ties_included",
            "laws.test_exact:test_ties_across_blocks_go_to_the_lower_index",
        ),
    ),
    Mutant(
        "exact search forgets where a block starts",
        EXACT,
        "best + start",
        "best",
        ("laws.test_exact:test_ties_across_blocks_go_to_the_lower_index",),
    ),
    Mutant(
        "cosine search does not normalise the corpus",
        EXACT,
        "block_scores /= np.where(norms > 0, norms, 1)",
        "block_scores /= norms.max() or 1",
        ("pair:search.exact.search (cosine)",),
    ),
]
