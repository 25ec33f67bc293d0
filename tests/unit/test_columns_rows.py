"""Rows keep what messages say, and what can not be kept is refused, never guessed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import topics
from schemas.base import micros, to_json
from schemas.touchpoints import SAMPLES
from services.scoring.columns import NO_ROW
from services.scoring.rows import PROCESSORS, TABLES
from services.scoring.rows.table import money
from tests.columns_messages import MESSAGES, NOON, PUBLISHED_MS, touchpoint


def rows(topic: str, value: bytes) -> list[dict[str, Any]]:
    return [
        TABLES[table].arrow([row]).to_pylist()[0]
        for table, row in PROCESSORS[topic](value, PUBLISHED_MS)
    ]


@given(kind=st.sampled_from(sorted(SAMPLES)))
@settings(max_examples=30)
def test_the_envelope_of_any_kind_is_kept(kind: str) -> None:
    sent = touchpoint(kind)
    [row] = rows(topics.RESOLVED.name, to_json(sent))
    assert row["event_id"] == str(sent.event_id)
    assert row["kind"] == kind
    assert micros(row["occurred_at"]) == micros(NOON)
    assert json.loads(row["properties"])["kind"] == kind
    assert json.loads(row["context"]) == sent.context


def test_extra_properties_with_the_name_of_a_column_do_not_disturb_it() -> None:
    sent = touchpoint("page_viewed", severity="very", score={"a": 1}, order_id=17)
    [row] = rows(topics.RESOLVED.name, to_json(sent))
    assert (row["severity"], row["score"], row["order_id"]) == (None, None, "")


def test_a_kind_that_is_not_known_yet_keeps_its_envelope_and_properties() -> None:
    message = json.loads(to_json(touchpoint("page_viewed")))
    message["properties"] = {"kind": "tier_changed", "tier": "gold"}
    [row] = rows(topics.RESOLVED.name, msgspec.json.encode(message))
    assert row["kind"] == "tier_changed"
    assert json.loads(row["properties"]) == {"kind": "tier_changed", "tier": "gold"}


def test_a_redirect_brings_no_identifiers() -> None:
    redirect = to_json(MESSAGES[topics.PROFILES.name, "redirect"])
    tables = [table for table, _ in PROCESSORS[topics.PROFILES.name](redirect, 0)]
    assert tables == ["profiles", "profile_redirects"]


@given(st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False))
@settings(max_examples=100)
def test_money_is_kept_to_four_digits(amount: Decimal) -> None:
    kept = money(amount)
    assert kept is not None
    assert abs(kept - amount) <= Decimal("0.00005")
    exponent = kept.as_tuple().exponent
    assert isinstance(exponent, int)
    assert exponent >= -4


BROKEN = {
    "not JSON": b"{",
    "not an object": b"[]",
    "empty": b"",
    "invalid UTF-8": b'{"workspace": "\xff"}',
    "nested a thousand levels": b"[" * 1000 + b"]" * 1000,
    "null": b"null",
}


@pytest.mark.parametrize("topic", PROCESSORS)
@pytest.mark.parametrize("broken", BROKEN)
def test_a_value_that_is_no_message_is_refused(topic: str, broken: str) -> None:
    with pytest.raises(NO_ROW):
        PROCESSORS[topic](BROKEN[broken], PUBLISHED_MS)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("event_id", "not-a-uuid"),
        ("profile_id", None),
        ("occurred_at", "yesterday"),
        ("properties", {}),
        ("identifiers", "ada"),
    ],
)
def test_a_touchpoint_with_a_wrong_field_is_refused(field: str, wrong: object) -> None:
    message = json.loads(to_json(touchpoint("order_completed"))) | {field: wrong}
    with pytest.raises(NO_ROW):
        PROCESSORS[topics.RESOLVED.name](msgspec.json.encode(message), PUBLISHED_MS)


def test_a_trait_nested_beyond_reading_is_refused() -> None:
    deep = b'{"value":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    value = to_json(MESSAGES[topics.PROFILES.name, "empty"])
    with pytest.raises(NO_ROW):
        PROCESSORS[topics.PROFILES.name](value.replace(b'"traits":{', b'"traits":{"a":' + deep), 0)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "x", None])
def test_an_order_without_an_amount_is_refused(amount: object) -> None:
    message = json.loads(to_json(touchpoint("order_completed")))
    message["properties"]["total"]["amount"] = amount
    with pytest.raises(NO_ROW):
        PROCESSORS[topics.RESOLVED.name](msgspec.json.encode(message), PUBLISHED_MS)
