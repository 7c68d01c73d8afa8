"""Mistakes in `whitebox.preprocessing`."""

from __future__ import annotations

from mutants.mutant import Mutant

SCALER = "whitebox.preprocessing._standard_scaler"

MUTANTS = [
    Mutant(
        "variance of a sample instead of the population",
        SCALER,
        "(centred**2).mean(axis=0)",
        "(centred**2).sum(axis=0) / max(1, len(rows) - 1)",
        (
            "laws.test_estimators:test_scaled_columns_have_mean_zero_and_variance_one_or_are_constant",
            "pair:preprocessing.StandardScaler",
        ),
    ),
    Mutant(
        "variance as the mean of squares minus the square of the mean",
        SCALER,
        "(centred**2).mean(axis=0) - centred.mean(axis=0) ** 2",
        "np.abs((rows**2).mean(axis=0) - self.mean_**2) + 0 * centred[0]",
        ("laws.test_estimators:test_a_large_mean_costs_no_digits",),
    ),
    Mutant(
        "a constant column is divided by zero",
        SCALER,
        "np.where(spread <= noise, 1.0, spread)",
        "spread",
        ("laws.test_estimators:test_scaled_columns_have_mean_zero_and_variance_one_or_are_constant",),
    ),
    Mutant(
        "a constant column is divided by rounding noise",
        SCALER,
        "spread <= noise",
        "spread <= 0 * noise",
        ("laws.test_estimators:test_a_column_that_is_constant_but_for_rounding_is_not_divided_by_the_rounding",),
    ),
    Mutant(
        "inverse_transform forgets the mean",
        SCALER,
        " * self.scale_ + self.mean_",
        " * self.scale_",
        ("laws.test_estimators:test_inverse_transform_undoes_transform", "pair:preprocessing.StandardScaler"),
    ),
]
