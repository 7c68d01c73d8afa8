"""The API reference builds, with every public part of the library in it."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import whitebox

SOURCE = Path(whitebox.__file__).parents[1]


# `make docs` gives pdoc the whole library, which takes it most of a minute; these few have every kind of page.
SOME = ("privacy", "fairness", "search", "reference.linalg")


@pytest.mark.slow
def test_public_modules_have_pages_with_their_equations(tmp_path: Path) -> None:
    pytest.importorskip("pdoc")
    modules = [f"whitebox.{name}" for name in SOME]
    build = [sys.executable, "-m", "pdoc", "--math", "--docformat", "google", "-o", str(tmp_path), *modules]
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    done = subprocess.run(build, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.html")}
    assert {"whitebox/fairness/lending.html", "whitebox/search/bm25.html", "whitebox/reference/linalg.html"} <= pages
    page = (tmp_path / "whitebox" / "privacy.html").read_text()
    assert "MathJax" in page
    assert r"$$\delta(\varepsilon) = \Phi\Bigl(" in page.replace("\\\\", "\\")
    # Private modules stay out: what they hold is shown where it is given out.
    private = [page for page in pages if "/_" in page and not page.startswith("whitebox/reference/")]
    assert private == []


def test_every_public_subpackage_is_named_by_the_library() -> None:
    # What `__all__` names is what `make docs` writes pages of.
    found = [module.name for module in pkgutil.iter_modules(whitebox.__path__) if not module.name.startswith("_")]
    assert sorted(found) == sorted(whitebox.__all__)
