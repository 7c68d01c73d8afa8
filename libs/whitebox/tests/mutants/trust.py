"""Mistakes in `whitebox.fairness`, `whitebox.privacy` and `whitebox.federated`."""

from __future__ import annotations

from mutants.mutant import Mutant

METRICS = "whitebox.fairness._metrics"
GROUPS = "whitebox.fairness._groups"
INTERVALS = "whitebox.fairness._intervals"
REWEIGHING = "whitebox.fairness._reweighing"
POST = "whitebox.fairness._postprocessing"
LENDING = "whitebox.fairness.lending"
MECHANISMS = "whitebox.privacy._mechanisms"
QUERIES = "whitebox.privacy._queries"
DISCRETE = "whitebox.privacy._discrete"
GAUSSIAN = "whitebox.privacy._gaussian"
RENYI = "whitebox.privacy._renyi"
ACCOUNTANT = "whitebox.privacy._accountant"
GRADIENTS = "whitebox.privacy._gradients"
AGGREGATION = "whitebox.federated._aggregation"
SERVER = "whitebox.federated._server"
CLIENT = "whitebox.federated._client"
TRAINING = "whitebox.federated._training"

SCALES = "laws.test_privacy:test_a_person_changes_a_query_by_its_sensitivity_at_most_and_the_noise_has_that_scale"
GOES_ON = "laws.test_federated:test_training_raises_once_the_budget_is_spent_and_never_goes_on_without_noise"
REFUSES = "laws.test_privacy:test_every_release_costs_and_the_budget_is_never_overspent"

MUTANTS = [
    Mutant(
        "a private mean takes its sensitivity from the data",
        QUERIES,
        "_release(rng, float(kept.mean()), (high - low) / len(kept), epsilon",
        "_release(rng, float(kept.mean()), (float(np.ptp(kept)) or 1e-9) / len(kept), epsilon",
        (SCALES,),
    ),
    Mutant(
        "the mean of a sum's sensitivity is not divided by the number of people",
        QUERIES,
        "(high - low) / len(kept), epsilon",
        "(high - low), epsilon",
        (SCALES,),
    ),
    Mutant(
        "values are not clipped to the bounds from which the sensitivity comes",
        QUERIES,
        "clipped: Array = np.clip(as_vector(values, name), low, high)",
        "clipped: Array = as_vector(values, name)",
        (SCALES,),
    ),
    Mutant(
        "a sum hides a person of the range of the bounds instead of their size",
        QUERIES,
        'max(abs(low), abs(high)) if neighbours == "add_remove" else high - low',
        "high - low",
        (SCALES,),
    ),
    Mutant(
        "a histogram forgets that a replaced person leaves one bin and enters another",
        QUERIES,
        'sensitivity = 2 if _known(neighbours) == "replace_one" else 1',
        'sensitivity = 1 if _known(neighbours) == "replace_one" else 1',
        (SCALES,),
    ),
    Mutant(
        "an area forgets that one height counts as far as its neighbours are",
        QUERIES,
        "(high - low) * float(weights.max())",
        "(high - low) / len(weights)",
        (SCALES,),
    ),
    Mutant(
        "noise has scale 1 over epsilon whatever the sensitivity",
        MECHANISMS,
        "width = math.ceil((bound + exact.size * step) / (epsilon * step))",
        "width = math.ceil(1 / (epsilon * step))",
        (SCALES, "laws.test_privacy:test_what_laplace_noise_gives_away_is_bounded_by_epsilon"),
    ),
    Mutant(
        "noise on counts forgets the sensitivity",
        MECHANISMS,
        'rate_below(epsilon / positive_int(sensitivity, "sensitivity"))',
        "rate_below(epsilon)",
        (SCALES, "laws.test_privacy:test_what_a_noisy_count_gives_away_is_bounded_by_epsilon"),
    ),
    Mutant(
        "the exponential mechanism forgets the two below the line",
        MECHANISMS,
        "epsilon / (2 * bound) * utility",
        "epsilon / bound * utility",
        ("laws.test_privacy:test_what_a_private_choice_gives_away_is_bounded_by_epsilon",),
    ),
    Mutant(
        "randomised response lies towards one answer",
        MECHANISMS,
        "(told + rng.integers(1, categories, len(told))) % categories",
        "(told + 1) % categories",
        ("laws.test_privacy:test_noisy_statistics_are_right_on_average",),
    ),
    Mutant(
        "a zero is drawn twice, once with either sign",
        DISCRETE,
        "done = ~(negative & (magnitude == 0))",
        "done = magnitude >= 0",
        ("laws.test_privacy:test_discrete_noise_has_the_probabilities_that_its_name_promises",),
    ),
    Mutant(
        "a rounded rate gives less noise than promised",
        DISCRETE,
        "s = math.floor(math.ldexp(rate, power))",
        "s = math.ceil(math.ldexp(rate, power))",
        ("laws.test_privacy:test_noise_is_as_large_as_its_scale_even_where_fractions_round",),
    ),
    Mutant(
        "noise of floating-point numbers betrays the value by its digits",
        MECHANISMS,
        "(np.rint(exact / step).astype(np.int64) + noise) * step",
        "exact + noise * step",
        ("laws.test_privacy:test_laplace_noise_lies_on_a_grid_that_does_not_depend_on_the_value",),
    ),
    Mutant(
        "normal noise is calibrated by the textbook's bound for small epsilon",
        GAUSSIAN,
        "return scale * least(lambda sigma: gaussian_delta(epsilon, sigma) <= target, 1.0)",
        "return scale * math.sqrt(2 * math.log(1.25 / target)) / epsilon",
        ("laws.test_privacy:test_analytic_calibration_keeps_its_promise_with_the_least_noise",),
    ),
    Mutant(
        "composition takes the largest epsilon instead of the sum",
        ACCOUNTANT,
        'rdp = self._rdp + positive_int(count, "count") * event.rdp(self.orders)',
        'rdp = np.maximum(self._rdp, positive_int(count, "count") * event.rdp(self.orders))',
        (REFUSES, "laws.test_privacy:test_composition_adds_up"),
    ),
    Mutant(
        "the accountant books what it refuses",
        ACCOUNTANT,
        "rdp, epsilon = self._after(event, count)\n        if not",
        "rdp, epsilon = self._after(event, count)\n        self._rdp = rdp\n        if not",
        (REFUSES, "laws.test_privacy:test_a_refused_release_draws_nothing"),
    ),
    Mutant(
        "the accountant warns nobody",
        ACCOUNTANT,
        "if not epsilon <= self.epsilon * (1 + _ROUNDING):",
        "if False:",
        (REFUSES, GOES_ON, "laws.test_privacy:test_a_refused_release_draws_nothing"),
    ),
    Mutant(
        "the conversion forgets delta",
        RENYI,
        "- (math.log(delta) + np.log(a)) / (a - 1)",
        "- np.log(a) / (a - 1)",
        ("pair:privacy.rdp_to_epsilon",),
    ),
    Mutant(
        "amplification by sampling multiplies epsilon by the rate",
        RENYI,
        "curve[finite] = np.minimum((left + (a - below) * (right - left)) / (a - 1), a / (2 * sigma * sigma))",
        "curve[finite] = q * a / (2 * sigma * sigma)",
        ("pair:privacy.rdp_subsampled_gaussian", "laws.test_privacy:test_sampling_amplifies_privacy"),
    ),
    Mutant(
        "gradients are scaled to the norm instead of clipped",
        GRADIENTS,
        "bound / np.maximum(norms, bound)",
        "bound / np.where(norms > 0, norms, 1.0)",
        ("pair:privacy.clip_rows", "laws.test_privacy:test_clipped_rows_are_short_and_point_where_they_did"),
    ),
    Mutant(
        "the noise of a step forgets the clipping norm",
        GRADIENTS,
        "rng.normal(0.0, sigma * bound, total.shape)",
        "rng.normal(0.0, sigma, total.shape)",
        (
            "laws.test_privacy:test_a_private_step_has_noise_of_multiplier_times_norm_over_expected_rows",
            "laws.test_federated:test_every_private_round_has_noise_of_multiplier_times_norm_over_expected_clients",
        ),
    ),
    Mutant(
        "the mean of a batch is clipped instead of each row",
        GRADIENTS,
        "clip_rows(sample, bound).sum(axis=0)",
        "len(sample) * clip_rows(sample.mean(axis=0, keepdims=True), bound)[0]",
        ("laws.test_federated:test_one_client_moves_private_parameters_by_its_share_of_the_norm_at_most",),
    ),
    Mutant(
        "a step is booked after its noise is drawn",
        GRADIENTS,
        "accountant.spend(SubsampledGaussianEvent(sigma, sampling_rate))",
        "rng.normal(); accountant.spend(SubsampledGaussianEvent(sigma, sampling_rate))",
        ("laws.test_privacy:test_a_refused_release_draws_nothing",),
    ),
    Mutant(
        "federated training goes on without noise once the budget is spent",
        TRAINING,
        'if when_exhausted == "raise":\n                raise\n            break',
        "server._parameters = parameters = np.mean([update.parameters for update in updates], axis=0)",
        (
            GOES_ON,
            "laws.test_federated:test_training_may_stop_instead_with_the_rounds_that_the_budget_covers",
        ),
    ),
    Mutant(
        "a private server averages without noise once the budget is spent",
        SERVER,
        "        move = noisy_gradient(",
        "        if self.accountant.remaining < 5.0:\n"
        "            self._parameters = self._parameters + np.mean([*usable, 0 * self._parameters], axis=0)\n"
        "            return self.parameters\n"
        "        move = noisy_gradient(",
        (
            GOES_ON,
            "laws.test_federated:test_training_may_stop_instead_with_the_rounds_that_the_budget_covers",
        ),
    ),
    Mutant(
        "a private mean of clients divides by who replied",
        SERVER,
        "expected_rows=self.sampling_rate * self._clients",
        "expected_rows=max(1, len(usable))",
        (
            "laws.test_federated:test_every_private_round_has_noise_of_multiplier_times_norm_over_expected_clients",
            "laws.test_federated:test_one_client_moves_private_parameters_by_its_share_of_the_norm_at_most",
        ),
    ),
    Mutant(
        "a private client trains on plain gradients",
        CLIENT,
        "        rows = poisson_sample(rng, len(self._X), batch_rate)\n        return noisy_gradient(",
        "        return Client._gradient(self, w, batch_rate, rng)\n        return noisy_gradient(",
        ("laws.test_federated:test_a_private_client_hides_its_rows_from_the_server_too_and_stops_with_its_budget",),
    ),
    Mutant(
        "averaging counts clients although rows are promised to count",
        AGGREGATION,
        'weights = np.array([number_in(update.samples, "samples", 1) for update in updates])',
        "weights = np.ones(len(updates))",
        (
            "pair:federated.weighted_average",
            "laws.test_federated:test_one_local_step_is_a_step_on_all_rows_together",
            "laws.test_federated:test_weights_matter_where_clients_differ",
        ),
    ),
    Mutant(
        "Bayesian aggregation adds variances",
        AGGREGATION,
        "precision = np.sum(sent, axis=0) - (len(sent) - 1) * prior * np.eye(width)",
        "precision = np.linalg.inv(np.sum([np.linalg.inv(one) for one in sent], axis=0))",
        (
            "pair:federated.bayesian_average",
            "laws.test_federated:test_the_product_of_the_clients_posteriors_is_the_posterior_of_all_rows",
        ),
    ),
    Mutant(
        "Bayesian aggregation counts the prior once a client",
        AGGREGATION,
        " - (len(sent) - 1) * prior * np.eye(width)",
        " - 0 * prior * np.eye(width)",
        (
            "pair:federated.bayesian_average",
            "laws.test_federated:test_the_product_of_the_clients_posteriors_is_the_posterior_of_all_rows",
        ),
    ),
    Mutant(
        "who is least sure counts most",
        AGGREGATION,
        "weights = 1 / variances",
        "weights = variances",
        ("pair:federated.inverse_variance_average", "laws.test_federated:test_who_is_surer_counts_more"),
    ),
    Mutant(
        "stragglers are waited for",
        TRAINING,
        "hurried if late else plan",
        "plan",
        ("laws.test_federated:test_stragglers_send_what_they_have",),
    ),
    Mutant(
        "disparate impact is turned upside down",
        METRICS,
        "ratio_interval(selected[i], sizes[i], selected[base], sizes[base], confidence)",
        "ratio_interval(selected[base], sizes[base], selected[i], sizes[i], confidence)",
        (
            "pair:fairness.disparate_impact",
            "laws.test_fairness:test_the_disadvantaged_groups_rate_stands_above_the_line_and_four_fifths_pass",
        ),
    ),
    Mutant(
        "four fifths exactly fail by rounding",
        METRICS,
        "passes = 5 * selected[i] * sizes[base] >= 4 * selected[base] * sizes[i]",
        "passes = (selected[i] / sizes[i]) * (1 / (selected[base] / sizes[base])) > 0.8",
        ("laws.test_fairness:test_the_disadvantaged_groups_rate_stands_above_the_line_and_four_fifths_pass",),
    ),
    Mutant(
        "equalised odds look at true positive rates only",
        METRICS,
        "np.maximum(_range(true_positive_rate(counts)), _range(false_positive_rate(counts)))",
        "_range(true_positive_rate(counts))",
        (
            "pair:fairness.equalized_odds_difference",
            "laws.test_fairness:test_equalised_odds_look_at_false_positives_as_well",
        ),
    ),
    Mutant(
        "the true positive rate is a share of the decisions",
        GROUPS,
        "share(counts[..., TP], counts[..., TP] + counts[..., FN])",
        "share(counts[..., TP], counts[..., TP] + counts[..., FP])",
        ("pair:fairness.equal_opportunity_difference",),
    ),
    Mutant(
        "calibration is measured over all groups",
        METRICS,
        "cell = numbers * width + np.minimum",
        "cell = 0 * numbers * width + np.minimum",
        ("laws.test_fairness:test_calibration_is_measured_within_each_group", "pair:fairness.calibration_by_group"),
    ),
    Mutant(
        "Newcombe's ends are put together the wrong way round",
        INTERVALS,
        "p - q - math.hypot(p - low_p, high_q - q), p - q + math.hypot(high_p - p, q - low_q)",
        "p - q - math.hypot(p - low_p, q - low_q), p - q + math.hypot(high_p - p, high_q - q)",
        ("pair:fairness.difference_interval",),
    ),
    Mutant(
        "reweighing divides the wrong way",
        REWEIGHING,
        "(expected / np.maximum(together, 1))",
        "(together / expected)",
        (
            "pair:fairness.reweighing",
            "laws.test_fairness:test_reweighed_labels_and_groups_are_independent",
        ),
    ),
    Mutant(
        "post-processing takes the highest hull, which one group alone reaches",
        POST,
        "lowest = np.min(",
        "lowest = np.max(",
        ("pair:fairness.derive_predictor",),
    ),
    Mutant(
        "post-processing does not look where hulls cross",
        POST,
        "row, column = np.nonzero(left * right < 0)",
        "row, column = np.nonzero(left * right < -9)",
        ("laws.test_fairness:test_the_best_common_point_may_be_where_hulls_cross",),
    ),
    Mutant(
        "a group that could do better is not held back",
        POST,
        "ignore = (height - tpr) / (height - fpr) if height > tpr else 0.0",
        "ignore = 0.0",
        ("laws.test_fairness:test_a_derived_predictor_satisfies_its_constraint_exactly",),
    ),
    Mutant(
        "post-processing is derived from the biased approvals",
        LENDING,
        "past.repays[audited]",
        "state.approved[audited]",
        ("laws.test_fairness:test_mitigations_bring_the_groups_together_and_biased_labels_call_it_a_loss",),
    ),
    Mutant(
        "decisions are judged by the officers that biased them",
        LENDING,
        "float((decided == people.repays).mean())",
        "float((decided == officers).mean())",
        ("laws.test_fairness:test_mitigations_bring_the_groups_together_and_biased_labels_call_it_a_loss",),
    ),
]
