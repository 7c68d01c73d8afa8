"""What layers and models have in common: parameters by name, modes, saved state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from whitebox.autograd import Tensor
from whitebox.errors import ShapeError, StateError

AnyArray = npt.NDArray[Any]


class Parameter(Tensor):
    """A tensor that a module learns.

    >>> Parameter(np.zeros(2)).requires_grad
    True
    """

    __slots__ = ()

    def __init__(self, data: npt.ArrayLike, requires_grad: bool = True) -> None:
        super().__init__(data, requires_grad)


class Module:
    """A layer or model: parameters, further modules, and `forward`.

    Parameters and modules are found among the attributes, in the order in which they were set, also inside lists and
    dictionaries; their names are joined by dots, as PyTorch's are (`layers.0.weight`). Arrays that belong to the state
    without being learned, such as running means, are named in `buffers`.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.weight = Parameter(np.array([2.0]))
    ...     def forward(self, x):
    ...         return x * self.weight
    >>> Scale()(Tensor([3.0])).data.tolist(), list(Scale().state_dict())
    ([6.0], ['weight'])
    """

    buffers: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.training = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    # ---- what it consists of

    def children(self) -> Iterator[tuple[str, Module]]:
        """Names and modules directly inside."""
        for name, value in vars(self).items():
            for path, found in _within(name, value):
                if isinstance(found, Module):
                    yield path, found

    def modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Names and modules, this one first, then all inside, depth first."""
        yield prefix, self
        for name, child in self.children():
            yield from child.modules(f"{prefix}.{name}" if prefix else name)

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Names and parameters; one that stands in two places comes once, under its first name."""
        seen: set[int] = set()
        for path, owner in self.modules():
            for name, parameter in owner._own_parameters():
                if id(parameter) not in seen:
                    seen.add(id(parameter))
                    yield f"{path}.{name}" if path else name, parameter

    def parameters(self) -> list[Parameter]:
        """All parameters, each once."""
        return [parameter for _, parameter in self.named_parameters()]

    def _own_parameters(self) -> Iterator[tuple[str, Parameter]]:
        for name, value in vars(self).items():
            for path, found in _within(name, value):
                if isinstance(found, Parameter):
                    yield path, found

    # ---- modes

    def train(self, training: bool = True) -> Self:
        """Switches layers that differ, such as dropout, to how they behave in training."""
        for _, module in self.modules():
            module.training = training
        return self

    def eval(self) -> Self:
        """Switches layers that differ to how they behave in use."""
        return self.train(False)

    def requires_grad(self, wanted: bool = True) -> Self:
        """Says whether gradients of all parameters are wanted: frozen parameters get none."""
        for parameter in self.parameters():
            parameter.requires_grad = wanted
        return self

    def zero_grad(self) -> None:
        """Forgets all gradients."""
        for parameter in self.parameters():
            parameter.grad = None

    # ---- state

    def state_dict(self) -> dict[str, AnyArray]:
        """Arrays of all parameters and buffers by name; not copies."""
        state: dict[str, AnyArray] = {}
        for path, module in self.modules():
            dot = f"{path}." if path else ""
            state |= {dot + name: parameter.data for name, parameter in module._own_parameters()}
            state |= {dot + name: getattr(module, name) for name in module.buffers}
        return state

    def load_state_dict(self, state: Mapping[str, npt.ArrayLike], *, strict: bool = True) -> Self:
        """Takes over arrays by name, in the precision that the module has; nothing is changed if one does not fit.

        Args:
            state: As `state_dict` gives it, or a part of that.
            strict: Whether every name must be there, and no other.

        Raises:
            StateError: Names are missing or unknown; the message lists them.
            ShapeError: An array has another shape.
        """
        own = self.state_dict()
        missing, unknown = [name for name in own if name not in state], [name for name in state if name not in own]
        if strict and (missing or unknown):
            raise StateError(f"missing: {_listed(missing)}; unknown: {_listed(unknown)}")
        taken = {name: np.array(state[name], dtype=own[name].dtype) for name in own if name in state}
        for name, array in taken.items():
            if array.shape != own[name].shape:
                raise ShapeError(f"{name} must have shape {own[name].shape}, got {array.shape}")
        for path, module in self.modules():
            dot = f"{path}." if path else ""
            for name, parameter in module._own_parameters():
                parameter.data = taken.get(dot + name, parameter.data)
            for name in module.buffers:
                setattr(module, name, taken.get(dot + name, getattr(module, name)))
        return self

    def summary(self) -> str:
        """A table of the modules that have parameters of their own: name, kind, shapes, and numbers learned.

        >>> from whitebox.nn import Linear
        >>> print(Linear(3, 2, rng=np.random.default_rng(0)).summary())
        name  module  parameters                   count
              Linear  weight (2, 3), bias (2,)         8
        total                                          8
        """
        rows = []
        for path, module in self.modules():
            own = list(module._own_parameters())
            if own:
                shapes = ", ".join(f"{name} {parameter.shape}" for name, parameter in own)
                rows.append((path, type(module).__name__, shapes, sum(parameter.size for _, parameter in own)))
        widths = [max([len(head), *(len(str(row[i])) for row in rows)]) for i, head in enumerate(("name", "module"))]
        wide = max([24, *(len(row[2]) for row in rows)])
        lines = [f"{'name':{widths[0]}}  {'module':{widths[1]}}  {'parameters':{wide}}  {'count':>8}"]
        lines += [f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]:{wide}}  {row[3]:>8}" for row in rows]
        # Shared parameters stand in each of their places, and count once.
        total = sum(parameter.size for parameter in self.parameters())
        return "\n".join([*lines, f"{'total':{sum(widths) + wide + 4}}  {total:>8}"])


class Sequential(Module):
    """Modules one after the other.

    >>> from whitebox.nn import Linear
    >>> rng = np.random.default_rng(0)
    >>> Sequential(Linear(4, 8, rng=rng), Linear(8, 2, rng=rng))(Tensor(np.ones((3, 4), np.float32))).shape
    (3, 2)
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        self.layers = list(modules)

    def forward(self, x: Tensor) -> Tensor:
        """Each layer on what the one before it gave; plain functions may stand among them."""
        for layer in self.layers:
            x = layer(x)
        return x


def _within(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """An attribute, or what is in it if it is a list or dictionary, with names."""
    if isinstance(value, Tensor | Module):
        yield name, value
    elif isinstance(value, list | tuple):
        for place, one in enumerate(value):
            yield from _within(f"{name}.{place}", one)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _within(f"{name}.{key}", one)


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:5]) or "none"
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
