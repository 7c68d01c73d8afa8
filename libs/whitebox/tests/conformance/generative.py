"""The autoencoder and fusion. Networks over graphs, towers and differential equations are not fitted on one matrix X."""

from __future__ import annotations

from whitebox.multimodal.fusion import ConcatenationRegressor, ProductOfExpertsRegressor
from whitebox.vi.vae import VAE

# Few epochs: the checks fit it some hundred times, and ask for no good fit.
ESTIMATORS = [
    VAE(1, hidden=(4,), epochs=2, random_state=0),
    ProductOfExpertsRegressor(hidden=(), modality_dropout=0.0, learning_rate=0.05, epochs=8, random_state=0),
    ConcatenationRegressor(hidden=(), modality_dropout=0.0, learning_rate=0.05, epochs=8, random_state=0),
]
_REGRESSOR = {
    "check_estimators_unfitted": "demands scikit-learn's own NotFittedError; ours has the same bases",
    "check_supervised_y_2d": "demands scikit-learn's own DataConversionWarning; we refuse a column as target",
}
EXPECTED_FAILURES = dict.fromkeys(("ProductOfExpertsRegressor", "ConcatenationRegressor"), _REGRESSOR)
