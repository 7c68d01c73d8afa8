"""What an import brings in, counted in modules rather than seconds, and what the wheel holds."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import whitebox

SOURCE = Path(whitebox.__file__).parent
# Which other subpackages may be loaded along with a module, by the longest name that fits; all else brings none.
ALLOWED = {
    "anomaly": {"tree"},  # isolation trees are grown and walked like others
    "causal": {"linalg", "linear_model", "optimize", "preprocessing", "stats"},  # propensities are probabilities
    "decomposition": {"linalg"},
    "ensemble": {"tree"},
    "explain": {"linalg", "tree"},
    "fairness": set(),  # metrics are counts
    "fairness.lending": {"linalg", "optimize"},  # the simulation trains models
    "federated": {"linalg", "optimize", "privacy"},  # posteriors by Newton's method, noise
    "filtering": {"calculus", "linalg"},  # Jacobians by dual numbers
    "flows": {"linalg", "optimize"},
    "forecasting": {"calculus", "linalg", "optimize"},  # likelihoods are maximised
    "gp": {"linalg", "optimize"},
    "graph": {"linalg"},
    "graph.gcn": {"autograd", "linalg", "nn", "optimize"},
    "graph.graphsage": {"autograd", "linalg", "nn", "optimize"},
    "graph.supervised_walks": {"linalg", "optimize"},
    "graph.uncertainty": set(),
    "linear_model": {"linalg", "optimize"},
    "manifold": {"decomposition", "linalg"},
    "mcmc": {"linalg"},
    "multimodal": {"autograd", "linalg", "nn", "optimize"},
    "multimodal.calibration": set(),
    "multimodal.experts": {"autograd"},
    "neighbors": {"search"},
    "nn": {"autograd"},
    "ode": {"autograd", "linalg", "nn", "optimize"},
    "ode.runge_kutta": set(),
    "optimize": {"linalg"},  # Newton's steps are linear systems
    "reference.text": {"text"},  # the list of abbreviations
    "peft": {"autograd", "nn", "quantize", "safetensors"},  # packed layers, files of weights
    "preference": {"autograd"},
    "quadrature": {"linalg"},  # Gauss's nodes are eigenvalues
    "quantize": set(),  # arrays of bytes
    "quantize.linear": {"autograd", "nn"},
    "recsys": {"linalg", "metrics", "search"},  # the best items of a user are an exact search
    "recsys.two_tower": {"autograd", "linalg", "metrics", "nn", "optimize", "search"},
    "rl": {"autograd", "linalg", "nn", "optimize"},  # values are linear systems; policies are networks, and descend
    "rl.environments": {"linalg"},
    "rl.games": set(),
    "rl.replay": set(),
    "rl.returns": set(),
    "rl.tabular": {"linalg"},
    "rl.tree_search": set(),
    "search.exact": {"metrics"},  # cosine
    "search.hnsw": {"metrics"},
    "search.ivf": {"metrics"},
    "search.lsh": {"metrics"},
    "stats": {"linalg"},
    "survival": {"linalg", "optimize"},
    "text.characters": {"autograd", "nn", "transformers"},  # a network and how tokens are drawn
    "text.tfidf": {"linalg"},  # sparse matrices
    "transformers": {"autograd", "nn", "safetensors"},
    "transformers.cache": set(),
    "transformers.paged_cache": set(),
    "vi": {"linalg", "optimize"},
    "vi.vae": {"autograd", "linalg", "nn", "optimize"},
    "vision.resnet": {"autograd", "nn"},
}
# Imports every public module anew, in one interpreter that has NumPy, and tells what each brings in.
_PROBE = """
import sys
from importlib import import_module
started = set(sys.modules)
import whitebox, numpy, json
numpys = set(sys.modules) - started - {name for name in sys.modules if name.startswith("whitebox")}
before = {name for name in sys.modules if not name.startswith("whitebox")}
brought = {}
for name in sys.argv[1:]:
    for loaded in set(sys.modules) - before:
        del sys.modules[loaded]
    import_module(name)
    brought[name] = sorted(set(sys.modules) - before)
print(json.dumps([len(numpys), brought]))
"""


def _public_modules() -> list[str]:
    names = [module.name for module in pkgutil.walk_packages(whitebox.__path__, "whitebox.")]
    return [name for name in names if not any(part.startswith("_") for part in name.split("."))]


@pytest.fixture(scope="module")
def imports() -> tuple[int, dict[str, list[str]]]:
    """How many modules NumPy loads, and which ones each public module loads on top of it."""
    code = f"import sys; sys.path.insert(0, {str(SOURCE.parent)!r}){_PROBE}"
    done = subprocess.run([sys.executable, "-c", code, *_public_modules()], capture_output=True, text=True, check=True)
    numpys, brought = json.loads(done.stdout)
    return numpys, brought


def _allowed(name: str) -> set[str]:
    parts = name.removeprefix("whitebox.").split(".")
    for length in range(len(parts), 0, -1):
        if (known := ALLOWED.get(".".join(parts[:length]))) is not None:
            return known
    return set()


def test_no_subpackage_loads_another_without_need(imports) -> None:
    unexpected = {}
    for name, loaded in imports[1].items():
        own = {name.split(".")[1], "base", "errors"}
        others = {part.split(".")[1] for part in loaded if part.startswith("whitebox.")}
        others = {other for other in others - own if not other.startswith("_")}
        if others - _allowed(name):
            unexpected[name] = sorted(others - _allowed(name))
    assert unexpected == {}


def test_what_is_allowed_is_used(imports) -> None:
    for name, allowed in ALLOWED.items():
        if f"whitebox.{name}" in imports[1]:
            below = [loaded for module, loaded in imports[1].items() if f"{module}.".startswith(f"whitebox.{name}.")]
            used = {part.split(".")[1] for loaded in below for part in loaded if part.count(".") >= 1}
            assert allowed <= used, name


def test_importing_whitebox_costs_next_to_nothing_beside_numpy(imports) -> None:
    numpys, brought = imports
    code = f"import sys; sys.path.insert(0, {str(SOURCE.parent)!r}); before = len(sys.modules); import whitebox"
    code += "; print(len(sys.modules) - before)"
    loaded = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert loaded <= numpys / 3  # of the standard library nearly all
    # Reaching for a subpackage costs less than NumPy did.
    heavy = {name: len(modules) for name, modules in brought.items() if len(modules) > numpys}
    assert heavy == {}


def test_the_package_says_that_it_is_typed() -> None:
    assert (SOURCE / "py.typed").is_file()


@pytest.mark.slow
def test_the_wheel_is_small_and_holds_the_library_and_nothing_else(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    project = SOURCE.parents[1]
    if not (project / "pyproject.toml").is_file():
        pytest.skip("no source tree")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=project, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stat().st_size < 1_000_000
    names = zipfile.ZipFile(wheel).namelist()
    assert "whitebox/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"whitebox"}
    modules = {str(path.relative_to(SOURCE.parent)) for path in SOURCE.rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == modules
    metadata = next(name for name in names if name.endswith("METADATA"))
    needed = zipfile.ZipFile(wheel).read(metadata).decode().splitlines()
    assert [line for line in needed if line.startswith("Requires-Dist") and "extra ==" not in line] == [
        "Requires-Dist: numpy>=2.0"
    ]
