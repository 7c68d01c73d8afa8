"""The estimators of `whitebox.text`; scikit-learn runs few of its checks on what takes strings."""

from __future__ import annotations

from whitebox.text.tfidf import TfidfVectorizer

ESTIMATORS = [TfidfVectorizer()]
