from __future__ import annotations

import ast
import doctest
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import whitebox

SOURCE = Path(whitebox.__file__).parents[1]
MODULES = ["whitebox", *(module.name for module in pkgutil.walk_packages(whitebox.__path__, "whitebox."))]


def _loaded_by(statement: str) -> set[str]:
    """Names of the modules a fresh interpreter has after a statement."""
    code = f"import sys; sys.path.insert(0, {str(SOURCE)!r}); {statement}; print('\\n'.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_importing_whitebox_loads_no_subpackage_and_not_numpy() -> None:
    loaded = _loaded_by("import whitebox; assert whitebox.__version__")
    assert {name for name in loaded if name.startswith("whitebox")} == {"whitebox", "whitebox._lazy"}
    assert "numpy" not in loaded


def test_the_reference_loads_the_standard_library_only() -> None:
    names = [name for name in MODULES if name.startswith("whitebox.reference")]
    loaded = _loaded_by(f"import {', '.join(names)}")
    roots = {name.partition(".")[0] for name in loaded} - {"__main__", "sitecustomize", "usercustomize"}
    assert {root for root in roots if root not in sys.stdlib_module_names and not root.startswith("_")} == {"whitebox"}


def test_the_library_loads_nothing_but_numpy() -> None:
    before, loaded = _loaded_by("import numpy"), _loaded_by(f"import {', '.join(MODULES)}")
    roots = {name.partition(".")[0] for name in loaded - before}
    assert {root for root in roots if root not in sys.stdlib_module_names} <= {"numpy", "whitebox"}


def test_no_factorisation_is_left_to_lapack() -> None:
    for path in (SOURCE / "whitebox").rglob("*.py"):
        used = [node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)]
        assert "linalg" not in used, path


def test_subpackages_and_modules_are_found_by_attribute() -> None:
    for name in whitebox.__all__:
        assert getattr(whitebox, name).__name__ == f"whitebox.{name}"
        assert name in dir(whitebox)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = whitebox.nothing


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0
