"""One contract, both back ends: in this process, and Ray Serve."""

import asyncio
import os
import socket
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from whitebox_runtime.errors import ResourceExhausted, Unavailable
from whitebox_serving.adapters.folder_store import FolderStore
from whitebox_serving.adapters.in_process import InProcessBackend
from whitebox_serving.artifact import Artifact, RejectedModelError
from whitebox_serving.models import Models
from whitebox_serving.settings import ServingSettings

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # Ray's own code under Python's newer warnings.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def _settings(store: Path) -> ServingSettings:
    return ServingSettings(model_store=store, direct_seconds=0, shutdown_grace_seconds=2, ray_max_waiting_requests=40)


def _open_to_others() -> list[str]:
    """Addresses beyond loopback on which this process or what it started listens."""
    sockets = set()
    for pid in (os.getpid(), *_descendants()):
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                sockets.add(str(handle.readlink()).removeprefix("socket:[").removesuffix("]"))
    beyond = []
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            packed = bytes.fromhex(local.split(":")[0])
            host = socket.inet_ntop(family, b"".join(packed[at : at + 4][::-1] for at in range(0, len(packed), 4)))
            if state == "0A" and rest[5] in sockets and not host.removeprefix("::ffff:").startswith(("127.", "::1")):
                beyond.append(f"{host}:{int(local.split(':')[1], 16)}")
    return beyond


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["batcher", pytest.param("ray", marks=pytest.mark.slow)]
)
async def backend(request, pristine):
    settings, before = _settings(pristine), _descendants()
    if request.param == "batcher":
        backend = InProcessBackend(settings.batch_limits)
    else:
        # Not importorskip: Ray reads its environment when it is imported, and the back end sets that first.
        if find_spec("ray") is None:
            pytest.skip("pip install whitebox-serving[ray]")
        from whitebox_serving.adapters.ray_backend import RayBackend

        backend = await RayBackend.start(settings, asyncio.Event())
    yield backend
    await backend.close()
    if request.param == "ray":
        # Other tests of this run may have started servers of their own before, and stop them after this module.
        left = {pid: name for pid, name in _descendants().items() if pid not in before}
        assert not left, "Ray left processes behind"


def _descendants() -> dict[int, str]:
    """Process ids and names of what this process started, directly or not."""
    parents, names = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                head, _, tail = (folder / "stat").read_text().rpartition(")")
                state, parent = tail.split()[:2]
                if state != "Z":
                    parents[int(folder.name)], names[int(folder.name)] = int(parent), head.partition("(")[2]
    found = {os.getpid()}
    while grown := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= grown
    return {pid: names[pid] for pid in found - {os.getpid()}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deployed(backend, pristine):
    store = FolderStore(pristine)
    predictors = {}
    for name in ("breast-cancer", "iris", "friedman"):
        predictors[name] = await backend.deploy(store.read(name, 1))
    yield predictors
    for predictor in predictors.values():
        await predictor.close()


@pytest.mark.parametrize("fixture", ["logistic", "forest", "regressor"])
async def test_answers_are_scikit_learns(deployed, fixture, request):
    trained = request.getfixturevalue(fixture)
    prediction = await deployed[trained.dataset.name].predict(trained.held_out)
    assert prediction.outputs.dtype == np.float32
    np.testing.assert_allclose(prediction.outputs, trained.outputs, rtol=1e-5, atol=1e-5)
    assert prediction.batch_rows >= len(trained.held_out)


async def test_concurrent_callers_get_their_own_rows_and_share_batches(deployed, logistic):
    rows = logistic.held_out
    calls = [deployed["breast-cancer"].predict(rows[n : n + 1 + n % 3]) for n in range(32)]
    answers = await asyncio.gather(*calls)
    for n, answer in enumerate(answers):
        np.testing.assert_allclose(answer.outputs, logistic.outputs[n : n + 1 + n % 3], atol=1e-5)
    assert max(answer.batch_rows for answer in answers) > 3


async def test_the_most_rows_of_one_request_are_answered(deployed, forest):
    rows = np.resize(forest.held_out, (4096, 4))
    prediction = await deployed["iris"].predict(rows)
    np.testing.assert_allclose(prediction.outputs, np.resize(forest.outputs, (4096, 3)), atol=1e-5)


async def test_a_cancelled_caller_does_not_disturb_the_others(deployed, logistic):
    calls = [asyncio.ensure_future(deployed["breast-cancer"].predict(logistic.held_out[:2])) for _ in range(12)]
    await asyncio.sleep(0)
    for call in calls[::2]:
        call.cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for answer in answers[1::2]:
        np.testing.assert_allclose(answer.outputs, logistic.outputs[:2], atol=1e-5)


async def test_too_many_are_refused_and_the_rest_answered(deployed, forest):
    rows = np.resize(forest.held_out, (4096, 4))
    calls = [deployed["iris"].predict(rows) for _ in range(1200)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, ResourceExhausted)]
    assert refused
    assert refused[0].retry_after > 0
    assert all(not isinstance(answer, Exception) or answer in refused for answer in answers)
    assert len(refused) < len(answers)
    assert (await deployed["iris"].predict(rows[:1])).outputs.shape == (1, 3)


async def test_a_graph_that_cannot_be_served_is_rejected(backend, pristine):
    artifact = FolderStore(pristine).read("iris", 1)
    with pytest.raises(RejectedModelError, match="ONNX Runtime cannot load"):
        await backend.deploy(Artifact(artifact.manifest, b"no graph"))


async def test_versions_are_exchanged_under_load_without_losing_a_request(backend, store_folder, add_version, logistic):
    models = Models(FolderStore(store_folder), backend, versions=1)
    await models.reload("breast-cancer")
    answered, done = [], asyncio.Event()

    async def caller():
        while not done.is_set():
            with models.lease("breast-cancer") as model:
                outputs = (await model.predictor.predict(logistic.held_out[:3])).outputs
            np.testing.assert_allclose(outputs, logistic.outputs[:3], atol=1e-5)
            answered.append(model.manifest.version)
            await asyncio.sleep(0)

    callers = [asyncio.create_task(caller()) for _ in range(8)]
    for _ in range(2):
        add_version(logistic)
        await models.reload("breast-cancer")
    done.set()
    await asyncio.gather(*callers)
    assert set(answered) >= {1, 2}
    await models.close()


async def test_a_version_for_which_there_is_no_room_is_given_up_and_leaves_nothing_behind(backend, pristine):
    if backend.name != "ray":
        pytest.skip("in this process there is always room")
    from ray import serve
    from whitebox_serving.adapters.ray_backend import RayBackend

    greedy = _settings(pristine).model_copy(update={"ray_cpus": 200, "ray_start_seconds": 1})
    before = set(serve.status().applications)
    with pytest.raises(Unavailable, match="have 200 processors to spare"):
        await RayBackend(greedy, owns_cluster=True).deploy(FolderStore(pristine).read("iris", 1))
    assert set(serve.status().applications) == before


async def test_nothing_listens_beyond_this_machine(backend, deployed):
    """The in-process back end opens no port at all; a local Ray stays on loopback."""
    if backend.name == "ray":
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
        assert {"raylet", "gcs_server"} <= set(_descendants().values())
    assert _open_to_others() == []
