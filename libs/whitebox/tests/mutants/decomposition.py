"""Mistakes in `whitebox.decomposition`."""

from __future__ import annotations

from mutants.mutant import Mutant

PCA = "whitebox.decomposition._pca"

MUTANTS = [
    Mutant(
        "components of data that were not centred",
        PCA,
        "centred = rows - self.mean_",
        "centred = rows - 0 * self.mean_",
        ("laws.test_pca:test_components_are_orthonormal_and_coordinates_uncorrelated", "pair:decomposition.PCA"),
    ),
    Mutant(
        "the scatter of rows that were not centred",
        PCA,
        "np.subtract(block, mean, out=memory[: len(block)])",
        "block",
        ("laws.test_pca:test_components_are_orthonormal_and_coordinates_uncorrelated",),
    ),
    Mutant(
        "explained variance divided by n",
        PCA,
        "self.singular_values_**2 / (len(rows) - 1)",
        "self.singular_values_**2 / len(rows)",
        ("laws.test_pca:test_components_are_orthonormal_and_coordinates_uncorrelated", "pair:decomposition.PCA"),
    ),
    Mutant(
        "shares of the variance kept instead of all",
        PCA,
        "float(np.trace(scatter))",
        "float(values[::-1][:k].sum())",
        ("laws.test_pca:test_shares_are_of_the_whole_variance",),
    ),
    Mutant(
        "components in rising order of variance",
        PCA,
        "vectors[:, ::-1].T[:k]",
        "vectors.T[:k]",
        ("laws.test_pca:test_components_are_orthonormal_and_coordinates_uncorrelated",),
    ),
]
