"""Neural networks: layers and what they are made of, over `whitebox.autograd`."""

from __future__ import annotations

from whitebox.nn._linear import Embedding, Linear, linear
from whitebox.nn._losses import (
    binary_cross_entropy_with_logits,
    bpr_loss,
    contrastive_loss,
    cross_entropy,
    info_nce,
    mse_loss,
)
from whitebox.nn._module import Module, Parameter, Sequential
from whitebox.nn._normalization import LayerNorm, RMSNorm, layer_norm, rms_norm
from whitebox.nn._optimizer import Optimizer

__all__ = [
    "Embedding",
    "LayerNorm",
    "Linear",
    "Module",
    "Optimizer",
    "Parameter",
    "RMSNorm",
    "Sequential",
    "binary_cross_entropy_with_logits",
    "bpr_loss",
    "contrastive_loss",
    "cross_entropy",
    "info_nce",
    "layer_norm",
    "linear",
    "mse_loss",
    "rms_norm",
]
