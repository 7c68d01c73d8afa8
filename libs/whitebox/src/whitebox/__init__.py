"""From-scratch mathematics for machine learning, proved against outside oracles."""
