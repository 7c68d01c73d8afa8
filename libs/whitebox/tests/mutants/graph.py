"""Mistakes in `whitebox.graph`."""

from __future__ import annotations

from mutants.mutant import Mutant

EDGES = "whitebox.graph.edges"
LINKS = "whitebox.graph.link_prediction"
PAGERANK = "whitebox.graph.pagerank"
SUPERVISED = "whitebox.graph.supervised_walks"
WALKS = "whitebox.graph.walks"

MUTANTS = [
    Mutant(
        "PageRank loses the mass of dangling nodes",
        PAGERANK,
        "(moved + x[dangling].sum() * start)",
        "moved",
        (
            "laws.test_graph:test_pagerank_is_a_distribution_that_a_step_leaves_alone",
            "pair:graph.pagerank.pagerank",
        ),
    ),
    Mutant(
        "PageRank's damping stands on the wrong side",
        PAGERANK,
        "following: Array = damping * (moved + x[dangling].sum() * start) + (1 - damping) * start",
        "following: Array = (1 - damping) * (moved + x[dangling].sum() * start) + damping * start",
        (
            "laws.test_graph:test_without_damping_rank_is_where_walks_start",
            "laws.test_graph:test_a_personal_rank_stays_where_it_can_go",
            "pair:graph.pagerank.pagerank",
        ),
    ),
    Mutant(
        "PageRank flows against the edges",
        PAGERANK,
        "np.bincount(graph.columns, weights=probabilities * x[rows], minlength=n)",
        "np.bincount(rows, weights=probabilities * x[graph.columns], minlength=n)",
        ("pair:graph.pagerank.pagerank",),
    ),
    Mutant(
        "PageRank restarts anywhere though it is personal",
        PAGERANK,
        "    start = start_distribution(personalization, n)\n",
        "    start = start_distribution(None, n)\n",
        ("laws.test_graph:test_a_personal_rank_stays_where_it_can_go", "pair:graph.pagerank.pagerank"),
    ),
    Mutant(
        "PageRank ignores weights",
        PAGERANK,
        "shares = graph.values / np.where(dangling, 1.0, heaviest)[graph.rows]",
        "shares = 1.0 * (graph.values > 0)",
        ("laws.test_graph:test_weights_count_in_proportion_however_large", "pair:graph.pagerank.pagerank"),
    ),
    Mutant(
        "Adamic-Adar divides by the degree instead of its logarithm",
        LINKS,
        "1 / np.log(np.maximum(np.diff(simple.starts), 2))",
        "1 / np.maximum(np.diff(simple.starts), 2)",
        ("laws.test_graph:test_a_hub_that_two_nodes_share_says_less", "pair:graph.link_prediction.adamic_adar"),
    ),
    Mutant(
        "link prediction counts a node's loop as a neighbour",
        LINKS,
        "kept = (graph.rows != graph.columns) & (graph.values > 0)",
        "kept = graph.values > 0",
        ("pair:graph.link_prediction.common_neighbours", "pair:graph.link_prediction.preferential_attachment"),
    ),
    Mutant(
        "Jaccard's union counts what is shared twice",
        LINKS,
        "union = degrees[held].sum(axis=1) - shared",
        "union = degrees[held].sum(axis=1)",
        ("pair:graph.link_prediction.jaccard",),
    ),
    Mutant(
        "Katz counts no path longer than one step",
        LINKS,
        "        term = grown\n        total += term\n",
        "        total += grown\n        term = 0 * grown\n",
        ("laws.test_graph:test_katz_is_the_sum_over_powers", "pair:graph.link_prediction.katz"),
    ),
    Mutant(
        "node2vec swaps p and q",
        WALKS,
        "        if other == previous:\n            weight /= p\n"
        "        elif not _has_edge(starts, columns, previous, other):\n            weight /= q\n",
        "        if other == previous:\n            weight /= q\n"
        "        elif not _has_edge(starts, columns, previous, other):\n            weight /= p\n",
        (
            "laws.test_graph:test_p_is_for_going_back_and_q_for_going_away",
            "pair:graph.walks.node2vec_probabilities",
        ),
    ),
    Mutant(
        "node2vec multiplies by p",
        WALKS,
        "            weight /= p\n",
        "            weight *= p\n",
        (
            "laws.test_graph:test_p_is_for_going_back_and_q_for_going_away",
            "pair:graph.walks.node2vec_probabilities",
        ),
    ),
    Mutant(
        "node2vec forgets where it came from",
        WALKS,
        "            previous, current = current, columns[begin + chosen]\n",
        "            current = columns[begin + chosen]\n",
        ("laws.test_graph:test_node2vec_walks_step_with_their_probabilities",),
    ),
    Mutant(
        "walks ignore weights",
        WALKS,
        "    totals: Array = np.cumsum(graph.values)\n",
        "    totals: Array = np.cumsum(np.ones(len(graph.values)))\n",
        (
            "laws.test_graph:test_walks_follow_edges_in_proportion_to_their_weights",
            "pair:graph.walks.random_walks",
        ),
    ),
    Mutant(
        "walks restart anywhere instead of at home",
        WALKS,
        "                node = first[number]\n            else:",
        "                node = number % (len(starts) - 1)\n            else:",
        ("laws.test_graph:test_walks_with_restart_visit_by_personal_rank",),
    ),
    Mutant(
        "supervised walks forget that strengths are shares",
        SUPERVISED,
        "changes = shares[:, None] * (slopes - means[rows])",
        "changes = shares[:, None] * slopes",
        (
            "laws.test_graph:test_the_gradient_of_the_ranks_is_that_of_differences",
            "pair:graph.supervised_walks.supervised_ranks",
        ),
    ),
    Mutant(
        "supervised walks take one step of the gradient only",
        SUPERVISED,
        "        if change <= _TOL * max(1.0, float(np.abs(x).max())):",
        "        if x.ndim == 2 or change <= _TOL * max(1.0, float(np.abs(x).max())):",
        (
            "laws.test_graph:test_the_gradient_of_the_ranks_is_that_of_differences",
            "pair:graph.supervised_walks.supervised_ranks",
        ),
    ),
    Mutant(
        "supervised walks lose what is dangling",
        SUPERVISED,
        "        moved[source] += x[dangling].sum(axis=0)\n",
        "",
        ("pair:graph.supervised_walks.supervised_ranks",),
    ),
    Mutant(
        "the WMW loss rewards the wrong order",
        SUPERVISED,
        "wmw_loss(ranks.p[unwanted][:, None] - ranks.p[wanted], self.width)",
        "wmw_loss(ranks.p[wanted] - ranks.p[unwanted][:, None], self.width)",
        ("laws.test_graph:test_planted_strengths_are_recovered",),
    ),
    Mutant(
        "an undirected loop counts twice",
        EDGES,
        "between = pairs[:, 0] != pairs[:, 1]",
        "between = pairs[:, 0] >= 0",
        ("laws.test_graph:test_repeated_edges_add_up_and_loops_stand_once", "pair:graph.edges.adjacency"),
    ),
]
