"""Mistakes in `whitebox.filtering`."""

from __future__ import annotations

from mutants.mutant import Mutant

KALMAN = "whitebox.filtering.kalman"
LOOPS = "whitebox.filtering._loops"
EXTENDED = "whitebox.filtering.extended"
UNSCENTED = "whitebox.filtering.unscented"
SMOOTHER = "whitebox.filtering.smoother"
PARTICLE = "whitebox.filtering.particle"
LAWS = "laws.test_filtering"

MUTANTS = [
    Mutant(
        "the covariance is updated by (I - K H) P, which rounding makes indefinite",
        KALMAN,
        "covariance = symmetric(kept @ state.covariance @ kept.T + gain @ R @ gain.T)",
        "covariance = kept @ state.covariance",
        (f"{LAWS}:test_an_observation_a_billion_times_as_precise_as_what_was_known_leaves_its_own_covariance",),
    ),
    Mutant(
        "the covariance is not made symmetric",
        KALMAN,
        "covariance = symmetric(kept @ state.covariance @ kept.T + gain @ R @ gain.T)",
        "covariance = kept @ state.covariance @ kept.T + gain @ R",
        ("pair:filtering.kalman.update",),
    ),
    Mutant(
        "the prediction forgets the noise of the process",
        KALMAN,
        "symmetric(model.transition @ cross + model.process_noise)",
        "symmetric(model.transition @ cross)",
        ("pair:filtering.kalman.predict", "pair:filtering.kalman.filter"),
    ),
    Mutant(
        "the log-likelihood counts the determinant once and not half of it twice",
        KALMAN,
        "/ 2 - float(np.log(L.diagonal()).sum())",
        "/ 2 - 2 * float(np.log(L.diagonal()).sum())",
        ("pair:filtering.kalman.update",),
    ),
    Mutant(
        "the compiled loop takes the gain from before the last triangular system",
        LOOPS,
        "        backward(L, count, table)\n",
        "",
        (f"{LAWS}:test_the_compiled_loops_do_what_the_steps_do",),
    ),
    Mutant(
        "the compiled loop leaves K R Kᵀ out of Joseph's form",
        LOOPS,
        "        add_symmetric(half, covariances[t])",
        "        half[:] = 0.0\n        add_symmetric(half, covariances[t])",
        (f"{LAWS}:test_the_compiled_loops_do_what_the_steps_do",),
    ),
    Mutant(
        "the compiled loop counts a missing value as zero",
        LOOPS,
        "if not math.isnan(observations[t, i]):",
        "if math.isnan(observations[t, i]):\n                innovations[t, i] = 0.0 - expected\n            if True:",
        (f"{LAWS}:test_the_compiled_loops_do_what_the_steps_do",),
    ),
    Mutant(
        "the extended filter takes H from where the state was before",
        EXTENDED,
        'H = _jacobian(model, "observation", state.mean, (m, len(state.mean)))',
        'H = _jacobian(model, "observation", model.mean + 1, (m, len(state.mean)))',
        ("pair:filtering.extended.update",),
    ),
    Mutant(
        "the unscented filter subtracts and loses positive definiteness",
        UNSCENTED,
        "return SquareRoot(mean, triangle[k:, k:]), Update(",
        "return SquareRoot(mean, _root(state.covariance - shared.T @ shared)), Update(",
        (f"{LAWS}:test_a_subtraction_would_have_lost_positive_definiteness_where_the_unscented_filter_keeps_it",),
    ),
    Mutant(
        "the point in the middle has no weight of its own in covariances",
        UNSCENTED,
        "1 + (spread.beta - spread.alpha**2) * length",
        "1 + 0.0 * length",
        (
            "pair:filtering.unscented.predict",
            f"{LAWS}:test_the_unscented_transform_is_right_to_second_order_where_the_tangent_is_not",
        ),
    ),
    Mutant(
        "the sigma points lie at one standard deviation whatever the dimension",
        UNSCENTED,
        "return self.alpha * math.sqrt(n + self.kappa)",
        "return self.alpha * math.sqrt(1 + self.kappa)",
        ("pair:filtering.unscented.sigma_points",),
    ),
    Mutant(
        "the smoother divides by the filtered covariance instead of the predicted one",
        SMOOTHER,
        "predicted = filtered.predicted_covariances[t + 1]",
        "predicted = filtered.covariances[t + 1]",
        ("pair:filtering.smoother.rts", f"{LAWS}:test_a_reversible_process_looks_the_same_backwards"),
    ),
    Mutant(
        "the smoother compares with the filtered mean instead of the predicted one",
        SMOOTHER,
        "G @ (smoothed.means[t + 1] - filtered.predicted_means[t + 1])",
        "G @ (smoothed.means[t + 1] - filtered.means[t + 1])",
        ("pair:filtering.smoother.rts", f"{LAWS}:test_a_reversible_process_looks_the_same_backwards"),
    ),
    Mutant(
        "trajectories are drawn with the filtered spread",
        SMOOTHER,
        "semidefinite_root(filtered.covariances[t] - known, filtered.covariances[t])",
        "semidefinite_root(filtered.covariances[t], filtered.covariances[t])",
        (f"{LAWS}:test_trajectories_drawn_backwards_have_the_smoothers_moments",),
    ),
    Mutant(
        "particles keep their weights when they are resampled",
        PARTICLE,
        "return Particles(state.states[chosen], np.full(count, -math.log(count)))",
        "return Particles(state.states[chosen], state.log_weights)",
        (
            f"{LAWS}:test_resampled_particles_weigh_the_same",
            f"{LAWS}:test_the_particle_filter_converges_to_the_kalman_filter",
        ),
    ),
    Mutant(
        "one uniform number for each particle is called systematic",
        PARTICLE,
        "    return _at(shares, (np.arange(teeth) + shift) / teeth)",
        "    return _at(shares, (np.arange(teeth) + np.random.default_rng(0).random(teeth)) / teeth)",
        (
            "pair:filtering.particle.systematic",
            f"{LAWS}:test_systematic_resampling_gives_each_its_share_rounded_up_or_down",
        ),
    ),
    Mutant(
        "the likelihood is estimated from weights that do not sum to one",
        PARTICLE,
        "    log_weights = unnormalised - total\n",
        "    log_weights = unnormalised\n",
        (f"{LAWS}:test_the_particle_filter_converges_to_the_kalman_filter",),
    ),
    Mutant(
        "particles are resampled at every step",
        PARTICLE,
        "if info.effective_sample_size < low and",
        "if True and",
        (f"{LAWS}:test_particles_are_resampled_when_their_weights_have_become_unequal_and_only_then",),
    ),
]
