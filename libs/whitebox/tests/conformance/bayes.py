"""The estimators of `whitebox.gp`, `whitebox.flows` and the Bayesian regression."""

from __future__ import annotations

from whitebox.flows import NormalizingFlow
from whitebox.gp import GaussianProcessRegressor
from whitebox.linear_model import BayesianLinearRegression

# Few steps: the checks fit it some hundred times, and ask for no good fit (scikit-learn's own are cut short likewise).
ESTIMATORS = [GaussianProcessRegressor(), NormalizingFlow(max_iter=20), BayesianLinearRegression()]
_REGRESSOR = {
    "check_estimators_unfitted": "demands scikit-learn's own NotFittedError; ours has the same bases",
    "check_supervised_y_2d": "demands scikit-learn's own DataConversionWarning; we refuse a column as target",
}
EXPECTED_FAILURES = {"GaussianProcessRegressor": _REGRESSOR, "BayesianLinearRegression": _REGRESSOR}
