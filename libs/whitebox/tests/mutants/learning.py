"""Mistakes in classical learning."""

from __future__ import annotations

from mutants.mutant import Mutant

LEAST_SQUARES = "whitebox.linear_model._least_squares"
LASSO = "whitebox.linear_model._lasso"
SMO = "whitebox.svm._smo"
SVC = "whitebox.svm._svc"
SVR = "whitebox.svm._svr"
KERNELS = "whitebox.svm._kernels"
PLATT = "whitebox.svm._platt"
SEARCH = "whitebox.neighbors._search"
NEAREST = "whitebox.neighbors._nearest"
GAUSSIAN = "whitebox.naive_bayes._gaussian"
COUNTS = "whitebox.naive_bayes._counts"
KMEANS = "whitebox.cluster._kmeans"
SEEDING = "whitebox.cluster._seeding"
TRUNCATED = "whitebox.decomposition._truncated_svd"
TSNE = "whitebox.manifold._tsne"
ALS = "whitebox.recsys._als"
FUNK = "whitebox.recsys._funk"
IMPUTED = "whitebox.recsys._imputed"
MODEL = "whitebox.recsys._model"
CLASSIFICATION = "whitebox.metrics.classification"
REGRESSION = "whitebox.metrics.regression"
CLUSTERING = "whitebox.metrics.clustering"
LAWS = "laws.test_learning"

MUTANTS = [
    Mutant(
        "the intercept is left at the mean of y",
        LEAST_SQUARES,
        "target_mean - row_mean @ weights",
        "target_mean + 0 * (row_mean @ weights)",
        (
            "pair:linear_model.LinearRegression",
            "pair:linear_model.Ridge",
        ),
    ),
    Mutant(
        "ridge and lasso without centring, which penalises the intercept",
        LEAST_SQUARES,
        "return rows - row_mean, target - target_mean, row_mean, np.asarray(target_mean)",
        "return rows, target, 0 * row_mean, 0 * np.asarray(target_mean)",
        (
            f"{LAWS}:test_the_gradient_of_ridge_vanishes_and_its_intercept_is_free",
            f"{LAWS}:test_the_lasso_is_optimal_and_leaves_out_what_correlates_too_little",
        ),
    ),
    Mutant(
        "ridge penalises by the mean of the loss",
        LEAST_SQUARES,
        "rows.T @ rows + alpha * np.eye(d)",
        "rows.T @ rows + n * alpha * np.eye(d)",
        (f"{LAWS}:test_the_gradient_of_ridge_vanishes_and_its_intercept_is_free",),
    ),
    Mutant(
        "dependent columns are solved as if they were not",
        LEAST_SQUARES,
        "L.diagonal().min() > _INDEPENDENT",
        "L.diagonal().min() > 0",
        (f"{LAWS}:test_an_ill_conditioned_least_squares_problem_keeps_its_digits",),
    ),
    Mutant(
        "lasso without the soft threshold",
        LASSO,
        "new = (pull - alpha) / curvature",
        "new = pull / curvature",
        (f"{LAWS}:test_the_lasso_is_optimal_and_leaves_out_what_correlates_too_little",),
    ),
    Mutant(
        "lasso forgets its own part of the residual",
        LASSO,
        "pull = slope[j] + curvature * weights[j]",
        "pull = slope[j]",
        (f"{LAWS}:test_the_lasso_is_optimal_and_leaves_out_what_correlates_too_little",),
    ),
    Mutant(
        "the gap is measured at a residual that is no point of the dual",
        LASSO,
        "shrink = min(1.0, alpha / steepest) if steepest > 0 else 1.0",
        "shrink = 1.0",
        (f"{LAWS}:test_the_gap_bounds_what_the_lasso_has_left_to_gain",),
    ),
    Mutant(
        "SMO looks at positive multipliers only while all start at zero, so it never trains",
        SMO,
        "if gradient[t] < steepest and beta[t] < upper[t]:",
        "if gradient[t] < steepest and beta[t] != 0.0 and beta[t] < upper[t]:",
        (f"{LAWS}:test_training_from_multipliers_that_are_all_zero_separates_the_classes",),
    ),
    Mutant(
        "the bias has the wrong sign",
        SMO,
        "return 0.0 - float(gradient[free].mean())",
        "return float(gradient[free].mean())",
        (f"{LAWS}:test_support_vectors_satisfy_the_optimality_conditions",),
    ),
    Mutant(
        "the bias is averaged over all multipliers, at bounds too",
        SMO,
        "free = (beta > lower) & (beta < upper)",
        "free = np.ones(len(beta), dtype=bool)",
        (f"{LAWS}:test_support_vectors_satisfy_the_optimality_conditions",),
    ),
    Mutant(
        "multipliers leave the box",
        SMO,
        "if step >= rise and rise <= fall:",
        "if step >= rise and rise <= fall and n < 0:",
        (f"{LAWS}:test_support_vectors_satisfy_the_optimality_conditions",),
    ),
    Mutant(
        "only one gradient of the pair's two kernel rows is taken along",
        SMO,
        "gradient[t] += step * (row_i[t] - row_j[t])",
        "gradient[t] += step * row_i[t]",
        ("pair:svm.solve_dual",),
    ),
    Mutant(
        "an evicted kernel row is still believed to be there",
        SMO,
        "slot_of[owner[slot]] = -1",
        "pass",
        (f"{LAWS}:test_a_cache_of_few_rows_changes_nothing",),
    ),
    Mutant(
        "the RBF kernel takes distances for their squares",
        KERNELS,
        "likeness: Array = np.exp(exponent, out=exponent)",
        "likeness: Array = np.exp(-np.sqrt(-exponent))",
        (f"{LAWS}:test_the_duality_gap_of_the_machine_is_small",),
    ),
    Mutant(
        "regression without a tube",
        SVR,
        "[target - epsilon, target + epsilon]",
        "[target, target]",
        (f"{LAWS}:test_errors_inside_the_tube_have_no_multiplier",),
    ),
    Mutant(
        "votes of a pair go to the other class",
        SVC,
        "votes[:, positive] += won",
        "votes[:, positive] += ~won",
        (f"{LAWS}:test_three_classes_are_told_apart_and_probabilities_follow_the_votes",),
    ),
    Mutant(
        "Platt's sigmoid learns from decision values of rows the machine has seen",
        SVC,
        "held, seen = fold == number, fold != number",
        "held, seen = fold == number, fold >= 0",
        (f"{LAWS}:test_probabilities_of_noise_are_shares_and_not_certainties",),
    ),
    Mutant(
        "Platt's targets are 0 and 1",
        PLATT,
        "np.where(labels, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))",
        "np.where(labels, 1.0, 0.0)",
        (f"{LAWS}:test_the_sigmoid_keeps_the_mean_of_its_targets_and_never_reaches_certainty",),
    ),
    Mutant(
        "pairs are coupled with their directions exchanged",
        PLATT,
        "other = r.transpose(0, 2, 1)",
        "other = r",
        (f"{LAWS}:test_consistent_pairs_give_back_the_probabilities_they_come_from",),
    ),
    Mutant(
        "ties between neighbours are left to the order of selection",
        SEARCH,
        "np.lexsort((columns, squared, which))",
        "np.lexsort((-columns, squared, which))",
        (f"{LAWS}:test_neighbours_are_those_of_a_full_sort_with_ties_to_the_lower_index",),
    ),
    Mutant(
        "neighbours are ruled out by distances that have lost their digits",
        SEARCH,
        "slack = relative * (query_squares + longest)",
        "slack = 0 * query_squares",
        (f"{LAWS}:test_neighbours_are_those_of_a_full_sort_with_ties_to_the_lower_index",),
    ),
    Mutant(
        "only the first block of rows is searched",
        SEARCH,
        "found.append((which, columns + start, closeness.ravel()[near]))",
        "found.append((which, columns, closeness.ravel()[near]))",
        (f"{LAWS}:test_scaling_and_shifting_rows_and_queries_changes_no_neighbour",),
    ),
    Mutant(
        "a neighbour at distance zero is divided by",
        NEAREST,
        "np.where(nearest == 0, touching, nearest / np.where(touching, 1.0, distances))",
        "1.0 / distances",
        (f"{LAWS}:test_votes_that_tie_go_to_the_first_class_and_near_rows_weigh_more",),
    ),
    Mutant(
        "votes that tie go to the last class",
        NEAREST,
        "numbers = self.predict_proba(X).argmax(axis=1)",
        "numbers = len(self.classes_) - 1 - self.predict_proba(X)[:, ::-1].argmax(axis=1)",
        (f"{LAWS}:test_votes_that_tie_go_to_the_first_class_and_near_rows_weigh_more",),
    ),
    Mutant(
        "naive Bayes without smoothing",
        COUNTS,
        "smoothed = self.feature_count_ + self.alpha",
        "smoothed = self.feature_count_",
        (f"{LAWS}:test_a_word_that_a_class_has_never_shown_does_not_rule_it_out",),
    ),
    Mutant(
        "smoothing is not counted in the total",
        COUNTS,
        "np.log(smoothed.sum(axis=1, keepdims=True))",
        "np.log(self.feature_count_.sum(axis=1, keepdims=True))",
        (f"{LAWS}:test_a_word_that_a_class_has_never_shown_does_not_rule_it_out",),
    ),
    Mutant(
        "Bernoulli naive Bayes is deaf to absence",
        COUNTS,
        "present @ (self.feature_log_prob_ - absent).T + self.class_log_prior_ + absent.sum(axis=1)",
        "present @ self.feature_log_prob_.T + self.class_log_prior_",
        (f"{LAWS}:test_absence_speaks_in_bernoulli_naive_bayes",),
    ),
    Mutant(
        "the complement holds the class itself",
        COUNTS,
        "self.feature_count_.sum(axis=0) - self.feature_count_ + self.alpha",
        "self.feature_count_.sum(axis=0) + 0 * self.feature_count_ + self.alpha",
        ("pair:naive_bayes.ComplementNB",),
    ),
    Mutant(
        "variances without epsilon",
        GAUSSIAN,
        "members.T @ deviations**2 / counts + self.epsilon_",
        "members.T @ deviations**2 / counts",
        (f"{LAWS}:test_a_feature_constant_within_a_class_does_not_decide_alone",),
    ),
    Mutant(
        "the determinant is forgotten in the density",
        GAUSSIAN,
        "0.5 * (normaliser.sum() + misfit.sum(axis=1))",
        "0.5 * misfit.sum(axis=1)",
        ("pair:naive_bayes.GaussianNB",),
    ),
    Mutant(
        "k-means++ draws by the distance and not by its square",
        SEEDING,
        "cumulative = nearest.cumsum()",
        "cumulative = np.sqrt(nearest).cumsum()",
        (f"{LAWS}:test_rows_are_drawn_by_the_square_of_their_distance",),
    ),
    Mutant(
        "k-means++ forgets the seeds before the last",
        SEEDING,
        "np.minimum(distances, nearest, out=distances)",
        "nearest",
        (f"{LAWS}:test_every_far_group_gets_a_seed",),
    ),
    Mutant(
        "an empty cluster stays where it is",
        KMEANS,
        "if empty.size:",
        "if False:",
        (f"{LAWS}:test_a_centre_without_rows_moves_to_the_farthest_row",),
    ),
    Mutant(
        "bounds do not follow the centres",
        KMEANS,
        "self._lower -= moved.max()",
        "self._lower -= 0.0",
        (f"{LAWS}:test_no_iteration_raises_the_inertia_and_bounds_change_nothing",),
    ),
    Mutant(
        "labels are not those of the last centres",
        KMEANS,
        "changed = self._reassign(moved)",
        "changed = bool(moved.any())",
        (f"{LAWS}:test_centres_are_means_and_labels_nearest_when_k_means_has_converged",),
    ),
    Mutant(
        "the truncated decomposition centres",
        TRUNCATED,
        "else self._rows_to_fit(X)",
        "else self._rows_to_fit(X) - self._rows_to_fit(X).mean(axis=0)",
        ("pair:decomposition.TruncatedSVD",),
    ),
    Mutant(
        "SNE: a Gaussian in the map",
        TSNE,
        "    kernel += 1.0\n    np.reciprocal(kernel, out=kernel)\n",
        "    np.exp(-kernel, out=kernel)\n",
        (f"{LAWS}:test_distances_in_the_map_count_by_students_distribution",),
    ),
    Mutant(
        "the gradient without the kernel, as in SNE",
        TSNE,
        "    work *= kernel\n",
        "",
        (f"{LAWS}:test_the_gradient_of_the_map_is_that_of_finite_differences",),
    ),
    Mutant(
        "affinities that are not divided by twice the number of rows",
        TSNE,
        "(conditional + conditional.T) / (2 * len(rows))",
        "(conditional + conditional.T) / len(rows)",
        (f"{LAWS}:test_every_row_has_the_perplexity_that_was_asked_for",),
    ),
    Mutant(
        "affinities that are not symmetric",
        TSNE,
        "(conditional + conditional.T) / (2 * len(rows))",
        "conditional / len(rows)",
        (f"{LAWS}:test_every_row_has_the_perplexity_that_was_asked_for",),
    ),
    Mutant(
        "the perplexity is taken for the entropy in bits",
        TSNE,
        "wanted = math.log(perplexity)",
        "wanted = math.log2(perplexity)",
        (f"{LAWS}:test_every_row_has_the_perplexity_that_was_asked_for",),
    ),
    Mutant(
        "the gradient's factor is 2",
        TSNE,
        "4 * (work.sum(axis=1)",
        "2 * (work.sum(axis=1)",
        (f"{LAWS}:test_the_gradient_of_the_map_is_that_of_finite_differences",),
    ),
    Mutant(
        "FunkSVD updates the item's factor with the user's already updated one",
        FUNK,
        "Q[i, f] = q + rate * (error * p - reg * q)",
        "Q[i, f] = q + rate * (error * P[u, f] - reg * q)",
        (f"{LAWS}:test_factors_are_stepped_from_where_both_stood",),
    ),
    Mutant(
        "FunkSVD without biases",
        FUNK,
        "user_biases[u] += rate * (error - reg * user_biases[u])",
        "user_biases[u] += 0.0",
        (f"{LAWS}:test_epochs_lower_the_error_and_biases_alone_give_means",),
    ),
    Mutant(
        "implicit ALS ignores the confidence",
        ALS,
        "extra, turned_extra = alpha * seen.ratings, alpha * turned.ratings",
        "extra, turned_extra = alpha * np.ones(len(seen.ratings)), alpha * np.ones(len(seen.ratings))",
        (f"{LAWS}:test_confidence_makes_what_was_seen_often_count_more",),
    ),
    Mutant(
        "implicit ALS leaves out what was not seen",
        ALS,
        "solve_rows(seen, Q, Q.T @ Q, weights=extra",
        "solve_rows(seen, Q, 0 * Q.T @ Q, weights=1 + extra",
        (f"{LAWS}:test_no_iteration_of_alternating_least_squares_raises_the_objective",),
    ),
    Mutant(
        "ALS fits the count where it should fit the preference",
        ALS,
        "targets=1 + extra, reg=reg)\n            Q",
        "targets=(1 + extra) * seen.ratings, reg=reg)\n            Q",
        ("pair:recsys.ImplicitALS",),
    ),
    Mutant(
        "missing ratings are filled in with zeros of the rating itself",
        IMPUTED,
        "filled[seen.users, seen.items] = residual",
        "filled[:] = 0.0\n            filled[seen.users, seen.items] = residual",
        (f"{LAWS}:test_filling_in_lowers_the_error_on_the_ratings_every_time",),
    ),
    Mutant(
        "what a user has seen is recommended again",
        MODEL,
        "scores[left_out[left_out < len(scores)]] = -np.inf",
        "pass",
        (
            f"{LAWS}:test_recommendations_are_the_highest_predictions_without_what_is_excluded",
            f"{LAWS}:test_what_was_held_out_is_looked_for_among_what_was_not_seen",
        ),
    ),
    Mutant(
        "equal scores count as right in the AUC",
        CLASSIFICATION,
        "np.cumsum(counts) - (counts - 1) / 2",
        "np.cumsum(counts)",
        ("pair:metrics.classification.roc_auc_score",),
    ),
    Mutant(
        "F1 is the mean of precision and recall",
        CLASSIFICATION,
        "for whole in (predicted, true, (predicted + true) / 2)]",
        "for whole in (predicted, true, np.sqrt(predicted * true))]",
        ("pair:metrics.classification.precision_recall_f1",),
    ),
    Mutant(
        "R² is measured around zero",
        REGRESSION,
        "((true - true.mean()) ** 2).sum()",
        "(true**2).sum()",
        ("pair:metrics.regression.r2_score",),
    ),
    Mutant(
        "a row counts among its own neighbours in the silhouette",
        CLUSTERING,
        "np.maximum(counts[own] - 1, 1)",
        "counts[own]",
        ("pair:metrics.clustering.silhouette_score",),
    ),
]
