"""Federated learning: clients keep their rows and send updates, a server averages them, with or without noise.

>>> import numpy as np
>>> clients = [Client([[1.0], [2.0]], [1.0, 2.0], LeastSquares()), Client([[3.0]], [3.0], LeastSquares())]
>>> server = Server([0.0])
>>> _ = train(server, clients, rounds=50, rng=np.random.default_rng(0))
>>> server.parameters.round(6).tolist()
[1.0]
"""

from __future__ import annotations

from whitebox.federated._aggregation import (
    Estimate,
    Posterior,
    average,
    bayesian_average,
    inverse_variance_average,
    weighted_average,
)
from whitebox.federated._client import Client, LocalTraining, PrivateClient, Update
from whitebox.federated._losses import LeastSquares, Logistic, Loss
from whitebox.federated._partition import partition_by_label, partition_evenly
from whitebox.federated._server import PrivateServer, Server
from whitebox.federated._training import Availability, Round, train

__all__ = [
    "Availability",
    "Client",
    "Estimate",
    "LeastSquares",
    "LocalTraining",
    "Logistic",
    "Loss",
    "Posterior",
    "PrivateClient",
    "PrivateServer",
    "Round",
    "Server",
    "Update",
    "average",
    "bayesian_average",
    "inverse_variance_average",
    "partition_by_label",
    "partition_evenly",
    "train",
    "weighted_average",
]
