"""An inferred plan does not depend on order or pieces, accepts all it saw, and names nobody."""

from __future__ import annotations

import string
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cli.plans.infer import (
    ENUM_FROM,
    REQUIRED_FROM,
    Seen,
    inferred,
    left_out,
    merged_seen,
    seen_in,
    words_of,
)
from services.cli.plans.shape import NAMES_MAX, TEXTS_MAX, shape_of
from services.common.plan import Plan
from services.common.plan_judge import Judge
from tests.unit.plan_builders import custom

Sent = list[tuple[str, dict[str, Any]]]

texts = st.sampled_from([*"abcdefghijklmnop", "ada@x.example", "+44 20 7946 0000"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 10**9) | st.floats(-5, 5) | st.decimals(-5, 5)
    | texts,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["a", "size", "lines", "e@x.example"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
documents = st.dictionaries(st.sampled_from(["size", "list", "first_name", "who"]), values)
sent = st.lists(
    st.tuples(st.sampled_from(["Shared", "Called", "To ada@x.example"]), documents), max_size=12
)


def as_yaml(seen: Seen) -> str:
    return yaml.safe_dump(inferred(seen, required_from=1), sort_keys=False)


@settings(deadline=None)
@given(sent, st.randoms())
def test_the_order_of_what_came_in_changes_nothing(came: Sent, dice: Any) -> None:
    shuffled = dice.sample(came, k=len(came))
    assert as_yaml(seen_in(shuffled)) == as_yaml(seen_in(came))


@settings(deadline=None)
@given(sent, st.integers(0, 12), st.integers(0, 12))
def test_pieces_come_to_the_whole(came: Sent, first: int, second: int) -> None:
    cuts = sorted((first, second))
    parts = [came[: cuts[0]], came[cuts[0] : cuts[1]], came[cuts[1] :]]
    one, two, three = (seen_in(part) for part in parts)
    whole = seen_in(came)
    assert merged_seen(merged_seen(one, two), three) == whole
    assert merged_seen(one, merged_seen(two, three)) == whole
    assert merged_seen(three, merged_seen(two, one)) == whole


@settings(deadline=None)
@given(sent.map(lambda came: came * 3), st.sampled_from([1, 3, REQUIRED_FROM]))
def test_what_it_was_inferred_from_is_as_planned(came: Sent, required_from: int) -> None:
    plan = inferred(seen_in(came), required_from)
    judge = Judge(Plan.model_validate({"name": "p"} | yaml.safe_load(yaml.safe_dump(plan))))
    for event, document in came:
        assert judge.ruling(custom(event, **document)) is None


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=3), st.integers(), min_size=NAMES_MAX - 3, max_size=300))
def test_a_mapping_by_something_is_given_up_in_any_order(mapping: dict[str, int]) -> None:
    pieces = seen_in(("E", {name: value}) for name, value in mapping.items())
    assert (pieces["E"].fields is None) == (len(mapping) > NAMES_MAX)
    assert (shape_of(mapping).fields is None) == (len(mapping) > NAMES_MAX)


def schema(came: Sent) -> dict[str, Any]:
    found: dict[str, Any] = inferred(seen_in(came))["events"]["Shared"]["schema"]
    return found


def repeated(*documents: dict[str, Any], times: int = ENUM_FROM) -> Sent:
    return [("Shared", document) for document in documents] * times


def test_types_required_fields_enumerations_and_ranges() -> None:
    found = schema(repeated({"list": "a", "n": 1, "x": 0.5}, {"list": "b", "n": 7}))
    assert found["required"] == ["list", "n"]
    assert found["properties"] == {
        "list": {"type": "string", "enum": ["a", "b"]},
        "n": {"type": "integer", "$comment": "seen from 1 to 7"},
        "x": {"type": "number"},
    }


def test_of_few_nothing_is_required_or_enumerated() -> None:
    found = schema(repeated({"list": "a"}, times=REQUIRED_FROM - 1))
    assert found == {"type": "object", "properties": {"list": {"type": "string"}}}


def test_a_rare_text_or_many_texts_are_no_enumeration() -> None:
    rare = [*repeated({"list": "a"}), ("Shared", {"list": "b"})]
    many = repeated(*({"list": letter} for letter in string.ascii_letters[: TEXTS_MAX + 1]))
    for came in (rare, many):
        assert schema(came)["properties"]["list"] == {"type": "string"}


secret = st.sampled_from(["ada@x.example", "+44 20 7946 0000", "Lovelace"])
personal = st.sampled_from(["email", "first_name", "userId", "Phone Number", "zip", "traits"])


@settings(deadline=None)
@given(personal, secret, st.integers(10**7, 10**12))
def test_nothing_personal_is_written(name: str, value: str, number: int) -> None:
    documents = ({name: value, "n": number}, {name: {"deep": value}, "n": number + 1})
    text = yaml.safe_dump(inferred(seen_in(repeated(*documents))))
    assert value not in text
    assert str(number) not in text


@settings(deadline=None)
@given(st.sampled_from(["ada@x.example", "4912345678"]))
def test_a_name_that_is_personal_is_left_out(name: str) -> None:
    seen = seen_in([(f"To {name}", {}), *repeated({"list": name, "by": {name: 1}, name: 1})])
    assert name not in yaml.safe_dump(inferred(seen))
    assert left_out(seen) == 1


def test_words_of_a_name() -> None:
    for name in ("firstName", "first_name", "FIRST NAME", "First-Name"):
        assert words_of(name) == ("first", "name")
