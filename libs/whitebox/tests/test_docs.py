"""The API reference builds, and every public part of the library has its page."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import whitebox

SOURCE = Path(whitebox.__file__).parents[1]


@pytest.mark.slow
def test_every_public_subpackage_has_a_page_with_its_equations(tmp_path: Path) -> None:
    pytest.importorskip("pdoc")
    build = [sys.executable, "-m", "pdoc", "--math", "--docformat", "google", "-o", str(tmp_path), "whitebox"]
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    done = subprocess.run(build, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.html")}
    wanted = [module.name for module in pkgutil.iter_modules(whitebox.__path__) if not module.name.startswith("_")]
    assert sorted(wanted) == sorted(whitebox.__all__)
    assert [name for name in wanted if f"whitebox/{name}.html" not in pages] == []
    assert {"whitebox/fairness/lending.html", "whitebox/search/bm25.html", "whitebox/reference/linalg.html"} <= pages
    page = (tmp_path / "whitebox" / "privacy.html").read_text()
    assert "MathJax" in page
    assert r"$$\delta(\varepsilon) = \Phi\Bigl(" in page.replace("\\\\", "\\")
    # Private modules stay out: what they hold is shown where it is given out.
    private = [page for page in pages if "/_" in page and not page.startswith("whitebox/reference/")]
    assert private == []
