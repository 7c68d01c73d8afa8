"""From-scratch mathematics for machine learning, proved against outside oracles.

Subpackages load when they are first touched, so that `import whitebox` costs next to nothing: not even NumPy.

>>> import whitebox
>>> whitebox.search.bm25.tokenize("Tidal power")
['tidal', 'power']
"""

from __future__ import annotations

from whitebox._lazy import lazy_submodules

__version__ = "0.1.0"

__all__ = [
    "anomaly",
    "autograd",
    "base",
    "calculus",
    "causal",
    "cluster",
    "decomposition",
    "ensemble",
    "errors",
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
    "reference",
    "rl",
    "safetensors",
    "search",
    "stats",
    "survival",
    "svm",
    "text",
    "transformers",
    "tree",
    "vi",
    "vision",
]

__getattr__ = lazy_submodules(__name__, __all__)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
