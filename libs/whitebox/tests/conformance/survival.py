"""The estimators of `whitebox.survival`; forecasters take series, which scikit-learn has no estimators for."""

from __future__ import annotations

from whitebox.survival import CoxRegression

ESTIMATORS = [CoxRegression()]
EXPECTED_FAILURES = {
    "CoxRegression": {
        "check_estimators_unfitted": "demands scikit-learn's own NotFittedError; ours has the same bases",
    },
}
