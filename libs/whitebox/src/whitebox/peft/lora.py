"""LoRA: a frozen weight, and a learned change of low rank (Hu et al. 2021)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from whitebox._validation import number_in, positive_int
from whitebox.autograd import Tensor
from whitebox.errors import RangeError, StateError
from whitebox.nn import Linear, Module, Parameter, linear
from whitebox.nn._replacement import replace_modules
from whitebox.quantize.linear import QuantizedLinear
from whitebox.safetensors import load_safetensors, save_safetensors

AnyArray = npt.NDArray[Any]

_WEIGHTS, _CONFIG = "adapter_model.safetensors", "adapter_config.json"
# What the `peft` library puts before the names of a model's modules.
_PREFIX = "base_model.model."


class LoRALinear(Module):
    r"""A linear layer that does not learn, and beside it a product of two narrow matrices that does.

    .. math:: y = x W^\top + b + \frac{\alpha}{r}\, x A^\top B^\top

    (Hu et al. 2021, eq. 3), A of shape (r, d) drawn at random, B of shape (m, r) zero: at first nothing changes.
    r (d + m) numbers are learned instead of d · m. O(n · r · (d + m)) beside the layer's own time.

    Args:
        base_layer: Is frozen; a `Linear`, or a `QuantizedLinear` (QLoRA: Dettmers et al. 2023).
        rank: The r.
        alpha: The scale in units of 1 / r.
        dropout: Share of the inputs of A that are set to 0 in training, the others growing accordingly.
        init: How A is drawn: "kaiming" uniformly from :math:`\pm 1 / \sqrt d`, as Microsoft's `loralib` and `peft` do,
            "gaussian" from :math:`N(0, 1 / r^2)`.
        rng: Draws A, and what is dropped.

    Raises:
        RangeError: The rank is not positive or above that of the weight, or another number is out of its range.

    >>> rng = np.random.default_rng(0)
    >>> base = Linear(8, 4, rng=rng)
    >>> layer, x = LoRALinear(base, rank=2, rng=rng), Tensor(np.ones((1, 8), np.float32))
    >>> layer.parameter_count, bool((layer(x).data == base(x).data).all())
    (24, True)
    """

    def __init__(
        self,
        base_layer: Linear | QuantizedLinear,
        *,
        rank: int,
        alpha: float = 1.0,
        dropout: float = 0.0,
        init: Literal["kaiming", "gaussian"] = "kaiming",
        rng: np.random.Generator,
    ) -> None:
        super().__init__()
        m, d = base_layer.weight.shape
        if positive_int(rank, "rank") > min(m, d):
            raise RangeError(f"a weight of shape {(m, d)} has no changes of rank {rank}: at most {min(m, d)}")
        if number_in(dropout, "dropout", 0, 1) == 1:
            raise RangeError("dropout must be below 1: nothing would be left")
        if init not in ("kaiming", "gaussian"):
            raise RangeError(f"init must be 'kaiming' or 'gaussian', got {init!r}")
        self.rank, self.alpha, self.dropout, self.rng = rank, number_in(alpha, "alpha", 0, open_low=True), dropout, rng
        self.base_layer = base_layer.requires_grad(False)
        drawn = (
            rng.uniform(-1, 1, (rank, d)) / math.sqrt(d) if init == "kaiming" else rng.standard_normal((rank, d)) / rank
        )
        dtype = base_layer.weight.dtype
        self.lora_A = Parameter(drawn.astype(dtype))
        self.lora_B = Parameter(np.zeros((m, rank), dtype))
        self.enabled = True
        # The weight before and after merging.
        self._apart: tuple[AnyArray, AnyArray] | None = None

    @property
    def scale(self) -> float:
        """The factor alpha / rank."""
        return self.alpha / self.rank

    @property
    def parameter_count(self) -> int:
        """Numbers that are learned: r (d + m)."""
        return self.lora_A.size + self.lora_B.size

    @property
    def merged(self) -> bool:
        """Whether the change is part of the weight now."""
        return self._apart is not None

    def forward(self, x: Tensor) -> Tensor:
        """From (..., d) to (..., m).

        Raises:
            ShapeError: The last axis is not d long.
        """
        result: Tensor = self.base_layer(x)
        if self.merged or not self.enabled:
            return result
        if self.training and self.dropout > 0:
            kept = self.rng.random(x.shape) >= self.dropout
            x = x * (kept / (1 - self.dropout)).astype(x.dtype)
        return result + linear(linear(x, self.lora_A) * self.scale, self.lora_B)

    def change(self) -> AnyArray:
        r"""The :math:`\frac{\alpha}{r} B A` that merging adds to the weight; shape (m, d)."""
        product: AnyArray = self.lora_B.data @ (self.lora_A.data * self.lora_A.dtype.type(self.scale))
        return product

    def merge(self) -> None:
        r"""Makes the change part of the weight, :math:`W \leftarrow W + \frac{\alpha}{r} B A`: no time is lost in use.

        The former weight is kept aside: subtracting the change again would not give it back exactly, since sums are
        rounded. While merged, the adapter does not learn.

        Raises:
            StateError: It is merged already, or the weight is quantised: the sum has no place in its levels.
        """
        if self.merged:
            raise StateError("the adapter is merged already: a second time would add the change twice")
        if not isinstance(self.base_layer, Linear):
            raise StateError("a quantised weight cannot take up the change: quantise after merging instead")
        weight = self.base_layer.weight
        self._apart = weight.data, weight.data + self.change()
        weight.data = self._apart[1]

    def unmerge(self) -> None:
        """Puts the weight back that was there before merging, bit by bit: the very array.

        Raises:
            StateError: It is not merged, or the weight has been replaced since.
        """
        if self._apart is None:
            raise StateError("the adapter is not merged")
        weight, (before, after) = cast("Linear", self.base_layer).weight, self._apart
        if weight.data is not after:
            raise StateError("the weight has been replaced since merging: what was before does not belong to it")
        weight.data, self._apart = before, None


def apply_lora(
    model: Module,
    targets: Sequence[str],
    *,
    rank: int,
    alpha: float = 1.0,
    dropout: float = 0.0,
    init: Literal["kaiming", "gaussian"] = "kaiming",
    rng: np.random.Generator,
) -> dict[str, LoRALinear]:
    """Puts a `LoRALinear` around each linear layer of a model whose name fits, and freezes everything else.

    Args:
        model: Is changed.
        targets: Names, or their ends behind a dot, as patterns of the shell: `"query"`, `"layers.1[0-9].*"`.
        rank: As in `LoRALinear`.
        alpha: As in `LoRALinear`.
        dropout: As in `LoRALinear`.
        init: As in `LoRALinear`.
        rng: As in `LoRALinear`; all layers draw from it.

    Returns:
        The new layers by name.

    Raises:
        RangeError: Nothing fits a target, or a number is out of its range.
        StateError: The model has adapters already.

    With an error the model is left as it was.

    >>> from whitebox.transformers.llama import Llama, LlamaConfig
    >>> model = Llama(LlamaConfig(20, 8, 16, 2, 2, 1), rng=np.random.default_rng(0))
    >>> list(apply_lora(model, ["query"], rank=2, rng=np.random.default_rng(0)))
    ['layers.0.attention.query', 'layers.1.attention.query']
    >>> sum(parameter.size for parameter in model.parameters() if parameter.requires_grad)
    64
    """
    if any(isinstance(module, LoRALinear) for _, module in model.modules()):
        raise StateError("the model has adapters already: a second one would stand inside the first")
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    model.requires_grad(False)

    def around(_: str, layer: Linear | QuantizedLinear) -> LoRALinear:
        return LoRALinear(layer, rank=rank, alpha=alpha, dropout=dropout, init=init, rng=rng)

    try:
        return cast("dict[str, LoRALinear]", replace_modules(model, (Linear, QuantizedLinear), targets, around))
    except RangeError:
        # Nothing was put in place: what learned before goes on learning.
        for parameter in learned:
            parameter.requires_grad = True
        raise


def adapters(model: Module) -> dict[str, LoRALinear]:
    """All LoRA layers of a model by name, each once.

    Raises:
        StateError: It has none.

    >>> from whitebox.nn import Sequential
    >>> rng = np.random.default_rng(0)
    >>> model = Sequential(Linear(4, 4, rng=rng))
    >>> _ = apply_lora(model, ["0"], rank=1, rng=rng)
    >>> list(adapters(model))
    ['layers.0']
    """
    found: dict[int, tuple[str, LoRALinear]] = {}
    for name, module in model.modules():
        if isinstance(module, LoRALinear):
            found.setdefault(id(module), (name, module))
    if not found:
        raise StateError("the model has no adapters: apply_lora makes them")
    return dict(found.values())


def merge_lora(model: Module) -> None:
    """Merges all adapters of a model; see `LoRALinear.merge`. None is, if one cannot be.

    Raises:
        StateError: It has none, one is merged already, or a weight is quantised.

    >>> from whitebox.nn import Sequential
    >>> rng = np.random.default_rng(0)
    >>> model = Sequential(Linear(4, 4, rng=rng))
    >>> _ = apply_lora(model, ["0"], rank=1, rng=rng)
    >>> merge_lora(model)
    >>> model.layers[0].merged
    True
    >>> unmerge_lora(model)
    >>> model.layers[0].merged
    False
    """
    done: list[LoRALinear] = []
    try:
        for layer in adapters(model).values():
            layer.merge()
            done.append(layer)
    except StateError:
        for layer in done:
            layer.unmerge()
        raise


def unmerge_lora(model: Module) -> None:
    """Takes all adapters of a model out of its weights again, which are then bit by bit what they were.

    Raises:
        StateError: It has none, or one is not merged.

    The example of `merge_lora` shows it.

    >>> unmerge_lora(Linear(2, 2, rng=np.random.default_rng(0)))
    Traceback (most recent call last):
    whitebox.errors.StateError: the model has no adapters: apply_lora makes them
    """
    for layer in adapters(model).values():
        layer.unmerge()


@contextmanager
def without_adapters(model: Module) -> Iterator[None]:
    """Within it the model computes what it did before it was adapted: the reference of DPO, without a second model.

    Raises:
        StateError: It has none, or one is merged.

    >>> from whitebox.nn import Sequential
    >>> rng, x = np.random.default_rng(0), Tensor(np.ones((1, 4), np.float32))
    >>> model = Sequential(Linear(4, 4, rng=rng))
    >>> before = model(x).data
    >>> apply_lora(model, ["0"], rank=1, rng=rng)["layers.0"].lora_B.data += 1
    >>> with without_adapters(model):
    ...     bool((model(x).data == before).all())
    True
    """
    layers = list(adapters(model).values())
    if any(layer.merged for layer in layers):
        raise StateError("an adapter is merged: unmerge it to compute without it")
    were = [layer.enabled for layer in layers]
    for layer in layers:
        layer.enabled = False
    try:
        yield
    finally:
        for layer, enabled in zip(layers, were, strict=True):
            layer.enabled = enabled


def save_lora(folder: str | Path, model: Module) -> None:
    """Writes the adapters of a model, and nothing of the model itself, as the `peft` library does.

    `adapter_model.safetensors` holds `base_model.model.<name>.lora_A.weight` and `...lora_B.weight`;
    `adapter_config.json` the rank, alpha and the names. Whether `peft` can load them depends on whether its model calls
    the modules as ours does.

    Raises:
        StateError: The model has none, or they differ in rank or scale.
        OSError: The folder cannot be written.

    >>> import tempfile
    >>> from whitebox.nn import Sequential
    >>> rng = np.random.default_rng(0)
    >>> model, again = Sequential(Linear(4, 4, rng=rng)), Sequential(Linear(4, 4, rng=rng))
    >>> _ = apply_lora(model, ["0"], rank=1, rng=rng)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_lora(folder, model)
    ...     list(load_lora(folder, again))
    ['layers.0']
    """
    layers = adapters(model)
    kinds = {(layer.rank, layer.alpha, layer.dropout) for layer in layers.values()}
    if len(kinds) > 1:
        raise StateError(f"one file holds adapters of one rank, alpha and dropout, these have {sorted(kinds)}")
    ((rank, alpha, dropout),) = kinds
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, layer in layers.items():
        tensors[f"{_PREFIX}{name}.lora_A.weight"] = layer.lora_A.data
        tensors[f"{_PREFIX}{name}.lora_B.weight"] = layer.lora_B.data
    save_safetensors(folder / _WEIGHTS, tensors)
    config = {
        "peft_type": "LORA",
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": dropout,
        "bias": "none",
        "target_modules": list(layers),
    }
    (folder / _CONFIG).write_text(json.dumps(config, indent=2) + "\n")


def load_lora(folder: str | Path, model: Module, *, rng: np.random.Generator | None = None) -> dict[str, LoRALinear]:
    """Puts saved adapters around the layers that they belong to; the model must not have any yet.

    Args:
        folder: As `save_lora` wrote it.
        model: Is changed.
        rng: Draws what is dropped in further training.

    Returns:
        The new layers by name.

    Raises:
        StateError: The files are damaged or do not belong together or to this model; it is not changed then.
        OSError: They cannot be read.

    >>> load_lora("/no/such/folder", Linear(1, 1, rng=np.random.default_rng(0)))
    Traceback (most recent call last):
    FileNotFoundError: [Errno 2] No such file or directory: '/no/such/folder/adapter_config.json'
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / _CONFIG).read_text())
        rank, alpha, dropout = config["r"], config["lora_alpha"], config.get("lora_dropout", 0.0)
        names = [str(name) for name in config["target_modules"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(f"{folder / _CONFIG} describes no adapters: {error!r}") from error
    tensors = load_safetensors(folder / _WEIGHTS)
    found = {name: module for name, module in model.modules() if name in names}
    for name in names:
        layer = found.get(name)
        if not isinstance(layer, Linear | QuantizedLinear):
            raise StateError(f"the model has no linear layer {name!r}, which an adapter was saved for")
        m, d = layer.weight.shape
        for part, shape in (("lora_A", (rank, d)), ("lora_B", (m, rank))):
            array = tensors.get(f"{_PREFIX}{name}.{part}.weight")
            if array is None or array.shape != shape:
                raise StateError(
                    f"{name}.{part} must have shape {shape}, saved is {'nothing' if array is None else array.shape}"
                )
    draws = np.random.default_rng(0) if rng is None else rng
    layers = apply_lora(model, names, rank=rank, alpha=alpha, dropout=dropout, rng=draws)
    for name, layer in layers.items():
        for part, parameter in (("lora_A", layer.lora_A), ("lora_B", layer.lora_B)):
            parameter.data = np.array(tensors[f"{_PREFIX}{name}.{part}.weight"], dtype=parameter.dtype)
    return layers
