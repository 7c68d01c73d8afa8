"""What can be wrong with a model on disk."""


class ModelError(Exception):
    """The configured model cannot be served; the message says why and what to change."""
