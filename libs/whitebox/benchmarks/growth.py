"""Measures how the cost of the main algorithms grows with size, and fits the exponent.

    PYTHONPATH=libs/whitebox/src python libs/whitebox/benchmarks/growth.py [--quick] [--only NAME] [--no-figure]

Prints a row an algorithm: its promise, the slope that the promise has over the sizes measured, the slope that was
fitted to all of them on logarithmic axes, and the slope between the last two. Draws them with the promised slopes into
figures/growth.svg. Fixed costs bend small sizes down, caches large ones up, so slopes are for reading, not for passing.

Rows stand in functions that yield `Growth`; a benchmark module beside this one adds its own by a function `grows()`.
"""

from __future__ import annotations

import argparse
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from growing import Grown, Growth, Run, cubic, doubling, linear, linearithmic, logarithmic, measure, quadratic
from threadpoolctl import threadpool_limits
from whitebox import linalg
from whitebox.decomposition import PCA
from whitebox.fairness import derive_predictor, equalized_odds_difference
from whitebox.linear_model import LogisticRegression
from whitebox.preprocessing import StandardScaler
from whitebox.privacy import rdp_subsampled_gaussian
from whitebox.search import exact
from whitebox.search.bm25 import BM25

FIGURE = Path(__file__).parent / "figures" / "growth.svg"


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def linear_algebra() -> Iterator[Growth]:
    """All of order n³: products fastest, rotations slowest.

    At small sizes the steps of Python cost more than the numbers: the order shows from a few hundred rows on.
    """

    def square(n: int) -> np.ndarray:
        return _rng().standard_normal((n, n))

    def definite(n: int) -> np.ndarray:
        A = square(n)
        return A @ A.T + n * np.eye(n)

    makes = {
        "matrix product (NumPy)": (lambda A: A @ A, square, 128, 4),
        "LU": (linalg.lu, square, 512, 4),
        "Cholesky": (linalg.cholesky, definite, 512, 4),
        "QR": (linalg.qr, square, 256, 4),
        "eigenvalues, symmetric": (linalg.eigh, definite, 128, 4),
        "SVD": (linalg.svd, square, 64, 4),
    }
    for name, (function, matrix, first, count) in makes.items():

        def prepare(n: int, function: Any = function, matrix: Any = matrix) -> Run:
            A = matrix(n)
            return lambda: function(A)

        yield Growth(f"{name}, n × n", "n³", cubic, doubling(first, count), prepare)


def search() -> Iterator[Growth]:
    """Exact search looks at everything, an inverted index at what shares a term."""

    def scan(n: int) -> Run:
        vectors = _rng().standard_normal((n, 64), dtype=np.float32)
        return lambda: exact.search(vectors[:8], vectors, 10)

    def wide(d: int) -> Run:
        vectors = _rng().standard_normal((4000, d), dtype=np.float32)
        return lambda: exact.search(vectors[:8], vectors, 10)

    def documents(n: int) -> list[list[str]]:
        words = np.minimum(_rng().zipf(1.3, (n, 40)), 5000).astype(str)
        return words.tolist()

    def index(n: int) -> Run:
        docs = documents(n)
        return lambda: BM25().fit(docs)

    def query(n: int) -> Run:
        docs = documents(n)
        fitted = BM25().fit(docs)
        return lambda: fitted.search(docs[0][:6], 10)

    yield Growth("exact search, n × 64", "n", linear, doubling(4000, 5), scan)
    yield Growth("exact search, 4000 × n", "n", linear, doubling(64, 4), wide)
    yield Growth("BM25 index, n documents", "n", linear, doubling(1000, 4), index)
    yield Growth("BM25 query, n documents", "n", linear, doubling(8000, 4), query)
    if find_spec("whitebox.search.hnsw"):
        hnsw = import_module("whitebox.search.hnsw")

        def walk(n: int) -> Run:
            vectors = _rng().standard_normal((n, 16))
            built = hnsw.HNSW(dimension=16)
            built.add(vectors)
            return lambda: built.search(vectors[:50], 10)

        yield Growth("HNSW, 50 queries of n vectors", "log n", logarithmic, doubling(1000, 4), walk)


def learning() -> Iterator[Growth]:
    """Fits to n rows."""

    def rows(n: int, d: int = 8) -> tuple[np.ndarray, np.ndarray]:
        rng = _rng()
        X = rng.standard_normal((n, d))
        return X, (X[:, 0] + X[:, 1] + rng.standard_normal(n) > 0).astype(int)

    def fits(make: Callable[[], Any], d: int = 8) -> Callable[[int], Run]:
        def prepare(n: int) -> Run:
            X, y = rows(n, d)
            return lambda: make().fit(X, y)

        return prepare

    yield Growth("standard scaler, n × 32", "n", linear, doubling(10_000, 4), fits(StandardScaler, 32))
    yield Growth("PCA, n × 64", "n", linear, doubling(4000, 4), fits(PCA, 64))
    yield Growth("PCA, 6000 × n", "n²", quadratic, doubling(64, 4), lambda d: fits(PCA, d)(6000))
    yield Growth("logistic regression, n × 8", "n", linear, doubling(4000, 4), fits(LogisticRegression))
    if find_spec("whitebox.tree"):
        tree = import_module("whitebox.tree").DecisionTreeClassifier
        yield Growth(
            "decision tree, n × 8", "n log n", linearithmic, doubling(2000, 4), fits(lambda: tree(max_depth=8))
        )
    if find_spec("whitebox.cluster"):
        kmeans = import_module("whitebox.cluster").KMeans

        def clusters() -> Any:
            return kmeans(n_clusters=8, n_init=1, max_iter=10, tol=0.0, random_state=0)

        yield Growth("k-means, 10 rounds, n × 8", "n", linear, doubling(4000, 4), fits(clusters))
    if find_spec("whitebox.svm"):
        svc = import_module("whitebox.svm").SVC
        yield Growth("SVM, n × 8", "n²", quadratic, doubling(500, 4), fits(svc))
    if find_spec("whitebox.filtering"):
        filtering = import_module("whitebox.filtering")

        def follow(n: int) -> Run:
            walk = filtering.LinearGaussian([[1.0]], [[1.0]], [[0.5]], [[2.0]], [0.0], [[10.0]])
            seen = np.cumsum(_rng().standard_normal((n, 1)), axis=0)
            return lambda: filtering.kalman.filter(walk, seen)

        yield Growth("Kalman filter, n steps", "n", linear, doubling(2000, 4), follow)


def trust() -> Iterator[Growth]:
    """Group metrics and thresholds sort; the accountant sums over orders."""

    def cases(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = _rng()
        y = rng.integers(0, 2, n)
        return y + rng.standard_normal(n), y, rng.integers(0, 3, n)

    def metric(n: int) -> Run:
        scores, y, groups = cases(n)
        decided = (scores > 0.5).astype(int)
        return lambda: equalized_odds_difference(y, decided, groups)

    def thresholds(n: int) -> Run:
        scores, y, groups = cases(n)
        return lambda: derive_predictor(scores, y, groups)

    sizes = doubling(10_000, 4)
    yield Growth("equalised odds difference, n cases", "n log n", linearithmic, sizes, metric)
    yield Growth("equalised odds by thresholds, n cases", "n log n", linearithmic, sizes, thresholds)
    yield Growth(
        "accountant, n whole orders",
        "n²",
        quadratic,
        doubling(1000, 3),
        lambda n: lambda: rdp_subsampled_gaussian(1.0, 0.01, np.arange(2.0, n + 2)),
    )


def registry() -> list[Growth]:
    """The rows of this module, and those that other modules of this folder add."""
    makers = [linear_algebra, search, learning, trust]
    others = (path for path in sorted(Path(__file__).parent.glob("*.py")) if path.stem != Path(__file__).stem)
    makers += [import_module(path.stem).grows for path in others if "def grows(" in path.read_text()]
    return [row for maker in makers for row in maker()]


def draw(measured: list[Grown], path: Path) -> None:
    """A panel an algorithm, on logarithmic axes, with the promised slope through the last point."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    # The same numbers make the same file: no date, no random names.
    settings = {"svg.hashsalt": "whitebox", "svg.fonttype": "none", "font.size": 7, "font.family": "sans-serif"}
    with mpl.rc_context(settings):
        columns = 5
        lines = math.ceil(len(measured) / columns)
        figure, axes = pyplot.subplots(lines, columns, figsize=(2.1 * columns, 1.7 * lines), layout="constrained")
        for axis in axes.flat[len(measured) :]:
            axis.set_visible(False)
        for axis, grown in zip(axes.flat, measured, strict=False):
            sizes, cost = np.array(grown.growth.sizes, dtype=float), grown.growth.cost
            promise = [grown.seconds[-1] * cost(size) / cost(sizes[-1]) for size in sizes]
            axis.loglog(sizes, [1e3 * second for second in promise], "--", color="#999999", linewidth=1)
            axis.loglog(sizes, [1e3 * second for second in grown.seconds], "o-", color="#1b6ca8", markersize=3)
            axis.set_title(f"{grown.growth.name}\n{grown.growth.order}; measured n^{grown.measured:.2f}", fontsize=6.5)
            axis.set_xticks(sizes, [f"{size:g}" for size in sizes], rotation=30)
            axis.minorticks_off()
            axis.set_ylabel("ms", fontsize=6)
        path.parent.mkdir(exist_ok=True)
        figure.savefig(path, metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
    # Trailing blanks, which matplotlib leaves, are none of the figure's.
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")


def main() -> int:
    """Prints the table and writes the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the three smallest sizes, a tenth of the time, no figure")
    parser.add_argument("--only", help="rows whose name holds this, and no figure")
    parser.add_argument("--no-figure", action="store_true", help="print the table only")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = [row for row in registry() if chosen.only is None or chosen.only.lower() in row.name.lower()]
    if not rows:
        parser.error(f"no row holds {chosen.only!r}")
    print(f"{'algorithm':40} {'promise':>8} {'slope':>6} {'fitted':>7} {'last':>6}   sizes")
    measured = []
    with threadpool_limits(1):
        for number, row in enumerate(rows, start=1):
            chosen_row = row._replace(sizes=list(row.sizes)[:3]) if chosen.quick else row

            def report(size: int, name: str = row.name, number: int = number) -> None:
                if sys.stderr.isatty():
                    print(
                        f"\r\033[K{number} of {len(rows)}: {name}, n = {size} ...", end="", file=sys.stderr, flush=True
                    )

            grown = measure(chosen_row, report, 0.04 if chosen.quick else 0.4)
            if sys.stderr.isatty():
                print("\r\033[K", end="", file=sys.stderr, flush=True)
            ends = f"{chosen_row.sizes[0]} to {chosen_row.sizes[-1]}, {1e3 * grown.seconds[-1]:.3g} ms at the last"
            slopes = f"{grown.promised:>6.2f} {grown.measured:>7.2f} {grown.last:>6.2f}"
            print(f"{row.name:40} {row.order:>8} {slopes}   {ends}", flush=True)
            measured.append(grown)
    if not (chosen.quick or chosen.only or chosen.no_figure):
        draw(measured, FIGURE)
        print(f"drawn into {FIGURE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
