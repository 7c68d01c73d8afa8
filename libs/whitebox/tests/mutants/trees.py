"""Mistakes in `whitebox.tree`, `whitebox.ensemble`, `whitebox.anomaly` and `whitebox.explain`."""

from __future__ import annotations

from mutants.mutant import Mutant

GROWING = "whitebox.tree._growing"
STRUCTURE = "whitebox.tree._structure"
PRUNING = "whitebox.tree._pruning"
ID3 = "whitebox.tree._id3"
C45 = "whitebox.tree._c45"
FOREST = "whitebox.ensemble._forest"
BINNING = "whitebox.ensemble._binning"
HISTOGRAMS = "whitebox.ensemble._histograms"
LOSSES = "whitebox.ensemble._losses"
BOOSTING = "whitebox.ensemble._boosting"
ISOLATION = "whitebox.anomaly._isolation_forest"
COMMON = "whitebox.explain._coalitions"
EXACT = "whitebox.explain._exact"
KERNEL = "whitebox.explain._kernel"
TREES = "whitebox.explain._trees"
LIME = "whitebox.explain._lime"
GRADIENTS = "whitebox.explain._gradients"
IMPORTANCE = "whitebox.explain._importance"

TREE = "laws.test_tree:test_"
ENSEMBLE = "laws.test_ensemble:test_"
EXPLAIN = "laws.test_explain:test_"

MUTANTS = [
    Mutant(
        "a value on the threshold goes to the right",
        STRUCTURE,
        "node = left[node] if rows[i, feature[node]] <= threshold[node] else right[node]\n            for k",
        "node = left[node] if rows[i, feature[node]] < threshold[node] else right[node]\n            for k",
        (TREE + "a_value_on_the_threshold_goes_to_the_left",),
    ),
    Mutant(
        "the threshold is the upper neighbour",
        GROWING,
        "numbers[0, node] = between if low <= between < high else low",
        "numbers[0, node] = high",
        ("pair:tree.DecisionTreeClassifier", TREE + "a_value_on_the_threshold_goes_to_the_left"),
    ),
    Mutant(
        "Gini's impurity counts rows instead of their weights",
        GROWING,
        "k, w = labels[row], weights[row]",
        "k, w = labels[row], 1.0",
        (TREE + "the_weight_of_rows_decides_which_split_is_best", "pair:tree.DecisionTreeClassifier"),
    ),
    Mutant(
        "a split is judged without the sizes of its sides",
        GROWING,
        "score = left_square / left_weight + right_square / (weight - left_weight)",
        "score = left_square / left_weight**2 + right_square / (weight - left_weight) ** 2",
        (TREE + "the_root_takes_the_split_that_leaves_least_impurity", "pair:tree.DecisionTreeClassifier"),
    ),
    Mutant(
        "rows with equal values are parted",
        GROWING,
        "if after > value and i + 1 >= min_leaf:\n            score = left_square",
        "if i + 1 >= min_leaf:\n            score = left_square",
        ("pair:tree.DecisionTreeClassifier",),
    ),
    Mutant(
        "the squared error forgets the weight of the right side",
        GROWING,
        "right_sum * right_sum / (weight - left_weight)",
        "right_sum * right_sum / weight",
        ("pair:tree.DecisionTreeRegressor",),
    ),
    Mutant(
        "a split that gains nothing is refused, and an exclusive or is never learned",
        GROWING,
        "best, best_column, best_place = -np.inf, -1, -1",
        "best, best_column, best_place = (counts * counts).sum() / weight, -1, -1",
        (TREE + "an_exclusive_or_is_learned_although_its_first_split_gains_nothing",),
    ),
    Mutant(
        "the search for a split gives up at a constant column",
        GROWING,
        "if column[rows[0]] == column[rows[-1]]:\n                continue",
        "if column[rows[0]] == column[rows[-1]]:\n                break",
        (TREE + "drawn_columns_are_drawn_and_the_search_goes_on_until_one_splits",),
    ),
    Mutant(
        "targets far from zero lose their digits",
        GROWING,
        "centre = 0.0 if task.classes else float(np.average(task.target, weights=task.weights))",
        "centre = 0.0",
        (TREE + "a_far_away_mean_costs_no_digits",),
    ),
    Mutant(
        "importances do not weigh nodes by their rows",
        PRUNING,
        "left = tree.cover * impurity\n",
        "left = impurity\n",
        (TREE + "importances_weigh_nodes_by_their_rows",),
    ),
    Mutant(
        "the weakest link is not charged by the leaf",
        PRUNING,
        "gain[node] = (alone[node] - below[node]) / (leaves[node] - 1)",
        "gain[node] = alone[node] - below[node]",
        (TREE + "pruning_goes_down_a_chain_of_subtrees_each_the_best_at_its_price",),
    ),
    Mutant(
        "ID3 does not weigh branches by their rows",
        ID3,
        "float(counts.sum(axis=1) @ entropy(counts)) / len(codes)",
        "float(entropy(counts).mean())",
        ("pair:tree.ID3",),
    ),
    Mutant(
        "C4.5 takes the gain for the gain ratio",
        C45,
        "_Split(gain, gain / scatter, number, threshold)",
        "_Split(gain, gain, number, threshold)",
        (TREE + "c45_passes_by_what_scatters",),
    ),
    Mutant(
        "C4.5 does not discount a column's gaps",
        C45,
        "gain *= share",
        "gain *= 1.0",
        (TREE + "a_column_with_gaps_gains_only_for_what_is_known",),
    ),
    Mutant(
        "C4.5 sends a row with a gap down every branch with its whole weight",
        C45,
        "passed = np.where(missing, share * weights, weights)[kept]",
        "passed = weights[kept]",
        ("pair:tree.C45 (missing values)", TREE + "c45_sends_rows_with_gaps_down_all_branches"),
    ),
    Mutant(
        "pruning believes the training errors",
        C45,
        "alone = pessimistic_errors(wrong, n, confidence) if n > 0 else 0.0",
        "alone = wrong",
        (TREE + "c45_prunes_what_is_noise_and_keeps_what_is_not",),
    ),
    Mutant(
        "the bootstrap draws without replacement",
        FOREST,
        "(rng.random(n) * n).astype(np.intp)",
        "rng.permutation(n)",
        (
            ENSEMBLE + "bags_are_drawn_with_replacement_and_are_what_the_trees_saw",
            "pair:ensemble.RandomForestClassifier",
        ),
    ),
    Mutant(
        "a row drawn twice counts once",
        FOREST,
        "weights = np.bincount(bag, minlength=n).astype(np.float64)",
        "weights = (np.bincount(bag, minlength=n) > 0).astype(np.float64)",
        (
            ENSEMBLE + "bags_are_drawn_with_replacement_and_are_what_the_trees_saw",
            "pair:ensemble.RandomForestClassifier",
        ),
    ),
    Mutant(
        "rows are scored by the trees that have seen them",
        FOREST,
        "outside[bag] = False",
        "outside[bag] = True",
        (ENSEMBLE + "rows_out_of_the_bag_are_scored_by_the_trees_that_have_not_seen_them",),
    ),
    Mutant(
        "all trees share one stream of draws",
        FOREST,
        "for rng in np.random.default_rng(self.random_state).spawn(trees):",
        "for rng in [np.random.default_rng(self.random_state)] * trees:",
        ("pair:ensemble.RandomForestClassifier",),
    ),
    Mutant(
        "boosting does not shrink its steps",
        HISTOGRAMS,
        "-growth.learning_rate * leaf.gradient",
        "-leaf.gradient",
        (
            ENSEMBLE + "the_first_trees_values_are_damped_newton_steps",
            "pair:ensemble.HistGradientBoostingRegressor",
        ),
    ),
    Mutant(
        "boosting climbs the gradient",
        LOSSES,
        "return Derivatives(p - self._target, p * (1 - p))",
        "return Derivatives(self._target - p, p * (1 - p))",
        (ENSEMBLE + "every_round_makes_the_loss_smaller_by_a_step_of_the_learning_rate",),
    ),
    Mutant(
        "the second derivative of the logistic loss is taken for 1",
        LOSSES,
        "return Derivatives(p - self._target, p * (1 - p))",
        "return Derivatives(p - self._target, np.ones_like(p))",
        ("pair:ensemble.HistGradientBoostingClassifier",),
    ),
    Mutant(
        "leaves are not regularised",
        HISTOGRAMS,
        "max(leaf.hessian + growth.l2_regularization, 1e-15)",
        "max(leaf.hessian, 1e-15)",
        (ENSEMBLE + "the_first_trees_values_are_damped_newton_steps",),
    ),
    Mutant(
        "an edge belongs to the bin above it",
        BINNING,
        "if columns[f, i] <= edges[middle]:",
        "if columns[f, i] < edges[middle]:",
        (ENSEMBLE + "an_edge_belongs_to_the_bin_below_it_as_a_threshold_does_to_the_left",),
    ),
    Mutant(
        "bins are off by one",
        BINNING,
        "binned[f, i] = low - first",
        "binned[f, i] = max(low - first - 1, 0)",
        (
            ENSEMBLE + "bins_hold_what_lies_between_their_edges",
            "pair:ensemble.HistGradientBoostingRegressor",
        ),
    ),
    Mutant(
        "the cut bin goes to the right",
        HISTOGRAMS,
        "if column[row] <= cut:",
        "if column[row] < cut:",
        (ENSEMBLE + "raw_predictions_of_training_and_of_thresholds_agree",),
    ),
    Mutant(
        "the sibling's histogram is its parent's",
        HISTOGRAMS,
        "space.histograms[large.place] -= space.histograms[small.place]",
        "pass",
        ("pair:ensemble.HistGradientBoostingRegressor",),
    ),
    Mutant(
        "trees grow in the order in which leaves come up",
        HISTOGRAMS,
        "leaf = max(leaves, key=lambda each: each.gain)",
        "leaf = next((each for each in leaves if each.gain > 0), leaves[0])",
        (ENSEMBLE + "leaves_with_the_largest_gain_are_split_first",),
    ),
    Mutant(
        "boosting starts from nothing",
        LOSSES,
        "mean: Array = self._target.mean(axis=0)",
        "mean: Array = np.zeros(1)",
        (ENSEMBLE + "the_baseline_is_the_best_constant", "pair:ensemble.HistGradientBoostingRegressor"),
    ),
    Mutant(
        "early stopping looks at the training loss",
        BOOSTING,
        "held_scores.append(check.mean(held_raw))",
        "held_scores.append(loss.mean(raw.T))",
        (ENSEMBLE + "it_stops_when_the_rows_held_back_gain_nothing_more",),
    ),
    Mutant(
        "leaves that hold many rows count as shallow as they lie",
        ISOLATION,
        "length = np.where(left < 0, depth + average_path_length(cover), 0.0)",
        "length = np.where(left < 0, depth, 0.0)",
        (ENSEMBLE + "rows_left_together_count_as_deep_as_they_would_be", "pair:anomaly.IsolationForest"),
    ),
    Mutant(
        "path lengths are not held against those of the sample's size",
        ISOLATION,
        "-np.exp2(-length / usual)",
        "-np.exp2(-length)",
        (ENSEMBLE + "scores_lie_around_one_half_and_outliers_above", "pair:anomaly.IsolationForest"),
    ),
    Mutant(
        "isolation trees cut where rows are instead of where they could be",
        ISOLATION,
        "cut = low * (1.0 - share) + high * share",
        "cut = X[rows[start], column]",
        ("pair:anomaly.IsolationForest",),
    ),
    Mutant(
        "every coalition has the same chance: Banzhaf instead of Shapley",
        COMMON,
        "[1 / (players * math.comb(players - 1, size)) for size in range(players)]",
        "[0.5 ** (players - 1) for size in range(players)]",
        (
            EXPLAIN + "five_columns_that_are_all_needed_get_a_fifth_each",
            EXPLAIN + "shapley_values_share_out_what_the_whole_is_worth",
            EXPLAIN + "contributions_of_trees_sum_to_their_predictions",
            "pair:explain.tree_shap",
        ),
    ),
    Mutant(
        "coalitions are drawn with probability one half each member",
        KERNEL,
        "drawn = ranks < sizes[:, None]",
        "drawn = ranks < rng.binomial(players, 0.5, size=(left, 1))",
        (EXPLAIN + "a_single_coalition_of_many_columns_weighs_as_the_kernel_says",),
    ),
    Mutant(
        "all coalitions weigh the same in the kernel",
        KERNEL,
        "return (players - 1) / (size * (players - size))",
        "return np.array([float(math.comb(players, s)) for s in size])",
        ("pair:explain.kernel_shap", EXPLAIN + "boosted_regression_is_explained_the_same_by_kernel_and_by_trees"),
    ),
    Mutant(
        "efficiency is left to the regression",
        KERNEL,
        "phi: Array = free - direction * ((free.sum(axis=0) - gain) / direction.sum())\n"
        "    phi += (gain - phi.sum(axis=0)) / len(phi)  # what rounding leaves is shared",
        "phi: Array = free",
        (EXPLAIN + "sampled_contributions_sum_to_the_prediction_exactly_and_near_the_true_ones",),
    ),
    Mutant(
        "TreeSHAP takes both ways for equally likely",
        TREES,
        "share[left] = np.where(together > 0, nodes.cover[left], 0.5) / np.where(together > 0, together, 1.0)",
        "share[left] = 0.5",
        (EXPLAIN + "covers_decide_what_a_column_adds", "pair:explain.tree_shap"),
    ),
    Mutant(
        "a column that stands on a path twice is two players",
        TREES,
        "if followed[step, k] == column:",
        "if False:",
        ("pair:explain.tree_shap", EXPLAIN + "a_column_on_the_path_twice_is_one_player"),
    ),
    Mutant(
        "TreeSHAP divides from one end only",
        TREES,
        "while low < degree and z > 0.0 and z * polynomial[low + 1] >= polynomial[low]:",
        "while False:",
        (EXPLAIN + "deep_trees_keep_their_digits",),
    ),
    Mutant(
        "what the background's side adds is not taken away",
        TREES,
        "share = weights[count, own - 1] if sides[k] else -weights[count, own]",
        "share = weights[count, own - 1] if sides[k] else 0.0",
        ("pair:explain.interventional_tree_shap",),
    ),
    Mutant(
        "marginal contributions are taken against nothing instead of against the coalition",
        EXACT,
        "(worth[without | (1 << j)] - worth[without])",
        "(worth[without | (1 << j)] - worth[0])",
        (EXPLAIN + "shapley_values_share_out_what_the_whole_is_worth", "pair:explain.shapley_values"),
    ),
    Mutant(
        "LIME has no kernel",
        LIME,
        "weights = np.exp(-(z**2).sum(axis=1) / width**2)",
        "weights = np.ones(len(z))",
        (EXPLAIN + "the_surrogate_is_local",),
    ),
    Mutant(
        "LIME's surrogate has to go through zero",
        LIME,
        "centred, target = z - z_mean, said - mean",
        "centred, target = z, said",
        (EXPLAIN + "the_surrogate_of_a_linear_model_is_the_model",),
    ),
    Mutant(
        "the lasso shrinks only what is positive",
        LIME,
        "new = math.copysign(max(abs(pull) - alpha, 0.0), pull) / curvature",
        "new = max(pull - alpha, 0.0) / curvature",
        (EXPLAIN + "the_lasso_leaves_out_what_matters_little_and_meets_its_conditions",),
    ),
    Mutant(
        "integrated gradients forget how far the way is",
        GRADIENTS,
        "contributions: Array = (rows - start) * slope / count",
        "contributions: Array = slope / count",
        (EXPLAIN + "integrated_gradients_are_complete", "pair:explain.integrated_gradients"),
    ),
    Mutant(
        "gradients are taken at x instead of along the way",
        GRADIENTS,
        "point = start + (step + 0.5) / count * (rows - start)",
        "point = rows",
        (EXPLAIN + "integrated_gradients_are_complete", "pair:explain.integrated_gradients"),
    ),
    Mutant(
        "columns stay shuffled while the next ones are",
        IMPORTANCE,
        "        shuffled[:, j] = rows[:, j]\n",
        "",
        (EXPLAIN + "shuffling_what_a_model_needs_costs_it_its_score",),
    ),
    Mutant(
        "positive and negative values cancel",
        IMPORTANCE,
        "mean: Array = np.abs(phi).mean(axis=0)",
        "mean: Array = phi.mean(axis=0)",
        (EXPLAIN + "mean_absolute_values_do_not_cancel",),
    ),
]
