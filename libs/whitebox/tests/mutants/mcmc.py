"""Mistakes in `whitebox.mcmc`."""

from __future__ import annotations

from mutants.mutant import Mutant

METROPOLIS = "whitebox.mcmc._metropolis"
HAMILTONIAN = "whitebox.mcmc._hamiltonian"
NUTS = "whitebox.mcmc._nuts"
ADAPTATION = "whitebox.mcmc._adaptation"
DIAGNOSTICS = "whitebox.mcmc._diagnostics"
LAWS = "laws.test_mcmc"

MUTANTS = [
    Mutant(
        "the ratio of the proposals stands upside down",
        METROPOLIS,
        "self.proposal.log_density(x, y) - self.proposal.log_density(y, x)",
        "self.proposal.log_density(y, x) - self.proposal.log_density(x, y)",
        (
            f"{LAWS}:test_on_a_finite_space_the_flow_from_x_to_y_is_that_from_y_to_x",
            f"{LAWS}:test_multiplicative_walks_stay_in_the_target",
            "pair:mcmc.MetropolisHastings",
        ),
    ),
    Mutant(
        "Metropolis takes every proposal for symmetric",
        METROPOLIS,
        "then.log_density - state.log_density + correction",
        "then.log_density - state.log_density",
        (
            f"{LAWS}:test_the_proposals_densities_balance_the_flow",
            f"{LAWS}:test_multiplicative_walks_stay_in_the_target",
            "pair:mcmc.MetropolisHastings",
        ),
    ),
    Mutant(
        "HMC accepts whatever the trajectory leads to",
        HAMILTONIAN,
        "accepted = bool(rng.random() < acceptance)",
        "accepted = bool(rng.random() < 2.0)",
        (f"{LAWS}:test_hamiltonian_trajectories_stay_in_the_target", "pair:mcmc.HMC"),
    ),
    Mutant(
        "the momentum is the same in every step",
        HAMILTONIAN,
        "momentum = self.metric.draw(rng, len(state.position))",
        "momentum = np.ones(len(state.position))",
        (f"{LAWS}:test_every_step_draws_its_momentum_anew", "pair:mcmc.HMC"),
    ),
    Mutant(
        "momenta have the inverse mass as variance",
        HAMILTONIAN,
        "self._spread = 1 / np.sqrt(inverse)",
        "self._spread = np.sqrt(inverse)",
        (f"{LAWS}:test_momenta_are_drawn_with_the_masses_as_covariance", "pair:mcmc.Metric"),
    ),
    Mutant(
        "the first half of a leapfrog step is a whole one",
        HAMILTONIAN,
        "half = point.momentum + 0.5 * step_size * point.gradient",
        "half = point.momentum + step_size * point.gradient",
        (
            f"{LAWS}:test_a_negative_step_and_a_turned_momentum_undo_the_leapfrog",
            f"{LAWS}:test_the_energy_is_wrong_by_the_square_of_the_step_size",
            "pair:mcmc.leapfrog",
        ),
    ),
    Mutant(
        "the last kick of a leapfrog step goes downhill",
        HAMILTONIAN,
        "half + 0.5 * step_size * gradient",
        "half - 0.5 * step_size * gradient",
        (f"{LAWS}:test_the_energy_is_wrong_by_the_square_of_the_step_size", "pair:mcmc.leapfrog"),
    ),
    Mutant(
        "NUTS moves to the newest half whatever its weight",
        NUTS,
        "switch = half.usable and math.log(1 - rng.random()) < half.log_weight - tree.log_weight",
        "switch = half.usable",
        (f"{LAWS}:test_trajectories_without_u_turns_stay_in_the_target", "pair:mcmc.NUTS"),
    ),
    Mutant(
        "NUTS moves into a half that turns back, from where it would not have come",
        NUTS,
        "switch = half.usable and math.log",
        "switch = math.log",
        ("pair:mcmc.NUTS",),
    ),
    Mutant(
        "NUTS goes on doubling after a sub-tree has turned back or diverged",
        NUTS,
        "usable = outer.usable and not (",
        "usable = not (",
        (f"{LAWS}:test_a_trajectory_ends_where_it_diverges",),
    ),
    Mutant(
        "the U-turn is looked for with the last momentum in place of the sum",
        NUTS,
        "momentum = left.momentum + right.momentum\n",
        "momentum = right.last.momentum\n",
        ("pair:mcmc.NUTS",),
    ),
    Mutant(
        "dual averaging lengthens steps that are refused",
        ADAPTATION,
        "share * (self.target - acceptance)",
        "share * (acceptance - self.target)",
        (
            f"{LAWS}:test_dual_averaging_finds_the_step_size_with_the_wanted_acceptance",
            "pair:mcmc.DualAveraging",
        ),
    ),
    Mutant(
        "Welford squares the deviation from the old mean",
        ADAPTATION,
        "deviation * (x - mean)",
        "deviation * deviation",
        ("pair:mcmc.Welford",),
    ),
    Mutant(
        "the warm-up takes variances for masses",
        ADAPTATION,
        "inverse_mass=shrunk",
        "inverse_mass=1 / shrunk",
        (f"{LAWS}:test_the_warm_up_learns_the_widths_of_the_target",),
    ),
    Mutant(
        "R-hat of whole chains, which may drift together",
        DIAGNOSTICS,
        '"split": lambda x: _rhat(_split(x))',
        '"split": _rhat',
        (f"{LAWS}:test_a_chain_that_drifts_differs_from_itself", "pair:mcmc.rhat"),
    ),
    Mutant(
        "R-hat does not compare widths",
        DIAGNOSTICS,
        "max(_rhat(rank_normalise(halves)), _rhat(rank_normalise(folded)))",
        "_rhat(rank_normalise(halves))",
        (f"{LAWS}:test_chains_of_different_width_are_noticed_by_folding_only", "pair:mcmc.rhat"),
    ),
    Mutant(
        "the effective sample size ignores odd lags",
        DIAGNOSTICS,
        ".reshape(-1, 2).sum(axis=1)",
        ".reshape(-1, 2)[:, 0]",
        (f"{LAWS}:test_the_effective_sample_size_of_an_autoregression_is_known", "pair:mcmc.ess"),
    ),
    Mutant(
        "the effective sample size believes pairs that grow",
        DIAGNOSTICS,
        "np.minimum.accumulate(pairs[:stop])",
        "pairs[:stop]",
        ("pair:mcmc.ess",),
    ),
    Mutant(
        "the autocovariance wraps round the end of the chain",
        DIAGNOSTICS,
        "if size >= n)",
        "if size >= n / 2)",
        (f"{LAWS}:test_the_autocovariance_is_the_mean_of_products", "pair:mcmc.autocovariance"),
    ),
    Mutant(
        "ranks of equal draws differ",
        DIAGNOSTICS,
        "np.cumsum(counts) - 0.5 * (counts - 1)",
        "np.cumsum(counts)",
        ("pair:mcmc.rank_normalise",),
    ),
]
