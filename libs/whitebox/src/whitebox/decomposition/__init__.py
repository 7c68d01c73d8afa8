"""Decomposition of data into components."""

from __future__ import annotations

from whitebox.decomposition._pca import PCA
from whitebox.decomposition._truncated_svd import TruncatedSVD

__all__ = ["PCA", "TruncatedSVD"]
