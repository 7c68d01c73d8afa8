"""Mistakes in `whitebox.ode`, the graph networks, the autoencoder, two towers and the product of experts."""

from __future__ import annotations

from mutants.mutant import Mutant

RUNGE_KUTTA = "whitebox.ode.runge_kutta"
NEURAL_ODE = "whitebox.ode.neural_ode"
ODE_ENSEMBLE = "whitebox.ode.ensemble"
ODE_LAWS = "laws.test_ode"
TOWER = "whitebox.recsys.two_tower"
TOWER_LAWS = "laws.test_two_tower"
VAE = "whitebox.vi.vae"
VAE_LAWS = "laws.test_vae"
EXPERTS = "whitebox.multimodal.experts"
FUSION = "whitebox.multimodal.fusion"
FUSION_LAWS = "laws.test_multimodal"
GCN = "whitebox.graph.gcn"
SAGE = "whitebox.graph.graphsage"
SPARSE = "whitebox.graph._sparse_product"
GRAPH_LAWS = "laws.test_graph_networks"

MUTANTS = [
    Mutant(
        "RK4 weighs its four slopes equally",
        RUNGE_KUTTA,
        "(k1 + k2 * 2.0 + k3 * 2.0 + k4) * (h / 6)",
        "(k1 + k2 + k3 + k4) * (h / 4)",
        (f"{ODE_LAWS}:test_rk4_is_of_fourth_order", "pair:ode.runge_kutta.rk4_step"),
    ),
    Mutant(
        "RK4 takes its second slope at the start",
        RUNGE_KUTTA,
        "k2 = field(t + h / 2, y + k1 * (h / 2))",
        "k2 = field(t, y + k1 * (h / 2))",
        (f"{ODE_LAWS}:test_rk4_integrates_cubic_polynomials_exactly", "pair:ode.runge_kutta.rk4_step"),
    ),
    Mutant(
        "the adaptive method goes on from a step that it rejected",
        RUNGE_KUTTA,
        "        if not error <= 1:\n",
        "        if not error <= 1e9:\n",
        (f"{ODE_LAWS}:test_a_sudden_turn_is_not_run_over",),
    ),
    Mutant(
        "states between steps are read off a straight line",
        RUNGE_KUTTA,
        "return y + h * np.tensordot(_INTERPOLANT @ place ** np.arange(1, 5), stages, 1)",
        "return y + place * (following - y)",
        (f"{ODE_LAWS}:test_states_between_steps_are_as_good_as_those_at_their_ends",),
    ),
    Mutant(
        "the adjoint integrates forward",
        NEURAL_ODE,
        "h = (when[place - 1] - when[place]) / steps",
        "h = (when[place] - when[place - 1]) / steps",
        (
            f"{ODE_LAWS}:test_adjoint_gradients_tend_to_those_through_the_solver_with_fourth_order",
            f"{ODE_LAWS}:test_the_adjoint_of_a_linear_equation_is_its_closed_form",
        ),
    ),
    Mutant(
        "the adjoint forgets the losses at times between",
        NEURAL_ODE,
        "adjoint = adjoint + g[place].ravel()",
        "adjoint = adjoint + g[place].ravel() * (place == len(when) - 1)",
        (f"{ODE_LAWS}:test_the_adjoint_of_a_linear_equation_is_its_closed_form",),
    ),
    Mutant(
        "the adjoint keeps the graph of its way forward",
        NEURAL_ODE,
        "with no_grad():\n            states = odeint(field, Tensor(y0), when, steps=steps).data",
        "if True:\n            kept = odeint(field, Tensor(y0), when, steps=steps)\n            states = kept.data\n"
        "            field.kept = kept",
        (f"{ODE_LAWS}:test_the_adjoint_needs_no_more_memory_for_more_steps",),
    ),
    Mutant(
        "bands of trajectories hold the noise of observations only",
        ODE_ENSEMBLE,
        "return carried + self.noise_ * rng.standard_normal(carried.shape)",
        "return carried.mean(axis=0) + self.noise_ * rng.standard_normal(carried.shape)",
        (f"{ODE_LAWS}:test_bands_hold_the_share_of_new_observations_that_they_promise",),
    ),
    Mutant(
        "the noise at the start of a prediction counts as noise of its end",
        ODE_ENSEMBLE,
        "variance = solve(np.eye(dimensions) + jacobian, squares)",
        "variance = solve(np.eye(dimensions) + 0 * jacobian, squares)",
        (f"{ODE_LAWS}:test_bands_hold_the_share_of_new_observations_that_they_promise",),
    ),
    Mutant(
        "a graph convolution leaves out self-loops",
        GCN,
        "np.concatenate([graph.values, np.ones(len(nodes))])",
        "np.concatenate([graph.values, 1e-300 * np.ones(len(nodes))])",
        (
            f"{GRAPH_LAWS}:test_layer_upon_layer_forgets_all_but_the_component_and_the_degree",
            "pair:graph.gcn.normalized_adjacency",
        ),
    ),
    Mutant(
        "a graph convolution normalises by the degree of one side only",
        GCN,
        "root[looped.rows] * root[looped.columns] * looped.values",
        "root[looped.rows] ** 2 * looped.values",
        (
            f"{GRAPH_LAWS}:test_the_propagation_is_symmetric_and_its_spectrum_lies_within_one",
            "pair:graph.gcn.normalized_adjacency",
        ),
    ),
    Mutant(
        "the gradient of a graph convolution flows along the edges",
        GCN,
        "back = multiply(propagation.T, g)",
        "back = multiply(propagation, g)",
        (f"{GRAPH_LAWS}:check_convolution",),
    ),
    Mutant(
        "the gradient of a sparse product flows along the edges",
        SPARSE,
        "multiply(matrix.T, g)",
        "multiply(matrix, g)",
        (f"{GRAPH_LAWS}:check_aggregation",),
    ),
    Mutant(
        "Monte-Carlo dropout is switched off at prediction",
        GCN,
        "drawn = [softmax(self._logits(propagation, features, rng)).data for _ in range(count)]",
        "drawn = [softmax(self._logits(propagation, features, None)).data for _ in range(count)]",
        (f"{GRAPH_LAWS}:test_dropout_in_prediction_says_what_is_not_known",),
    ),
    Mutant(
        "the mutual information is the entropy",
        "whitebox.graph.uncertainty",
        "entropy - _entropy(drawn).mean(axis=0)",
        "entropy",
        (f"{GRAPH_LAWS}:test_without_dropout_all_draws_agree", "pair:graph.uncertainty.predictive_uncertainty"),
    ),
    Mutant(
        "neighbours are drawn in the order of their numbers",
        SAGE,
        "order = np.lexsort((rng.random(len(rows)), rows))",
        "order = np.lexsort((np.arange(len(rows)), rows))",
        (f"{GRAPH_LAWS}:test_every_neighbour_is_drawn_equally_often",),
    ),
    Mutant(
        "neighbours are summed, not averaged",
        SAGE,
        "shares = edges.values / np.where(totals > 0, totals, 1.0)[edges.rows]",
        "shares = edges.values",
        ("pair:graph.graphsage.mean_aggregation",),
    ),
    Mutant(
        "neighbours that tie for the largest get the gradient each",
        SAGE,
        "ties = np.add.reduceat(hit, edges.starts[filled], axis=0)",
        "ties = 1",
        (f"{GRAPH_LAWS}:test_neighbours_that_tie_for_the_largest_share_the_gradient",),
    ),
    Mutant(
        "GraphSAGE takes a neighbour's features for the node's own",
        SAGE,
        "take(x, neighbourhood.own)",
        "take(x, neighbourhood.own[::-1])",
        (f"{GRAPH_LAWS}:test_a_new_order_of_the_nodes_reorders_what_is_computed",),
    ),
    Mutant(
        "the logarithm of the sampling probability is added instead of subtracted",
        TOWER,
        "scores - np.log(q).astype(scores.dtype)",
        "scores + np.log(q).astype(scores.dtype)",
        (
            f"{TOWER_LAWS}:test_corrected_exponentials_are_unbiased_for_the_sum_over_all_items",
            "pair:recsys.two_tower.logq_correction",
        ),
    ),
    Mutant(
        "the probability itself is subtracted",
        TOWER,
        "np.log(q).astype(scores.dtype)",
        "q.astype(scores.dtype)",
        (f"{TOWER_LAWS}:test_corrected_exponentials_are_unbiased_for_the_sum_over_all_items",),
    ),
    Mutant(
        "an item that two users chose is each one's negative",
        TOWER,
        "again = (chosen[:, None] == chosen) & ~np.eye(len(chosen), dtype=bool)",
        "again = (chosen[:, None] != chosen) & (chosen[:, None] == chosen)",
        (
            f"{TOWER_LAWS}:test_what_another_user_chose_too_is_no_negative",
            "pair:recsys.two_tower.in_batch_softmax_loss",
        ),
    ),
    Mutant(
        "the two towers are trained as if popularity did not count",
        TOWER,
        "q = frequencies[i] if self.correct else None",
        "q = None",
        (f"{TOWER_LAWS}:test_the_correction_is_worth_its_while_where_popularity_counts",),
    ),
    Mutant(
        "the divergence rewards distance",
        VAE,
        "self.log_likelihood(x, z) - gaussian_kl(mean, log_variance) * beta",
        "self.log_likelihood(x, z) + gaussian_kl(mean, log_variance) * beta",
        (f"{VAE_LAWS}:test_the_bounds_are_bounds_and_close_on_the_exact_likelihood",),
    ),
    Mutant(
        "the divergence takes the log variance for the variance",
        VAE,
        "mean * mean + variance - 1 - log_variance",
        "mean * mean + log_variance - 1 - np.log(np.abs(log_variance) + 1e-9)",
        (f"{VAE_LAWS}:test_the_divergence_is_the_integral_it_stands_for", "pair:vi.vae.gaussian_kl"),
    ),
    Mutant(
        "the log variance is taken as the standard deviation",
        VAE,
        "return mean + exp(log_variance * 0.5) * np.asarray(noise, mean.dtype)",
        "return mean + log_variance * np.asarray(noise, mean.dtype)",
        (f"{VAE_LAWS}:test_draws_have_the_mean_and_variance_asked_for", "pair:vi.vae.reparameterize"),
    ),
    Mutant(
        "the variance is taken as the standard deviation",
        VAE,
        "exp(log_variance * 0.5)",
        "exp(log_variance * 1.0)",
        (f"{VAE_LAWS}:test_draws_have_the_mean_and_variance_asked_for", "pair:vi.vae.reparameterize"),
    ),
    Mutant(
        "the bound of several draws is the mean of their logarithms",
        VAE,
        "logsumexp(log_weights, axis=0) - math.log(len(log_weights))",
        "log_weights.mean(axis=0)",
        (
            f"{VAE_LAWS}:test_the_bounds_are_bounds_and_close_on_the_exact_likelihood",
            "pair:vi.vae.importance_weighted_bound",
        ),
    ),
    Mutant(
        "weights of draws leave out how probable it was to draw them",
        VAE,
        "(log_variance + drawn * drawn - z * z)",
        "(log_variance * 0.0 - z * z)",
        (f"{VAE_LAWS}:test_with_the_exact_posterior_every_draw_gives_the_exact_likelihood",),
    ),
    Mutant(
        "the density forgets that rows were scaled",
        VAE,
        "bound - rows.shape[1] * math.log(self.scale_)",
        "bound - 0 * math.log(self.scale_)",
        (f"{VAE_LAWS}:test_without_hidden_layers_it_learns_probabilistic_pca",),
    ),
    Mutant(
        "a product of experts averages the variances",
        EXPERTS,
        "return Belief(weighted / total, -log(total))",
        "return Belief(weighted / total, -log(total * (1 / len(means))))",
        (
            f"{FUSION_LAWS}:test_the_fused_variance_is_at_most_that_of_each_expert",
            f"{FUSION_LAWS}:test_it_is_the_posterior_of_conditionally_independent_measurements",
            "pair:multimodal.experts.product_of_experts",
        ),
    ),
    Mutant(
        "a product of experts weighs by the standard deviation",
        EXPERTS,
        "exp(-where(sees, log_variance, np.zeros((), dtype)))",
        "exp(where(sees, log_variance, np.zeros((), dtype)) * -0.5)",
        (
            f"{FUSION_LAWS}:test_it_is_the_posterior_of_conditionally_independent_measurements",
            "pair:multimodal.experts.product_of_experts",
        ),
    ),
    Mutant(
        "a missing modality counts as one of mean 0 and variance 1",
        EXPERTS,
        "np.zeros((), dtype))), np.zeros((), dtype))",
        "np.zeros((), dtype))), np.ones((), dtype))",
        (
            f"{FUSION_LAWS}:test_a_missing_modality_is_one_of_infinite_variance",
            "pair:multimodal.experts.product_of_experts",
        ),
    ),
    Mutant(
        "each expert counts the prior in anew",
        EXPERTS,
        "where(sees, one - prior, np.zeros((), dtype))",
        "where(sees, one, np.zeros((), dtype))",
        (
            f"{FUSION_LAWS}:test_classes_by_several_experts_are_those_of_bayes_rule",
            "pair:multimodal.experts.product_of_categoricals",
        ),
    ),
    Mutant(
        "the loss takes the log variance for that of the deviation",
        EXPERTS,
        "value = 0.5 * (scaled + log_variance).mean()",
        "value = (0.5 * scaled + log_variance).mean()",
        (
            f"{FUSION_LAWS}:test_the_loss_is_the_normal_likelihood_and_least_at_the_squared_error",
            "pair:multimodal.experts.heteroscedastic_loss",
        ),
    ),
    Mutant(
        "early fusion sees in training what is to be missing",
        FUSION,
        "there = scaled * self._columns(seen)",
        "there = scaled * 1",
        (f"{FUSION_LAWS}:test_early_fusion_knows_as_much_of_whole_rows_and_roughly_what_is_missing",),
    ),
]
