"""The autoencoder. Networks over graphs, towers and differential equations are not fitted on one matrix X."""

from __future__ import annotations

from whitebox.vi.vae import VAE

# Few epochs: the checks fit it some hundred times, and ask for no good fit.
ESTIMATORS = [VAE(1, hidden=(4,), epochs=2, random_state=0)]
