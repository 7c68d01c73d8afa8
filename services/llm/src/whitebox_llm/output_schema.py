"""JSON schemas for structured output: checked before they reach an engine, and held against what comes back.

Engines differ in which keywords they enforce, and llama.cpp takes a schema that it cannot enforce and generates free
text. So a wrong schema is refused here, and an output that breaks its schema is never passed off as good.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NoReturn

import jsonschema_rs
from whitebox_runtime.errors import Internal, InvalidArgument

MAX_SCHEMA_CHARACTERS = 65_536
_MAX_DEPTH = 64


@dataclass(frozen=True)
class OutputSchema:
    """A valid JSON schema.

    Attributes:
        document: The schema itself.
    """

    document: dict[str, Any]
    _validator: Any = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> OutputSchema:
        """Reads and checks a schema.

        Args:
            text: A JSON object of at most 65536 characters; references only within itself, patterns without
                look-around or back-references.

        Raises:
            InvalidArgument: It is not such a schema; the message says what is wrong.
        """
        if len(text) > MAX_SCHEMA_CHARACTERS:
            raise _invalid(f"has {len(text)} characters, at most {MAX_SCHEMA_CHARACTERS} are allowed")
        try:
            document = json.loads(text)
        except RecursionError:
            raise _invalid(f"is nested deeper than {_MAX_DEPTH} levels") from None
        except ValueError as error:
            raise _invalid(f"is not JSON: {error}") from None
        if not isinstance(document, dict):
            raise _invalid("must be a JSON object")
        _check_depth(document)
        try:
            # RegexOptions: an engine whose matching time grows linearly, because the patterns are a stranger's.
            validator = jsonschema_rs.validator_for(
                document, retriever=_refuse_remote, pattern_options=jsonschema_rs.RegexOptions()
            )
        except ValueError as error:
            raise _invalid(f"is not a valid JSON schema: {_first_line(error)}") from None
        return cls(document, validator)

    def check(self, text: str) -> None:
        """Returns when `text` is JSON that satisfies the schema.

        Raises:
            Internal: It is not; the message says where.
        """
        try:
            self._validator.validate(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise Internal(
                f"the engine's output does not satisfy json_schema: {_first_line(error)}; the engine may not support "
                "every keyword in it: use a simpler schema, or check the output yourself",
                reason="schema_not_satisfied",
            ) from None


def _check_depth(document: dict[str, Any]) -> None:
    level: list[Any] = [document]
    for _ in range(_MAX_DEPTH):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return
    raise _invalid(f"is nested deeper than {_MAX_DEPTH} levels")


def _refuse_remote(uri: str) -> NoReturn:
    raise ValueError(f"references to other documents are not allowed: {uri[:200]}")


def _invalid(problem: str) -> InvalidArgument:
    return InvalidArgument(f"json_schema {problem}", reason="invalid_json_schema")


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:500]
