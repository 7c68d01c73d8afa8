"""Decomposition of data into components."""

from __future__ import annotations

from whitebox.decomposition._pca import PCA

__all__ = ["PCA"]
