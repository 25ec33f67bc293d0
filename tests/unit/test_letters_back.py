"""A re-driven call is the event that it would have been: by every entrance, and however often."""

from __future__ import annotations

import gzip
import json
import time
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas import topics
from schemas.base import derived_id
from schemas.dead_letter import REDRIVEN_HEADER, DeadLetter, Reason
from schemas.touchpoint import Touchpoint
from schemas.touchpoints import SAMPLES
from services.cli.letters.back import back, back_as
from services.cli.letters.between import BY_ID, BY_VERSION
from services.cli.letters.letter import Letter
from services.cli.letters.mend import Cast, Rename
from services.cli.letters.mend import Set as SetValue
from services.cli.letters.ways import Held, Sent, Snapshot
from services.common.batch import Record
from services.common.dead_letters import dead_letter
from services.common.workspace import Workspace
from services.ingest.keys import Doors
from services.ingest.way import CONTEXT_BYTES_MAX
from tests.unit.ingest_builders import SALT, WORKSPACE, WORKSPACES, World
from tests.unit.test_ingest_stream import LONG_AGO_MS, FakeMessage, message, turned

NOBODY = "nobody at all"
NOW = datetime.now(UTC)


def strict() -> dict[str, Workspace]:
    """Workspaces where one name is blocked: what only has that is refused, and let in later."""
    rules = [
        rule.model_copy(update={"blocked": (*rule.blocked, NOBODY)})
        for rule in WORKSPACE.identity.kinds
    ]
    identity = WORKSPACE.identity.model_copy(update={"kinds": tuple(rules)})
    return {"demo": WORKSPACE.model_copy(update={"identity": identity})}


STRICT = strict()
DOORS = Doors(WORKSPACES, SALT)


def kept(letter: DeadLetter) -> Letter:
    """As the columns keep it."""
    return Letter(
        id=letter.event_id,
        workspace=letter.workspace,
        at=letter.at,
        reason=letter.reason,
        service=letter.service,
        source=letter.source or "",
        field=letter.field or "",
        message_id=letter.message_id or "",
        topic=letter.topic or "",
        partition=letter.partition,
        offset=letter.offset,
        original=b64decode(letter.original),
        way=letter.way,
        former=letter.former,
        key=None if letter.key is None else b64decode(letter.key),
        headers=tuple((name, b64decode(value)) for name, value in letter.headers),
        cut=letter.cut,
        request_id=letter.request_id or "",
        endpoint=letter.endpoint or "",
        state="open",
        handled_at=None,
    )


def redriven(letter: Letter, *rule: Any) -> list[Sent]:
    sent = back(letter, rule, DOORS, NOW)
    assert isinstance(sent, list), sent
    return sent


def arrived(sent: Sent, workspaces: dict[str, Workspace] | None = None, offset: int = 70) -> Any:
    """What ingest makes of a record of touchpoints.inbound."""
    read = FakeMessage(sent.value, offset, **dict(sent.headers))
    read.at_ms = time.time_ns() // 1_000_000
    assert sent.topic == topics.INBOUND.name
    [value] = turned(read, workspaces=workspaces).values
    return json.loads(value)


def same(one: Touchpoint, other: Touchpoint) -> bool:
    """The same event, but for the moment at which it was received: what a sentAt corrects moves
    with that, what no sentAt corrects does not."""
    late = one.received_at - other.received_at
    corrected = other.occurred_at.year != 2026 or other.occurred_at.month != 1
    moved = other.model_copy(
        update={
            "received_at": one.received_at,
            "occurred_at": other.occurred_at + late if corrected else other.occurred_at,
        }
    )
    return one == moved


TRACK: dict[str, Any] = {
    "event": "Order Completed",
    "userId": NOBODY,
    "timestamp": "2026-01-01T00:00:00Z",
}
TRACK |= {"properties": {"order_id": "SO-1", "total": 29.33}, "sentAt": "2026-01-01T00:01:00Z"}
TYPED = TRACK | {"type": "track"}
ITEM = {name: value for name, value in TYPED.items() if name != "sentAt"}
SHARED = {
    "sentAt": "2026-01-01T00:05:00Z",
    "context": {"traits": {"note": 1}, "campaign": {"name": "spring"}, "locale": "de"},
}
CAPTURED = {
    "event": "Order Completed",
    "distinct_id": NOBODY,
    "properties": {"order_id": "SO-1", "total": 7, "utm_source": "mail"},
    "timestamp": "2026-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/track", TRACK | {"messageId": "m-1"}),
        ("/v1/track", TRACK | {"messageId": 17}),
        ("/v1/track", TRACK),
        ("/v1/t", TRACK | {"type": "what the path overrules"}),
        ("/v1/batch", SHARED | {"batch": [ITEM | {"messageId": "m-2"}]}),
        ("/v1/batch", SHARED | {"batch": [ITEM]}),
        ("/v1/batch", SHARED | {"sentAt": "never", "batch": [ITEM]}),
        ("/v1/batch", SHARED | {"sentAt": 20260101, "batch": [ITEM]}),
        ("/v1/batch", {"batch": [TYPED | {"context": {"locale": "fr"}}]} | SHARED),
        ("/batch", {"sent_at": "2026-01-01T00:02:00Z", "batch": [CAPTURED | {"uuid": "u-1"}]}),
        ("/batch", {"batch": [CAPTURED]}),
        ("/capture", CAPTURED),
    ],
)
def test_over_http_it_is_the_event_that_the_same_bytes_would_have_been(
    path: str, body: dict[str, Any]
) -> None:
    refusing, taking = World(doors=Doors(STRICT, SALT)), World()
    for world in (refusing, taking):
        world.send(path, body)
    [letter], [wanted] = refusing.letters, taking.touchpoints
    assert letter.reason is Reason.BAD_IDENTIFIER
    [sent] = redriven(kept(letter))
    found = Touchpoint.model_validate(arrived(sent))
    assert found.received_at == letter.at
    assert same(found, wanted), (found, wanted)


@pytest.mark.parametrize("named", [{"messageId": "m-1"}, {}])
def test_by_kafka_it_is_the_event_that_the_same_record_would_have_been(
    named: dict[str, str],
) -> None:
    call = TYPED | named
    [refused] = turned(message(call, 7, extra=b"1"), workspaces=STRICT).values
    [wanted] = turned(message(call, 7, extra=b"1")).values
    letter = kept(DeadLetter.model_validate_json(refused))
    [sent] = redriven(letter)
    assert ("extra", b"1") in sent.headers
    assert arrived(sent) == json.loads(wanted)
    older = letter._replace(way=None, headers=(), key=None)
    [again] = redriven(older)
    assert (arrived(again), again.event_id) == (json.loads(wanted), sent.event_id)


def test_a_mend_changes_what_happened_and_never_which_event_it_is() -> None:
    world = World()
    for named in ({}, {"messageId": "m-1"}):
        bad = TRACK | {"userId": "u", "timestamp": "1767225600", "properties": {"Total": "9"}}
        world.send("/v1/track", bad | named)
    rule = (
        Rename(("properties", "Total"), ("properties", "total")),
        Cast(("timestamp",), "time"),
        SetValue(("properties", "order_id"), "SO-1"),
    )
    for letter in map(kept, world.letters):
        [sent] = redriven(letter, *rule)
        [other] = redriven(letter, *rule, SetValue(("messageId",), "another"))
        [touchpoint, told] = [Touchpoint.model_validate(arrived(one)) for one in (sent, other)]
        assert str(touchpoint.event_id) == sent.event_id == other.event_id
        assert touchpoint == told
        assert touchpoint.message_id == letter.message_id
        # a minute before it was sent, by the sender's clock
        assert touchpoint.occurred_at == letter.at - timedelta(minutes=1)


def test_refused_again_it_is_one_letter_that_names_its_former_one() -> None:
    world = World(doors=Doors(STRICT, SALT))
    world.send("/v1/batch", SHARED | {"batch": [ITEM]})
    first = kept(world.letters[0])
    [sent] = redriven(first)
    [second, repeated] = [
        DeadLetter.model_validate(arrived(sent, STRICT, offset)) for offset in (70, 71)
    ]
    assert (second.event_id, second.former) == (repeated.event_id, first.id)
    assert second.event_id != first.id
    assert (second.source, second.message_id) == ("web", first.message_id)
    assert second.way == first.way
    assert second.request_id == first.request_id != ""
    [later] = redriven(kept(second))
    assert arrived(later) == arrived(sent), "the second letter lost nothing of the way"
    third = DeadLetter.model_validate(arrived(later, STRICT))
    assert third.former == second.event_id


def test_a_request_that_could_not_be_read_comes_back_after_an_edit_as_its_calls() -> None:
    world = World()
    whole = json.dumps(SHARED | {"batch": [ITEM | {"userId": "u"}, ITEM | {"userId": "v"}]})
    world.send("/v1/batch", gzip.compress(whole[:-1].encode()))
    letter = kept(world.letters[0])
    held = back(letter, (), DOORS, NOW)
    assert isinstance(held, Held)
    assert held.reason == "malformed_json"
    held = back(letter, (SetValue(("x",), 1),), DOORS, NOW)
    assert isinstance(held, Held)
    assert "edit" in held.detail
    first, second = edited(letter, whole)
    found = [Touchpoint.model_validate(arrived(one)) for one in (first, second)]
    assert [each.context["campaign"] for each in found] == [{"name": "spring"}] * 2
    assert {each.occurred_at for each in found} == {letter.at - timedelta(minutes=5)}
    other = edited(letter, whole.replace("SO-1", "SO-2"))
    assert [one.event_id for one in other] == [first.event_id, second.event_id]
    assert first.event_id != second.event_id
    refused = [DeadLetter.model_validate(arrived(one, {"other": OTHER})) for one in (first, second)]
    assert len({each.event_id for each in refused}) == 2
    assert {each.former for each in refused} == {letter.id}


OTHER = WORKSPACE.model_copy(update={"name": "other"})


def edited(letter: Letter, text: str) -> list[Sent]:
    sent = back_as(letter, text.encode(), DOORS, NOW)
    assert isinstance(sent, list), sent
    return sent


def held_as(letter: Letter) -> str:
    held = back(letter, (), DOORS, NOW)
    assert isinstance(held, Held), held
    return held.reason


def test_what_was_not_kept_whole_is_not_sent_again() -> None:
    world = World(doors=Doors(STRICT, SALT))
    large = {"context": {"page": {"url": "x" * CONTEXT_BYTES_MAX}}}
    world.send("/v1/batch", large | {"batch": [ITEM]})
    world.send("/v1/track", b"x" * 600_000)
    world.send("/v1/track", TRACK)
    large_context, cut, whole = map(kept, world.letters)
    assert held_as(large_context) == "context_not_kept"
    assert (cut.cut, held_as(cut)) == (True, "cut")
    assert held_as(whole._replace(way=None)) == "way_not_kept"
    assert held_as(whole._replace(original=b"x" * 600_000)) == "cut"


def test_a_header_that_says_nothing_sensible_is_none() -> None:
    odd = message(TYPED | {"userId": "u"}, 3, **{REDRIVEN_HEADER: b"{}"})
    [value] = turned(odd).values
    assert json.loads(value)["source"] == "inbound"
    way = {"received_at": "2026-01-01T00:00:00Z", "content_id": "c", "dialect": "martian"}
    said = json.dumps({"letter": str(derived_id("x")), "source": "web", "way": way}).encode()
    [value] = turned(message(TYPED, 3, **{REDRIVEN_HEADER: said})).values
    assert json.loads(value)["reason"] == "poison"


def test_nothing_was_received_after_it_came_again() -> None:
    way = {"received_at": "2150-01-01T00:00:00Z", "content_id": "c"}
    said = json.dumps({"letter": str(derived_id("x")), "source": "web", "way": way}).encode()
    [value] = turned(message(TYPED | {"userId": "u"}, 3, **{REDRIVEN_HEADER: said})).values
    received_at = datetime.fromtimestamp(LONG_AGO_MS / 1000, UTC)
    assert Touchpoint.model_validate_json(value).received_at == received_at


def of_service(topic: str, value: bytes, key: bytes | None = b"key") -> Letter:
    record = Record(topic, 1, 9, key, value, (("ce_id", b"7"),))
    letter = dead_letter(
        record, service="x", workspace="demo", reason=Reason.POISON, detail="", now_us=1
    )
    return kept(DeadLetter.model_validate_json(letter.value))


def test_what_stood_between_services_goes_back_where_repeats_are_dropped() -> None:
    sample = next(iter(SAMPLES.values()))
    value = json.dumps(
        {
            "event_id": str(derived_id("e")),
            "workspace": "demo",
            "occurred_at": "x",
            "of": str(sample),
        }
    ).encode()
    letter = of_service("touchpoints.accepted", value)
    [sent] = redriven(letter)
    assert (sent.topic, sent.key, sent.value) == ("touchpoints.accepted", b"key", value)
    assert sent.headers == [("ce_id", b"7"), (REDRIVEN_HEADER, str(letter.id).encode())]
    again = dead_letter(
        Record(sent.topic, 0, 99, sent.key, sent.value, tuple(sent.headers)),
        service="x", workspace="demo", reason=Reason.POISON, detail="", now_us=2,
    )  # fmt: skip
    refused = DeadLetter.model_validate_json(again.value)
    assert (refused.former, refused.headers) == (letter.id, (("ce_id", "Nw=="),))
    assert isinstance(back(letter, (SetValue(("x",), 1),), DOORS, NOW), Held)
    assert held_as(letter._replace(key=None)) == "unsafe"
    assert held_as(letter._replace(original=b"{")) == "malformed_json"


@pytest.mark.parametrize(
    "topic", ["profiles.changed", "scores.changed", "models", "alerts.raised", "due", ""]
)
def test_what_would_hide_or_repeat_something_is_not_sent_again(topic: str) -> None:
    held = back(of_service(topic, b"{}"), (), DOORS, NOW)
    assert isinstance(held, Held)
    assert held.reason == "unsafe"


@pytest.mark.parametrize(
    ("service", "topic", "reason"),
    [
        ("profile", "touchpoints.accepted", "bad_properties"),
        ("scoring.score", "profiles.changed", "bad_properties"),
        ("scoring.columns", "touchpoints.resolved", "bad_properties"),
        ("journey.decide", "scores.changed", "bad_properties"),
        ("journey.deliver", "alerts.raised", "poison"),
    ],
)
def test_what_its_reader_would_refuse_again_stays(service: str, topic: str, reason: str) -> None:
    """By its own reading of today; a mend of the service lets it go back."""
    letter = of_service(topic, b'{"event_id": "e", "version": 1}')
    held = back(letter._replace(service=service), (), DOORS, NOW)
    assert isinstance(held, Held)
    assert held.reason == reason
    assert f"{service} would refuse it again" in held.detail


def test_a_record_goes_back_by_its_id_or_by_its_version() -> None:
    for topic in BY_ID:
        [sent] = redriven(of_service(topic, b'{"event_id": "e"}'))
        assert (sent.topic, sent.event_id) == (topic, "e")
    for topic in BY_VERSION:
        letter = of_service(topic, b'{"version": 7}')
        way = back(letter, (), DOORS, NOW)
        assert isinstance(way, Snapshot)
        assert (way.version, way.partition, way.offset, way.key) == (7, 1, 9, (topic, b"key"))
    assert set(BY_ID) | set(BY_VERSION) == {topic.name for topic in topics.TOPICS} - {
        topics.INBOUND.name,
        topics.DEAD_LETTERS.name,
        topics.SUPPRESSIONS.name,  # nobody makes a letter of one
        topics.AUDIT.name,  # a chain has no place for a copy
        topics.ERASURES.name,  # an erasure that goes on says it anew
    }, "decide how a record of a new topic goes back"
