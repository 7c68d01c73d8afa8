"""Measures: similarity of vectors and quality of rankings."""
