"""Mistakes in `whitebox.vi` and in Bayesian regression."""

from __future__ import annotations

from mutants.mutant import Mutant

ELBO = "whitebox.vi._elbo"
GAUSSIAN = "whitebox.vi._gaussian"
REGRESSION = "whitebox.linear_model._bayesian"
LAWS = "laws.test_vi"

MUTANTS = [
    Mutant(
        "the bound has no entropy",
        ELBO,
        "float(values.mean()) + gaussian.entropy",
        "float(values.mean())",
        (f"{LAWS}:test_the_bound_is_the_evidence_less_the_divergence", "pair:vi.elbo", "pair:vi.elbo (full rank)"),
    ),
    Mutant(
        "the gradient has no entropy, and the approximation shrinks to a point",
        ELBO,
        "gradient[-gaussian.size :] += 1",
        "gradient[-gaussian.size :] += 0",
        (f"{LAWS}:test_stochastic_gradients_come_to_the_same", "pair:vi.elbo"),
    ),
    Mutant(
        "the error bar is that of a single draw",
        ELBO,
        "error = float(values.std(ddof=1)) / math.sqrt(len(z))",
        "error = float(values.std(ddof=1))",
        (f"{LAWS}:test_the_error_bar_covers_the_bound", "pair:vi.elbo"),
    ),
    Mutant(
        "the bound is descended",
        ELBO,
        "-bound.gradient, state.optimizer",
        "bound.gradient, state.optimizer",
        (f"{LAWS}:test_stochastic_gradients_come_to_the_same",),
    ),
    Mutant(
        "the derivative by a logarithm is taken for that by the scale",
        GAUSSIAN,
        "(by_x * z).sum(axis=0) * np.exp(self.log_scale)",
        "(by_x * z).sum(axis=0)",
        ("pair:vi.elbo",),
    ),
    Mutant(
        "the draws are scaled by the variance",
        GAUSSIAN,
        "np.asarray(self.mean) + np.exp(self.log_scale) * z",
        "np.asarray(self.mean) + np.exp(2 * self.log_scale) * z",
        ("pair:vi.MeanField",),
    ),
    Mutant(
        "the prediction forgets the noise",
        REGRESSION,
        "np.sqrt(of_weights + (1 + self._intercept_share) / self.alpha_)",
        "np.sqrt(of_weights)",
        ("pair:linear_model.BayesianLinearRegression",),
    ),
    Mutant(
        "the noise is found as if the weights had cost nothing",
        REGRESSION,
        "_capped(data.free - known, data.residual(weights)",
        "_capped(data.free, data.residual(weights)",
        ("pair:linear_model.BayesianLinearRegression (evidence)",),
    ),
    Mutant(
        "the evidence forgets the posterior's volume",
        REGRESSION,
        "            - log_det\n",
        "",
        ("pair:linear_model.BayesianLinearRegression",),
    ),
]
