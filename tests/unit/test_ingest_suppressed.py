"""Who is on the list is kept out at every door, nothing is kept, and no sender learns of it."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.identifier import Identifier
from schemas.touchpoint import Touchpoint
from services.cli.letters.back import back, back_as
from services.cli.letters.run import Tally as Letters
from services.cli.letters.run import planned
from services.cli.letters.ways import Sent, Suppressed
from services.common.batch import Record
from services.common.run import Stop
from services.common.settings import Settings
from services.common.suppression import Listed
from services.ingest import api
from services.ingest.api import UNREADABLE
from services.ingest.domain.mapped import Mapper
from services.ingest.door import Arrival, Door
from services.ingest.importing import Import, Judge
from services.ingest.keys import Doors
from services.ingest.letters import Verdict, outputs_of
from services.ingest.live import Live
from services.ingest.metrics import SUPPRESSED
from services.ingest.stream import Inbound
from services.ingest.tally import ProgressFile, Tally
from tests.unit.ingest_builders import NOW, SALT, WORKSPACE, WORKSPACES, World, door, order, track
from tests.unit.mapping_builders import ROW, mapping, workspace
from tests.unit.plan_builders import plan
from tests.unit.suppression_builders import guarded, guarded_doors, listed
from tests.unit.test_importing import START, FakeProducer, FakeRows
from tests.unit.test_ingest_anything import calls
from tests.unit.test_ingest_live import shown, watching
from tests.unit.test_ingest_stream import FakeKafka, FakeMessage, Patient, message
from tests.unit.test_letters_back import kept

ADA, PHONE, USER = ("email", "ada@x.example"), ("phone", "+442079460000"), ("user_id", "u-77")
DEVICE = ("anonymous_id", "device-5")
ALL = (ADA, PHONE, USER, DEVICE)


def admitted(to: Door, *values: object, **arrival: Any) -> list[Verdict]:
    return to.admit([json.dumps(value).encode() for value in values], Arrival(NOW, **arrival))


BY_NAME: dict[str, dict[str, Any]] = {
    "userId": track(userId="u-77"),
    "a number": {"type": "track", "userId": 5, "messageId": "m", "event": "E"},
    "anonymousId": track(anonymousId=" device-5 "),
    "an e-mail in traits": {
        "type": "identify", "userId": "u", "traits": {"email": "ADA@x.example"},
    },
    "an e-mail in the context": track(context={"traits": {"email": "Ada@X.example"}}),
    "a phone in properties": track(properties={"mobile": "0044 20 7946 0000"}),
    "previousId": {"type": "alias", "userId": "u", "previousId": "u-77", "messageId": "m"},
    "previousId of an anonymous": {
        "type": "alias", "userId": "u", "previousId": "device-5", "anonymousId": "device-5",
    },
    "who was referred": track("Customer Referred", properties={"referred": "ADA@x.example"}),
    "who refers": track("Customer Referred", properties={"referrer": "u-77"}),
    "who was mentioned": track("Social Mentioned", properties={"mentioned": "u-77"}),
    "who it was shared with": track("Resource Shared", properties={
        "resource": "r", "recipient": {"kind": "phone", "value": "+44 20 7946 0000"}}),
}  # fmt: skip


@pytest.mark.parametrize("call", BY_NAME.values(), ids=BY_NAME)
def test_an_event_that_names_somebody_on_the_list_is_dropped_whole(call: dict[str, Any]) -> None:
    [plain] = admitted(door(), call)
    [verdict] = admitted(guarded(*ALL, ("user_id", "5")), call)
    assert plain.kind is not None, plain.detail
    assert (verdict.kind, verdict.suppressed, outputs_of([verdict])) == (None, "demo", [])
    with pytest.raises(AssertionError, match="suppressed"):
        _ = verdict.output


REFUSED: dict[str, bytes] = {
    "an unknown type": b'{"type": "x", "userId": "u-77"}',
    "a bad time": json.dumps(track(userId="u-77", timestamp="soon")).encode(),
    "bad properties": json.dumps(order(total="much", email="ada@x.example")).encode(),
    "no name": json.dumps(track("", userId="u-77")).encode(),
    "no object": b'["a", {"contact": "Ada@x.example"}]',
    "too large": json.dumps(track(userId="u-77", filling="x" * 40_000)).encode(),
    "too deep": b'{"userId": "u-77", "a":' + b"[" * 99 + b"]" * 99 + b"}",
    "far too deep": b'{"userId": "u-77", "a":' + b"[" * 9_000,
    "an id where it is none": b'{"type": "track", "properties": {"user_id": "u-77"}}',
    "broken JSON": b'{"userId": "u-77", "event": ',
    "broken JSON, an address": b'{"a": x, "b": "ADA@x.example"',
    "no JSON": b"type=track&email=ada@x.example&n=1",
    "a phone": b"{'phone': +442079460000}",
}  # fmt: skip


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_looked_through_before_its_bytes_are_kept(raw: bytes) -> None:
    [plain] = door().admit([raw], Arrival(NOW))
    [verdict] = guarded(*ALL).admit([raw], Arrival(NOW))
    assert plain.reason is not None
    assert outputs_of([verdict]) == []
    assert verdict.suppressed == "demo"
    if plain.reason in UNREADABLE:  # which is answered
        assert (verdict.reason, verdict.detail) == (plain.reason, plain.detail)
    others = guarded(("email", "bob@x.example"), ("user_id", "u-7")).admit([raw], Arrival(NOW))
    assert others == [plain]


NAMES = (("user_id", "u1"), ("email", "a@b.c"), ("phone", "+442079460000"))
PEOPLE = ("previous", "referred", "referrer", "mentioned", "recipient", "other")
SPELLED = {NAMES[0]: "u1", NAMES[1]: "a@b.c", NAMES[2]: "7946"}


@settings(max_examples=200, deadline=None)
@given(
    st.lists(calls() | st.just(track(userId="u1")), min_size=1, max_size=4),
    st.sets(st.sampled_from(NAMES)),
)
def test_with_a_listed_identifier_nothing_comes_and_without_all_is_as_before(
    values: list[dict[str, Any]], names: set[tuple[str, str]]
) -> None:
    before, after = admitted(door(), *values), admitted(guarded(*names), *values)
    for value, was, now in zip(values, before, after, strict=True):
        text = json.dumps(value)
        if named_in(was) & names or (("user_id", "u1") in names and value.get("userId") == "u1"):
            assert (now.suppressed, outputs_of([now])) == ("demo", [])
        elif was.kind is not None or not any(SPELLED[name] in text for name in names):
            assert now == was
        assert now.suppressed or now == was


def named_in(verdict: Verdict) -> set[tuple[str, str]]:
    if verdict.kind is None:
        return set()
    touchpoint = Touchpoint.model_validate_json(verdict.output.value)
    others = [getattr(touchpoint.properties, field, None) for field in PEOPLE]
    found = [*touchpoint.identifiers, *others]
    return {(one.kind, one.value) for one in found if isinstance(one, Identifier)}


def test_an_empty_list_adds_no_stage() -> None:
    assert not door().guard
    assert guarded(USER).guard
    assert admitted(door(), order()) == admitted(guarded(USER), order())


def test_an_expired_entry_lets_in_again_and_another_workspaces_never_keeps_out() -> None:
    expired = listed(USER, until=datetime.now(UTC) - timedelta(seconds=1))
    for made in (expired, listed(USER, workspace="other")):
        [verdict] = admitted(Door(WORKSPACE, "web", SALT, made), track(userId="u-77"))
        assert verdict.kind == "custom"


def test_a_suppressed_event_is_told_by_no_violation() -> None:
    planned_by = plan(unplanned="block")
    strict = WORKSPACE.model_copy(update={"plans": (planned_by,)})
    call = track("Unheard Of", userId="u-77")
    [was] = admitted(Door(strict, "web", SALT), call)
    [now] = admitted(Door(strict, "web", SALT, listed(USER)), call)
    assert was.violated is not None
    assert outputs_of([now]) == []


# --- HTTP


@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch", "/batch"])
def test_the_answer_does_not_tell_who_is_on_the_list(path: str) -> None:
    def body(user: str, **more: Any) -> dict[str, Any]:
        call = {"event": "E", "userId": user, "distinct_id": user, "messageId": "m"} | more
        return call if path == "/v1/track" else {"batch": [{"type": "track"} | call]}

    for more in ({}, {"timestamp": "soon"}, {"event": ""}, {"filling": "x" * 40_000}):
        world = World(doors=guarded_doors(*ALL))
        listed_one = world.send(path, body("u-77", **more))
        published = len(world.publisher.outputs)
        other = world.send(path, body("u-78", **more))
        assert (listed_one.status_code, listed_one.content) == (other.status_code, other.content)
        assert (published, len(world.publisher.outputs)) == (0, 1)


def test_a_suppressed_call_waits_as_long_as_kafka_would_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("services.ingest.api.asyncio.sleep", sleep)
    world = World(doors=guarded_doors(USER))
    world.send("/v1/batch", {"batch": [track(), track(userId="u-77")]})
    assert waited == []  # Kafka took what it takes
    world.send("/v1/batch", {"batch": [track(userId="u-77")]})
    assert waited == [api.USUALLY_ACKNOWLEDGED_S]


def test_a_request_that_can_not_be_read_is_looked_through_too() -> None:
    for body in (
        b'{"batch": [{"userId": "u-77"}, ',
        gzip.compress(b'{"batch": 1, "userId": "u-77"}'),
    ):
        world, plain = World(doors=guarded_doors(USER)), World()
        answers = [each.send("/v1/batch", body) for each in (world, plain)]
        assert answers[0].content == answers[1].content
        assert (world.publisher.outputs, len(plain.publisher.outputs)) == ([], 1)


def test_a_batchs_context_is_looked_through_where_a_call_is_refused() -> None:
    world = World(doors=guarded_doors(ADA))
    shared = {"traits": {"email": "ada@x.example"}}
    world.send("/v1/batch", {"context": shared, "batch": [track(""), "no call", track()]})
    assert world.publisher.outputs == []


def test_others_of_the_same_batch_are_let_in_and_it_is_counted() -> None:
    world = World(doors=guarded_doors(USER))
    counted = SUPPRESSED.labels("demo", "web")
    before = counted._value.get()
    world.send("/v1/batch", {"batch": [track(), track(userId="u-77"), track("", userId="u-77")]})
    assert [each.identifiers[0].value for each in world.touchpoints] == ["u-1"]
    assert (world.letters, counted._value.get() - before) == ([], 2)


def test_nobody_is_let_in_before_the_list_is_known() -> None:
    world = World(doors=Doors(WORKSPACES, SALT, Listed(fault="the list is not read yet")))
    for body in (track(), b"{"):
        answer = world.send("/v1/track", body)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "the list is not read yet" in answer.text
    assert world.publisher.outputs == []


def test_the_live_view_tells_that_it_was_there_and_nothing_of_it() -> None:
    world = World(doors=guarded_doors(*ALL))
    stream, only = watching(world.live), watching(world.live, state="suppressed")
    secret = track(userId="u-77", messageId="device-5")
    world.send("/v1/batch", {"batch": [secret, track("", userId="u-77"), track()]})
    told = shown(stream, 3)
    assert [kind for kind, _ in told] == ["suppressed", "suppressed", "accepted"]
    assert told[0][1].keys() == {"source", "at"}
    assert [kind for kind, _ in shown(only, 2)] == ["suppressed", "suppressed"]


# --- the log


def read_by_stream(doors: Doors, *messages: FakeMessage) -> FakeKafka:
    kafka = FakeKafka(messages)
    Inbound(Settings(), doors, Stop(), Live())._turn(kafka, kafka, Patient())  # type: ignore[arg-type]
    return kafka


def test_the_stream_moves_on_past_what_is_suppressed() -> None:
    doors = guarded_doors(USER)
    kafka = read_by_stream(
        doors, message(track(userId="u-77"), 7), message(track("", userId="u-77"), 8)
    )
    assert kafka.story == ["committed 3:9"]


def test_a_record_of_no_workspace_is_looked_through_by_all_lists() -> None:
    both = {**WORKSPACES, "other": WORKSPACE.model_copy(update={"name": "other"})}
    doors = Doors(both, SALT, listed(USER, workspace="other"))
    lost = message(track(userId="u-77"), 7, workspace=b"unheard of")
    kept_one = message(track(userId="u-78"), 8, workspace=b"unheard of")
    assert read_by_stream(doors, lost, kept_one).story == ["took dead_letters", "committed 3:9"]


def test_a_records_key_and_headers_are_looked_through_where_it_is_refused() -> None:
    for key, headers in ((b"u-77", ()), (b'{"userId":"u-77"}', ()), (None, (("by", b"u-77"),))):
        record = Record("touchpoints.inbound", 0, 1, key, b"{}", headers)
        assert guarded(USER).guard.finds_in_record(record)
        assert not guarded(("user_id", "u-7")).guard.finds_in_record(record)


def test_a_row_that_no_call_comes_of_is_known_by_its_mapping() -> None:
    change = {"specversion": "1.0", "id": "e", "source": "/s", "type": "paid", "data": ROW | {
        "customer": "u-77", "mail": "", "amount": "much"}}  # fmt: skip
    owner = workspace(paid=mapping(cloudevents={"type": "paid"}, time=None))
    for made, story in ((listed(USER), []), (listed(ADA), ["took dead_letters"])):
        kafka = read_by_stream(Doors({"demo": owner}, SALT, made), message(change, 7))
        assert kafka.story == [*story, "committed 3:8"]


# --- files


def test_an_import_counts_what_is_suppressed_and_goes_on(tmp_path: Path) -> None:
    rows = [ROW | {"order_no": str(n), "customer": f"c{n % 3}", "mail": ""} for n in range(9)]
    rows += [
        rows[1] | {"amount": "much"},
        rows[2] | {"amount": "much"},
        rows[1] | {"mail": "\ud800"},
    ]
    kafka = FakeProducer()
    judge = Judge(Mapper("orders", mapping()), guarded(("user_id", "c1")), "orders.csv")
    done = Import(judge, kafka, ProgressFile(tmp_path, "x"), START, lambda *_: None).run(
        FakeRows(rows)
    )
    assert done.tally == Tally(12, {"order_completed": 6}, {"bad_properties": 1}, 0, 5)
    assert done.done
    assert len(kafka.taken) == 7
    again = ProgressFile(tmp_path, "x").read()
    assert again is not None
    assert again.tally == done.tally


def test_an_import_looks_before_each_batch_who_is_on_the_list() -> None:
    made = Listed()
    late = listed(("user_id", "c1"))
    judge = Judge(
        Mapper("orders", mapping()),
        Door(WORKSPACE, "import", SALT, made),
        "orders.csv",
        before=lambda: made.hashes.update(late.hashes),
    )
    [batch] = list(FakeRows([ROW]).batches(0))
    assert [each.suppressed for each in judge.verdicts(batch, NOW)] == ["demo"]


# --- letters


def letter_of(call: dict[str, Any]) -> Any:
    world = World()
    world.send("/v1/batch", {"batch": [call]})
    [letter] = world.letters
    return kept(letter)


def test_a_letter_of_who_is_on_the_list_by_now_is_done_with_and_not_sent() -> None:
    letter = letter_of(track(messageId="m", event="", userId="u-77"))
    doors, rule = guarded_doors(USER), json.dumps(track(userId="u-77")).encode()
    assert isinstance(back(letter, (), Doors(WORKSPACES, SALT), NOW), tuple)
    assert isinstance(back_as(letter, rule, Doors(WORKSPACES, SALT), NOW), list)
    assert back_as(letter, rule, doors, NOW) == Suppressed()
    assert back(letter, (), doors, NOW) == Suppressed()
    tally = Letters()
    found = planned([(letter, Suppressed())], tally, letter.at)
    assert (found.records, found.letters, found.suppressed) == ([], [], [letter])
    assert (tally.letters, tally.passed, tally.suppressed) == (1, 0, 1)


def test_of_a_whole_request_the_calls_of_others_are_sent() -> None:
    world = World()
    body = {"batch": [track(), track(userId="u-77")]}
    world.send("/v1/batch", json.dumps(body).encode()[:-1])
    letter = kept(world.letters[0])
    mended = json.dumps(body).encode()
    sent = back_as(letter, mended, guarded_doors(USER), NOW)
    assert isinstance(sent, list)
    [one] = sent
    assert isinstance(one, Sent)
    assert b"u-77" not in one.value


def test_a_touchpoint_that_another_service_refused_goes_not_back_either() -> None:
    [good] = admitted(door(), track(userId="u-77", properties={"a": 1}))
    letter = letter_of(track(""))._replace(
        service="columns",
        topic="touchpoints.accepted",
        key=b"k",
        original=good.output.value,
        way=None,
    )
    assert isinstance(back(letter, (), Doors(WORKSPACES, SALT), NOW), list)
    assert back(letter, (), guarded_doors(USER), NOW) == Suppressed()
    elsewhere = Doors(WORKSPACES, SALT, listed(USER, workspace="other"))
    assert isinstance(back(letter, (), elsewhere, NOW), list)
