"""Configuration: environment variables with a prefix, typed, described and checked before anything starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any, Literal, NoReturn, TypeVar

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsError

S = TypeVar("S", bound="ServiceSettings")

_SECRET_WORDS = ("password", "secret", "token", "api_key", "credential", "dsn", "_url")


class ServiceSettings(BaseSettings):
    """What every process can be told; a service subclasses it and sets its own `env_prefix`."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 inside a container")
    port: int = Field(0, ge=0, le=65535, description="Port of the service itself; 0 picks a free one")
    metrics_port: int = Field(
        0, ge=-1, le=65535, description="HTTP port of /metrics, /live and /ready; 0 picks a free one, -1 turns it off"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe level that is logged"
    )
    otlp_endpoint: str = Field(
        "", description="OTLP/gRPC collector, for example http://collector:4317; empty: no export"
    )
    shutdown_grace_seconds: float = Field(
        10.0, ge=0, le=600, description="Seconds that running calls get to finish after SIGTERM"
    )


def load_settings(cls: type[S]) -> S:
    """Reads the settings from the environment, or ends the process saying which variables are wrong.

    Args:
        cls: The settings class to fill.

    Returns:
        The checked settings. On bad configuration it does not return: one line per variable goes to standard error
        and the process exits with code 2.
    """
    try:
        return cls()
    except ValidationError as error:
        _refuse(_explain(cls, error))
    except SettingsError as error:
        _refuse([f"{error}: {error.__cause__}" if error.__cause__ else str(error)])


def describe_settings(cls: type[ServiceSettings]) -> str:
    """Returns a table of every variable of `cls`: its name, its default and what it means."""
    rows = [
        (_variable(cls, name, field), _default(field), field.description or "")
        for name, field in cls.model_fields.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "\n".join(f"  {name:<{widths[0]}}  {default:<{widths[1]}}  {text}".rstrip() for name, default, text in rows)


def _explain(cls: type[ServiceSettings], error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        where = problem["loc"]
        name = str(where[0]) if where else ""
        field = cls.model_fields.get(name)
        variable = _variable(cls, name, field) if field else (name or cls.__name__)
        line = f"{variable}: {problem['msg']}"
        given = os.environ.get(variable)
        if given is not None and not any(word in variable.lower() for word in _SECRET_WORDS):
            line += f" (got {given!r})"
            if given.startswith("tcp://"):
                line += "; Kubernetes service links set this variable: use enableServiceLinks: false in the pod"
        yield line


def _variable(cls: type[ServiceSettings], name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return alias if isinstance(alias, str) else (cls.model_config.get("env_prefix", "") + name).upper()


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "(required)"
    value: Any = field.get_default(call_default_factory=True)
    return '""' if value == "" else str(value)


def _refuse(lines: Iterator[str] | list[str]) -> NoReturn:
    for line in lines:
        print(f"configuration: {line}", file=sys.stderr)
    raise SystemExit(2)
