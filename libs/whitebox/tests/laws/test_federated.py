from __future__ import annotations

import copy
import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
from whitebox.errors import BudgetExhaustedError
from whitebox.federated import (
    Availability,
    Client,
    LeastSquares,
    LocalTraining,
    Logistic,
    PrivateClient,
    PrivateServer,
    Server,
    Update,
    average,
    bayesian_average,
    inverse_variance_average,
    partition_by_label,
    partition_evenly,
    train,
    weighted_average,
)
from whitebox.privacy import Accountant, SubsampledGaussianEvent

WEIGHTS = np.array([1.0, -2.0, 0.5])


def linear(seed: int = 0, rows: int = 120) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rows, 3))
    return X, X @ WEIGHTS + 0.3 * rng.standard_normal(rows)


def clients(X, y, parts, loss) -> list[Client]:
    return [Client(X[part], y[part], loss) for part in parts]


UNEVEN = np.split(np.arange(120), [5, 20, 60])


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_one_local_step_is_a_step_on_all_rows_together() -> None:
    for loss in (LeastSquares(penalty=0.1), Logistic(penalty=0.1)):
        X, y = linear()
        y = (y > 0).astype(float) if isinstance(loss, Logistic) else y
        server, pooled = Server(np.zeros(3)), Client(X, y, loss)
        w = np.zeros(3)
        for done in train(server, clients(X, y, UNEVEN, loss), 5, rng()):
            w = pooled.update(w, LocalTraining(), rng()).parameters
            np.testing.assert_allclose(done.parameters, w, rtol=1e-12)


def test_training_ends_at_the_least_squares_of_all_rows() -> None:
    X, y = linear()
    server = Server(np.zeros(3))
    train(server, clients(X, y, UNEVEN, LeastSquares()), 150, rng(), training=LocalTraining(learning_rate=0.5))
    np.testing.assert_allclose(server.parameters, np.linalg.lstsq(X, y)[0], atol=1e-9)


def test_weights_matter_where_clients_differ() -> None:
    X = np.ones((4, 1))
    y = np.array([0.0, 3.0, 3.0, 3.0])
    parts = [np.array([0]), np.array([1, 2, 3])]
    for aggregate, expected in ((weighted_average, 2.25), (average, 1.5)):
        server = Server([0.0], aggregate)
        train(server, clients(X, y, parts, LeastSquares()), 200, rng(), training=LocalTraining(learning_rate=0.5))
        assert server.parameters[0] == pytest.approx(expected)


def test_many_local_steps_drift_where_clients_differ_and_a_proximal_term_holds_them() -> None:
    # Minima at 0 and at 1, the second nine times as steep: together 0.9.
    X, y, parts = np.array([[1.0], [3.0]]), np.array([0.0, 3.0]), [np.array([0]), np.array([1])]

    def end(**plan: float) -> float:
        server = Server([0.0])
        training = LocalTraining(learning_rate=0.1, **plan)
        train(server, clients(X, y, parts, LeastSquares()), 40, rng(), training=training)
        return float(server.parameters[0])

    assert end(steps=1) == pytest.approx(0.9)
    assert end(steps=50) == pytest.approx(0.5, abs=0.01)  # each at its own minimum
    assert end(steps=50, proximal=9.0) == pytest.approx(0.5 / (0.5 + 0.1), abs=0.01)


def test_the_product_of_the_clients_posteriors_is_the_posterior_of_all_rows() -> None:
    X, y = linear()
    loss = LeastSquares(noise=0.3)
    sent = [client.posterior(2.0) for client in clients(X, y, UNEVEN, loss)]
    found = bayesian_average(sent, prior_precision=2.0)
    precision = X.T @ X / 0.09 + 2.0 * np.eye(3)
    np.testing.assert_allclose(found.precision, precision, rtol=1e-10)
    np.testing.assert_allclose(found.mean, np.linalg.solve(precision, X.T @ y / 0.09), rtol=1e-9)
    # Nobody is less sure together than alone.
    for update in sent:
        assert (np.linalg.eigvalsh(found.precision - update.precision + 2 * np.eye(3)) > 0).all()


def test_the_product_of_laplaces_approximations_is_near_the_mode_of_all_rows() -> None:
    X, _ = linear(rows=2000)
    y = (rng().random(2000) < 1 / (1 + np.exp(-X @ WEIGHTS / 2))).astype(float)
    parts = partition_evenly(rng(), 2000, 4)
    found = bayesian_average([client.posterior(1.0) for client in clients(X, y, parts, Logistic())], 1.0)
    together = Client(X, y, Logistic()).posterior(1.0)
    spread = np.sqrt(together.variance)
    assert (np.abs(found.mean - together.parameters) < 2 * spread).all()
    np.testing.assert_allclose(np.diag(found.precision), np.diag(together.precision), rtol=0.1)


def test_a_mean_by_inverse_variance_varies_least_of_all_means() -> None:
    generator = rng()
    spread = np.array([0.5, 1.0, 3.0])
    drawn = 2.0 + spread * generator.standard_normal((4000, 3))
    found = [
        inverse_variance_average([Update(row[k : k + 1], 1, spread[k : k + 1] ** 2) for k in range(3)]) for row in drawn
    ]
    means = np.array([estimate.mean[0] for estimate in found])
    variance = found[0].variance[0]
    assert variance == pytest.approx(1 / (4 + 1 + 1 / 9))
    assert abs(means.var() - variance) < 5 * variance * math.sqrt(2 / 4000)
    assert abs(means.mean() - 2.0) < 5 * math.sqrt(variance / 4000)
    assert variance < (spread**2).min()


def test_who_is_surer_counts_more() -> None:
    sent = [Update(np.array([0.0]), 1, np.array([1e-6])), Update(np.array([1.0]), 10**6, np.array([1.0]))]
    assert inverse_variance_average(sent).mean[0] < 1e-5


def test_a_client_cannot_be_sent_and_its_messages_are_about_parameters_alone() -> None:
    X, y = linear(rows=50)
    client = Client(X, y, LeastSquares())
    for send in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="stay where they are"):
            send(client)
    update = pickle.loads(pickle.dumps(client.update(np.zeros(3), LocalTraining(), rng())))
    posterior = client.posterior(1.0)
    assert update.parameters.shape == (3,)
    assert {np.size(part) for part in posterior} == {1, 3, 9}
    assert str(float(X[0, 0]))[:6] not in repr(client)
    assert not [
        name for name in dir(client) if not name.startswith("_") and isinstance(getattr(client, name), np.ndarray)
    ]


def test_clients_that_do_not_reply_are_done_without() -> None:
    X, y = linear()
    server = Server(np.zeros(3))
    everyone = clients(X, y, np.array_split(np.arange(120), 12), LeastSquares())
    history = train(server, everyone, 300, rng(), availability=Availability(dropout=0.3))
    replies = [len(done.replied) for done in history]
    assert abs(np.mean(replies) - 8.4) < 5 * math.sqrt(12 * 0.21 / 300)
    assert all(set(done.replied.tolist()) <= set(done.asked.tolist()) for done in history)
    np.testing.assert_allclose(server.parameters, np.linalg.lstsq(X, y)[0], atol=0.1)


def test_a_round_without_replies_changes_nothing_without_noise() -> None:
    X, y = linear()
    server = Server(np.ones(3))
    history = train(server, clients(X, y, UNEVEN, LeastSquares()), 3, rng(), availability=Availability(dropout=1.0))
    assert [len(done.replied) for done in history] == [0, 0, 0]
    assert server.parameters.tolist() == [1.0, 1.0, 1.0]


def test_stragglers_send_what_they_have() -> None:
    X, y = linear()
    plan, hurried = LocalTraining(steps=7), LocalTraining(steps=2)
    slow, quick = Server(np.zeros(3)), Server(np.zeros(3))
    late = Availability(stragglers=1.0, straggler_steps=2)
    train(slow, clients(X, y, UNEVEN, LeastSquares()), 1, rng(), training=plan, availability=late)
    train(quick, clients(X, y, UNEVEN, LeastSquares()), 1, rng(), training=hurried)
    np.testing.assert_array_equal(slow.parameters, quick.parameters)


def private_server(epsilon: float, **options) -> PrivateServer:
    given = {"clients": 4, "accountant": Accountant(epsilon, 1e-5)} | options
    return PrivateServer(np.zeros(3), **given)


def test_training_raises_once_the_budget_is_spent_and_never_goes_on_without_noise() -> None:
    X, y = linear()
    server = private_server(20.0)
    generator = rng()
    with pytest.raises(BudgetExhaustedError, match="would spend"):
        train(server, clients(X, y, UNEVEN, LeastSquares()), 60, generator)
    spent, stopped = server.parameters, server.epsilon
    assert 0 < stopped <= 20.0
    with pytest.raises(BudgetExhaustedError):
        server.combine([Update(np.ones(3), 1)], generator)
    np.testing.assert_array_equal(server.parameters, spent)
    assert server.epsilon == stopped


def test_training_may_stop_instead_with_the_rounds_that_the_budget_covers() -> None:
    X, y = linear()
    server = private_server(20.0)
    history = train(server, clients(X, y, UNEVEN, LeastSquares()), 60, rng(), when_exhausted="stop")
    affordable = Accountant(20.0, 1e-5)
    rounds = 0
    while affordable.allows(SubsampledGaussianEvent(1.0, 1.0)):
        affordable.spend(SubsampledGaussianEvent(1.0, 1.0))
        rounds += 1
    assert len(history) == rounds > 3
    assert history[-1].epsilon == pytest.approx(affordable.spent)
    assert all(left.epsilon < right.epsilon for left, right in pairwise(history))
    np.testing.assert_array_equal(server.parameters, history[-1].parameters)


def test_every_private_round_has_noise_of_multiplier_times_norm_over_expected_clients() -> None:
    for replies in (0, 4):
        server = PrivateServer(
            np.zeros(3000), clients=8, accountant=Accountant(1e6, 1e-5), max_norm=2.0, noise_multiplier=3.0,
            sampling_rate=0.5,
        )  # fmt: skip
        moved = server.combine([Update(np.zeros(3000), 1)] * replies, rng())
        expected = 3.0 * 2.0 / (0.5 * 8)
        assert abs(moved.std() - expected) < 5 * expected / math.sqrt(6000)
        assert server.epsilon > 0


def test_one_client_moves_private_parameters_by_its_share_of_the_norm_at_most() -> None:
    sent = [Update(np.zeros(3), 1), Update(np.array([0.0, 0.3, 0.0]), 1)]
    outlier, broken = Update(np.array([1e9, 0.0, 0.0]), 10**9), Update(np.array([math.nan, 0.0, 0.0]), 1)
    base, with_outlier, with_broken = (
        private_server(1e6).combine(updates, rng()) for updates in (sent, [*sent, outlier], [*sent, broken])
    )
    np.testing.assert_allclose(with_outlier - base, [0.25, 0.0, 0.0], atol=1e-12)
    np.testing.assert_array_equal(with_broken, base)


def test_with_many_clients_private_training_comes_near_the_solution() -> None:
    generator = rng()
    X = generator.standard_normal((1600, 3))
    y = X @ WEIGHTS
    everyone = clients(X, y, np.array_split(np.arange(1600), 400), LeastSquares())
    server = private_server(8.0, clients=400, noise_multiplier=3.0)
    history = train(server, everyone, 14, generator, training=LocalTraining(learning_rate=0.5), when_exhausted="stop")
    assert history[-1].epsilon <= 8.0
    assert np.linalg.norm(server.parameters - WEIGHTS) < 0.15


def test_sampling_clients_costs_less() -> None:
    spent = []
    for rate in (0.1, 1.0):
        server = private_server(1e6, sampling_rate=rate)
        for _ in range(5):
            server.combine([], rng())
        spent.append(server.epsilon)
    assert spent[0] < 0.5 * spent[1]


def test_a_private_client_hides_its_rows_from_the_server_too_and_stops_with_its_budget() -> None:
    X, y = linear(rows=400)
    accountant = Accountant(3.0, 1e-5)
    client = PrivateClient(X, y, LeastSquares(), accountant=accountant, noise_multiplier=1.5)
    training = LocalTraining(steps=5, batch_rate=0.2)
    noisy = [client.update(np.zeros(3), training, np.random.default_rng(seed)).parameters for seed in (1, 2)]
    assert (noisy[0] != noisy[1]).all()
    expected = Accountant(1e6, 1e-5)
    expected.spend(SubsampledGaussianEvent(1.5, 0.2), count=10)
    assert accountant.spent == pytest.approx(expected.spent)
    server = Server(np.zeros(3))
    history = train(server, [client], 400, rng(), training=training, when_exhausted="stop")
    assert 2.5 < accountant.spent <= 3.0
    assert len(history) < 400
    with pytest.raises(BudgetExhaustedError):
        client.update(np.zeros(3), training, rng())
    with pytest.raises(BudgetExhaustedError, match="posterior without noise"):
        client.posterior(1.0)


def test_a_batch_without_rows_is_a_step_of_the_penalty_alone() -> None:
    client = Client([[1.0]], [1.0], LeastSquares(penalty=1.0))
    update = client.update([1.0], LocalTraining(steps=1, batch_rate=1e-9), rng())
    assert update.parameters[0] == pytest.approx(0.9)


def test_every_row_belongs_to_one_client() -> None:
    labels = np.random.default_rng(1).integers(0, 5, 300)
    for parts in (
        partition_evenly(rng(), 300, 7),
        partition_by_label(rng(), labels, 7, 0.1),
        partition_by_label(rng(), labels, 7, 1e-3),
        partition_by_label(rng(), labels, 7, 1e6),
    ):
        assert len(parts) == 7
        assert min(map(len, parts)) >= 1
        np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(300))


def test_the_concentration_says_how_alike_clients_are() -> None:
    labels = np.random.default_rng(1).integers(0, 4, 4000)

    def unlikeness(alpha: float) -> float:
        parts = partition_by_label(rng(), labels, 5, alpha)
        shares = [np.bincount(labels[part], minlength=4) / len(part) for part in parts]
        return float(np.abs(np.array(shares) - 0.25).max())

    assert unlikeness(1e4) < 0.05 < unlikeness(1.0) < unlikeness(0.05)
    sizes = [len(part) for part in partition_evenly(rng(), 23, 5)]
    assert sorted(sizes) == [4, 4, 5, 5, 5]
