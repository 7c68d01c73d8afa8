"""The model store: whole versions or none, and nothing damaged gets through."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from whitebox_serving.adapters.folder_store import FolderStore
from whitebox_serving.adapters.onnx_engine import OnnxEngine
from whitebox_serving.adapters.onnx_export import export
from whitebox_serving.artifact import Artifact, RejectedModelError, sha256
from whitebox_serving.publication import publish


def test_what_is_published_is_read_back(store_folder, forest):
    artifact = FolderStore(store_folder).read("iris", 1)
    assert artifact.onnx == export(forest)
    assert artifact.manifest.checksum == sha256(artifact.onnx)


def test_publishers_at_the_same_time_get_versions_of_their_own(tmp_path, forest):
    onnx, store = export(forest), FolderStore(tmp_path / "new")
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(lambda _: publish(store, forest, onnx, {}).version, range(24)))
    assert sorted(versions) == list(range(1, 25))
    assert [store.read("iris", version).manifest.version for version in versions] == versions
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["iris"]


def _edit(change):
    def apply(folder):
        path = folder / "manifest.json"
        manifest = json.loads(path.read_text())
        change(manifest)
        path.write_text(json.dumps(manifest))

    return apply


DAMAGES = {
    "graph cut": (lambda f: os.truncate(f / "model.onnx", 100), "model.onnx is damaged"),
    "graph changed": (lambda f: (f / "model.onnx").write_bytes(b"x" * 10), "model.onnx is damaged"),
    "graph missing": (lambda f: (f / "model.onnx").unlink(), "model.onnx is missing"),
    "manifest missing": (lambda f: (f / "manifest.json").unlink(), "manifest.json is missing"),
    "manifest cut": (lambda f: os.truncate(f / "manifest.json", 50), "manifest is not valid"),
    "manifest empty": (lambda f: os.truncate(f / "manifest.json", 0), "manifest is not valid"),
    "graph is a folder": (lambda f: ((f / "model.onnx").unlink(), (f / "model.onnx").mkdir()), "cannot be read"),
    "another version's": (_edit(lambda m: m.update(version=7)), "belongs to breast-cancer version 7"),
    "another model's": (_edit(lambda m: m.update(name="iris")), "belongs to iris"),
    "unknown field": (_edit(lambda m: m.update(pickle="cos\nsystem")), "not valid: pickle"),
    "no features": (_edit(lambda m: m.update(features=[])), "features"),
    "one class": (_edit(lambda m: m.update(classes=["a"])), "two classes or more"),
    "nan": (_edit(lambda m: m["features"][0].update(mean=float("nan"))), "features.0.mean"),
    "twice the name": (_edit(lambda m: m["features"][1].update(name="mean radius")), "same name"),
    "a scale of zero": (_edit(lambda m: m["linear"]["scale"].__setitem__(0, 0)), "linear.scale.0"),
    "short coefficients": (_edit(lambda m: m["linear"]["coefficients"][0].pop()), "linear.coefficients is not 1 × 30"),
    "short probe": (_edit(lambda m: m["probe"]["outputs"].pop()), "probe.outputs is not 16 × 2"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_version_is_rejected_with_its_reason(damage, store_folder):
    apply, reason = DAMAGES[damage]
    apply(store_folder / "breast-cancer" / "1")
    with pytest.raises(RejectedModelError, match=reason):
        FolderStore(store_folder).read("breast-cancer", 1)


def test_a_graph_that_fits_its_checksum_but_not_its_probe_is_rejected(store_folder):
    artifact = FolderStore(store_folder).read("breast-cancer", 1)
    outputs = [[1 - value for value in row] for row in artifact.manifest.probe.outputs]
    probe = artifact.manifest.probe.model_copy(update={"outputs": outputs})
    with pytest.raises(RejectedModelError, match="differ from the trained model's by"):
        OnnxEngine(Artifact(artifact.manifest.model_copy(update={"probe": probe}), artifact.onnx))


@pytest.mark.parametrize("onnx", [b"", b"no graph", bytes(1000)])
def test_what_is_no_graph_is_rejected(store_folder, onnx):
    manifest = FolderStore(store_folder).read("iris", 1).manifest
    with pytest.raises(RejectedModelError, match="ONNX Runtime cannot load the graph"):
        OnnxEngine(Artifact(manifest, onnx))


def test_names_that_leave_the_store_or_hide_are_no_models(store_folder, forest):
    for name in ("..", "../evil", "a/b", ".hidden", "", "Upper", "a" * 65, "a\n"):
        with pytest.raises(ValueError, match="is not a model name"):
            FolderStore(store_folder).publish(lambda *_: pytest.fail("asked for a manifest"), name, b"")
    (store_folder / ".publishing-x").mkdir()
    (store_folder / "iris" / "0").mkdir()
    (store_folder / "iris" / "latest").mkdir()
    (store_folder / "iris" / "02").mkdir()
    assert {name: list(versions) for name, versions in FolderStore(store_folder).scan().items()} == {
        "breast-cancer": [1], "friedman": [1], "iris": [1],
    }  # fmt: skip


_KILLED = """
import os, signal, sys
from pathlib import Path
from whitebox_serving.adapters import folder_store
from whitebox_serving.artifact import Manifest

source, root, after = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
flush, rename, steps = os.fsync, Path.rename, 0

def step():
    global steps
    steps += 1
    if steps == after:
        os.kill(os.getpid(), signal.SIGKILL)

def fsync(handle):
    step()
    flush(handle)

def renamed(self, target):
    step()
    return rename(self, target)

os.fsync, Path.rename = fsync, renamed
manifest = Manifest.model_validate_json((source / "manifest.json").read_bytes())
folder_store.FolderStore(root).publish(
    lambda version, checksum: manifest.model_copy(update={"version": version}), "iris", (source / "model.onnx").read_bytes()
)
"""


@pytest.mark.slow
@pytest.mark.parametrize("first", [True, False])
def test_a_publisher_killed_at_any_step_leaves_whole_versions_only(first, store_folder, tmp_path):
    root = tmp_path / "root" if first else store_folder
    source = store_folder / "iris" / "1"
    killed = 0
    for after in range(1, 20):
        command = [sys.executable, "-c", _KILLED, str(source), str(root), str(after)]
        ended = subprocess.run(command, check=False, capture_output=True).returncode
        store = FolderStore(root)
        for name, versions in store.scan().items():
            assert versions, f"{name} is there without a version after step {after}"
            for version in versions:
                OnnxEngine(store.read(name, version))
        if ended == 0:
            break
        assert ended == -9
        killed += 1
    assert killed >= 5
    assert ended == 0
