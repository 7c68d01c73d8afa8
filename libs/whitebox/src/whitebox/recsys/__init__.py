"""Recommending items to users from the ratings or the interactions of all: matrix factorisation, two towers."""

from __future__ import annotations

from whitebox._lazy import lazy_submodules
from whitebox.recsys._als import ALS, ImplicitALS
from whitebox.recsys._evaluation import RankingQuality, rank_held_out
from whitebox.recsys._funk import FunkSVD
from whitebox.recsys._imputed import ImputedSVD

__all__ = ["ALS", "FunkSVD", "ImplicitALS", "ImputedSVD", "RankingQuality", "rank_held_out"]

# Brings networks along, which factorisation does without.
__getattr__ = lazy_submodules(__name__, ["two_tower"])
