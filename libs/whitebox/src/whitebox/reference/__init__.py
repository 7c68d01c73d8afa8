"""The same names once more, in pure Python, to be read beside the equations.

Each function says what its fast twin computes in the plainest way: loops over lists, no blocks, no selection tricks, no
validation. The tests hold each pair against each other on thousands of small inputs. Only the standard library is
imported.
"""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__all__ = [
    "anomaly",
    "autograd",
    "calculus",
    "causal",
    "cluster",
    "decomposition",
    "ensemble",
    "explain",
    "fairness",
    "federated",
    "filtering",
    "flows",
    "forecasting",
    "gp",
    "graph",
    "information",
    "linalg",
    "linear_model",
    "manifold",
    "mcmc",
    "metrics",
    "multimodal",
    "naive_bayes",
    "neighbors",
    "nn",
    "ode",
    "optimize",
    "peft",
    "preference",
    "preprocessing",
    "privacy",
    "quadrature",
    "quantize",
    "recsys",
    "rl",
    "search",
    "stats",
    "survival",
    "svm",
    "text",
    "transformers",
    "tree",
    "vi",
]

__getattr__ = lazy_submodules(__name__, __all__)
