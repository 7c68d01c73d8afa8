"""Training: epochs of batches, validation, stopping in time, and checkpoints to go on from."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from whitebox._validation import number_in, positive_int
from whitebox.autograd import Tensor, no_grad
from whitebox.errors import EmptyInputError, NotFiniteError, RangeError, ShapeError, StateError, WhiteboxError
from whitebox.nn._data import Batch, DataLoader
from whitebox.nn._history import History
from whitebox.nn._module import AnyArray, Module
from whitebox.nn._optimizer import Optimizer
from whitebox.nn._progress import ProgressBar


class EarlyStopping:
    """Ends training when a number has not improved for some epochs, and keeps the weights of the best one.

    (Prechelt: Early Stopping - But When?, 1998: the classes UP.) All arrays of the module are kept, running means of
    batch normalisation included.

    Args:
        patience: Epochs in a row without improvement that end training.
        monitor: Which number of the history.
        minimum_gain: By how much a number must be better than the best one to count as improvement.
        maximise: Whether more is better.

    Attributes:
        best: The best number so far, None at first.
        best_epoch: Its epoch.
        waited: Epochs since.

    Raises:
        RangeError: `patience` is below 1, or `minimum_gain` negative.

    >>> from whitebox.nn import Linear
    >>> stopping, model = EarlyStopping(patience=2), Linear(1, 1, rng=np.random.default_rng(0))
    >>> [stopping.update(loss, epoch, model) for epoch, loss in enumerate([3.0, 1.0, 2.0, 1.0])]
    [False, False, False, True]
    >>> stopping.best, stopping.best_epoch
    (1.0, 1)
    """

    def __init__(
        self,
        patience: int,
        *,
        monitor: str = "validation_loss",
        minimum_gain: float = 0.0,
        maximise: bool = False,
    ) -> None:
        self.patience = positive_int(patience, "patience")
        self.monitor = monitor
        self.minimum_gain = number_in(minimum_gain, "minimum_gain", 0)
        self.maximise = maximise
        self.best: float | None = None
        self.best_epoch = 0
        self.waited = 0
        self._weights: dict[str, AnyArray] = {}

    def update(self, value: float, epoch: int, model: Module) -> bool:
        """Takes note of an epoch; says whether training should end.

        Raises:
            NotFiniteError: The number is NaN, which is neither better nor worse than any other.
        """
        if math.isnan(value):
            raise NotFiniteError(f"{self.monitor} is NaN at epoch {epoch}")
        gain = math.inf if self.best is None else (value - self.best) * (1 if self.maximise else -1)
        if gain > self.minimum_gain:
            self.best, self.best_epoch, self.waited = float(value), epoch, 0
            self._weights = {name: np.array(array) for name, array in model.state_dict().items()}
        else:
            self.waited += 1
        return self.finished

    @property
    def finished(self) -> bool:
        """Whether patience has run out."""
        return self.waited >= self.patience

    def restore(self, model: Module) -> None:
        """Gives the module the weights of the best epoch.

        Raises:
            StateError: There was no epoch, or the weights are another module's.
        """
        if self.best is None:
            raise StateError("no epoch was seen: there are no best weights")
        model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, AnyArray]:
        """All that `update` remembers, as arrays that can be stored as safetensors."""
        if self.best is None:
            return {}
        weights = {f"weights.{name}": array for name, array in self._weights.items()}
        numbers = {"best": self.best, "best_epoch": self.best_epoch, "waited": self.waited}
        return {name: np.array(number) for name, number in numbers.items()} | weights

    def load_state_dict(self, state: Mapping[str, npt.ArrayLike]) -> None:
        """Goes on where the state was taken.

        Raises:
            StateError: Something of it is missing.
        """
        if not state:
            self.best, self.best_epoch, self.waited, self._weights = None, 0, 0, {}
            return
        if missing := [name for name in ("best", "best_epoch", "waited") if name not in state]:
            raise StateError(f"the state of early stopping lacks {', '.join(missing)}")
        self.best = float(np.asarray(state["best"]))
        self.best_epoch, self.waited = int(np.asarray(state["best_epoch"])), int(np.asarray(state["waited"]))
        self._weights = _below("weights.", state)


class Trainer:
    """Fits a module by descent over batches.

    Each epoch walks the loader once in training mode, then the validation batches in evaluation mode and without
    gradients, and adds a row to the history: "epoch"; "train_loss", the mean over examples while weights changed;
    "gradient_norm", the mean over batches before clipping; "validation_loss", and "validation_" with the name of each
    metric. A checkpoint holds everything that the next epoch depends on: weights and running means, what the optimiser
    remembers, the loader's place, states of the random generators that layers hold (dropout), early stopping, and the
    history. Who goes on from it gets, number for number, what an uninterrupted training gets.

    Args:
        model: What is fitted.
        optimizer: Of its parameters.
        loss: From the model and the columns of a batch to a single number, as a mean over the examples.
        loader: The batches of each epoch.
        validation: Batches that are not trained on.
        metrics: Further numbers of validation, by name: from the model and a batch to a mean over the examples.
        early_stopping: When to end before the last epoch. The model then ends with the weights of the best epoch.

    Attributes:
        epoch: How many are finished.
        history: What they came to.

    Raises:
        RangeError: Early stopping watches a number that there will not be.

    >>> from whitebox.nn import Linear
    >>> from whitebox.optimize.first_order import Momentum
    >>> x = np.linspace(-1, 1, 8)[:, None]
    >>> model = Linear(1, 1, rng=np.random.default_rng(0), dtype=np.float64)
    >>> loader = DataLoader(x, 3 * x + 1, batch_size=4, seed=0)
    >>> def loss(model, x, y):
    ...     return ((model(Tensor(x)) - y) ** 2).mean()
    >>> history = Trainer(model, Optimizer(model, Momentum(0.1)), loss, loader).fit(60)
    >>> history["train_loss"][-1] < 1e-4, model.weight.data.round(2).tolist(), model.bias.data.round(2).tolist()
    (True, [[3.0]], [1.0])
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        loss: Callable[..., Tensor],
        loader: DataLoader,
        *,
        validation: Iterable[Batch] | None = None,
        metrics: Mapping[str, Callable[..., float]] | None = None,
        early_stopping: EarlyStopping | None = None,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.loader = loader
        self.validation = validation
        self.metrics = dict(metrics or {})
        self.early_stopping = early_stopping
        self.epoch = 0
        self.history = History()
        names = ["train_loss", "gradient_norm"]
        if validation is not None:
            names += ["validation_loss", *(f"validation_{name}" for name in self.metrics)]
        if early_stopping is not None and early_stopping.monitor not in names:
            raise RangeError(f"early stopping watches {early_stopping.monitor!r}; there will be {', '.join(names)}")

    def fit(self, epochs: int, *, checkpoint: str | Path | None = None, progress: bool = True) -> History:
        """Trains until so many epochs are finished, those before a checkpoint included.

        With early stopping the model is left with its best weights. To go on as if training had never ended, load the
        last checkpoint first: it holds the last weights beside the best ones.

        Args:
            epochs: At least 1.
            checkpoint: Where to write one after each epoch; the one before is replaced as a whole.
            progress: Whether to show on a terminal how far it is.

        Returns:
            The history.

        Raises:
            NotFiniteError: A loss or gradient is NaN or infinite; the message says at which epoch and batch.
            EmptyInputError: There are no validation batches.
        """
        left = positive_int(epochs, "epochs") - self.epoch
        with ProgressBar(max(left, 1) * len(self.loader)) as bar:
            while self.epoch < epochs and not (self.early_stopping and self.early_stopping.finished):
                row = self._train(bar if progress else None, epochs)
                if self.validation is not None:
                    row |= {f"validation_{name}": value for name, value in self.evaluate(self.validation).items()}
                self.epoch += 1
                self.history.append({"epoch": self.epoch} | row)
                if self.early_stopping:
                    self.early_stopping.update(row[self.early_stopping.monitor], self.epoch, self.model)
                if checkpoint is not None:
                    self.save(checkpoint)
        if self.early_stopping and self.early_stopping.best is not None:
            self.early_stopping.restore(self.model)
        return self.history

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Loss and metrics in evaluation mode, as means over all examples; modes are put back.

        Raises:
            EmptyInputError: There are no batches.
            NotFiniteError: A loss is NaN or infinite.
        """
        measured: dict[str, Callable[..., float]] = {"loss": lambda *batch: self.loss(*batch).item(), **self.metrics}
        sums, examples = dict.fromkeys(measured, 0.0), 0
        with _evaluating(self.model), no_grad():
            for number, batch in enumerate(batches, start=1):
                examples += len(batch[0])
                for name, measure in measured.items():
                    sums[name] += float(measure(self.model, *batch)) * len(batch[0])
                _check_finite(sums["loss"], f"the loss after epoch {self.epoch}, evaluation batch {number},")
        if not examples:
            raise EmptyInputError("there are no batches to evaluate")
        return {name: total / examples for name, total in sums.items()}

    def save(self, path: str | Path) -> None:
        """Writes a checkpoint as safetensors; the file appears whole or not at all."""
        # Files are no part of networks: only checkpoints bring them in.
        from whitebox.safetensors import save_safetensors

        save_safetensors(path, self._state())

    def load(self, path: str | Path) -> None:
        """Takes over a checkpoint of a trainer that was made the same way; nothing is changed if it does not fit.

        Raises:
            StateError, ShapeError: It is damaged, or of another model, optimiser, or loader.
            OSError: It cannot be read.
        """
        from whitebox.safetensors import load_safetensors

        state, before = load_safetensors(path), self._state()
        try:
            self._take(state)
        except WhiteboxError:
            self._take(before)
            raise

    def _train(self, bar: ProgressBar | None, epochs: int) -> dict[str, float]:
        self.model.train()
        total, norms, examples = 0.0, 0.0, 0
        for number, batch in enumerate(self.loader, start=1):
            place = f"at epoch {self.epoch + 1}, batch {number}"
            self.optimizer.zero_grad()
            loss = self.loss(self.model, *batch)
            if loss.size != 1:
                raise ShapeError(f"the loss must be a single number, got shape {loss.shape}")
            value = _check_finite(loss.item(), f"the loss {place}")
            loss.backward()
            try:
                norms += self.optimizer.step()
            except NotFiniteError as error:
                raise NotFiniteError(f"{place}: {error}") from error
            total += value * len(batch[0])
            examples += len(batch[0])
            if bar:
                bar.advance(f"loss {value:.4g}", label=f"epoch {self.epoch + 1} of {epochs}")
        return {"train_loss": total / examples, "gradient_norm": norms / len(self.loader)}

    def _parts(self) -> dict[str, Any]:
        """What has a state of its own, by the name under which a checkpoint holds it."""
        parts = {"model": self.model, "optimizer": self.optimizer, "loader": self.loader}
        if isinstance(self.validation, DataLoader):
            parts["validation"] = self.validation
        return parts | ({"early_stopping": self.early_stopping} if self.early_stopping else {})

    def _state(self) -> dict[str, AnyArray]:
        state = {
            f"{part}.{name}": array
            for part, owner in self._parts().items()
            for name, array in owner.state_dict().items()
        }
        generators = [generator.bit_generator.state for generator in _generators(self.model)]
        written = {"history": self.history.to_json(), "generators": json.dumps(generators, default=np.ndarray.tolist)}
        return state | {name: np.frombuffer(text.encode(), np.uint8) for name, text in written.items()}

    def _take(self, state: Mapping[str, AnyArray]) -> None:
        parts = self._parts()
        known = {"history", "generators"}
        if unknown := [name for name in state if name.partition(".")[0] not in parts and name not in known]:
            raise StateError(f"no checkpoint of a trainer like this one: it holds {', '.join(unknown[:5])}")
        if missing := known - state.keys():
            raise StateError(f"no checkpoint of a trainer: it lacks {', '.join(sorted(missing))}")
        for part, owner in parts.items():
            owner.load_state_dict(_below(f"{part}.", state))
        _set_generators(_generators(self.model), state["generators"].tobytes())
        self.history = History.from_json(state["history"].tobytes().decode(errors="replace"))
        self.epoch = len(self.history)


@contextmanager
def _evaluating(model: Module) -> Iterator[None]:
    """Evaluation mode; every module gets its own mode back."""
    modes = [(module, module.training) for _, module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _check_finite(value: float, name: str) -> float:
    if not math.isfinite(value):
        raise NotFiniteError(f"{name} is {value}")
    return value


def _below(prefix: str, state: Mapping[str, npt.ArrayLike]) -> dict[str, AnyArray]:
    """The entries whose names begin so, without that beginning."""
    return {name[len(prefix) :]: np.array(array) for name, array in state.items() if name.startswith(prefix)}


def _generators(model: Module) -> list[np.random.Generator]:
    """Those that the modules hold, each once."""
    held = (value for _, module in model.modules() for value in vars(module).values())
    return list({id(value): value for value in held if isinstance(value, np.random.Generator)}.values())


def _set_generators(generators: list[np.random.Generator], text: bytes) -> None:
    try:
        states = json.loads(text)
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state
    except (ValueError, TypeError, KeyError) as error:
        raise StateError(f"the states of the random generators do not fit the model: {error}") from error
