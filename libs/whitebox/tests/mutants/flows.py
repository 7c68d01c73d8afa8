"""Mistakes in `whitebox.flows`."""

from __future__ import annotations

from mutants.mutant import Mutant

LAYERS = "whitebox.flows._layers"
DENSITY = "whitebox.flows._density"
LAWS = "laws.test_flows"

MUTANTS = [
    Mutant(
        "the density grows where the flow spreads",
        DENSITY,
        "return _log_normal(z) - flow._forward(z)[1]",
        "return _log_normal(z) + flow._forward(z)[1]",
        ("pair:flows.log_density", f"{LAWS}:test_draws_and_densities_are_in_the_units_of_the_data"),
    ),
    Mutant(
        "the units of the data are not given back",
        DENSITY,
        "self.flow_ = Chain([*chain.flows, Affine(self.mean_, np.log(scale))])",
        "self.flow_ = Chain([*chain.flows, Affine(np.zeros(d), np.zeros(d))])",
        (f"{LAWS}:test_draws_and_densities_are_in_the_units_of_the_data",),
    ),
    Mutant(
        "the inverse takes the mean off and leaves the scale",
        LAYERS,
        "z: Array = (x - np.asarray(self.shift)) * np.exp(-np.asarray(self.log_scale))",
        "z: Array = x - np.asarray(self.shift)",
        ("pair:flows.Affine", "pair:flows.Chain", f"{LAWS}:test_draws_and_densities_are_in_the_units_of_the_data"),
    ),
    Mutant(
        "a chain is undone in the order in which it was done",
        LAYERS,
        "for flow in reversed(self.flows):\n            x = flow._inverse(x)",
        "for flow in self.flows:\n            x = flow._inverse(x)",
        ("pair:flows.Chain",),
    ),
    Mutant(
        "a planar flow may fold over",
        LAYERS,
        "return w, u + (margin - 1 - s) / float(w @ w) * w, margin",
        "return w, u, 1 + s",
        ("pair:flows.Planar", f"{LAWS}:test_whatever_the_parameters_flows_stay_invertible"),
    ),
    Mutant(
        "a radial flow may turn inside out",
        LAYERS,
        "return math.exp(self.log_alpha), _softplus(self.beta)",
        "return math.exp(self.log_alpha), math.exp(self.log_alpha) + self.beta",
        ("pair:flows.Radial", f"{LAWS}:test_whatever_the_parameters_flows_stay_invertible"),
    ),
    Mutant(
        "a radial flow stretches as many directions across as there are",
        LAYERS,
        "(self.size - 1) * np.log(across) + np.log(along)",
        "self.size * np.log(across) + np.log(along)",
        ("pair:flows.Radial",),
    ),
    Mutant(
        "the planar determinant forgets the slope of the hyperbolic tangent",
        LAYERS,
        "np.log(_stretch(h, margin))",
        "np.log(np.full_like(h, margin))",
        ("pair:flows.Planar",),
    ),
    Mutant(
        "the likelihood's gradient takes z for fixed in place of x",
        DENSITY,
        "gradients.append(part.pullback(z, -g, each)[1])",
        "gradients.append(part.pullback(z, 0 * g, each)[1])",
        (
            f"{LAWS}:test_the_gradient_of_the_likelihood_goes_through_the_inverse",
            f"{LAWS}:test_an_affine_flow_is_fitted_to_mean_and_deviation",
        ),
    ),
    Mutant(
        "the bound forgets the determinant",
        DENSITY,
        "terms = values + log_det",
        "terms = values + 0 * log_det",
        (f"{LAWS}:test_the_gradient_of_the_bound_is_that_of_differences",),
    ),
]
