import json

import pytest
from whitebox_llm.output_schema import OutputSchema
from whitebox_runtime.errors import Internal, InvalidArgument

NUMBERS = OutputSchema.parse('{"type": "array", "items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"minimum": 3}}}')


def test_an_output_that_satisfies_the_schema_passes() -> None:
    NUMBERS.check("[3, 4]")


@pytest.mark.parametrize("text", ["[3, 1]", "{}", "[3", "Sure! Here is your JSON: [3]", "", "[" * 100_000])
def test_an_output_that_does_not_is_never_passed_off_as_good(text: str) -> None:
    with pytest.raises(Internal, match="does not satisfy json_schema") as raised:
        NUMBERS.check(text)
    assert raised.value.reason == "schema_not_satisfied"


def test_patterns_cannot_stall_the_service() -> None:
    schema = OutputSchema.parse(json.dumps({"type": "string", "pattern": "^(a+)+$"}))
    with pytest.raises(Internal):
        schema.check(json.dumps("a" * 50_000 + "b"))


def test_patterns_that_no_engine_enforces_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="is not a"):
        OutputSchema.parse(json.dumps({"type": "string", "pattern": "(?=a)b"}))


def test_what_a_constant_schema_forbids_is_reported() -> None:
    with pytest.raises(Internal):
        OutputSchema.parse('{"not": {}}').check("1")
