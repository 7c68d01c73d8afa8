"""Neural networks: layers and what they are made of, over `whitebox.autograd`."""

from __future__ import annotations

from whitebox.nn._blocks import Dropout, Flatten, Residual
from whitebox.nn._convolution import Conv2d, conv2d
from whitebox.nn._data import DataLoader, pad
from whitebox.nn._history import History
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
from whitebox.nn._normalization import BatchNorm1d, BatchNorm2d, LayerNorm, RMSNorm, batch_norm, layer_norm, rms_norm
from whitebox.nn._optimizer import Optimizer
from whitebox.nn._pooling import AvgPool2d, GlobalAvgPool2d, MaxPool2d, avg_pool2d, global_avg_pool2d, max_pool2d
from whitebox.nn._progress import ProgressBar
from whitebox.nn._recurrent import GRU, LSTM, GRUGates, LSTMGates
from whitebox.nn._training import EarlyStopping, Trainer

__all__ = [
    "GRU",
    "LSTM",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv2d",
    "DataLoader",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "Flatten",
    "GRUGates",
    "GlobalAvgPool2d",
    "History",
    "LSTMGates",
    "LayerNorm",
    "Linear",
    "MaxPool2d",
    "Module",
    "Optimizer",
    "Parameter",
    "ProgressBar",
    "RMSNorm",
    "Residual",
    "Sequential",
    "Trainer",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "bpr_loss",
    "contrastive_loss",
    "conv2d",
    "cross_entropy",
    "global_avg_pool2d",
    "info_nce",
    "layer_norm",
    "linear",
    "max_pool2d",
    "mse_loss",
    "pad",
    "rms_norm",
]
