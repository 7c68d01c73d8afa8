"""Mistakes in `whitebox.optimize` under constraints, and in parts that agree."""

from __future__ import annotations

from mutants.mutant import Mutant

LAWS = "laws.test_constrained"
PROJECTIONS = "whitebox.optimize.projections"
CONSTRAINED = "whitebox.optimize.constrained"
PROGRAMME = "whitebox.optimize.quadratic_program"
ADMM = "whitebox.optimize.admm"

MUTANTS = [
    Mutant(
        "the simplex is met by clipping and rescaling",
        PROJECTIONS,
        "projected: Array = np.maximum(point - threshold, 0.0)",
        "projected: Array = np.maximum(point, 0.0) * total / max(np.maximum(point, 0.0).sum(), 1e-300)",
        ("pair:optimize.projections.project_simplex",),
    ),
    Mutant(
        "points inside the l1 ball are moved to its surface",
        PROJECTIONS,
        "if magnitudes.sum() <= radius:",
        "if False:",
        ("pair:optimize.projections.project_l1_ball",),
    ),
    Mutant(
        "the ball is around the origin whatever its centre",
        PROJECTIONS,
        "else middle + away * (radius / distance)",
        "else away * (radius / distance)",
        ("pair:optimize.projections.project_ball",),
    ),
    Mutant(
        "projected gradients do not project",
        CONSTRAINED,
        "direction = _projected(project, point - length * gradient) - point",
        "direction = -length * gradient",
        ("pair:optimize.constrained.projected_gradient",),
    ),
    Mutant(
        "Newton on the Lagrangian goes to any stationary point",
        CONSTRAINED,
        "if _inertia(matrix) == (n, m):",
        "if True:",
        (f"{LAWS}:test_newton_on_the_lagrangian_takes_one_step_for_a_parabola_and_few_on_a_circle",),
    ),
    Mutant(
        "steps along curved constraints are not corrected",
        CONSTRAINED,
        "if size == 1.0:",
        "if False:",
        (f"{LAWS}:test_second_order_corrections_keep_the_steps_long_on_curved_constraints",),
    ),
    Mutant(
        "the augmented Lagrangian is a mere penalty",
        CONSTRAINED,
        "lam, before = lam + rho * c, mu",
        "lam, before = rho * c, mu",
        (f"{LAWS}:test_multipliers_make_a_moderate_penalty_exact",),
    ),
    Mutant(
        "multipliers of inequalities may turn negative",
        CONSTRAINED,
        "mu = np.maximum(0.0, mu + rho * g)",
        "mu = mu + rho * g",
        ("pair:optimize.constrained.augmented_lagrangian",),
    ),
    Mutant(
        "steps of the interior point go past the boundary",
        PROGRAMME,
        "return min(1.0, float((-values[falling] / change[falling]).min())) if falling.any() else 1.0",
        "return 1.0",
        ("pair:optimize.quadratic_program.solve_qp",),
    ),
    Mutant(
        "the interior point's multipliers are not those of the constraints",
        PROGRAMME,
        "return dx, dy, ds, (-products - z * ds) / s",
        "return dx, dy, ds, -products / s",
        ("pair:optimize.quadratic_program.solve_qp",),
    ),
    Mutant(
        "the interior point forgets the equalities' share of the gradient",
        PROGRAMME,
        "dual = Px + q + G.T @ z + A.T @ y",
        "dual = Px + q + G.T @ z",
        (f"{LAWS}:test_a_programmes_solution_satisfies_karush_kuhn_and_tucker_and_has_no_gap",),
    ),
    Mutant(
        "infeasible programmes run on",
        PROGRAMME,
        "if shown > 0:",
        "if False:",
        (f"{LAWS}:test_programmes_without_solution_are_told_apart",),
    ),
    Mutant(
        "shrinking cuts off instead",
        ADMM,
        "np.sign(x) * np.maximum(np.abs(x) - threshold, 0.0) + 0.0",
        "np.where(np.abs(x) > threshold, x, 0.0)",
        ("pair:optimize.admm.soft_threshold", "pair:optimize.admm.lasso_admm"),
    ),
    Mutant(
        "the lasso's threshold does not know the weight",
        ADMM,
        "z = _shrunk(mixed + u, penalty / weight)",
        "z = _shrunk(mixed + u, penalty)",
        ("pair:optimize.admm.lasso_admm",),
    ),
    Mutant(
        "the wide lasso inverts the wrong matrix",
        ADMM,
        "(right - rows.T @ (root.T @ (root @ (rows @ right)))) / rho",
        "(right - rows.T @ (root.T @ (root @ (rows @ right))))",
        (f"{LAWS}:test_the_lassos_residual_correlates_with_no_column_by_more_than_the_penalty",),
    ),
    Mutant(
        "nobody pays for disagreement",
        ADMM,
        "z = (x + u).mean(axis=0)\n        u = u + x - z",
        "z = (x + u).mean(axis=0)\n        u = 0 * u",
        (f"{LAWS}:test_agreement_is_the_minimum_of_the_sum_and_its_multipliers_cancel",),
    ),
    Mutant(
        "the budget is split in proportion to the scales",
        ADMM,
        "amounts = returns.spend(math.exp(low))",
        "amounts = np.ones_like(returns.spend(math.exp(low)))",
        ("pair:optimize.admm.water_filling",),
    ),
    Mutant(
        "the price does not follow the demand",
        ADMM,
        "price += weight * balance",
        "price += 0.0 * balance",
        (f"{LAWS}:test_bargaining_balances_the_budget",),
    ),
]
