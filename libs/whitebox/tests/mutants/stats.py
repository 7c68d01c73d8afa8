"""Mistakes in `whitebox.stats`."""

from __future__ import annotations

from mutants.mutant import Mutant

T_TESTS = "whitebox.stats._t_tests"
RESULTS = "whitebox.stats._results"
CHI_SQUARE = "whitebox.stats._chi_square"
KS = "whitebox.stats._kolmogorov_smirnov"
RANKS = "whitebox.stats._ranks"
RESAMPLING = "whitebox.stats._resampling"
MULTIPLE = "whitebox.stats._multiple"
STABILITY = "whitebox.stats._stability"
CONTINUOUS = "whitebox.stats._continuous"
DISTRIBUTION = "whitebox.stats._distribution"
GAMMA = "whitebox.stats.special._incomplete_gamma"
BETA = "whitebox.stats.special._beta"
ERROR = "whitebox.stats.special._error"

MUTANTS = [
    Mutant(
        "the t test divides the variance by n",
        T_TESTS,
        "error = float(sample.std(ddof=1)) / math.sqrt(len(sample))",
        "error = float(sample.std()) / math.sqrt(len(sample))",
        ("pair:stats.one_sample_t_test", "pair:stats.paired_t_test"),
    ),
    Mutant(
        "Welch's test has the degrees of freedom of equal variances",
        T_TESTS,
        "df = 1 / (share**2 / (n - 1) + (1 - share) ** 2 / (m - 1))",
        "df = float(n + m - 2)",
        ("pair:stats.two_sample_t_test",),
    ),
    Mutant(
        "a one-sided p-value is reported as two-sided",
        RESULTS,
        "return min(1.0, 2 * float(null.sf(abs(statistic))))",
        "return min(1.0, float(null.sf(abs(statistic))))",
        ("pair:stats.one_sample_t_test", "pair:stats.two_sample_t_test"),
    ),
    Mutant(
        "the interval has the whole error in one tail",
        T_TESTS,
        'outside / 2 if alternative == "two-sided" else outside',
        "outside",
        ("laws.test_stats:test_the_interval_ends_where_the_p_value_begins",),
    ),
    Mutant(
        "independence is tested with rc - 1 degrees of freedom",
        CHI_SQUARE,
        "df = (len(rows) - 1) * (len(columns) - 1)",
        "df = len(rows) * len(columns) - 1",
        ("pair:stats.chi_square_independence",),
    ),
    Mutant(
        "the analysis of variance forgets the sizes of the groups",
        CHI_SQUARE,
        "between = float(sizes @ (means - sizes @ means / n) ** 2) / (k - 1)",
        "between = float(sizes.mean() * ((means - means.mean()) ** 2).sum()) / (k - 1)",
        ("pair:stats.one_way_anova",),
    ),
    Mutant(
        "the Kolmogorov-Smirnov statistic looks at one side of the steps",
        KS,
        "below = float((probability - np.arange(n) / n).max())",
        "below = float((probability - np.arange(1, n + 1) / n).max())",
        ("pair:stats.ks_test",),
    ),
    Mutant(
        "two samples are compared on one side only",
        KS,
        "above, below = max(0, int(steps.max())), max(0, -int(steps.min()))",
        "above, below = max(0, int(steps.max())), max(0, int(steps.max()))",
        ("pair:stats.ks_test_two_sample",),
    ),
    Mutant(
        "paths that touch both lines are counted twice",
        KS,
        "2 * ((-1.0) ** (k - 1) * shares).sum() if both_sides else shares[0]",
        "2 * shares[0] if both_sides else shares[0]",
        ("laws.test_stats:test_two_sample_distances_have_one_distribution_however_counted",),
    ),
    Mutant(
        "ties do not make the variance of U smaller",
        RANKS,
        "float((ties**3 - ties).sum()) / (total * (total - 1))",
        "0.0",
        ("pair:stats.mann_whitney_u",),
    ),
    Mutant(
        "values that tie get ranks in their order",
        RANKS,
        "ranks[order] = np.repeat(first + (sizes + 1) / 2, sizes)",
        "ranks[order] = np.arange(1.0, len(values) + 1)",
        ("pair:stats.average_ranks", "pair:stats.mann_whitney_u"),
    ),
    Mutant(
        "the bootstrap draws without replacement",
        RESAMPLING,
        "rows[rng.integers(0, len(rows), (count, len(rows)))]",
        "rows[rng.permuted(np.tile(np.arange(len(rows)), (count, 1)), axis=1)]",
        (
            "pair:stats.bootstrap_interval",
            "laws.test_stats:test_bootstrap_errors_are_those_of_the_mean_and_move_with_the_data",
        ),
    ),
    Mutant(
        "the basic interval is not mirrored",
        RESAMPLING,
        "low, high = 2 * estimate - high, 2 * estimate - low",
        "low, high = 2 * estimate - low, 2 * estimate - high",
        ("pair:stats.bootstrap_interval",),
    ),
    Mutant(
        "the acceleration has the wrong sign",
        RESAMPLING,
        "change = left_out.mean() - left_out",
        "change = left_out - left_out.mean()",
        ("pair:stats.bootstrap_interval",),
    ),
    Mutant(
        "a sampled permutation test can say zero",
        RESAMPLING,
        "(extreme + 1) / (resamples + 1)",
        "extreme / resamples",
        ("laws.test_stats:test_permutation_p_values_are_never_zero_and_count_the_data",),
    ),
    Mutant(
        "the data are not one of the permutations",
        RESAMPLING,
        "(distribution >= observed - slack).sum(), (distribution <= observed + slack).sum()",
        "(distribution > observed + slack).sum(), (distribution < observed - slack).sum()",
        ("pair:stats.permutation_test",),
    ),
    Mutant(
        "Holm multiplies all p-values by their number",
        MULTIPLE,
        "np.arange(len(p), 0, -1) * p[order]",
        "len(p) * p[order]",
        ("pair:stats.holm",),
    ),
    Mutant(
        "Benjamini and Hochberg's p-values are not made monotone",
        MULTIPLE,
        "np.minimum.accumulate(steps[::-1])[::-1]",
        "steps",
        (
            "pair:stats.benjamini_hochberg",
            "laws.test_stats:test_corrections_keep_the_order_and_their_ranks_among_each_other",
        ),
    ),
    Mutant(
        "a bin that stays empty makes the stability index infinite",
        STABILITY,
        "(counts + smoothing) / (len(sample) + smoothing * len(counts))",
        "counts / len(sample)",
        ("laws.test_stats:test_values_that_leave_all_bins_count", "pair:stats.population_stability_index"),
    ),
    Mutant(
        "values beyond the last bin are dropped",
        STABILITY,
        'np.searchsorted(edges, sample, side="right")',
        'np.searchsorted(edges, sample[sample < edges[-1]], side="right")',
        ("laws.test_stats:test_values_that_leave_all_bins_count",),
    ),
    Mutant(
        "the gamma distribution's scale is its rate",
        CONTINUOUS,
        "return gamma_tails(np.full_like(x, self.shape), np.maximum(x, 0.0) / self.scale)",
        "return gamma_tails(np.full_like(x, self.shape), np.maximum(x, 0.0) * self.scale)",
        ("pair:stats.Gamma",),
    ),
    Mutant(
        "a gamma draw of a small shape is not boosted",
        CONTINUOUS,
        "result[small] += np.log(uniform(rng, int(small.sum()))) / k[small]",
        "result[small] += 0.0",
        ("laws.test_stats:test_gamma_draws_fit_whatever_their_shape",),
    ),
    Mutant(
        "Marsaglia and Tsang accept every proposal",
        CONTINUOUS,
        "accepted = (root > 0) & (np.log(uniform(rng, len(left))) < bound)",
        "accepted = root > 0",
        ("laws.test_stats:test_gamma_draws_fit_whatever_their_shape",),
    ),
    Mutant(
        "t's tail is the whole of both tails",
        CONTINUOUS,
        "tail = 0.5 * beta_tails(self.df * half",
        "tail = beta_tails(self.df * half",
        ("pair:stats.StudentT",),
    ),
    Mutant(
        "a discrete quantile stops a step early",
        DISTRIBUTION,
        "low, high = np.where(enough, low, middle), np.where(enough, middle, high)\n        return high",
        "low, high = np.where(enough, low, middle), np.where(enough, middle, high)\n        return low",
        ("pair:stats.Poisson", "pair:stats.Binomial"),
    ),
    Mutant(
        "an upper tail is 1 less the lower one",
        GAMMA,
        'return elementwise(gamma_tails, positive(a, "a"), not_negative(x, "x"))[1]',
        'return 1 - elementwise(gamma_tails, positive(a, "a"), not_negative(x, "x"))[0]',
        ("laws.test_stats:test_tails_keep_their_digits",),
    ),
    Mutant(
        "the upper tail of the normal distribution is 1 less the lower one",
        CONTINUOUS,
        "return 0.5 * erfc_kernel((x - self.mu) / (self.sigma * _ROOT_2))[0]",
        "return 1 - 0.5 * erfc_kernel((self.mu - x) / (self.sigma * _ROOT_2))[0]",
        ("laws.test_stats:test_tails_keep_their_digits",),
    ),
    Mutant(
        "Temme's remainder has the wrong sign",
        GAMMA,
        "return 0.5 * erfc_kernel(-z)[0] - rest, 0.5 * erfc_kernel(z)[0] + rest",
        "return 0.5 * erfc_kernel(-z)[0] + rest, 0.5 * erfc_kernel(z)[0] - rest",
        ("laws.test_stats:test_incomplete_gamma_functions_step", "pair:stats.special.gammainc"),
    ),
    Mutant(
        "the beta fraction is used on both sides of the mean",
        BETA,
        "mirrored = x * (b + 1) > y * (a + 1)",
        "mirrored = x > 2",
        ("pair:stats.special.betainc",),
    ),
    Mutant(
        "erfinv rounds 1 + y",
        ERROR,
        "_quantile(y / 2, (1 - np.abs(y)) / 2)",
        "_quantile((1 + y) / 2 - 0.5, (1 - np.abs(y)) / 2)",
        ("laws.test_stats:test_error_functions_mirror_and_invert",),
    ),
]
