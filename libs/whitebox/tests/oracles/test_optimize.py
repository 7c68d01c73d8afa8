from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from whitebox import optimize


def rosenbrock(x):
    return scipy.optimize.rosen(x), scipy.optimize.rosen_der(x)


@pytest.mark.parametrize("n", [2, 10, 50])
def test_minima_are_scipys_at_no_more_than_twice_the_evaluations(n: int) -> None:
    start = np.linspace(-0.5, 0.5, n)  # in the valley of the global minimum: there are others from n = 4 on
    ours = {
        "BFGS": optimize.bfgs(rosenbrock, start, tol=1e-6),
        "L-BFGS-B": optimize.lbfgs(rosenbrock, start, tol=1e-6),
        "trust-exact": optimize.newton(rosenbrock, scipy.optimize.rosen_hess, start, tol=1e-14),
    }
    for method, minimum in ours.items():
        theirs = scipy.optimize.minimize(
            scipy.optimize.rosen,
            start,
            jac=scipy.optimize.rosen_der,
            hess=scipy.optimize.rosen_hess if method == "trust-exact" else None,
            method=method,
            options={"gtol": 1e-6, "maxiter": 5000},
        )
        assert minimum.converged
        np.testing.assert_allclose(minimum.x, theirs.x, atol=5e-5)
        assert minimum.evaluations <= 2 * theirs.nfev + 10


def test_a_logistic_loss_is_minimised_as_well_as_by_scipy() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((400, 30)), rng.choice([-1.0, 1.0], 400)

    def loss(w):
        margin = y * (X @ w)
        return np.logaddexp(0, -margin).sum() + w @ w / 2, -X.T @ (y / (1 + np.exp(margin))) + w

    theirs = scipy.optimize.minimize(loss, np.zeros(30), jac=True, method="L-BFGS-B", options={"gtol": 1e-9, "ftol": 0})
    for minimum in (optimize.bfgs(loss, np.zeros(30)), optimize.lbfgs(loss, np.zeros(30))):
        assert minimum.converged
        assert minimum.value <= theirs.fun * (1 + 1e-14)
        np.testing.assert_allclose(minimum.x, theirs.x, atol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_the_strong_wolfe_step_is_one_that_scipys_search_would_accept(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(6)
    value, gradient = rosenbrock(x)
    step = optimize.strong_wolfe(rosenbrock, x, -gradient, c2=0.9)
    accepted = scipy.optimize.line_search(
        scipy.optimize.rosen, scipy.optimize.rosen_der, x, -gradient, gfk=gradient, old_fval=value, c2=0.9
    )
    assert accepted[0] is not None
    for size in (step.size, accepted[0]):
        reached, there = rosenbrock(x - size * gradient)
        assert reached <= value - 1e-4 * size * gradient @ gradient
        assert abs(there @ gradient) <= 0.9 * gradient @ gradient


@pytest.mark.parametrize(
    ("ours", "make"),
    [
        (optimize.GradientDescent(0.01), lambda p: SGDOptimizer(p, 0.01, momentum=0.0)),
        (optimize.Momentum(0.01, 0.9), lambda p: SGDOptimizer(p, 0.01, momentum=0.9, nesterov=False)),
        (optimize.Nesterov(0.01, 0.9), lambda p: SGDOptimizer(p, 0.01, momentum=0.9, nesterov=True)),
        # scikit-learn adds epsilon before it corrects the bias, we after: without epsilon both are the same.
        (optimize.Adam(0.01, epsilon=0.0), lambda p: AdamOptimizer(p, 0.01, epsilon=0.0)),
    ],
)
def test_trajectories_are_scikit_learns(ours, make) -> None:
    rng = np.random.default_rng(0)
    x, gradients = rng.standard_normal(5), rng.standard_normal((40, 5))
    theirs = [x.copy()]
    optimizer = make(theirs)
    state = ours.init(x)
    for gradient in gradients:
        x, state = ours.step(x, gradient, state)
        optimizer.update_params(theirs, [gradient])
        np.testing.assert_allclose(x, theirs[0], rtol=1e-10, atol=1e-12)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [
        (optimize.GradientDescent(0.01), "SGD", {"lr": 0.01}),
        (optimize.Momentum(0.01, 0.9), "SGD", {"lr": 0.01, "momentum": 0.9}),
        (optimize.Nesterov(0.01, 0.9), "SGD", {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
        (optimize.AdaGrad(0.1), "Adagrad", {"lr": 0.1}),
        (optimize.RMSprop(), "RMSprop", {}),
        (optimize.Adam(), "Adam", {}),
        (optimize.AdamW(), "AdamW", {}),
        (optimize.NAdam(), "NAdam", {}),
    ],
)
def test_trajectories_are_pytorchs(ours, theirs: str, options: dict[str, object]) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, gradients = rng.standard_normal(5), rng.standard_normal((40, 5))
    parameter = torch.nn.Parameter(torch.tensor(x))
    optimizer = getattr(torch.optim, theirs)([parameter], **options)
    state = ours.init(x)
    for gradient in gradients:
        x, state = ours.step(x, gradient, state)
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        # PyTorch keeps the product of NAdam's momenta in single precision.
        np.testing.assert_allclose(x, parameter.detach().numpy(), rtol=1e-6, atol=1e-7)
