"""Generated from protos/; see protos/ for the documentation."""
