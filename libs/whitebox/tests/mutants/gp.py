"""Mistakes in `whitebox.gp`."""

from __future__ import annotations

from mutants.mutant import Mutant

KERNELS = "whitebox.gp.kernels"
REGRESSOR = "whitebox.gp._regressor"
ACQUISITION = "whitebox.gp._acquisition"
OPTIMISATION = "whitebox.gp._optimisation"
LAWS = "laws.test_gp"

MUTANTS = [
    Mutant(
        "the noise is not on the diagonal",
        REGRESSOR,
        "covariance[np.diag_indices_from(covariance)] += self.alpha",
        "covariance[np.diag_indices_from(covariance)] += 1e-10",
        (f"{LAWS}:test_noise_on_the_diagonal_smooths", "pair:gp.GaussianProcessRegressor"),
    ),
    Mutant(
        "the kernel's noise is not on the diagonal",
        KERNELS,
        "covariance[np.diag_indices_from(covariance)] += self.right.noise",
        "covariance[np.diag_indices_from(covariance)] += 0.0",
        (f"{LAWS}:test_noise_on_the_diagonal_smooths",),
    ),
    Mutant(
        "the prediction is left in the units of normalised targets",
        REGRESSOR,
        "mean = self._shift + self._scale * (self.alpha_ @ across)",
        "mean = self.alpha_ @ across",
        (f"{LAWS}:test_predictions_follow_the_units_of_normalised_targets",),
    ),
    Mutant(
        "the spread is left in the units of normalised targets",
        REGRESSOR,
        "return mean, self._scale * np.sqrt(",
        "return mean, np.sqrt(",
        (f"{LAWS}:test_predictions_follow_the_units_of_normalised_targets",),
    ),
    Mutant(
        "the variance grows with the data",
        REGRESSOR,
        'self.kernel_.diagonal(rows) - np.einsum("ij,ij->j", explained, explained)',
        'self.kernel_.diagonal(rows) + np.einsum("ij,ij->j", explained, explained)',
        (f"{LAWS}:test_more_data_never_widen_the_prediction", "pair:gp.GaussianProcessRegressor"),
    ),
    Mutant(
        "the likelihood takes half of the determinant",
        REGRESSOR,
        "- np.log(L.diagonal()).sum()",
        "- 0.5 * np.log(L.diagonal()).sum()",
        ("pair:gp.GaussianProcessRegressor",),
    ),
    Mutant(
        "the gradient of the likelihood forgets the determinant",
        REGRESSOR,
        "weights -= inverse.T @ inverse",
        "weights -= 0.0",
        (f"{LAWS}:test_fitting_climbs_the_likelihood_to_where_it_is_flat", "pair:gp.GaussianProcessRegressor"),
    ),
    Mutant(
        "the Matérn derivative is that of another smoothness",
        KERNELS,
        "lambda: 5 / 3 * (1 + r) * decay",
        "lambda: 3 * decay",
        ("pair:gp.kernels.Matern (5/2)",),
    ),
    Mutant(
        "the product's derivative is the sum's",
        KERNELS,
        "np.concatenate([pull_left(w * right), pull_right(w * left)])",
        "np.concatenate([pull_left(w), pull_right(w)])",
        ("pair:gp.kernels.Product",),
    ),
    Mutant(
        "small distances are differences of large squares",
        KERNELS,
        "np.flatnonzero(flat < _CANCELLED * max(x.max(), z.max()))",
        "np.flatnonzero(flat < 0)",
        (f"{LAWS}:test_covariances_keep_their_digits_where_distances_are_small",),
    ),
    Mutant(
        "the expected improvement is that of a maximum",
        ACQUISITION,
        'gain = number_in(best, "best") - number_in(xi, "xi") - centre',
        'gain = centre - number_in(best, "best") - number_in(xi, "xi")',
        (
            f"{LAWS}:test_a_lower_mean_and_a_wider_spread_promise_more",
            "pair:gp.expected_improvement",
            "pair:gp.probability_of_improvement",
        ),
    ),
    Mutant(
        "the expected improvement sees nothing in what is not known",
        ACQUISITION,
        "gain * _normal.cdf(u) + spread * _normal.pdf(u)",
        "gain * _normal.cdf(u)",
        (f"{LAWS}:test_a_lower_mean_and_a_wider_spread_promise_more", "pair:gp.expected_improvement"),
    ),
    Mutant(
        "the next evaluation is where least is promised",
        OPTIMISATION,
        "place = int(promise.argmax())",
        "place = int(promise.argmin())",
        (f"{LAWS}:test_a_parabolas_minimum_is_found",),
    ),
]
