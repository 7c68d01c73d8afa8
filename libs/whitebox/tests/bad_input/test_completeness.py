"""No public function is left out of the tables of bad input."""

from __future__ import annotations

import inspect
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import whitebox

# They take no data: results, protocols, errors, and what only describes types.
_NO_INPUT = (tuple, Exception)


def _public_callables() -> set[str]:
    found = set()
    for module in pkgutil.walk_packages(whitebox.__path__, "whitebox."):
        private = any(part.startswith("_") for part in module.name.split("."))
        if private or module.name.startswith(("whitebox.reference", "whitebox.errors", "whitebox.base")):
            continue
        for name, value in vars(import_module(module.name)).items():
            if name.startswith("_") or not getattr(value, "__module__", "").startswith(module.name):
                continue
            if inspect.isclass(value):
                takes_data = not issubclass(value, _NO_INPUT) and not getattr(value, "_is_protocol", False)
                if takes_data and value.__init__ is not object.__init__:
                    found.add(name)
            elif callable(value):
                found.add(name)
    return found


def test_every_public_function_and_class_stands_in_a_table_of_bad_input() -> None:
    tables = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__))
    mentioned = set(re.findall(r"\w+", tables))
    assert sorted(_public_callables() - mentioned) == []
