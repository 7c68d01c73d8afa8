"""Mistakes in `whitebox.quadrature`."""

from __future__ import annotations

from mutants.mutant import Mutant

LAWS = "laws.test_quadrature"
NEWTON_COTES = "whitebox.quadrature._newton_cotes"
GAUSS = "whitebox.quadrature._gauss"
KRONROD = "whitebox.quadrature._kronrod"
TANH_SINH = "whitebox.quadrature._tanh_sinh"
POINTS = "whitebox.quadrature._low_discrepancy"
SAMPLING = "whitebox.quadrature._monte_carlo"
DOMAIN = "whitebox.quadrature._domain"
ENERGY = "whitebox.quadrature._energy"

MUTANTS = [
    Mutant(
        "composite rules count the points between parts once only",
        NEWTON_COTES,
        "weights[inner:-1:inner] += rule.weights[-1]",
        "pass",
        ("pair:quadrature.composite",),
    ),
    Mutant(
        "Simpson's rule takes irregular samples for regular ones",
        NEWTON_COTES,
        "((2 - k / h) * left + (h + k) ** 2 / (h * k) * middle + (2 - h / k) * right)",
        "(left + 4 * middle + right)",
        ("pair:quadrature.simpson",),
    ),
    Mutant(
        "Simpson's rule forgets the last interval of an even number of samples",
        NEWTON_COTES,
        "if end < count:",
        "if False:",
        ("pair:quadrature.simpson",),
    ),
    Mutant(
        "the recurrence of the polynomials takes the coefficient of the next step",
        GAUSS,
        "below = beta[k - 1] if k else 0.0",
        "below = beta[k] if k < n - 1 else 0.0",
        ("pair:quadrature.golub_welsch",),
    ),
    Mutant(
        "Gauss weights are not normalised by the mass",
        GAUSS,
        "mass * np.exp(-2 * log_scale) / squares",
        "np.exp(-2 * log_scale) / squares",
        ("pair:quadrature.golub_welsch",),
    ),
    Mutant(
        "halving replaces an interval by its left half alone",
        KRONROD,
        "self._add(np.concatenate([low, middle]), np.concatenate([middle, high]))",
        "self._add(low, middle)",
        (f"{LAWS}:test_adaptive_integration_adds_up_over_a_kink", "pair:quadrature.gauss_kronrod"),
    ),
    Mutant(
        "the value is that of Gauss's rule, the better one only serves the error",
        KRONROD,
        "outer, inner = run.host(sums).T * half",
        "inner, outer = run.host(sums).T * half",
        (f"{LAWS}:test_the_value_of_an_interval_is_kronrods",),
    ),
    Mutant(
        "the substitution for infinite ends forgets its Jacobian",
        DOMAIN,
        "return 1 / ((1 - t) * (1 - t))",
        "return 1 + 0 * t",
        (f"{LAWS}:test_infinite_ends_are_those_of_the_substitution",),
    ),
    Mutant(
        "nodes near the upper end are rounded to the coordinate",
        DOMAIN,
        "((1 - distance) / distance, distance**-2.0)",
        "((1 - distance) / (1 - (1 - distance) + 1e-300), distance**-2.0)",
        (f"{LAWS}:test_slow_tails_are_resolved_to_the_range_of_floats",),
    ),
    Mutant(
        "swapped bounds do not turn the sign",
        DOMAIN,
        "self.sign = -1.0 if a > b else 1.0",
        "self.sign = 1.0",
        (f"{LAWS}:test_swapped_and_empty_sides_turn_the_sign_or_give_nothing",),
    ),
    Mutant(
        "the double exponential rule adds its middle twice",
        TANH_SINH,
        "np.arange(1 if level or upper else 0,",
        "np.arange(1 if level else 0,",
        ("pair:quadrature.tanh_sinh",),
    ),
    Mutant(
        "what the last nodes leave out is no error",
        TANH_SINH,
        "cut = max(abs(float(part[-1])) for part in terms)",
        "cut = 0.0",
        (f"{LAWS}:test_what_stands_at_zero_is_resolved_and_what_cannot_be_is_told",),
    ),
    Mutant(
        "Sobol's sequence leaves out its first variable",
        POINTS,
        "return _directions()[:, :dimension]",
        "return _directions()[:, 1 : dimension + 1]",
        ("pair:quadrature.sobol",),
    ),
    Mutant(
        "Sobol's points follow plain binary order half the way",
        POINTS,
        "np.bitwise_xor(run[: 1 << k][::-1], directions[k]",
        "np.bitwise_xor(run[: 1 << k], directions[k]",
        ("pair:quadrature.sobol",),
    ),
    Mutant(
        "scrambling mixes lower digits into higher ones",
        POINTS,
        "above = ~((digit << np.uint32(1)) - np.uint32(1))",
        "above = ~np.zeros_like(digit)",
        (f"{LAWS}:test_scrambling_keeps_the_net",),
    ),
    Mutant(
        "Halton's variables share one base",
        POINTS,
        "if all(candidate % prime for prime in primes if prime * prime <= candidate):",
        "if True:",
        ("pair:quadrature.halton",),
    ),
    Mutant(
        "the variance is that of the values, not of their mean",
        "whitebox.quadrature._results",
        "/ (count - 1) / count)",
        "/ (count - 1))",
        ("pair:quadrature.monte_carlo", "pair:quadrature.quasi_monte_carlo"),
    ),
    Mutant(
        "all replicates share one scramble",
        SAMPLING,
        "[scramble(numbers, rng) for _ in range(replicates)]",
        "[scramble(numbers, rng)] * replicates",
        ("pair:quadrature.quasi_monte_carlo",),
    ),
    Mutant(
        "blocks of Monte Carlo forget how far their means lie apart",
        SAMPLING,
        "self._squares += squares + away**2 * self.count * size / total",
        "self._squares += squares",
        (f"{LAWS}:test_points_in_blocks_have_the_variance_of_all",),
    ),
    Mutant(
        "strata are treated as one sample",
        SAMPLING,
        "((values - means[:, None]) ** 2)",
        "((values - means.mean()) ** 2)",
        ("pair:quadrature.stratified",),
    ),
    Mutant(
        "importance sampling multiplies by the density",
        SAMPLING,
        "ratios = numpy_values(f, points) / likely",
        "ratios = numpy_values(f, points) * likely",
        ("pair:quadrature.importance_sampling",),
    ),
    Mutant(
        "controls are subtracted without their known means",
        SAMPLING,
        "((columns.mean(axis=0) - known) / size) @ beta)",
        "(columns.mean(axis=0) / size) @ beta)",
        ("pair:quadrature.control_variates",),
    ),
    Mutant(
        "the budget is checked after it is spent",
        ENERGY,
        "return most - (most * self._figure > self.budget) - self.evaluations",
        "return 1 << 20 if self.evaluations < most else 0",
        (f"{LAWS}:test_a_small_budget_is_not_overdrawn",),
    ),
    Mutant(
        "time is not charged to the budget",
        ENERGY,
        "self.spent += self._watts * seconds",
        "self.spent += 0.0",
        (f"{LAWS}:test_a_measured_price_is_charged",),
    ),
    Mutant(
        "singular ends go unnoticed",
        "whitebox.quadrature._choose",
        "if exponent < _SMOOTH_EXPONENT:",
        "if False:",
        (f"{LAWS}:test_examination_reports_what_the_choice_rests_on",),
    ),
]
