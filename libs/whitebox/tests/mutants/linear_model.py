"""Mistakes in `whitebox.linear_model`."""

from __future__ import annotations

from mutants.mutant import Mutant

LOGISTIC = "whitebox.linear_model._logistic"

MUTANTS = [
    Mutant(
        "the intercept is regularised",
        LOGISTIC,
        "self._penalty = np.append(np.ones(design.shape[1] - 1), 0.0)",
        "self._penalty = np.ones(design.shape[1])",
        (
            "laws.test_estimators:test_the_mean_probability_of_a_class_is_its_share",
            "pair:linear_model.LogisticRegression",
        ),
    ),
    Mutant(
        "C is taken for the strength of the regularisation",
        LOGISTIC,
        "gradient = self._C * (self._design.T @ residual)",
        "gradient = (self._design.T @ residual) / self._C",
        ("pair:linear_model.LogisticRegression",),
    ),
    Mutant(
        "softmax overflows",
        LOGISTIC,
        "np.exp(logits - logits.max(axis=1, keepdims=True))",
        "np.exp(logits)",
        (
            "laws.test_estimators:test_softmax_is_normalised_and_blind_to_a_shift",
            "laws.test_estimators:test_probabilities_are_normalised_without_overflow_far_from_the_boundary",
        ),
    ),
    Mutant(
        "softmax normalises over rows instead of classes",
        LOGISTIC,
        "shifted / shifted.sum(axis=1, keepdims=True)",
        "shifted / shifted.sum(axis=0, keepdims=True)",
        ("laws.test_estimators:test_softmax_is_normalised_and_blind_to_a_shift", "pair:linear_model.softmax"),
    ),
]
