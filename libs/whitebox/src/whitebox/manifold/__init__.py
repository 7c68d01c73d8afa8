"""Maps of high-dimensional rows that keep neighbours together."""

from __future__ import annotations

from whitebox.manifold._tsne import TSNE, conditional_probabilities, joint_probabilities, kl_divergence_and_gradient

__all__ = ["TSNE", "conditional_probabilities", "joint_probabilities", "kl_divergence_and_gradient"]
