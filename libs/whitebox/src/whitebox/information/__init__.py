"""Information theory: entropies, divergences, mutual information of discrete distributions."""

from __future__ import annotations

from whitebox.information._divergence import cross_entropy, entropy, js_distance, js_divergence, kl_divergence
from whitebox.information._joint import conditional_entropy, contingency, joint_entropy, mutual_information

__all__ = [
    "conditional_entropy",
    "contingency",
    "cross_entropy",
    "entropy",
    "joint_entropy",
    "js_distance",
    "js_divergence",
    "kl_divergence",
    "mutual_information",
]
