"""The engines, one module per external thing."""
