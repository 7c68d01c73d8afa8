"""The gateway: the platform's public door."""
