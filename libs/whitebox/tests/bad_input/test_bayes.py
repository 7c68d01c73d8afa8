"""What the samplers, the variational families, Gaussian processes and flows do with what they should not be given."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from bad_input.values import BAD_MATRICES
from whitebox import flows, mcmc, vi
from whitebox.errors import (
    DtypeError,
    EmptyInputError,
    NotFiniteError,
    NotFittedError,
    NotPositiveDefiniteError,
    NotSymmetricError,
    RangeError,
    ShapeError,
    SingularMatrixError,
)
from whitebox.flows import Affine, Chain, NormalizingFlow, Planar, Radial
from whitebox.gp import (
    RBF,
    BayesianOptimizer,
    Constant,
    GaussianProcessRegressor,
    Kernel,
    Matern,
    Product,
    Sum,
    White,
    expected_improvement,
    minimise,
    probability_of_improvement,
    upper_confidence_bound,
)
from whitebox.linear_model import BayesianLinearRegression
from whitebox.mcmc import (
    HMC,
    NUTS,
    DualAveraging,
    Langevin,
    Metric,
    MetropolisHastings,
    MultiplicativeWalk,
    PhasePoint,
    RandomWalk,
    Welford,
    autocovariance,
    ess,
    leapfrog,
    mcse,
    rank_normalise,
    rhat,
    sample,
    warm_up,
)
from whitebox.vi import FullRank, MeanField, VariationalInference, elbo, fit, fit_to_draws, whitened

GOOD = [[0.0, 1.0], [1.0, 3.0], [2.0, 2.0]]
TARGETS = [1.0, 2.0, 0.0]
BASES = (flows.Flow, vi.Gaussian, Kernel)  # abstract: nothing can be given to them


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def bowl(x: np.ndarray) -> tuple[float, np.ndarray]:
    return -0.5 * float(x @ x), -x


def bowls(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return -0.5 * (x**2).sum(axis=1), -x


def fitted_flow() -> NormalizingFlow:
    return NormalizingFlow("radial", 1, max_iter=2, random_state=0).fit(GOOD)


TAKES_A_MATRIX = {
    "sample": lambda bad: sample(HMC(bowl), rng(), bad, 1),
    "RBF": RBF(1.0),
    "RBF, Z": lambda bad: RBF(1.0)(GOOD, bad),
    "Matern": Matern(1.0),
    "GaussianProcessRegressor.fit": lambda bad: GaussianProcessRegressor().fit(bad, TARGETS),
    "GaussianProcessRegressor.predict": lambda bad: GaussianProcessRegressor().fit(GOOD, TARGETS).predict(bad),
    "GaussianProcessRegressor.sample_y": lambda bad: GaussianProcessRegressor().fit(GOOD, TARGETS).sample_y(bad),
    "BayesianLinearRegression.fit": lambda bad: BayesianLinearRegression().fit(bad, TARGETS),
    "BayesianLinearRegression.predict": lambda bad: BayesianLinearRegression().fit(GOOD, TARGETS).predict(bad),
    "BayesianOptimizer": BayesianOptimizer,
    "minimise": lambda bad: minimise(lambda x: 0.0, bad),
    "Affine.forward": Affine([0.0, 0.0], [0.0, 0.0]).forward,
    "Planar.forward": Planar([1.0, 1.0], [1.0, 1.0]).forward,
    "Planar.inverse": Planar([1.0, 1.0], [1.0, 1.0]).inverse,
    "Radial.inverse": Radial([0.0, 0.0]).inverse,
    "log_density": partial(flows.log_density, Radial([0.0, 0.0])),
    "log_likelihood_and_gradient": partial(flows.log_likelihood_and_gradient, Radial([0.0, 0.0])),
    "flows.fit": partial(flows.fit, Radial([0.0, 0.0])),
    "elbo_and_gradient": partial(flows.elbo_and_gradient, Radial([0.0, 0.0]), bowls),
    "NormalizingFlow.fit": NormalizingFlow().fit,
    "NormalizingFlow.score_samples": lambda bad: fitted_flow().score_samples(bad),
    "elbo": partial(elbo, MeanField([0.0, 0.0]), bowls),
    "fit_to_draws": partial(fit_to_draws, bowls, MeanField([0.0, 0.0])),
    "whitened": whitened,
    "FullRank": partial(FullRank, [0.0, 0.0]),
}


@pytest.mark.parametrize("bad", [name for name in BAD_MATRICES if name != "None"])
@pytest.mark.parametrize("function", TAKES_A_MATRIX)
def test_what_is_no_matrix_of_numbers_is_refused_by_name(function: str, bad: str) -> None:
    value, error, message = BAD_MATRICES[bad]
    with pytest.raises(error, match=message):
        TAKES_A_MATRIX[function](value)


TAKES_A_VECTOR = {
    "MetropolisHastings.init": MetropolisHastings(lambda x: 0.0, RandomWalk()).init,
    "HMC.init": HMC(bowl).init,
    "NUTS.init": NUTS(bowl).init,
    "warm_up": lambda bad: warm_up(NUTS(bowl), rng(), bad, 5),
    "RandomWalk": RandomWalk,
    "Metric": Metric,
    "MeanField": MeanField,
    "Affine": lambda bad: Affine(bad, [0.0]),
    "Planar": lambda bad: Planar(bad, [1.0]),
    "Radial": Radial,
    "tell": lambda bad: BayesianOptimizer([(0.0, 1.0)]).tell(bad, 0.0),
    "expected_improvement": lambda bad: expected_improvement(bad, [1.0], 0.0),
    "probability_of_improvement": lambda bad: probability_of_improvement([0.0], bad, 0.0),
    "upper_confidence_bound": lambda bad: upper_confidence_bound(bad, [1.0]),
    "rank_normalise": rank_normalise,
    "ess": lambda bad: ess([bad]),
    "rhat": lambda bad: rhat([bad]),
    "mcse": lambda bad: mcse([bad]),
    "autocovariance": lambda bad: autocovariance([bad]),
}


@pytest.mark.parametrize(
    ("bad", "error"),
    [([1.0, math.nan], NotFiniteError), ([], EmptyInputError), (["a"], DtypeError), ([1j], DtypeError)],
    ids=["NaN", "empty", "words", "complex"],
)
@pytest.mark.parametrize("function", TAKES_A_VECTOR)
def test_what_is_no_vector_of_numbers_is_refused_by_name(function: str, bad: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        TAKES_A_VECTOR[function](bad)


START = PhasePoint(np.zeros(1), np.ones(1), 0.0, np.zeros(1))
FOUR = [[1.0, 2.0, 1.0, 3.0]]
REFUSED = [
    ("a start without density", lambda: HMC(lambda x: (-math.inf, x)).init([0.0]), RangeError, "-inf"),
    ("a density that is NaN", lambda: NUTS(lambda x: (math.nan, x)).init([0.0]), NotFiniteError, "log-density is NaN"),
    ("a gradient that is NaN", lambda: HMC(lambda x: (0.0, x * math.nan)).init([0.0]), NotFiniteError, "the gradient"),
    ("a gradient of another shape", lambda: HMC(lambda x: (0.0, np.ones(2))).init([0.0]), ShapeError, r"\(2,\)"),
    ("a density for each coordinate", lambda: HMC(lambda x: (x, x)).init([0.0]), ShapeError, r"shape \(1,\)"),
    (
        "a density that becomes NaN",
        lambda: sample(MetropolisHastings(lambda x: math.nan if x[0] else 0.0, RandomWalk()), rng(), [[0.0]], 3),
        NotFiniteError,
        "log-density is NaN",
    ),
    ("a random walk on the spot", partial(RandomWalk, 0.0), RangeError, "scale must be positive"),
    ("a random walk's scale of another shape", partial(RandomWalk, [[1.0, 2.0]]), ShapeError, r"\(1, 2\)"),
    ("a multiplicative walk on the spot", partial(MultiplicativeWalk, 0.0), RangeError, "scale"),
    ("a Langevin step of 0", partial(Langevin, bowl, 0.0), RangeError, "step_size"),
    ("an HMC step of -1", partial(HMC, bowl, -1.0), RangeError, "step_size"),
    ("no HMC steps", partial(HMC, bowl, steps=0), RangeError, "steps"),
    ("no doublings", partial(NUTS, bowl, max_depth=0), RangeError, "max_depth"),
    ("a mass of minus one", partial(HMC, bowl, inverse_mass=[1.0, -1.0]), RangeError, "inverse_mass must be positive"),
    ("a lopsided mass", partial(Metric, [[1.0, 1.0], [0.0, 1.0]]), NotSymmetricError, "not symmetric"),
    ("a mass that is a saddle", partial(Metric, [[0.0, 1.0], [1.0, 0.0]]), NotPositiveDefiniteError, "size 1"),
    ("a mass that is a cube", partial(NUTS, bowl, inverse_mass=np.ones((1, 1, 1))), ShapeError, r"\(1, 1, 1\)"),
    ("no leapfrog steps", partial(leapfrog, bowl, START, 0.1, Metric(), 0), RangeError, "steps"),
    ("a leapfrog step of infinity", partial(leapfrog, bowl, START, math.inf, Metric()), RangeError, "step_size"),
    ("no draws", partial(sample, HMC(bowl), rng(), GOOD, 0), RangeError, "draws"),
    ("half a warm-up", partial(sample, HMC(bowl), rng(), GOOD, 1, warmup=0.5), RangeError, "warmup"),
    ("no warm-up steps", partial(warm_up, NUTS(bowl), rng(), [0.0], 0), RangeError, "steps"),
    ("a target acceptance of 1", partial(warm_up, NUTS(bowl), rng(), [0.0], 9, target=1.0), RangeError, "target"),
    ("an averaging that forgets nothing", partial(DualAveraging, kappa=0.2), RangeError, "kappa"),
    ("a first step of 0", partial(DualAveraging().init, 0.0), RangeError, "step_size"),
    ("a variance of no points", lambda: Welford().variance(Welford().init(1)), RangeError, "two points"),
    ("no coordinates", partial(Welford().init, 0), RangeError, "size"),
    ("too few draws", partial(ess, [[1.0, 2.0, 3.0]]), ShapeError, "at least 4 draws"),
    ("draws without chains", partial(rhat, [1.0, 2.0, 3.0, 4.0]), ShapeError, r"\(4,\)"),
    ("an unknown effective size", partial(ess, FOUR, "median"), RangeError, "'bulk', 'tail' or 'mean'"),
    ("an unknown R-hat", partial(rhat, FOUR, "folded"), RangeError, "'rank' or 'split'"),
    ("a standard error of a scalar", partial(mcse, 1.0), ShapeError, "chains must have shape"),
]
REFUSED += [
    ("a length scale of 0", partial(RBF, 0.0), RangeError, "length_scale"),
    ("a length scale out of its bounds", partial(Matern, 1.0, (2.0, 3.0)), RangeError, "within its bounds"),
    ("bounds upside down", partial(Constant, 1.0, (3.0, 2.0)), RangeError, "in order"),
    ("bounds from zero", partial(White, 1.0, (0.0, 2.0)), RangeError, "positive"),
    ("an unknown smoothness", partial(Matern, 1.0, nu=1.0), RangeError, "0.5, 1.5 or 2.5"),
    ("more length scales than columns", partial(RBF([1.0, 1.0, 1.0]), GOOD), ShapeError, "3 length scales"),
    ("other rows of another width", partial(Sum(RBF(1.0), White()), GOOD, [[1.0]]), ShapeError, "Z has 1"),
    ("a negative factor", lambda: -1.0 * RBF(1.0), RangeError, "value"),
    ("a product that is not of kernels", partial(Product(RBF(1.0), White()), [1.0]), ShapeError, "matrix"),
    ("a negative alpha", partial(GaussianProcessRegressor(alpha=-1.0).fit, GOOD, TARGETS), RangeError, "alpha"),
    (
        "alphas for other rows",
        partial(GaussianProcessRegressor(alpha=np.ones(2)).fit, GOOD, TARGETS),
        ShapeError,
        r"\(3,\)",
    ),
    (
        "an unknown optimiser",
        partial(GaussianProcessRegressor(optimizer="adam").fit, GOOD, TARGETS),
        RangeError,
        "'lbfgs' or None",
    ),
    ("half a restart", partial(GaussianProcessRegressor(n_restarts=0.5).fit, GOOD, TARGETS), RangeError, "n_restarts"),
    ("too few targets", partial(GaussianProcessRegressor().fit, GOOD, [1.0]), ShapeError, r"\(3,\)"),
    ("a target that is NaN", partial(GaussianProcessRegressor().fit, GOOD, [1.0, math.nan, 0.0]), NotFiniteError, "y"),
    ("no targets", partial(GaussianProcessRegressor().fit, GOOD, None), EmptyInputError, "requires y"),
    (
        "the same row twice and no noise",
        partial(GaussianProcessRegressor(RBF(1.0), 0.0, optimizer=None).fit, [[0.0], [0.0]], [1.0, 2.0]),
        NotPositiveDefiniteError,
        "raise alpha",
    ),
    ("a process before fit", partial(GaussianProcessRegressor().predict, GOOD), NotFittedError, "call fit first"),
    ("a likelihood before fit", GaussianProcessRegressor().log_marginal_likelihood, NotFittedError, "call fit first"),
    (
        "both kinds of spread",
        partial(GaussianProcessRegressor().fit(GOOD, TARGETS).predict, GOOD, return_std=True, return_cov=True),
        RangeError,
        "at most one",
    ),
    (
        "a theta of another length",
        partial(GaussianProcessRegressor().fit(GOOD, TARGETS).log_marginal_likelihood, [0.0]),
        ShapeError,
        r"\(3,\)",
    ),
    ("no functions", partial(GaussianProcessRegressor().fit(GOOD, TARGETS).sample_y, GOOD, 0), RangeError, "n_samples"),
    ("a negative spread", partial(expected_improvement, [0.0], [-1.0], 0.0), RangeError, "std"),
    ("spreads of another shape", partial(probability_of_improvement, [0.0], [1.0, 1.0], 0.0), ShapeError, r"\(2,\)"),
    ("a best that is NaN", partial(expected_improvement, [0.0], [1.0], math.nan), RangeError, "best"),
    ("a pessimist", partial(upper_confidence_bound, [0.0], [1.0], -1.0), RangeError, "kappa"),
    ("a box without inside", partial(BayesianOptimizer, [(1.0, 1.0)]), RangeError, "below the upper"),
    ("a box of triples", partial(BayesianOptimizer, [(0.0, 1.0, 2.0)]), ShapeError, r"\(d, 2\)"),
    ("an unknown acquisition", partial(BayesianOptimizer, [(0.0, 1.0)], acquisition="es"), RangeError, "'pi' or 'ucb'"),
    ("no first points", partial(BayesianOptimizer, [(0.0, 1.0)], n_initial=0), RangeError, "n_initial"),
    ("nothing evaluated", BayesianOptimizer([(0.0, 1.0)]).best, EmptyInputError, "tell first"),
    ("a point outside", partial(BayesianOptimizer([(0.0, 1.0)]).tell, [2.0], 0.0), RangeError, "outside the box"),
    ("a point of another size", partial(BayesianOptimizer([(0.0, 1.0)]).tell, [0.5, 0.5], 0.0), ShapeError, r"\(2,\)"),
    ("a value that is NaN", partial(minimise, lambda x: math.nan, [(0.0, 1.0)]), NotFiniteError, "nan"),
    ("no evaluations", partial(minimise, lambda x: 0.0, [(0.0, 1.0)], evaluations=0), RangeError, "evaluations"),
]
REFUSED += [
    (
        "one row and an intercept",
        partial(BayesianLinearRegression().fit, [[1.0]], [1.0]),
        EmptyInputError,
        "one sample",
    ),
    ("a noise of 0", partial(BayesianLinearRegression(0.0).fit, GOOD, TARGETS), RangeError, "noise_precision"),
    ("a prior of 0", partial(BayesianLinearRegression(1.0, 0.0).fit, GOOD, TARGETS), RangeError, "weight_precision"),
    ("a regression before fit", partial(BayesianLinearRegression().predict, GOOD), NotFittedError, "call fit first"),
    ("scales of another size", partial(MeanField, [0.0], [0.0, 0.0]), ShapeError, r"\(2,\)"),
    ("a factor of another size", partial(FullRank, [0.0], GOOD), ShapeError, r"\(1, 1\)"),
    ("a factor that is flat", partial(FullRank, [0.0], [[0.0]]), RangeError, "diagonal of factor"),
    ("a single draw", partial(elbo, MeanField([0.0]), bowls, [[0.0]]), EmptyInputError, "two draws"),
    ("draws of another width", partial(elbo, MeanField([0.0]), bowls, GOOD), ShapeError, "2 columns for 1"),
    (
        "a target for a single point",
        partial(elbo, MeanField([0.0, 0.0]), lambda x: (0.0, x), GOOD),
        ShapeError,
        r"\(\)",
    ),
    (
        "a target that is NaN",
        partial(elbo, MeanField([0.0]), lambda x: (x[:, 0] * math.nan, x), [[0.0], [1.0]]),
        NotFiniteError,
        "not finite",
    ),
    ("no draws for a step", partial(VariationalInference, bowls, 0), RangeError, "draws"),
    ("no samples of an approximation", partial(MeanField([0.0]).sample, rng(), 0), RangeError, "size"),
    ("no steps", partial(fit, bowls, MeanField([0.0]), rng(), steps=0), RangeError, "steps"),
    ("draws on a line", partial(whitened, [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]), SingularMatrixError, "column 1"),
    ("as many draws as unknowns", partial(whitened, [[0.0, 0.0], [1.0, 2.0]]), ShapeError, "more draws"),
    ("a direction of zeros", partial(Planar, [0.0, 0.0], [1.0, 1.0]), RangeError, "w must not be zero"),
    ("a push of another size", partial(Planar, [1.0], [1.0, 1.0]), ShapeError, r"\(2,\)"),
    ("scales for other coordinates", partial(Affine, [1.0], [1.0, 1.0]), ShapeError, r"\(2,\)"),
    ("a radius that is NaN", partial(Radial, [0.0], math.nan), RangeError, "log_alpha"),
    ("a chain of nothing", partial(Chain, []), EmptyInputError, "no maps"),
    ("a chain of two sizes", partial(Chain, [Radial([0.0]), Radial([0.0, 0.0])]), ShapeError, r"\[1, 2\]"),
    ("rows of another width", partial(Chain([Radial([0.0])]).forward, GOOD), ShapeError, "maps 1"),
    ("no rows to draw", partial(flows.sample, Radial([0.0]), rng(), 0), RangeError, "size"),
    ("a negative penalty", partial(flows.fit, Radial([0.0, 0.0]), GOOD, penalty=-1.0), RangeError, "penalty"),
    (
        "a single draw of a flow",
        partial(flows.elbo_and_gradient, Radial([0.0]), bowls, [[0.0]]),
        EmptyInputError,
        "two",
    ),
    ("no steps of a flow", partial(flows.fit_to_density, Radial([0.0]), bowls, rng(), steps=0), RangeError, "steps"),
    (
        "a density that is NaN",
        partial(flows.fit_to_density, Radial([0.0]), lambda x: (x[:, 0] * math.nan, x), rng()),
        NotFiniteError,
        "not finite",
    ),
    ("a single row", partial(NormalizingFlow().fit, [[1.0, 2.0]]), EmptyInputError, "1 sample"),
    ("an unknown flow", partial(NormalizingFlow("spline").fit, GOOD), RangeError, "'planar' or 'radial'"),
    ("no layers", partial(NormalizingFlow(n_layers=0).fit, GOOD), RangeError, "n_layers"),
    ("a density before fit", partial(NormalizingFlow().score_samples, GOOD), NotFittedError, "call fit first"),
    ("draws before fit", NormalizingFlow().sample, NotFittedError, "call fit first"),
]


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.__name__)
def test_the_abstract_bases_cannot_be_made(base) -> None:
    with pytest.raises(TypeError, match="abstract"):
        base()


@pytest.mark.filterwarnings("ignore:no convergence:RuntimeWarning")
def test_degenerate_but_valid_input_works() -> None:
    constant = GaussianProcessRegressor(normalize_y=True).fit([[1.0], [1.0]], [2.0, 2.0])
    np.testing.assert_allclose(constant.predict([[1.0], [5.0]]), 2.0, atol=1e-6)
    np.testing.assert_allclose(GaussianProcessRegressor().fit([[1.0]], [0.0]).predict([[1.0]]), 0.0)
    np.testing.assert_allclose(BayesianLinearRegression().fit(GOOD, [2.0] * 3).predict([[9.0, 9.0]]), 2.0)
    np.testing.assert_allclose(BayesianLinearRegression().fit([[1.0], [1.0]], [1.0, 3.0]).predict([[1.0]]), 2.0)
    exact = BayesianLinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    np.testing.assert_allclose(exact.predict([[3.0]]), 7.0, atol=1e-4)
    wide = BayesianLinearRegression(1.0, 1.0).fit([[1.0, 2.0, 3.0], [2.0, 1.0, 0.0]], [1.0, 0.0])
    assert np.isfinite(wide.predict([[0.0, 1.0, 0.0]], return_std=True)).all()
    column = NormalizingFlow(max_iter=5, random_state=0).fit([[0.0, 7.0], [1.0, 7.0], [3.0, 7.0]])
    assert np.isfinite(column.score_samples([[0.5, 7.0]])).all()
    np.testing.assert_allclose(Radial([1.0, 2.0]).inverse([[1.0, 2.0]]), [[1.0, 2.0]])
    assert np.isfinite(Planar([1.0], [-50.0]).forward([[0.0]])[1]).all()
    assert mcmc.ess(np.ones((1, 4))) == 4
    assert sample(NUTS(bowl), rng(), [[0.0]], 1).positions.shape == (1, 1, 1)
