"""What differential equations, graph networks, autoencoders, towers and fusion do with what they should not be given."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from pairs.pair import plain
from whitebox.autograd import Tensor
from whitebox.errors import (
    ConvergenceError,
    DtypeError,
    EmptyInputError,
    GradientError,
    NotFiniteError,
    NotFittedError,
    NotSymmetricError,
    RangeError,
    ShapeError,
    SingleClassError,
)  # fmt: skip
from whitebox.graph.edges import adjacency
from whitebox.graph.gcn import GCN, GraphConvolution, graph_convolution, normalized_adjacency
from whitebox.graph.graphsage import (
    GraphSAGE,
    SageLayer,
    max_aggregation,
    mean_aggregation,
    sample_neighbours,
)  # fmt: skip
from whitebox.graph.uncertainty import predictive_uncertainty
from whitebox.multimodal.calibration import calibration_error, interval_coverage
from whitebox.multimodal.experts import (
    as_mask,
    heteroscedastic_loss,
    product_of_categoricals,
    product_of_experts,
)  # fmt: skip
from whitebox.multimodal.fusion import ConcatenationRegressor, GaussianExpert, ProductOfExpertsRegressor
from whitebox.ode.ensemble import EnsembleField, NeuralODEEnsemble
from whitebox.ode.neural_ode import NeuralODE, VectorField, odeint, odeint_adjoint
from whitebox.ode.runge_kutta import checked_times, dormand_prince, rk4, rk4_step
from whitebox.recsys.two_tower import Tower, TwoTower, in_batch_softmax_loss, logq_correction
from whitebox.vi.vae import VAE, VariationalAutoencoder, gaussian_kl, importance_weighted_bound, reparameterize

RNG = np.random.default_rng(0)
TWO_PATHS = np.array([[[1.0], [0.5], [0.25]], [[2.0], [1.0], [0.5]]])
ENSEMBLE = NeuralODEEnsemble(2, hidden=(2,), max_iter=2, random_state=0).fit([0.0, 1.0, 2.0], TWO_PATHS)


def fall(t, y):
    return -y


PATH = adjacency([[0, 1], [1, 2]], nodes=3)
ONE_WAY = adjacency([[0, 1]], nodes=3, directed=True)
EYE = np.eye(3)
KNOWN = GCN(2, max_iter=1, random_state=0).fit(PATH, EYE, [0, 0, 1])
VECTORS = GraphSAGE(2, epochs=1, random_state=0).fit(PATH, EYE)
TOWERS = TwoTower(2, epochs=1, random_state=0).fit([0, 1], [0, 1])
ONE = Tensor([[1.0, 0.0]])
CODES = VAE(2, hidden=(3,), epochs=1, random_state=0).fit(EYE)
FUSED = ProductOfExpertsRegressor([2, 1], hidden=(2,), epochs=1, random_state=0).fit(EYE, [0.0, 1.0, 2.0])
MADE = Tensor(np.ones(1), requires_grad=True) * 2.0
REFUSED = [
    ("one time", partial(checked_times, [0.0]), RangeError, "at least two"),
    ("times that turn", partial(rk4, fall, [1.0], [0.0, 1.0, 0.5]), RangeError, "strictly"),
    ("a time twice", partial(dormand_prince, fall, [1.0], [0.0, 0.0]), RangeError, "strictly"),
    ("a time that is none", partial(rk4, fall, [1.0], [0.0, np.nan]), NotFiniteError, r"times\[1\]"),
    ("no state", partial(rk4, fall, [], [0.0, 1.0]), EmptyInputError, "y0"),
    ("a state of words", partial(rk4, fall, ["a"], [0.0, 1.0]), DtypeError, "y0"),
    ("no steps", partial(rk4, fall, [1.0], [0.0, 1.0], steps=0), RangeError, "steps"),
    ("a derivative of another shape", partial(rk4, lambda t, y: [1.0, 2.0], [1.0], [0.0, 1.0]), ShapeError, r"\(2,\)"),
    ("growth without bounds", partial(rk4, lambda t, y: y**3, [9.0], [0.0, 9.0], steps=9), NotFiniteError, "finite"),
    ("no tolerance", partial(dormand_prince, fall, [1.0], [0.0, 1.0], rtol=0.0), RangeError, "rtol"),
    ("a negative tolerance", partial(dormand_prince, fall, [1.0], [0.0, 1.0], atol=-1.0), RangeError, "atol"),
    ("a slope of NaN", partial(dormand_prince, lambda t, y: y * np.nan, [1.0], [0.0, 1.0]), NotFiniteError, "t = 0"),
    ("too few steps", partial(dormand_prince, fall, [1.0], [0.0, 9.0], max_steps=2), ConvergenceError, "2 steps"),
    ("a state of nothing", partial(VectorField, 0, rng=RNG), RangeError, "dimensions"),
    ("a hidden layer of nothing", partial(VectorField, 2, hidden=(0,), rng=RNG), RangeError, "out_features"),
    ("a network of another width", partial(VectorField(2, rng=RNG), 0.0, Tensor([[1.0]])), ShapeError, "takes 2"),
    ("a derivative summed", partial(odeint, lambda t, y: y.sum(), Tensor([1.0]), [0.0, 1.0]), ShapeError, r"\(\)"),
    (
        "parameters that are results",
        partial(odeint_adjoint, lambda t, y: MADE * y, Tensor([1.0]), [0.0, 1.0], parameters=[MADE]),
        GradientError,
        "leaves",
    ),
    (
        "parameters kept secret",
        partial(odeint_adjoint, VectorField(1, hidden=(), rng=RNG), Tensor([1.0]), [0.0, 1.0], parameters=[]),
        GradientError,
        r"\[\(1,\), \(1, 1\)\]",
    ),
    ("no solver's steps", partial(NeuralODE, VectorField(1, rng=RNG), steps=0), RangeError, "steps"),
    ("no members", partial(EnsembleField, 0, 1, rng=RNG), RangeError, "members"),
    ("an ensemble of one", partial(NeuralODEEnsemble(1).fit, [0.0, 1.0, 2.0], TWO_PATHS), RangeError, "two members"),
    ("one trajectory", partial(NeuralODEEnsemble().fit, [0.0, 1.0, 2.0], TWO_PATHS[:1]), RangeError, "two traj"),
    ("trajectories of other times", partial(NeuralODEEnsemble().fit, [0.0, 1.0], TWO_PATHS), ShapeError, r"\(n, 2, d"),
    ("no horizon", partial(NeuralODEEnsemble(horizon=0).fit, [0.0, 1.0, 2.0], TWO_PATHS), RangeError, "horizon"),
    ("no trajectories learned", partial(NeuralODEEnsemble().predict, [[1.0]], [0.0, 1.0]), NotFittedError, "fit first"),
    ("a start of another width", partial(ENSEMBLE.predict, [[1.0, 2.0]], [0.0, 1.0]), ShapeError, "2 columns"),
    ("no draws", partial(ENSEMBLE.sample, [[1.0]], [0.0, 1.0], draws=0), RangeError, "draws"),
    ("no graph to normalise", partial(normalized_adjacency, EYE), DtypeError, "CSR"),
    ("edges one way to normalise", partial(normalized_adjacency, ONE_WAY), NotSymmetricError, "directed"),
    ("weights of another width", partial(graph_convolution, PATH, Tensor(EYE), Tensor(EYE[:2])), ShapeError, "take 2"),
    ("rows for other nodes", partial(graph_convolution, PATH, Tensor(EYE[:2]), Tensor(EYE)), ShapeError, "3 nodes"),
    ("a convolution to nothing", partial(GraphConvolution, 3, 0, rng=RNG), RangeError, "out_features"),
    ("labels of other nodes", partial(GCN().fit, PATH, EYE, [0, 1]), ShapeError, r"\(3,\)"),
    ("a node labelled twice", partial(GCN().fit, PATH, EYE, [0, 1], nodes=[1, 1]), RangeError, "twice"),
    ("a node that is none", partial(GCN().fit, PATH, EYE, [0, 1], nodes=[1, 3]), RangeError, "node 3"),
    ("no labelled node", partial(GCN().fit, PATH, EYE, [], nodes=np.array([], int)), EmptyInputError, "no node"),
    ("one class", partial(GCN().fit, PATH, EYE, [1, 1, 1]), SingleClassError, "one class"),
    ("features of other nodes", partial(GCN().fit, PATH, EYE[:2], [0, 1]), ShapeError, "2 rows"),
    ("a feature of NaN", partial(GCN().fit, PATH, EYE * np.nan, [0, 1, 1]), NotFiniteError, "X"),
    ("dropout of all", partial(GCN(dropout=1.0).fit, PATH, EYE, [0, 1, 1]), RangeError, "dropout"),
    ("a GCN unfitted", partial(GCN().predict, PATH, EYE), NotFittedError, "fit first"),
    ("features of another width", partial(KNOWN.predict, PATH, EYE[:, :2]), ShapeError, "2 features"),
    ("no draws of a GCN", partial(KNOWN.predict_uncertainty, PATH, EYE, draws=0), RangeError, "draws"),
    ("probabilities of one draw alone", partial(predictive_uncertainty, [[0.5, 0.5]]), ShapeError, "draws"),
    ("probabilities above 1", partial(predictive_uncertainty, [[[0.5, 0.7]]]), RangeError, "add up"),
    ("a sample of none", partial(sample_neighbours, PATH, [0], 0, RNG), RangeError, "size"),
    ("a sample for no node", partial(sample_neighbours, PATH, np.array([], int), 2, RNG), EmptyInputError, "nodes"),
    ("a sample for a node that is none", partial(sample_neighbours, PATH, [3], 2, RNG), RangeError, "node 3"),
    ("means of other nodes", partial(mean_aggregation, PATH, Tensor(EYE[:2])), ShapeError, "3 nodes"),
    ("largest of other nodes", partial(max_aggregation, PATH, Tensor(EYE[:2])), ShapeError, "3 nodes"),
    ("an unknown aggregator", partial(SageLayer, 2, 2, aggregator="sum", rng=RNG), RangeError, "'sum'"),
    ("no layers", partial(GraphSAGE(sample_sizes=()).fit, PATH, EYE, [0, 1, 1]), RangeError, "each layer"),
    ("a GraphSAGE unfitted", partial(GraphSAGE().transform, PATH, EYE), NotFittedError, "fit first"),
    ("classes without labels", partial(VECTORS.predict, PATH, EYE), NotFittedError, "without labels"),
    ("vectors of another width", partial(VECTORS.transform, PATH, EYE[:, :1]), ShapeError, "1 features"),
    ("walks without edges", partial(GraphSAGE().fit, adjacency([], 3), EYE), EmptyInputError, "no walk"),
    ("no temperature of walks", partial(GraphSAGE(temperature=0.0).fit, PATH, EYE), RangeError, "temperature"),
    ("probabilities of other items", partial(logq_correction, ONE, [0.5]), ShapeError, "1 probabilities"),
    ("an item that is never sampled", partial(logq_correction, ONE, [0.5, 0.0]), RangeError, "above 0"),
    ("an item more than certain", partial(logq_correction, ONE, [0.5, 1.5]), RangeError, "at most 1"),
    ("keys of other users", partial(in_batch_softmax_loss, ONE, ONE[:, :1], temperature=1.0), ShapeError, "one shape"),
    ("no temperature of scores", partial(in_batch_softmax_loss, ONE, ONE, temperature=0.0), RangeError, "temperature"),
    ("items of others", partial(in_batch_softmax_loss, ONE, ONE, temperature=1.0, items=[1, 2]), ShapeError, r"\(1,\)"),
    ("a tower on nothing", partial(Tower, 2, rng=RNG), RangeError, "needs numbers"),
    ("an unknown loss", partial(TwoTower(loss="hinge").fit, [0], [0]), RangeError, "'hinge'"),
    ("users without items", partial(TwoTower().fit, [0, 1], [0]), ShapeError, "2 users for 1"),
    ("no interaction", partial(TwoTower().fit, [], []), EmptyInputError, "users is empty"),
    ("users by fractions", partial(TwoTower().fit, [0.5], [0]), DtypeError, "whole"),
    ("a user below 0", partial(TwoTower().fit, [-1], [0]), RangeError, "-1"),
    ("a user without features", partial(TwoTower().fit, [2], [0], user_features=[[1.0]]), RangeError, "there are 1"),
    ("ids left out without features", partial(TwoTower(use_ids=False).fit, [0], [0]), RangeError, "needs numbers"),
    ("towers unfitted", partial(TwoTower().recommend, 0), NotFittedError, "fit first"),
    ("towers unfitted, by features", partial(TwoTower().encode_items, [[1.0]]), NotFittedError, "fit first"),
    ("a user unknown", partial(TOWERS.recommend, 2), RangeError, "0 to 1"),
    ("no recommendation", partial(TOWERS.recommend, 0, 0), RangeError, "n must"),
    ("new users of learned rows", partial(TOWERS.encode_users, [[1.0]]), RangeError, "use_ids"),
    ("variances of others", partial(gaussian_kl, ONE, ONE[:, :1]), ShapeError, "one shape"),
    ("an unknown likelihood", partial(VariationalAutoencoder, 2, 1, likelihood="t", rng=RNG), RangeError, "'t'"),
    ("no components", partial(VariationalAutoencoder, 2, 0, rng=RNG), RangeError, "components"),
    ("a negative beta", partial(VAE(beta=-1.0).fit, EYE), RangeError, "beta"),
    ("shares above 1", partial(VAE(likelihood="bernoulli").fit, 2 * EYE), RangeError, "0 to 2"),
    ("rows of NaN", partial(VAE().fit, EYE * np.nan), NotFiniteError, "X"),
    ("no epochs", partial(VAE(epochs=0).fit, EYE), RangeError, "epochs"),
    ("an autoencoder unfitted", partial(VAE().transform, EYE), NotFittedError, "fit first"),
    ("an autoencoder unfitted, to draw from", partial(VAE().sample), NotFittedError, "fit first"),
    ("codes of another width", partial(CODES.inverse_transform, EYE), ShapeError, "3 columns"),
    ("rows of another width", partial(CODES.score_samples, EYE[:, :2]), ShapeError, "2 features"),
    ("no draws of codes", partial(CODES.score_samples, EYE, draws=0), RangeError, "draws"),
    ("no expert", partial(product_of_experts, [], []), EmptyInputError, "no expert"),
    ("variances fewer than means", partial(product_of_experts, [ONE, ONE], [ONE]), ShapeError, "one shape"),
    ("experts of other shapes", partial(product_of_experts, [ONE, ONE[:, :1]], [ONE, ONE]), ShapeError, "one shape"),
    ("a row that none sees", partial(product_of_experts, [ONE], [ONE], present=[[False]]), EmptyInputError, "row 0"),
    ("a prior of no variance", partial(product_of_experts, [ONE], [ONE], prior_variance=0.0), RangeError, "prior_v"),
    ("no classifier", partial(product_of_categoricals, []), EmptyInputError, "no expert"),
    ("classifiers of other classes", partial(product_of_categoricals, [ONE, ONE[:, :1]]), ShapeError, "one shape"),
    ("a prior of other classes", partial(product_of_categoricals, [ONE], log_prior=[0.0]), ShapeError, "log_prior"),
    ("a mask of other rows", partial(as_mask, [[True]], (2, 1)), ShapeError, r"\(2, 1\)"),
    ("a mask of twos", partial(as_mask, [[2]], (1, 1)), RangeError, "truth"),
    ("targets of another shape", partial(heteroscedastic_loss, ONE, ONE, [0.0]), ShapeError, "differ"),
    ("nothing to be sure of", partial(heteroscedastic_loss, ONE[:0], ONE[:0], EYE[:0, :2]), EmptyInputError, "no num"),
    ("deviations of other rows", partial(interval_coverage, [1.0], [1.0], [1.0, 2.0]), ShapeError, "2 deviations"),
    ("no deviation", partial(interval_coverage, [1.0], [1.0], [0.0]), RangeError, r"std\[0\]"),
    ("a level of 1", partial(interval_coverage, [1.0], [1.0], [1.0], [1.0]), RangeError, "levels"),
    ("no level", partial(calibration_error, [1.0], [1.0], [1.0], levels=0), RangeError, "levels"),
    ("an expert on nothing", partial(GaussianExpert, 0, rng=RNG), RangeError, "features"),
    ("columns of no modality", partial(ProductOfExpertsRegressor([2]).fit, EYE, [0.0, 1, 2]), ShapeError, "add up"),
    ("a modality of nothing", partial(ConcatenationRegressor([0, 3]).fit, EYE, [0.0, 1, 2]), RangeError, "modalities"),
    (
        "nothing ever there",
        partial(ConcatenationRegressor(modality_dropout=1.0).fit, EYE, [0.0, 1, 2]),
        RangeError,
        "below 1",
    ),
    ("targets of other rows", partial(ConcatenationRegressor().fit, EYE, [0.0]), ShapeError, r"\(3,\)"),
    ("a target of NaN", partial(ProductOfExpertsRegressor().fit, EYE, [0.0, 1.0, np.nan]), NotFiniteError, r"y\[2\]"),
    ("fusion unfitted", partial(ProductOfExpertsRegressor().predict, EYE), NotFittedError, "fit first"),
    ("a mask of other modalities", partial(FUSED.predict, EYE, EYE), ShapeError, r"\(3, 2\)"),
    ("a certain band", partial(ENSEMBLE.predict_interval, [[1.0]], [0.0, 1.0], level=1.0), RangeError, "level"),
]


@pytest.mark.parametrize(("call", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_by_name(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


WORKS = [
    ("a step of no length", lambda: rk4_step(fall, 0.0, np.array([2.0]), 0.0), [2.0]),
    ("a state at rest", lambda: dormand_prince(lambda t, y: 0 * y, [3.0], [0.0, 1e6]).states, [[3.0], [3.0]]),
    ("a number as state", lambda: rk4(fall, 1.0, [0.0, 1.0]).states.round(3), [1.0, 0.375]),
    ("no hidden layer", lambda: VectorField(2, hidden=(), rng=RNG)(0.0, Tensor(np.ones((1, 2)))).shape, (1, 2)),
    ("a coordinate that never moves", lambda: NeuralODEEnsemble(2, hidden=(2,), max_iter=1).fit([0.0, 1.0], np.ones((2, 2, 1))).scale_, [1.0]),
    ("a graph without edges", lambda: normalized_adjacency(adjacency([], 2)).to_dense(), [[1.0, 0.0], [0.0, 1.0]]),
    ("one node", lambda: mean_aggregation(adjacency([], 1), Tensor([[3.0]])).data, [[0.0]]),
    ("one isolated node", lambda: max_aggregation(adjacency([], 1), Tensor([[-3.0]])).data, [[0.0]]),
    ("a graph of loops", lambda: GraphSAGE(2, epochs=1).fit(adjacency([[0, 0], [1, 1]], 2), EYE[:2], [0, 1]).transform(adjacency([], 1), EYE[:1]).shape, (1, 2)),
    ("one draw", lambda: predictive_uncertainty([[[0.5, 0.5]]]).mutual_information, [0.0]),
    ("one interaction", lambda: TwoTower(2, epochs=1).fit([0], [0]).recommend(0)[0], [0]),
    ("all items chosen", lambda: TwoTower(2, loss="bpr", epochs=1).fit([0, 0], [0, 1]).recommend(0, 5, [0, 1])[0], []),
    ("no code", lambda: gaussian_kl(Tensor(np.zeros((2, 0))), Tensor(np.zeros((2, 0)))).data, [0.0, 0.0]),
    ("no noise", lambda: reparameterize(ONE, ONE, [[0.0, 0.0]]).data, [[1.0, 0.0]]),
    ("one weight", lambda: importance_weighted_bound(ONE).data, [1.0, 0.0]),
    ("columns that do not vary", lambda: VAE(1, epochs=1).fit(np.ones((3, 2))).scale_, 1.0),
    ("a prior alone", lambda: product_of_experts([ONE], [ONE], present=[[False]], prior_variance=1.0).mean.data, [[0.0, 0.0]]),
    ("classes that none sees", lambda: np.exp(product_of_categoricals([ONE], present=[[False]]).data), [[0.5, 0.5]]),
    ("an exact prediction", lambda: interval_coverage([1.0], [1.0], [1.0], [0.5]), [1.0]),
    ("a target that does not vary", lambda: ProductOfExpertsRegressor(epochs=1).fit(EYE, [1.0, 1.0, 1.0]).predict(EYE).shape, (3,)),
    ("nothing learned", lambda: odeint_adjoint(fall, Tensor([1.0]), [0.0, 1.0], parameters=[]).data.round(3), [[1.0], [0.375]]),
]  # fmt: skip


@pytest.mark.parametrize(("call", "expected"), [row[1:] for row in WORKS], ids=[row[0] for row in WORKS])
def test_degenerate_but_valid_input_works(call, expected: object) -> None:
    assert plain(call()) == plain(expected)
