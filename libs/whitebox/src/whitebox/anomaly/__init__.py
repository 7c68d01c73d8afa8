"""Finding what does not belong."""

from __future__ import annotations

from whitebox.anomaly._isolation_forest import IsolationForest, average_path_length

__all__ = ["IsolationForest", "average_path_length"]
