"""Classical models in service."""
