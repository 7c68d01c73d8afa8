"""Mistakes in `whitebox.information`."""

from __future__ import annotations

from mutants.mutant import Mutant

DIVERGENCE = "whitebox.information._divergence"
JOINT = "whitebox.information._joint"

MUTANTS = [
    Mutant(
        "the divergence looks the other way",
        DIVERGENCE,
        "return _sum(_divergence_terms(*_pair(p, q)), unit)",
        "return _sum(_divergence_terms(*_pair(q, p)), unit)",
        (
            "laws.test_information:test_a_divergence_says_which_way_it_looks",
            "pair:information.kl_divergence",
        ),
    ),
    Mutant(
        "what q lacks is left out of the divergence",
        DIVERGENCE,
        "terms = np.where(p > 0, p * np.log(p / q), 0.0) - p + q",
        "terms = np.where((p > 0) & (q > 0), p * np.log(p / q), 0.0) - p + q",
        ("laws.test_information:test_a_divergence_says_which_way_it_looks",),
    ),
    Mutant(
        "Jensen and Shannon's divergence is the mean of both Kullback-Leibler ones",
        DIVERGENCE,
        "middle = (left + right) / 2",
        "middle = right",
        ("pair:information.js_divergence",),
    ),
    Mutant(
        "bits are multiplied by the logarithm of 2",
        DIVERGENCE,
        'return nats / (math.log(2) if unit == "bits" else 1.0)',
        'return nats * (math.log(2) if unit == "bits" else 1.0)',
        ("pair:information.entropy", "laws.test_information:test_entropy_lies_between_certainty_and_uniformity"),
    ),
    Mutant(
        "rows are conditioned on columns",
        JOINT,
        "rows = joint.sum(axis=-1, keepdims=True)\n    share",
        "rows = joint.sum(axis=-2, keepdims=True)\n    share",
        ("laws.test_information:test_the_chain_rule_holds", "pair:information.conditional_entropy"),
    ),
    Mutant(
        "mutual information is compared with equal cells",
        JOINT,
        "independent = joint.sum(axis=-1, keepdims=True) * joint.sum(axis=-2, keepdims=True)",
        "independent = np.full_like(joint, 1 / joint[..., :, :].size)",
        ("pair:information.mutual_information",),
    ),
]
