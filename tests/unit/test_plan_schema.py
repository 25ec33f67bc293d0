"""JSON Schema as plans use it: strict about itself, linear in time, silent about values."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.common.plan_schema import (
    FAULTS_MAX,
    MEND,
    MENDS,
    Fault,
    SchemaError,
    compiled,
    faults_of,
)

ENDLESS: dict[str, Any] = {}
ENDLESS["items"] = ENDLESS
WRONG = {
    "a keyword that is spelled wrong": (
        {"properties": {"size": {"minimun": 1}}},
        ("properties", "size", "minimun"),
        "did you mean `minimum`?",
    ),
    "a type that is none": ({"type": "strin"}, ("type",), MEND),
    "a bound that is no number": (
        {"properties": {"a": {"minimum": "1"}}},
        ("properties", "a", "minimum"),
        MEND,
    ),
    "a pattern that could look back": ({"pattern": "(a)(?=b)"}, ("pattern",), MENDS["pattern"]),
    "a pattern that grows": ({"pattern": "(a{1000}){1000}"}, ("pattern",), MENDS["pattern"]),
    "a format that nobody knows": ({"format": "emial"}, ("format",), MENDS["format"]),
    "another document": ({"$ref": "http://x.example/y"}, (), MEND),
    "a place that is not there": ({"$ref": "#/$defs/z"}, (), MEND),
    "a name that is no text": ({"properties": {1: {}}}, (), "put it in quotes"),
    "what holds itself": (ENDLESS, (), "use a `$ref` for that"),
    "what JSON has not": ({"const": object()}, (), "put it in quotes"),
}


@pytest.mark.parametrize(("schema", "place", "mend"), WRONG.values(), ids=WRONG)
def test_a_wrong_schema_is_refused_with_its_place(
    schema: dict[str, Any], place: tuple[str, ...], mend: str
) -> None:
    with pytest.raises(SchemaError) as raised:
        compiled(schema)
    assert (raised.value.place, raised.value.mend) == (place, mend)


@pytest.mark.parametrize("inside", ["allOf", "anyOf", "oneOf", "prefixItems"])
def test_keywords_are_looked_at_wherever_a_schema_may_stand(inside: str) -> None:
    with pytest.raises(SchemaError) as raised:
        compiled({"items": {inside: [{}, {"$defs": {"a": {"typ": "string"}}}]}})
    assert raised.value.place == ("items", inside, 1, "$defs", "a", "typ")


def test_a_property_may_be_called_like_anything() -> None:
    compiled({"properties": {"typ": {}}, "enum": [{"typ": 1}], "required": ["typ"]})


def test_a_schema_that_refers_to_itself_ends() -> None:
    assert faults_of(compiled({"$ref": "#"}), {"a": 1}) == []
    assert faults_of(compiled({"allOf": [{"$ref": "#"}]}), {}) == []


def test_a_nested_repetition_takes_linear_time() -> None:
    """A backtracking engine would not be back before the end of the universe."""
    validator = compiled({"properties": {"a": {"pattern": "^(a+)+$"}}})
    assert len(faults_of(validator, {"a": "a" * 30_000 + "b"})) == 1


SCHEMA: dict[str, Any] = {
    "required": ["size", "who"],
    "additionalProperties": False,
    "properties": {
        "size": {"type": "integer", "minimum": 1},
        "who": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
        "lines": {"items": {"required": ["sku"], "properties": {"sku": {"enum": ["A", "B"]}}}},
        "at": {"format": "date-time"},
    },
}


def test_each_fault_names_its_field_and_its_rule() -> None:
    document = {"size": 0, "lines": [{"sku": "A"}, {}, {"sku": "C"}], "more": 1, "at": "today"}
    assert sorted(faults_of(compiled(SCHEMA), document)) == [
        Fault("at", "format", 'the value is not a "date-time"'),
        Fault("lines.1.sku", "required", "is missing"),
        Fault("lines.2.sku", "enum", 'the value is not one of "A" or "B"'),
        Fault("more", "additionalProperties", "is not in the plan"),
        Fault("size", "minimum", "the value is less than the minimum of 1"),
        Fault("who", "required", "is missing"),
    ]


def test_a_name_that_may_be_personal_is_masked() -> None:
    faults = faults_of(
        compiled(SCHEMA), {"size": 1, "who": "a", "ada@x.example": 1, "4912345678": 2}
    )
    assert {fault.field for fault in faults} == {"***"}


def test_faults_are_bounded() -> None:
    document: dict[str, Any] = {f"more_{n}": n for n in range(500)} | {"lines": [{}] * 500}
    assert len(faults_of(compiled(SCHEMA), document)) == FAULTS_MAX


STRICT: list[dict[str, Any]] = [
    {"type": "integer"}, {"enum": ["x", "y"]}, {"const": "x"}, {"pattern": "^x$"},
    {"maxLength": 1}, {"format": "email"}, {"format": "ipv4"}, {"not": {"type": "string"}},
    {"anyOf": [{"type": "integer"}, {"enum": ["x"]}]}, {"oneOf": [{}, {}]}, {"items": {"const": 1}},
    {"uniqueItems": True}, {"contains": {"const": 1}}, {"propertyNames": {"pattern": "^x$"}},
    {"additionalProperties": False}, {"unevaluatedProperties": False}, {"maxProperties": 0},
    {"if": {"type": "string"}, "then": {"const": 1}}, {"dependentRequired": {"z": ["y"]}},
]  # fmt: skip
secrets = st.text(string.ascii_uppercase, min_size=9, max_size=12).map(lambda text: f"{text}@q")
holding = secrets.flatmap(
    lambda secret: st.tuples(
        st.just(secret),
        st.sampled_from(
            [
                secret,
                [secret],
                [secret, secret],
                {secret: 1},
                {"z": secret},
                {"z": {secret: secret}},
            ]
        ),
    )
)


@settings(deadline=None)
@given(st.lists(st.sampled_from(STRICT), min_size=1, max_size=4), holding)
def test_no_fault_repeats_a_value(several: list[dict[str, Any]], held: tuple[str, Any]) -> None:
    secret, value = held
    validator = compiled({"additionalProperties": {"allOf": several}})
    for fault in faults_of(validator, {"a": value, secret: value}):
        assert secret not in str(fault)
