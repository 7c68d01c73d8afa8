"""Classification by Bayes' rule with features taken for independent within a class."""

from __future__ import annotations

from whitebox.naive_bayes._counts import BernoulliNB, ComplementNB, MultinomialNB
from whitebox.naive_bayes._gaussian import GaussianNB

__all__ = ["BernoulliNB", "ComplementNB", "GaussianNB", "MultinomialNB"]
