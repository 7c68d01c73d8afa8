"""Mistakes in approximate search, score fusion and text."""

from __future__ import annotations

from mutants.mutant import Mutant

BLEU = "whitebox.text.bleu"
EDIT = "whitebox.text.edit_distance"
FUSION = "whitebox.search.fusion"
HNSW = "whitebox.search.hnsw"
IVF = "whitebox.search.ivf"
LAYERS = "whitebox.search._layers"
LSH = "whitebox.search.lsh"
PQ = "whitebox.search.quantization"
ROUGE = "whitebox.text.rouge"
TFIDF = "whitebox.text.tfidf"

MUTANTS = [
    Mutant(
        "HNSW searches layer 0 with ef = 1",
        HNSW,
        "min(ef, self._count),",
        "1,",
        (
            "laws.test_hnsw:test_more_candidates_find_more",
            "laws.test_hnsw:test_a_graph_that_everything_is_linked_in_is_exact",
        ),
    ),
    Mutant(
        "HNSW links to the nearest without the rule that keeps links diverse",
        LAYERS,
        "if not is_near_any(vectors, np.int64(ids[place]), chosen, size, inner, lengths[place]):",
        "if size < most:",
        (
            "laws.test_hnsw:test_clusters_stay_connected",
            "laws.test_hnsw:test_a_link_is_kept_only_if_no_other_link_is_nearer_to_its_end",
        ),
    ),
    Mutant(
        "HNSW's entry point is not updated",
        LAYERS,
        "        if levels[new] > top:\n            entry = new\n",
        "",
        ("laws.test_hnsw:test_searches_start_in_the_highest_layer", "pair:search.hnsw.HNSW"),
    ),
    Mutant(
        "HNSW links new nodes one way only",
        LAYERS,
        "                link_back(new, other, keys[place], back, vectors, inner, links, spare_keys, spare_ids, kept)\n",
        "                pass\n",
        ("laws.test_hnsw:test_clusters_stay_connected", "pair:search.hnsw.HNSW"),
    ),
    Mutant(
        "HNSW stops before it has as many as asked for",
        LAYERS,
        "if waiting == 0 or (found == ef and open_keys[0] > -found_keys[0]):",
        "if waiting == 0 or open_keys[0] >= -found_keys[0]:",
        ("laws.test_hnsw:test_a_graph_that_everything_is_linked_in_is_exact", "pair:search.hnsw.HNSW"),
    ),
    Mutant(
        "HNSW does not walk through what is deleted",
        LAYERS,
        "                push(open_keys, open_ids, waiting, length, neighbour)\n                waiting += 1\n"
        "                if barred.size > 0 and barred[neighbour] != 0:\n                    continue\n",
        "                if barred.size > 0 and barred[neighbour] != 0:\n                    continue\n"
        "                push(open_keys, open_ids, waiting, length, neighbour)\n                waiting += 1\n",
        ("laws.test_hnsw:test_what_is_deleted_or_not_allowed_leads_on_but_is_not_found",),
    ),
    Mutant(
        "HNSW finds what is deleted",
        HNSW,
        "        if not barred.any():\n",
        "        if allowed is None:\n",
        ("laws.test_hnsw:test_what_is_deleted_or_not_allowed_leads_on_but_is_not_found",),
    ),
    Mutant(
        "HNSW draws levels by the binary logarithm",
        HNSW,
        "/ math.log(m))",
        "/ math.log(2))",
        ("laws.test_hnsw:test_one_in_m_stands_a_layer_higher",),
    ),
    Mutant(
        "HNSW forgets to clear its stamps",
        LAYERS,
        "        stamp += 1\n        if stamp == 256:\n            visited.fill(0)\n            stamp = 1\n        found",
        "        stamp = (stamp + 1) % 256\n        found",
        ("laws.test_hnsw:test_stamps_that_run_out_begin_anew",),
    ),
    Mutant(
        "HNSW compares vectors of any length by the cosine",
        HNSW,
        "            rows = normalize_rows(rows)\n",
        "            pass\n",
        ("laws.test_hnsw:test_scores_are_those_of_exact_search",),
    ),
    Mutant(
        "LSH swaps AND with OR",
        LSH,
        'return 1 - (1 - p ** positive_int(rows, "rows")) ** positive_int(bands, "bands")',
        'return (1 - (1 - p) ** positive_int(rows, "rows")) ** positive_int(bands, "bands")',
        ("laws.test_lsh:test_and_makes_it_rarer_and_or_makes_it_likelier", "pair:search.lsh.amplify"),
    ),
    Mutant(
        "a band is keyed by its last row only",
        LSH,
        "keys = _mix(keys ^ signatures[:, row :: self.rows])",
        "keys = _mix(signatures[:, row :: self.rows].copy())",
        ("laws.test_lsh:test_sets_share_a_bucket_as_often_as_amplification_says", "pair:search.lsh.MinHashLSH"),
    ),
    Mutant(
        "MinHash with a single permutation",
        LSH,
        "hashed = _mix(values ^ self.seeds[first : first + step, None])",
        "hashed = _mix(values ^ self.seeds[:1, None]) ^ self.seeds[first : first + step, None] * np.uint64(0)",
        (
            "laws.test_lsh:test_signatures_agree_as_often_as_sets_do",
            "laws.test_lsh:test_each_hash_puts_the_elements_into_an_order_of_its_own",
        ),
    ),
    Mutant(
        "MinHash combines without mixing",
        LSH,
        "hashed = _mix(values ^ self.seeds[first : first + step, None])",
        "hashed = values + self.seeds[first : first + step, None] % np.uint64(1000)",
        ("laws.test_lsh:test_each_hash_puts_the_elements_into_an_order_of_its_own", "pair:search.lsh.MinHash"),
    ),
    Mutant(
        "Jaccard divides by the larger set instead of the union",
        LSH,
        "union = len(first | second)",
        "union = max(len(first), len(second))",
        ("pair:search.lsh.jaccard",),
    ),
    Mutant(
        "multi-probe looks into the query's bucket only",
        LSH,
        "own[table] ^ nearest_flips(margins[table] ** 2, count)",
        "own[table] ^ 0 * nearest_flips(margins[table] ** 2, count)",
        ("laws.test_lsh:test_more_probes_find_more_and_all_of_them_everything",),
    ),
    Mutant(
        "multi-probe flips the bits it is surest of",
        LSH,
        'np.argsort(prices, kind="stable"), count',
        'np.argsort(-prices, kind="stable"), count',
        ("laws.test_lsh:test_the_first_probes_are_the_cheapest_sets_of_flips", "pair:search.lsh.nearest_flips"),
    ),
    Mutant(
        "all tables share their hyperplanes",
        LSH,
        "self.planes_ = rng.standard_normal((self.tables, self.bits, self.vectors_.shape[1]))",
        "self.planes_ = np.repeat(rng.standard_normal((1, self.bits, self.vectors_.shape[1])), self.tables, axis=0)",
        (
            "laws.test_lsh:test_more_tables_find_more_and_more_bits_find_less",
            "laws.test_lsh:test_hyperplanes_part_vectors_by_their_angle",
        ),
    ),
    Mutant(
        "near duplicates are not compared",
        LSH,
        "if pair[2] >= threshold)",
        "if pair[2] >= 0)",
        ("laws.test_lsh:test_candidates_that_are_not_alike_enough_are_dropped",),
    ),
    Mutant(
        "IVF ignores how many cells to probe",
        IVF,
        'probes = min(positive_int(probes, "probes"), len(self.centres_))',
        'probes = min(positive_int(probes, "probes"), 1)',
        ("laws.test_ivf:test_more_probes_find_more", "pair:search.ivf.IVF"),
    ),
    Mutant(
        "IVF always searches every cell",
        IVF,
        'probes = min(positive_int(probes, "probes"), len(self.centres_))',
        'probes = positive_int(probes, "probes") and len(self.centres_)',
        ("laws.test_ivf:test_one_probe_searches_the_nearest_cell_only", "pair:search.ivf.IVF"),
    ),
    Mutant(
        "IVF ranks cells by the inner product alone",
        IVF,
        'np.einsum("ij,ij->i", self.centres_, self.centres_) - 2 * (rows @ self.centres_.T)',
        "-2 * (rows @ self.centres_.T)",
        ("pair:search.ivf.IVF",),
    ),
    Mutant(
        "IVF encodes vectors instead of what the centres leave",
        IVF,
        "(rows - self.centres_[labels])[self.order_]",
        "rows[self.order_]",
        ("laws.test_ivf:test_quantised_cells_find_nearly_the_same",),
    ),
    Mutant(
        "product quantisation looks every part up in the first table",
        PQ,
        "tables[:, part, codes[:, part]]",
        "tables[:, 0, codes[:, part]]",
        (
            "laws.test_ivf:test_table_distances_are_those_to_the_decoded_vectors",
            "pair:search.quantization.ProductQuantizer",
        ),
    ),
    Mutant(
        "min-max divides by the highest score",
        FUSION,
        "(factor * score - low) / spread",
        "(factor * score - low) / (factor * highest or 1.0)",
        ("laws.test_score_fusion:test_scales_reach_what_they_promise", "pair:search.fusion.normalize_scores"),
    ),
    Mutant(
        "CombMNZ counts all results instead of those that hold the item",
        FUSION,
        "sum(item in scores for scores in scaled),",
        "len(scaled),",
        (
            "laws.test_score_fusion:test_agreement_beats_a_single_high_score_with_mnz_only",
            "pair:search.fusion.comb_mnz",
        ),
    ),
    Mutant(
        "a missing item counts as an average one",
        FUSION,
        'min(scores.values()) if scores and scale == "z-score" else 0.0 for scores in scaled',
        "0.0 for scores in scaled",
        ("laws.test_score_fusion:test_what_a_result_leaves_out_is_no_better_than_its_last",),
    ),
    Mutant(
        "TF-IDF without smoothing",
        TFIDF,
        "np.log((1 + texts) / (1 + held_by)) + 1",
        "np.log(texts / held_by) + 1",
        ("laws.test_text:test_a_term_in_every_text_still_counts_but_least", "pair:text.tfidf.TfidfVectorizer"),
    ),
    Mutant(
        "TF-IDF loses what every text holds",
        TFIDF,
        "np.log((1 + texts) / (1 + held_by)) + 1",
        "np.log((1 + texts) / (1 + held_by))",
        ("laws.test_text:test_a_term_in_every_text_still_counts_but_least", "pair:text.tfidf.TfidfVectorizer"),
    ),
    Mutant(
        "IDF counts occurrences",
        TFIDF,
        "held_by = np.bincount(counts.columns, minlength=len(kept))",
        "held_by = np.bincount(counts.columns, weights=counts.values, minlength=len(kept))",
        ("laws.test_text:test_idf_counts_texts_and_not_occurrences", "pair:text.tfidf.TfidfVectorizer"),
    ),
    Mutant(
        "TF-IDF normalises before weighting",
        TFIDF,
        "weights = weights / lengths[counts.rows]",
        "weights = weights / np.sqrt(np.bincount(counts.rows, weights=tf**2))[counts.rows]",
        ("laws.test_text:test_rows_have_unit_length_or_none", "pair:text.tfidf.TfidfVectorizer"),
    ),
    Mutant(
        "the sublinear term frequency forgets its one",
        TFIDF,
        "1 + np.log(counts.values)",
        "np.log(counts.values)",
        ("laws.test_text:test_occurrences_count_by_their_logarithm_if_asked",),
    ),
    Mutant(
        "a substitution costs two edits",
        EDIT,
        "diagonal if left[i] == right[j] else diagonal + 1",
        "diagonal if left[i] == right[j] else diagonal + 2",
        ("laws.test_text:test_edits_of_each_kind_cost_one", "pair:text.edit_distance.levenshtein"),
    ),
    Mutant(
        "edits at both ends are skipped",
        EDIT,
        "begin = shorter if same.all() else int(same.argmin())",
        "begin = shorter if same.all() else int(same.argmin()) + 1",
        ("laws.test_text:test_edits_of_each_kind_cost_one", "pair:text.edit_distance.levenshtein"),
    ),
    Mutant(
        "BLEU without the brevity penalty",
        BLEU,
        "return math.exp(1 - reference_length / candidate_length) if candidate_length else 0.0",
        "return 1.0",
        ("laws.test_text:test_short_candidates_are_punished", "pair:text.bleu.corpus_bleu"),
    ),
    Mutant(
        "BLEU without clipping",
        BLEU,
        "matches[len(gram) - 1] += min(count, most[gram])",
        "matches[len(gram) - 1] += count if most[gram] else 0",
        ("laws.test_text:test_repeating_a_word_earns_nothing", "pair:text.bleu.corpus_bleu"),
    ),
    Mutant(
        "BLEU clips at the sum over references",
        BLEU,
        "most |= _ngrams(tokens, max_order)",
        "most += _ngrams(tokens, max_order)",
        ("laws.test_text:test_repeating_a_word_earns_nothing", "pair:text.bleu.corpus_bleu"),
    ),
    Mutant(
        "BLEU compares with the shortest reference",
        BLEU,
        "key=lambda length: (abs(length - len(held)), length)",
        "key=lambda length: length",
        (
            "laws.test_text:test_of_references_the_nearest_length_counts_the_shorter_of_two",
            "pair:text.bleu.corpus_bleu",
        ),
    ),
    Mutant(
        "BLEU smooths every missing order alike",
        BLEU,
        "            share /= 2\n",
        "            share = 0.5\n",
        ("laws.test_text:test_smoothing_decides_about_orders_without_a_match", "pair:text.bleu.corpus_bleu"),
    ),
    Mutant(
        "ROUGE swaps precision and recall",
        ROUGE,
        "precision, recall = hits / max(held, 1), hits / max(wanted, 1)",
        "recall, precision = hits / max(held, 1), hits / max(wanted, 1)",
        ("laws.test_text:test_recall_is_of_the_reference_and_precision_of_the_candidate", "pair:text.rouge.rouge_l"),
    ),
    Mutant(
        "ROUGE-L takes the longest common run instead of the subsequence",
        ROUGE,
        "lengths[i + 1, j + 1] = max(lengths[i, j + 1], lengths[i + 1, j])",
        "lengths[i + 1, j + 1] = 0",
        ("laws.test_text:test_order_matters_to_the_subsequence_only", "pair:text.rouge.rouge_l"),
    ),
    Mutant(
        "ROUGE-Lsum takes the last sentence instead of the union",
        ROUGE,
        "union |= _subsequence(",
        "union = _subsequence(",
        ("laws.test_text:test_summaries_take_the_union_over_sentences", "pair:text.rouge.rouge_lsum"),
    ),
    Mutant(
        "ROUGE-N counts a repeated n-gram without limit",
        ROUGE,
        "(wanted & held).total()",
        "sum(held[gram] for gram in wanted)",
        ("pair:text.rouge.rouge_n",),
    ),
]
