"""The audit: whitebox recomputes what ONNX Runtime answered; scikit-learn is the judge of both."""

import asyncio

import numpy as np
import pytest
from prometheus_client import REGISTRY
from whitebox_serving.adapters.folder_store import FolderStore
from whitebox_serving.audit import LinearAudit, PredictionAudit

LABELS = {"service": "serving", "kind": "probability"}


@pytest.mark.parametrize("name", ["logistic", "iris_logistic"])
def test_the_coefficients_alone_give_scikit_learns_probabilities(name, request):
    trained = request.getfixturevalue(name)
    audit = LinearAudit(trained.linear, len(trained.dataset.classes))
    found = audit.probabilities(trained.held_out)
    # In double precision: on float32 rows scikit-learn scales in float32.
    expected = trained.model.predict_proba(trained.held_out.astype(np.float64))
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert audit.difference(trained.held_out, trained.outputs) < 1e-6


def test_a_wrong_answer_shows_in_full_and_so_does_none(logistic):
    audit = LinearAudit(logistic.linear, 2)
    wrong = logistic.outputs.copy()
    wrong[7] += 0.125
    assert audit.difference(logistic.held_out, wrong) == pytest.approx(0.125)
    wrong[7] = np.nan
    assert audit.difference(logistic.held_out, wrong) == np.inf


def test_models_without_coefficients_are_not_recomputed(store_folder):
    assert LinearAudit.of(FolderStore(store_folder).read("iris", 1).manifest) is None
    assert LinearAudit.of(FolderStore(store_folder).read("friedman", 1).manifest) is None


async def test_the_sampled_share_is_measured_and_a_wrong_answer_is_logged(store_folder, logistic, caplog):
    manifest = FolderStore(store_folder).read("breast-cancer", 1).manifest
    measured, finished, loop = [], asyncio.Event(), asyncio.get_running_loop()

    class Watched(LinearAudit):
        def difference(self, rows, outputs):
            measured.append(super().difference(rows, outputs))
            if len(measured) == 2:
                loop.call_soon_threadsafe(finished.set)
            return measured[-1]

    watched = Watched(manifest.linear, 2)
    draws = iter([0.1, 0.9, 0.2])
    live = PredictionAudit(0.5, lambda: next(draws))
    rows, right = logistic.held_out[:40], logistic.outputs[:40].astype(np.float32)
    before = REGISTRY.get_sample_value("whitebox_audit_difference_count", LABELS) or 0
    live.offer(manifest, watched, rows, right)
    live.offer(manifest, watched, rows, right)
    live.offer(manifest, watched, rows, right[::-1])
    live.offer(manifest, None, rows, right)
    async with asyncio.timeout(10):
        await live.run(finished)
    assert REGISTRY.get_sample_value("whitebox_audit_difference_count", LABELS) == before + 2
    assert measured[0] < 1e-5 < 0.5 < measured[1]
    assert [record.message for record in caplog.records] == ["a live prediction differs from its recomputation"]


async def test_a_full_sample_lets_requests_pass(store_folder, logistic):
    manifest = FolderStore(store_folder).read("breast-cancer", 1).manifest
    live = PredictionAudit(1.0, lambda: 0.0)
    for _ in range(500):
        live.offer(manifest, LinearAudit.of(manifest), logistic.held_out, logistic.outputs.astype(np.float32))
    stopping = asyncio.Event()
    stopping.set()
    await live.run(stopping)
