"""Everything public says what it does, and functions and classes show it."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import whitebox

# What has a docstring without an example, and why.
NO_EXAMPLE = {
    "base.Classifier": "abstract: what it is for is left to its heirs, who show it",
    "base.Regressor": "abstract: what it is for is left to its heirs, who show it",
    "graph.edges.as_nodes": "checks input; what uses it shows it",
    "graph.edges.as_pairs": "checks input; what uses it shows it",
    "graph.edges.check_graph": "checks input; what uses it shows it",
    "graph.pagerank.start_distribution": "a step of pagerank, which shows it",
    "graph.pagerank.transition_probabilities": "a step of pagerank, which shows it",
    "search.lsh.hash_elements": "hashes are numbers that mean nothing to a reader",
    "transformers.gguf.Encoding": "describes bytes in a file",
    "transformers.gguf.GGUF": "needs a file of a hundred megabytes",
    "transformers.gguf.open_gguf": "needs a file of a hundred megabytes",
    "transformers.llama.gguf_config": "needs a file of a hundred megabytes",
    "safetensors.load_safetensors": "shown with save_safetensors",
    "tree.MultiwayNode": "what growing a tree leaves behind",
    "tree.TreeEnsemble": "what growing trees leaves behind",
}
# One line each, held to differences of their values one by one; their module shows how they come together.
_PRIMITIVES = "autograd.primitives."


def _public_modules() -> list[str]:
    names = ["whitebox", *(module.name for module in pkgutil.walk_packages(whitebox.__path__, "whitebox."))]
    return [name for name in names if not any(part.startswith("_") for part in name.split("."))]


def _public_objects() -> dict[str, Any]:
    """Functions and classes by their dotted name below `whitebox`: where they are defined, or else given out."""
    found: dict[int, tuple[str, Any]] = {}
    for name in _public_modules():
        module = import_module(name)
        for attribute, held in vars(module).items():
            value = inspect.unwrap(held) if callable(held) and not inspect.isclass(held) else held
            if attribute.startswith("_") or not (inspect.isfunction(value) or inspect.isclass(value)):
                continue
            defined_here = value.__module__ == name
            given_out = value.__module__.startswith(name) and attribute in getattr(module, "__all__", ())
            if defined_here or (given_out and id(value) not in found):
                found[id(value)] = (f"{name}.{attribute}".removeprefix("whitebox."), value)
    return dict(found.values())


OBJECTS = _public_objects()


def _members(cls: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties that a class defines itself."""
    for name, held in vars(cls).items():
        value = held.__func__ if isinstance(held, classmethod | staticmethod) else held
        if name.startswith("_"):
            continue
        if inspect.isfunction(value) or isinstance(value, property):
            yield name, value


def _takes_no_example(value: Any) -> bool:
    """Results, protocols, and errors: what functions give, ask for, or raise."""
    return inspect.isclass(value) and (
        issubclass(value, tuple | Exception) or getattr(value, "_is_protocol", False) or inspect.isabstract(value)
    )


def _shown_in_methods(name: str) -> bool:
    value = OBJECTS[name]
    return inspect.isclass(value) and any(">>>" in (what.__doc__ or "") for _, what in _members(value))


def _shown_by_its_twin(name: str) -> bool:
    twin = OBJECTS.get(name.removeprefix("reference."))
    return name.startswith("reference.") and inspect.isclass(twin) and ">>>" in (twin.__doc__ or "")


def test_every_public_module_says_what_it_holds() -> None:
    assert [name for name in _public_modules() if not (import_module(name).__doc__ or "").strip()] == []


def test_every_public_function_class_and_method_says_what_it_does() -> None:
    silent = [name for name, value in OBJECTS.items() if not (value.__doc__ or "").strip()]
    for name, value in OBJECTS.items():
        if inspect.isclass(value):
            silent += [f"{name}.{member}" for member, what in _members(value) if not (what.__doc__ or "").strip()]
    # A dataclass without a docstring gets its signature for one, a named tuple too.
    silent += [name for name, value in OBJECTS.items() if (value.__doc__ or "").startswith(f"{value.__name__}(")]
    assert sorted(silent) == []


def test_every_public_function_and_class_shows_an_example() -> None:
    bare = {
        name for name, value in OBJECTS.items() if ">>>" not in (value.__doc__ or "") and not _takes_no_example(value)
    }
    # A class may show itself in its methods, and a twin in pure Python is shown by the fast one of the same name.
    bare = {name for name in bare if not _shown_in_methods(name) and not _shown_by_its_twin(name)}
    bare = {name for name in bare if not name.startswith(_PRIMITIVES)}
    assert sorted(bare - set(NO_EXAMPLE)) == []
    assert sorted(set(NO_EXAMPLE) - bare) == [], "has an example by now, or is gone"
