"""Grouping rows that lie near each other."""

from __future__ import annotations

from whitebox.cluster._kmeans import KMeans
from whitebox.cluster._seeding import kmeans_plusplus

__all__ = ["KMeans", "kmeans_plusplus"]
