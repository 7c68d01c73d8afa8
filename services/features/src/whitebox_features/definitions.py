"""Feature definitions as code: what exists, how it is computed, and how old it may be.

A definitions module builds one `Definitions` object named `DEFINITIONS`. Everything is checked when that module is
imported, so a wrong definition stops the start of a process instead of serving a wrong value.
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

MAX_WINDOW = timedelta(days=31)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MICROSECOND = timedelta(microseconds=1)


class DefinitionError(ValueError):
    """A definition contradicts itself or names something that does not exist."""


class Aggregation(StrEnum):
    """How the events in a window become one number."""

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    LAST = "last"


def microseconds(span: timedelta) -> int:
    """Returns a span in whole microseconds, the resolution of every time in the store."""
    return span // _MICROSECOND


@dataclass(frozen=True)
class Entity:
    """What features describe.

    Attributes:
        name: Snake case, unique among entities.
        description: For people.
    """

    name: str
    description: str = ""

    def __post_init__(self) -> None:
        _check_name("entity", self.name)


@dataclass(frozen=True)
class Source:
    """A stream of events about one kind of entity.

    Attributes:
        name: Snake case, unique among sources.
        entity: Name of the entity that an event's `entity_id` identifies.
        fields: Numeric fields; every event carries all of them.
        lateness: How much later than its own time an event may arrive and still be called punctual.
        description: For people.
    """

    name: str
    entity: str
    fields: tuple[str, ...]
    lateness: timedelta = timedelta(minutes=10)
    description: str = ""

    def __post_init__(self) -> None:
        _check_name("source", self.name)
        if not self.fields:
            raise DefinitionError(f"source {self.name!r} has no fields; name at least one numeric field")
        if len(self.fields) > 32:
            raise DefinitionError(f"source {self.name!r} has {len(self.fields)} fields; at most 32 are possible")
        for name in self.fields:
            _check_name(f"field of source {self.name!r}", name)
        _check_unique(f"field of source {self.name!r}", self.fields)
        _check_span(f"lateness of source {self.name!r}", self.lateness)


@dataclass(frozen=True)
class Feature:
    """One number about an entity: an aggregation over the events of a window.

    At time t the window holds the events with t - window < event time <= t.

    Attributes:
        name: Snake case, unique in its view.
        aggregation: How the events become a number.
        window: Length of the window, a positive whole number of microseconds up to 31 days.
        field: Field of the source; `None` for a count.
        default: Value when the window holds no event; finite.
        description: For people.
    """

    name: str
    aggregation: Aggregation
    window: timedelta
    field: str | None = None
    default: float = 0.0
    description: str = ""

    def __post_init__(self) -> None:
        _check_name("feature", self.name)
        _check_span(f"window of feature {self.name!r}", self.window)
        if self.aggregation not in tuple(Aggregation):
            raise DefinitionError(
                f"feature {self.name!r}: unknown aggregation {self.aggregation!r}; use one of {', '.join(Aggregation)}"
            )
        if (self.field is None) != (self.aggregation == Aggregation.COUNT):
            wanted = (
                "counts events and takes no field"
                if self.field
                else f"needs the field to take the {self.aggregation} of"
            )
            raise DefinitionError(f"feature {self.name!r} {wanted}")
        if not math.isfinite(self.default):
            raise DefinitionError(f"feature {self.name!r}: default {self.default} is not finite")


@dataclass(frozen=True)
class FeatureView:
    """Features that are read together.

    Attributes:
        name: Snake case; together with `version` unique among views.
        version: Positive; a changed meaning gets a new version, so that a trained model keeps the one it was fed.
        source: Name of the source whose events are aggregated.
        entity: Name of the entity that is read.
        features: At least one.
        freshness_limit: Age of the newest event above which a value is called stale.
        description: For people.
    """

    name: str
    version: int
    source: str
    entity: str
    features: tuple[Feature, ...]
    freshness_limit: timedelta
    description: str = ""

    def __post_init__(self) -> None:
        _check_name("feature view", self.name)
        if self.version < 1:
            raise DefinitionError(f"feature view {self.name!r}: version {self.version} must be 1 or more")
        if not self.features:
            raise DefinitionError(f"feature view {self.name!r} has no features")
        _check_unique(f"feature of view {self.name!r}", [feature.name for feature in self.features])
        _check_span(f"freshness limit of view {self.name!r}", self.freshness_limit)

    def select(self, names: Sequence[str]) -> tuple[Feature, ...]:
        """Returns the named features in the order asked for; all of them for no names.

        Raises:
            KeyError: with the first name that the view does not have.
        """
        if not names:
            return self.features
        by_name = {feature.name: feature for feature in self.features}
        return tuple(by_name[name] for name in names)


@dataclass(frozen=True)
class Definitions:
    """Everything that one deployment defines, checked as a whole.

    Raises:
        DefinitionError: if names repeat, or something refers to what is not defined.
    """

    entities: tuple[Entity, ...]
    sources: tuple[Source, ...]
    views: tuple[FeatureView, ...]
    source_by_name: Mapping[str, Source] = field(init=False, repr=False, compare=False)
    _views: Mapping[str, FeatureView] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_unique("entity", [entity.name for entity in self.entities])
        _check_unique("source", [source.name for source in self.sources])
        _check_unique("feature view", [f"{view.name}@{view.version}" for view in self.views])
        entities = {entity.name for entity in self.entities}
        sources = {source.name: source for source in self.sources}
        for source in self.sources:
            if source.entity not in entities:
                raise DefinitionError(
                    f"source {source.name!r}: unknown entity {source.entity!r}; {_existing(entities)}"
                )
        for view in self.views:
            _check_view(view, sources)
        views: dict[str, FeatureView] = {}
        for view in sorted(self.views, key=lambda view: view.version):
            views[view.name] = views[f"{view.name}@{view.version}"] = view
        # Frozen means that nobody changes it later; these two are derived once.
        object.__setattr__(self, "source_by_name", sources)
        object.__setattr__(self, "_views", views)

    def view(self, name: str) -> FeatureView:
        """Returns the newest version of `"name"`, or exactly `"name@version"`.

        Raises:
            KeyError: if there is none.
        """
        return self._views[name]

    def retention(self, source: Source) -> timedelta:
        """How far back the online store keeps every event of a source.

        It is the longest window plus the lateness, so that clocks of two processes may differ by the lateness without
        an event leaving too early. `last` needs only the newest event, which is kept until the key expires.
        """
        windows = [
            feature.window
            for view in self.views
            if view.source == source.name
            for feature in view.features
            if feature.aggregation != Aggregation.LAST
        ]
        return max(windows, default=timedelta(0)) + source.lateness

    def longest_window(self, source: Source) -> timedelta:
        """Longest window of any feature of a source, `last` included; older events change no value."""
        return max(
            (feature.window for view in self.views if view.source == source.name for feature in view.features),
            default=timedelta(0),
        )


def load_definitions(module: str) -> Definitions:
    """Imports a definitions module and returns its `DEFINITIONS`.

    Args:
        module: Importable path, for example `"whitebox_features.demo"`.

    Raises:
        DefinitionError: if it cannot be imported, holds no `DEFINITIONS`, or is wrong; the message says what.
    """
    try:
        definitions = getattr(importlib.import_module(module), "DEFINITIONS", None)
    except DefinitionError:
        raise
    except Exception as error:  # the module is the user's, and may fail in any way
        raise DefinitionError(f"definitions module {module!r} cannot be imported: {error!r}") from error
    if not isinstance(definitions, Definitions):
        raise DefinitionError(f"module {module!r} has no DEFINITIONS of type whitebox_features.definitions.Definitions")
    return definitions


def _check_view(view: FeatureView, sources: Mapping[str, Source]) -> None:
    source = sources.get(view.source)
    if source is None:
        raise DefinitionError(f"feature view {view.name!r}: unknown source {view.source!r}; {_existing(sources)}")
    if view.entity != source.entity:
        raise DefinitionError(
            f"feature view {view.name!r} is about {view.entity!r}, but source {source.name!r} about {source.entity!r}"
        )
    for feature in view.features:
        if feature.field is not None and feature.field not in source.fields:
            raise DefinitionError(
                f"feature {view.name}.{feature.name}: source {source.name!r} has no field {feature.field!r}; "
                f"{_existing(source.fields)}"
            )


def _check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise DefinitionError(
            f"{what} {name!r}: a name is snake_case, starts with a letter and has at most 64 characters"
        )


def _check_unique(what: str, names: Sequence[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DefinitionError(f"{what} defined more than once: {', '.join(repeated)}")


def _check_span(what: str, span: timedelta) -> None:
    if not timedelta(0) < span <= MAX_WINDOW:
        raise DefinitionError(f"{what} is {span}; it must be more than nothing and at most {MAX_WINDOW.days} days")


def _existing(names: Sequence[str] | set[str] | Mapping[str, object]) -> str:
    return f"there is {', '.join(sorted(names))}" if names else "none is defined"
