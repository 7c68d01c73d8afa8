"""Trains a model and stores it as a new version: `python -m whitebox_serving.train [MODEL]`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from whitebox_serving.artifact import RejectedModelError
from whitebox_serving.settings import ServingSettings

_EXIT_REFUSED = 1
_EXIT_USAGE = 2
_DEFAULT_MODEL = "breast-cancer"

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def train(
    model: Annotated[str, typer.Argument(help="breast-cancer, iris or diabetes")] = _DEFAULT_MODEL,
    estimator: Annotated[
        str, typer.Option(help="logistic or forest for classes, ridge or forest for values; empty: the first")
    ] = "",
    store: Annotated[Path | None, typer.Option(help="Model store; default: WHITEBOX_SERVING_MODEL_STORE")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="The same seed gives the same model")] = 0,
    folds: Annotated[int, typer.Option(min=2, max=20, help="Folds of the cross-validation")] = 5,
) -> None:
    """Trains MODEL on a real data set, checks it, and stores it as the next version.

    The model must reach its bar on held-out rows and in cross-validation: accuracy 0.80, logistic regression 0.65,
    R² 0.60. It is converted to ONNX, which must give the same answers. Exit code 1: the model was refused and nothing
    was stored; 2: the command was wrong, or the store cannot be written.
    """
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    began = time.perf_counter()

    def step(text: str) -> None:
        console.print(f"{time.perf_counter() - began:5.1f} s  {text}", markup=False)

    step("loading scikit-learn")
    from whitebox_serving import datasets, publication, training
    from whitebox_serving.adapters.folder_store import FolderStore
    from whitebox_serving.adapters.onnx_engine import OnnxEngine
    from whitebox_serving.adapters.onnx_export import export

    if model not in datasets.NAMES:
        _refuse(console, f"there is no data set {model!r}: choose one of {', '.join(datasets.NAMES)}", _EXIT_USAGE)
    dataset = datasets.load(model)
    try:
        chosen = training.choose_estimator(estimator or training.DEFAULT_ESTIMATOR[dataset.task], dataset.task)
    except ValueError as error:
        _refuse(console, str(error), _EXIT_USAGE)
    step(f"fitting {model}: {chosen.description}, {len(dataset.rows)} rows, {len(dataset.features)} features")
    trained = training.fit(dataset, chosen, seed=seed, folds=folds)
    step(", ".join(f"{name} {value:.4g}" for name, value in trained.metrics.items()))
    try:
        trained.check_bar()
        step("converting to ONNX and comparing the answers on held-out rows")
        onnx = export(trained)
        differences = publication.check_equal(trained, onnx, OnnxEngine)
    except (training.BelowBarError, RejectedModelError) as error:
        _refuse(console, f"refused, nothing stored: {error}", _EXIT_REFUSED)
    step(", ".join(f"{name} {value:.2g}" for name, value in differences.items()))
    root = store or ServingSettings().model_store
    try:
        manifest = publication.publish(FolderStore(root), trained, onnx, differences)
    except OSError as error:
        _refuse(console, f"the model store {root} cannot be written: {error.strerror or error}", _EXIT_USAGE)
    step(f"stored version {manifest.version}, SHA-256 {manifest.checksum}")
    sys.stdout.write(f"{root / manifest.name / str(manifest.version)}\n")


def _refuse(console: Console, message: str, code: int) -> NoReturn:
    console.print(message, markup=False)
    raise typer.Exit(code)


if __name__ == "__main__":
    app()
