"""Versions in service: loaded, exchanged, rejected and retired without losing a request."""

import asyncio
import json
import shutil
from dataclasses import dataclass, field

import numpy as np
import pytest
import pytest_asyncio
from whitebox_runtime.errors import FailedPrecondition, NotFound, Unavailable
from whitebox_runtime.telemetry import gauge
from whitebox_serving.adapters.folder_store import FolderStore
from whitebox_serving.adapters.in_process import InProcessBackend
from whitebox_serving.batcher import BatchLimits
from whitebox_serving.models import Models


@dataclass
class Recorder:
    """The in-process back end, remembering what was closed."""

    name: str = "batcher"
    closed: list = field(default_factory=list)
    inner: InProcessBackend = field(default_factory=lambda: InProcessBackend(BatchLimits()))

    async def deploy(self, artifact):
        predictor = await self.inner.deploy(artifact)
        close = predictor.close

        async def closing():
            self.closed.append((artifact.manifest.name, artifact.manifest.version))
            await close()

        predictor.close = closing
        return predictor

    async def close(self):
        await self.inner.close()


@pytest_asyncio.fixture
async def backend():
    backend = Recorder()
    yield backend
    await backend.close()


@pytest_asyncio.fixture
async def models(store_folder, backend):
    models = Models(FolderStore(store_folder), backend, versions=2)
    await models.refresh()
    yield models
    await models.close()


def in_service(models):
    return [(manifest.name, manifest.version) for manifest in models.manifests()]


ALL = [("breast-cancer", 1), ("friedman", 1), ("iris", 1)]


async def test_everything_in_the_store_comes_into_service(models):
    assert in_service(models) == ALL
    await models.check_serving()
    await models.check_store()
    assert gauge("whitebox_model_loaded").labels("iris", "1")._value.get() == 1


async def test_new_versions_answer_beside_the_old_which_go_when_there_are_too_many(
    models, add_version, forest, backend
):
    add_version(forest)
    await models.refresh()
    assert in_service(models) == [*ALL[:2], ("iris", 2), ("iris", 1)]
    with models.lease("iris") as newest, models.lease("iris", "1") as older:
        assert (newest.manifest.version, older.manifest.version) == (2, 1)
        add_version(forest)
        await models.refresh()
        assert in_service(models) == [*ALL[:2], ("iris", 3), ("iris", 2)]
        await asyncio.sleep(0)
        assert backend.closed == []
        assert (await older.predictor.predict(np.ones((1, 4), np.float32))).outputs.shape == (1, 3)
    await asyncio.sleep(0)
    assert backend.closed == [("iris", 1)]


async def test_a_model_taken_out_of_the_store_goes_out_of_service(models, store_folder):
    shutil.rmtree(store_folder / "iris")
    await models.refresh()
    assert in_service(models) == ALL[:2]
    with pytest.raises(NotFound, match="model 'iris' is not in service; in service: breast-cancer, friedman"):
        models.manifest("iris")


async def test_a_store_that_cannot_be_read_takes_nothing_out_of_service(models, store_folder):
    store_folder.rename(store_folder.with_name("elsewhere"))
    with pytest.raises(Unavailable, match="cannot be read: No such file"):
        await models.refresh()
    assert in_service(models) == ALL
    await models.check_serving()
    with pytest.raises(Unavailable, match="cannot be read"):
        await models.check_store()
    store_folder.with_name("elsewhere").rename(store_folder)
    await models.refresh()
    await models.check_store()


async def test_a_damaged_new_version_is_rejected_once_and_the_previous_keeps_answering(
    models, store_folder, add_version, forest, caplog
):
    add_version(forest)
    (store_folder / "iris" / "2" / "model.onnx").write_bytes(b"damaged")
    await models.refresh()
    await models.refresh()
    assert in_service(models) == ALL
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["model rejected"]
    await models.check_serving()
    with pytest.raises(Unavailable, match=r"rejected; iris version 2: model\.onnx is damaged"):
        await models.check_store()
    with pytest.raises(FailedPrecondition, match=r"version 2 of iris was rejected: .*; version 1 keeps answering"):
        await models.reload("iris")


async def test_a_loaded_version_that_is_damaged_later_stays_and_is_taken_when_repaired(models, store_folder):
    graph = store_folder / "iris" / "1" / "model.onnx"
    good = graph.read_bytes()
    graph.write_bytes(good[:100])
    await models.refresh()
    assert in_service(models) == ALL
    with pytest.raises(Unavailable):
        await models.check_store()
    graph.write_bytes(good)
    await models.refresh()
    await models.check_store()


async def test_coefficients_that_are_not_the_graphs_are_found_out(models, store_folder, add_version, logistic):
    add_version(logistic)
    path = store_folder / "breast-cancer" / "2" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["linear"]["coefficients"][0][3] += 0.01
    path.write_text(json.dumps(manifest))
    with pytest.raises(FailedPrecondition, match="from what its coefficients give"):
        await models.reload("breast-cancer")
    assert in_service(models) == ALL


async def test_reload_tells_what_answers_now_and_before(models, add_version, forest):
    add_version(forest)
    manifest, previous = await models.reload("iris")
    assert (manifest.version, previous) == (2, 1)
    manifest, previous = await models.reload("iris")
    assert (manifest.version, previous) == (2, 2)


@pytest.mark.parametrize("name", ["nothing", "../iris", ""])
async def test_reloading_what_nobody_has_is_not_found(models, name):
    with pytest.raises(NotFound, match="in service: breast-cancer, friedman, iris"):
        await models.reload(name)


@pytest.mark.parametrize("version", ["2", "0", "01", "-1", "latest", "1.0", "١", "9" * 30])
async def test_an_unknown_version_is_not_found_and_the_known_are_named(models, version):
    with pytest.raises(NotFound, match=r"of iris is not in service; in service: 1$"):
        models.manifest("iris", version)


async def test_an_empty_store_is_not_ready_and_becomes_so(tmp_path, store_folder, backend):
    models = Models(FolderStore(tmp_path / "later"), backend)
    with pytest.raises(Unavailable, match="not been read"):
        await models.check_serving()
    with pytest.raises(Unavailable):
        await models.refresh()
    with pytest.raises(Unavailable, match="later cannot be read"):
        await models.check_serving()
    (tmp_path / "later").mkdir()
    await models.refresh()
    with pytest.raises(Unavailable, match="no model can be served from"):
        await models.check_serving()
    shutil.copytree(store_folder, tmp_path / "later", dirs_exist_ok=True)
    await models.refresh()
    await models.check_serving()
    await models.close()


async def test_watching_follows_the_store_through_trouble_until_it_is_told_to_stop(
    models, store_folder, add_version, forest
):
    stopping = asyncio.Event()
    looked = asyncio.Semaphore(0)
    refresh, failures = models.refresh, iter([RuntimeError("the back end is ill")])

    async def watched_refresh():
        try:
            for failure in failures:
                raise failure
            await refresh()
        finally:
            looked.release()

    models.refresh = watched_refresh
    watching = asyncio.create_task(models.watch(stopping, poll_seconds=0.01))
    await looked.acquire()
    add_version(forest)
    await looked.acquire()
    await looked.acquire()
    assert ("iris", 2) in in_service(models)
    stopping.set()
    await watching
