"""Preparing features: standardisation."""

from __future__ import annotations

from whitebox.preprocessing._standard_scaler import StandardScaler

__all__ = ["StandardScaler"]
