"""Recommending items to users from the ratings or the interactions of all: matrix factorisation."""

from __future__ import annotations

from whitebox.recsys._als import ALS, ImplicitALS
from whitebox.recsys._evaluation import RankingQuality, rank_held_out
from whitebox.recsys._funk import FunkSVD
from whitebox.recsys._imputed import ImputedSVD

__all__ = ["ALS", "FunkSVD", "ImplicitALS", "ImputedSVD", "RankingQuality", "rank_held_out"]
