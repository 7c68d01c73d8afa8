"""Text: sentence boundaries."""
