"""Search: exact nearest neighbours, BM25, and rank fusion."""
