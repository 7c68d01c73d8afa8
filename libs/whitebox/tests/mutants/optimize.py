"""Mistakes in `whitebox.optimize`."""

from __future__ import annotations

from mutants.mutant import Mutant

FIRST_ORDER = "whitebox.optimize.first_order"
LINE_SEARCH = "whitebox.optimize.line_search"
QUASI_NEWTON = "whitebox.optimize._quasi_newton"
NEWTON = "whitebox.optimize._newton"
SCHEDULES = "whitebox.optimize.schedules"

MUTANTS = [
    Mutant(
        "Adam does not correct for having started at zero",
        FIRST_ORDER,
        "change = _quotient(mean / (1 - self.beta1**count), spread)",
        "change = _quotient(mean, spread)",
        (
            "laws.test_optimize:test_the_first_step_of_adam_has_the_length_of_the_rate_in_every_coordinate",
            "pair:optimize.first_order.Adam",
        ),
    ),
    Mutant(
        "AdamW's decay goes through the gradient",
        FIRST_ORDER,
        "super().step(x * (1 - self._rate(state.step) * self.weight_decay), gradient, state)",
        "super().step(x, gradient + self.weight_decay * x, state)",
        ("laws.test_optimize:test_weight_decay_shrinks_apart_from_the_gradient", "pair:optimize.first_order.AdamW"),
    ),
    Mutant(
        "Nesterov does not look ahead",
        FIRST_ORDER,
        "ahead = gradient + self.momentum * velocity",
        "ahead = velocity",
        ("pair:optimize.first_order.Nesterov",),
    ),
    Mutant(
        "the warm-up starts from a rate of zero",
        SCHEDULES,
        "(step + 1) / self.steps",
        "step / self.steps",
        ("pair:optimize.schedules.WarmUp",),
    ),
    Mutant(
        "backtracking takes any step",
        LINE_SEARCH,
        "if reached <= value + c1 * size * slope:",
        "if True:",
        ("laws.test_optimize:test_the_line_searches_keep_what_they_promise", "pair:optimize.line_search.armijo"),
    ),
    Mutant(
        "the Wolfe search forgets the slope",
        LINE_SEARCH,
        "elif abs(trial.slope) <= -c2 * slope:",
        "elif True:",
        ("laws.test_optimize:test_the_line_searches_keep_what_they_promise",),
    ),
    Mutant(
        "L-BFGS runs its second loop with the shares in the wrong order",
        QUASI_NEWTON,
        "zip(steps, changes, reversed(shares), strict=True)",
        "zip(steps, changes, shares, strict=True)",
        ("pair:optimize.two_loop",),
    ),
    Mutant(
        "L-BFGS starts from the identity at any scale",
        QUASI_NEWTON,
        "q *= float(steps[-1] @ changes[-1]) / float(changes[-1] @ changes[-1])",
        "q *= 1.0",
        ("pair:optimize.two_loop",),
    ),
    Mutant(
        "Newton climbs to saddles",
        NEWTON,
        "return solve_positive_definite(hessian + shift * np.eye(len(hessian)), gradient)",
        "return np.linalg.solve(hessian, gradient)",
        ("laws.test_optimize:test_newton_leaves_a_saddle_downhill",),
    ),
]
