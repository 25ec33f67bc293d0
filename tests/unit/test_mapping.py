"""A row is the call its mapping says, or is refused with the column; its id is the row's own."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.dead_letter import Reason
from services.ingest.domain.mapped import Mapper
from services.ingest.domain.moments import moment_reader
from services.ingest.domain.refusal import Refusal
from tests.unit.ingest_builders import accepted
from tests.unit.mapping_builders import ROW, call, call_of, cell, mapping, refusal

moments = st.datetimes(
    datetime(1901, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC), allow_imaginary=False
)
values: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.decimals(),
    st.dates(), st.binary(max_size=4), st.lists(st.integers(), max_size=2),
)  # fmt: skip


def test_a_row_is_a_call_that_the_door_lets_in() -> None:
    found = call(ROW)
    touchpoint = accepted(found)
    assert touchpoint.properties.kind == "order_completed"
    assert touchpoint.occurred_at == datetime(2020, 7, 1, 12, tzinfo=UTC)
    assert [(one.kind, one.value) for one in touchpoint.identifiers] == [
        ("user_id", "c1"),
        ("email", "ann@x.example"),
    ]
    assert found["properties"] == {
        "order_id": "SO-1",
        "total": {"amount": "12.50", "currency": "EUR"},
    }


def test_each_call_gets_who_and_what_where_it_reads_them() -> None:
    who: dict[str, Any] = {"properties": {}, "event": None, "traits": {"plan": "status"}}
    assert call(ROW, **who, call="identify")["traits"] == {"plan": "paid", "email": ROW["mail"]}
    group = call(ROW, **who, call="group", group_id="order_no")
    assert group["traits"] == {"plan": "paid"}
    assert group["context"]["traits"] == {"email": ROW["mail"]}
    assert group["groupId"] == "SO-1"
    page = call(ROW, **who, call="page")
    assert page["context"]["traits"] == {"plan": "paid", "email": ROW["mail"]}
    assert call(ROW, **who, call="alias", previous_id="order_no")["previousId"] == "SO-1"


def test_names_with_dots_lead_into_rows_and_calls() -> None:
    row = ROW | {"lines": [{"sku": "a"}, {"sku": "b"}], "flat.name": 1, "shop": {"at": {"id": 7}}}
    found = call(
        row,
        properties={
            "products.0.sku": "lines.0.sku",
            "products.1.sku": "lines.1.sku",
            "products.2.sku": "lines.2.sku",
            "shop.id": "shop.at.id",
            "shop.flat": "flat.name",
            "gone.away": "shop.not.there",
            "always": {"value": True},
        },
    )
    assert found["properties"] == {
        "products": [{"sku": "a"}, {"sku": "b"}],
        "shop": {"id": 7, "flat": 1},
        "always": True,
    }


def test_properties_named_by_numbers_are_no_list() -> None:
    assert call(ROW, properties={"2024": "amount"})["properties"] == {"2024": "12.50"}


def test_the_event_may_stand_in_a_column() -> None:
    assert call(ROW, event={"column": "status"})["event"] == "paid"


@pytest.mark.parametrize(
    ("value", "kind", "read"),
    [
        ("5", "number", 5), (" 5.5 ", "number", 5.5), (Decimal("5.5"), "number", 5.5),
        ("5", "integer", 5), (5.0, "integer", 5), ("-7", "integer", -7),
        ("Yes", "boolean", True), (0, "boolean", False), (False, "boolean", False),
        (5.0, "text", "5"), (True, "text", "true"), (b"ab", "text", "ab"),
        ("29.30", "money", {"amount": "29.30"}), (29.3, "money", {"amount": "29.3"}),
        ("2020-07-01", "time", "2020-07-01T00:00:00.000000Z"),
        (date(2020, 7, 1), "time", "2020-07-01T00:00:00.000000Z"),
    ],
)  # fmt: skip
def test_a_type_reads_what_is_meant(value: object, kind: str, read: object) -> None:
    assert cell(value, kind) == read


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("five", "number"), ("1_000", "number"), ("nan", "number"), ("1e999", "number"),
        (True, "number"),
        ("5.5", "integer"), ("1_0", "integer"), ("2", "boolean"), ("maybe", "boolean"),
        ("12,50", "money"), ("inf", "money"), (True, "money"), ("1_0", "money"),
        ("yesterday", "time"), (7, "time"),
    ],
)  # fmt: skip
def test_what_is_not_of_its_type_is_refused_with_the_column(value: object, kind: str) -> None:
    found = cell(value, kind)
    assert isinstance(found, Refusal)
    assert found.field == "x"
    assert found.detail.startswith("column 'x' ")


@pytest.mark.parametrize("nothing", [None, "", float("nan")])
def test_nothing_is_left_out_but_a_time_and_a_key_are_needed(nothing: object) -> None:
    assert "order_id" not in call(ROW | {"order_no": nothing}, only={})["properties"]
    assert refusal(ROW | {"at": nothing}).reason is Reason.BAD_TIME
    late = refusal(ROW | {"order_no": nothing}, key=["order_no"])
    assert (late.reason, late.field) == (Reason.BAD_IDENTIFIER, "order_no")


def test_money_has_the_currency_of_its_column() -> None:
    money = {"currency_column": "said", "currency": "EUR"}
    total = {"column": "amount", "type": "money"} | money
    for said, currency in (("usd", "USD"), ("", "EUR")):
        found = call(ROW | {"said": said}, properties={"total": total})
        assert found["properties"]["total"]["currency"] == currency


def test_rows_that_are_not_meant_are_passed_over() -> None:
    for only, meant in (({"status": "paid"}, True), ({"status": ["open", 1]}, False)):
        assert (call_of(ROW, only=only) is not None) is meant
    assert call_of(ROW | {"status": 1.0}, only={"status": ["open", 1]}) is not None
    assert call_of(ROW, only={"nowhere": "x"}) is None


@given(moment=moments)
def test_a_moment_is_the_same_in_every_spelling(moment: datetime) -> None:
    us = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    said = moment.isoformat(timespec="microseconds")[:26] + "Z"
    abroad = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))
    spelled: list[tuple[Any, str]] = [
        (said, "iso"), (moment, "iso"), (abroad.isoformat(), "iso"), (abroad, "iso"),
        (us, "us"), (str(us), "us"), (us * 1000, "ns"), (Decimal(us) / 1000, "ms"),
        (str(Decimal(us) / 1_000_000), "s"), (said, "%Y-%m-%dT%H:%M:%S.%fZ"),
    ]  # fmt: skip
    for value, pattern in spelled:
        assert moment_reader("at", pattern, "UTC")({"at": value}) == said, (value, pattern)


@given(moment=st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)))
def test_a_moment_without_a_zone_is_of_the_mappings(moment: datetime) -> None:
    zone, moment = ZoneInfo("Europe/Berlin"), moment.replace(fold=0)  # no text says which of two
    at = moment_reader("at", "iso", zone.key)({"at": moment.isoformat()})
    assert datetime.fromisoformat(at) == moment.replace(tzinfo=zone).astimezone(UTC)


@given(row=st.dictionaries(st.sampled_from([*ROW, "x"]), values), data=st.data())
def test_whatever_a_row_holds_it_is_a_call_or_refused(row: dict[str, Any], data: Any) -> None:
    """And a call is JSON; the refusal names a column of the mapping."""
    kind = data.draw(st.sampled_from(["text", "number", "integer", "boolean", "time", "money"]))
    pattern = data.draw(st.sampled_from(["iso", "s", "days", "%d.%m.%Y"]))
    changes: dict[str, Any] = {"time": {"column": "at", "format": pattern}}
    changes["properties"] = {"x": {"column": "x", "type": kind}, "y": {"column": "amount"}}
    found = call_of(row, **changes)
    if isinstance(found, Refusal):
        assert found.field in ("x", "at")
    else:
        json.loads(msgspec.json.encode(found))


@given(row=st.fixed_dictionaries(dict.fromkeys(ROW, values)), dice=st.randoms())
def test_a_rows_id_is_its_own(row: dict[str, Any], dice: Any) -> None:
    """The order of the columns does not matter; any other value, row or mapping does."""
    names = dice.sample(sorted(row), len(row))
    mapper = Mapper("orders", mapping())
    own = mapper.message_id(row, None)
    assert mapper.message_id({name: row[name] for name in names}, None) == own
    assert mapper.message_id(row | {"amount": "another"}, None) != own
    assert Mapper("other", mapping()).message_id(row, None) != own
    assert mapper.message_id(row, "an event") not in (own, mapper.message_id(row, "another"))


@given(one=st.tuples(st.text(), st.text()), other=st.tuples(st.text(), st.text()))
def test_a_key_names_the_row_alone(one: tuple[str, str], other: tuple[str, str]) -> None:
    """No two keys are one, wherever a text ends; and nothing else of the row counts."""
    mapper = Mapper("orders", mapping(key=["a", "b"]))
    first, second = ({"a": a or "-", "b": b or "-"} for a, b in (one, other))
    same = mapper.message_id(first, None) == mapper.message_id(second, None)
    assert same is (first == second)
    assert mapper.message_id(first | {"c": 1}, None) == mapper.message_id(first, None)


def test_a_key_is_the_same_from_every_kind_of_file() -> None:
    mapper = Mapper("orders", mapping(key=["a"]))
    assert len({mapper.message_id({"a": value}, None) for value in (5, 5.0, "5")}) == 1
