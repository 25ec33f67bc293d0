"""touchpoints.inbound in the words of others: CloudEvents and Debezium, by the mappings."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base import JsonObject
from services.common.batch import Record
from services.ingest.domain.refusal import Refusal
from services.ingest.foreign import Foreign
from services.ingest.metrics import PASSED_OVER
from tests.unit.ingest_builders import track
from tests.unit.mapping_builders import ROW, mapping, workspace
from tests.unit.test_ingest_stream import FakeMessage, message, turned

PAID = mapping(cloudevents={"type": "shop.order.paid"}, time=None)
STATUS = mapping(
    time=None,
    debezium={"table": "public.orders", "ops": ["c", "u", "r"], "changed": ["status"]},
    only={"status": "paid"},
)
GONE = mapping(event="Order Deleted", time=None, debezium={"table": "orders", "ops": ["d"]})
FOREIGN = Foreign(workspace(paid=PAID, status=STATUS, gone=GONE))
EVENT = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/shop",
    "type": "shop.order.paid",
    "time": "2024-05-01T10:00:00Z",
}
SOURCE = {
    "connector": "postgresql", "name": "crm", "ts_ms": 1_714_557_600_000, "snapshot": "false",
    "db": "crm", "schema": "public", "table": "orders", "lsn": 24_023_128, "txId": 555,
}  # fmt: skip
OPEN = ROW | {"status": "open"}


def record(value: object, key: bytes | None = b'{"order_no":"SO-1"}', /, **headers: str) -> Record:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    named = {name.replace("content_type", "content-type"): one for name, one in headers.items()}
    marks = tuple((name, one.encode()) for name, one in named.items())
    return Record("touchpoints.inbound", 0, 7, key, content, marks)


def binary(data: object, **changes: str) -> Record:
    attributes = {f"ce_{name}": value for name, value in (EVENT | changes).items() if value}
    return record(data, content_type="application/json; charset=utf-8", **attributes)


def structured(data: object, **changes: Any) -> Record:
    value = {**EVENT, "data": data, **changes}
    return record(value, content_type="application/cloudevents+json")


def change(op: str, before: Any = None, after: Any = None, **source: Any) -> JsonObject:
    at = {"op": op, "before": before, "after": after, "source": SOURCE | source}
    return {**at, "ts_ms": 1_714_557_601_000, "transaction": None}


def calls(of: Record, foreign: Foreign = FOREIGN) -> list[JsonObject]:
    found = foreign.calls(of)
    assert all(isinstance(one, bytes) for one in found), found
    return [json.loads(one) for one in found if isinstance(one, bytes)]


def refusal(of: Record) -> Refusal:
    [found] = FOREIGN.calls(of)
    assert isinstance(found, Refusal), found
    return found


# -- CloudEvents ---------------------------------------------------------------------------------


def test_both_modes_and_every_spelling_of_data_are_one_call() -> None:
    packed = b64encode(json.dumps(ROW).encode()).decode()
    unmarked = record({**EVENT, "data": ROW})
    found = [
        calls(one)
        for one in (
            binary(ROW),
            structured(ROW),
            structured(None, data_base64=packed),
            unmarked,
        )
    ]
    assert found[0] == found[1] == found[2] == found[3]
    [call] = found[0]
    assert (call["event"], call["timestamp"]) == ("Order Completed", EVENT["time"])
    assert call["properties"]["order_id"] == "SO-1"


def test_an_event_is_named_by_source_and_id() -> None:
    ids = {
        json.dumps(changes): calls(binary(ROW | {"more": changes}, **changes))[0]["messageId"]
        for changes in ({}, {"id": "e-2"}, {"source": "/other"})
    }
    assert len(set(ids.values())) == 3
    assert calls(binary(ROW | {"amount": "1"}))[0]["messageId"] == ids["{}"]


def test_segment_shaped_data_needs_no_mapping() -> None:
    call: JsonObject = track(messageId=None, properties=None)
    for other in (binary(call, type="x"), structured(call, type="x")):
        [found] = calls(other)
        assert found["messageId"].startswith("content-")
        assert found["timestamp"] == EVENT["time"]
        assert (found["userId"], found["event"]) == ("u-1", "Wishlist Shared")
    [own] = calls(binary(track(timestamp="2020-01-01T00:00:00Z"), type="x"))
    assert (own["messageId"], own["timestamp"]) == ("m-1", "2020-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (binary(ROW, type="x.y"), "with `cloudevents: {type: x.y}`"),
        (structured(ROW, type="x.y"), "with `cloudevents: {type: x.y}`"),
        (structured(ROW, id=""), "without id"),
        (structured(ROW, id=None), "that is no CloudEvent in JSON"),
        (binary(ROW, source=""), "without source"),
        (binary(ROW, specversion="0.3"), "CloudEvents 0.3 is not read here"),
        (binary(b"{"), "not JSON"),
        (binary([1]), "mapping paid: no row is in it"),
        (structured(None, data_base64="?"), "not base64"),
        (record(b"x", content_type="application/cloudevents+avro"), "not JSON"),
        (record(b"{}", content_type="application/cloudevents+json"), "no CloudEvent in JSON"),
        (
            record(b"x", **{f"ce_{n}": v for n, v in EVENT.items()}, content_type="image/png"),
            "data of image/png is not read here",
        ),
        (binary({**ROW, "amount": "x"}), "mapping paid: column 'amount' is no amount"),
    ],
)
def test_an_event_that_is_not_understood_says_what_to_do(event: Record, said: str) -> None:
    assert said in refusal(event).detail


# -- Debezium ------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", ["c", "r", "u"])
def test_a_change_is_a_call_with_or_without_its_schema(op: str) -> None:
    plain = change(op, OPEN if op == "u" else None, ROW)
    [call] = calls(record(plain))
    assert calls(record({"schema": {"type": "struct"}, "payload": plain})) == [call]
    assert call["timestamp"] == "2024-05-01T10:00:00+00:00"
    assert call["properties"]["order_id"] == "SO-1"


def test_a_delete_is_what_the_row_was() -> None:
    [call] = calls(record(change("d", before=ROW)))
    assert (call["event"], call["userId"]) == ("Order Deleted", "c1")


def test_only_what_a_mapping_asks_about_is_a_call() -> None:
    assert calls(record(change("u", ROW, ROW | {"amount": "1"}))) == []
    assert calls(record(change("c", None, OPEN))) == []
    assert len(calls(record(change("u", None, ROW)))) == 1  # not told what it was before
    assert calls(record(change("t"))) == []


def test_two_mappings_make_two_calls_with_ids_of_their_own() -> None:
    both = Foreign(workspace(one=STATUS, two=mapping(event="Paid", debezium={"table": "orders"})))
    found = calls(record(change("c", None, ROW)), both)
    assert {one["event"] for one in found} == {"Order Completed", "Paid"}
    assert len({one["messageId"] for one in found}) == 2


@pytest.mark.parametrize("table", ["orders", "public.orders", "crm.orders", "crm.public.orders"])
def test_a_table_is_named_with_or_without_what_it_is_in(table: str) -> None:
    foreign = Foreign(workspace(one=mapping(debezium={"table": table})))
    assert len(calls(record(change("c", None, ROW)), foreign)) == 1


def test_a_table_without_a_mapping_says_which_to_add() -> None:
    said = refusal(record(change("c", None, ROW, table="carts"))).detail
    assert said.endswith("with `debezium: {table: crm.public.carts}`")


@given(
    one=st.fixed_dictionaries({"lsn": st.integers(0, 3), "ts_ms": st.integers(1, 3)}),
    other=st.fixed_dictionaries({"lsn": st.integers(0, 3), "ts_ms": st.integers(1, 3)}),
    keys=st.tuples(*[st.sampled_from([b"1", b"2"])] * 2),
)
def test_a_change_is_named_by_its_place_in_the_log(
    one: dict[str, int], other: dict[str, int], keys: tuple[bytes, bytes]
) -> None:
    """And by nothing else: the connector's version and its clock do not count."""
    first = change("r", None, ROW, **one)
    second = change("r", None, ROW, version="9", **other) | {"ts_ms": 5}
    ids = [
        calls(record(value, key))[0]["messageId"]
        for value, key in zip((first, second), keys, strict=True)
    ]
    assert (ids[0] == ids[1]) is ((one, keys[0]) == (other, keys[1]))


# -- the stream ------------------------------------------------------------------------------------


def test_the_stream_takes_them_and_passes_tombstones_over() -> None:
    class Keyed(FakeMessage):
        def key(self) -> Any:
            return b"1"

    before = PASSED_OVER.labels("inbound")._value.get()
    paid = json.dumps(change("c", None, ROW)).encode()
    kafka = turned(
        Keyed(paid, 1),
        Keyed(None, 2),
        message(track(), 3),
        Keyed(json.dumps(change("c", None, ROW, table="x")).encode(), 4),
        workspaces={"demo": workspace(status=STATUS)},
    )
    assert kafka.story == [*["took touchpoints.accepted"] * 2, "took dead_letters", "committed 3:5"]
    assert PASSED_OVER.labels("inbound")._value.get() == before + 1


@pytest.mark.parametrize("wrong", [{"customer": None, "mail": None}, {"amount": "x"}])
def test_two_refused_calls_of_one_record_are_two_dead_letters(wrong: JsonObject) -> None:
    nobody = ROW | wrong
    two = {name: mapping(event=name, debezium={"table": "orders"}) for name in ("One", "Two")}
    kafka = turned(message(change("c", None, nobody)), workspaces={"demo": workspace(**two)})
    letters = [json.loads(value) for value in kafka.values]
    assert {one["offset"] for one in letters} == {0}
    assert len({one["event_id"] for one in letters}) == 2


def test_our_own_mistake_stops_no_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Foreign, "calls", lambda *_: 1 / 0)
    assert turned(message(track(), 7)).story == ["took dead_letters", "committed 3:8"]


@given(
    value=st.recursive(
        st.none() | st.text(max_size=3) | st.integers() | st.booleans(),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(
                    [*EVENT, "data", "op", "source", "after", "before", "payload", "table"]
                ),
                inner,
                max_size=5,
            )
        ),
    )
)
def test_whatever_a_record_holds_there_is_an_answer(value: object) -> None:
    for one in (
        record(value),
        binary(value),
        record(value, content_type="application/cloudevents"),
    ):
        assert all(isinstance(found, bytes | Refusal) for found in FOREIGN.calls(one))
