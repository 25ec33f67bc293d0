"""What Segment's SDKs send, fact by fact: each test is a sentence of the protocol, in its order.

Answers: test_segment_api_answers.py; retries: test_segment_api_retries.py; the SDKs as a whole:
test_ingest_sdks.py, test_browser_sdk.py, tests/sdks.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from schemas.touchpoint import Touchpoint
from tests.integration.segment_world import CALLS, Segment, age_of, assert_error, padded
from tests.integration.test_ingest import KEY
from tests.unit.profile_builders import WORKSPACE, fed
from tests.unit.test_identity_people import components, topic

KINDS = ("identified", "custom", "page_viewed", "page_viewed", "account_linked", "aliased")


def track(message_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "track", "messageId": message_id, "userId": "u-1", "event": "Asked"} | more


def anyone(message_id: str) -> dict[str, Any]:
    """What makes a call of each type complete."""
    return track(message_id, groupId="acme", previousId="u-0")


# -- Requests: where to, whose, how much ------------------------------------------------------


def test_calls_are_posted_to_v1_identify_track_page_screen_group_alias_and_batch(
    segment: Segment, prefix: str
) -> None:
    for name in CALLS:
        segment.taken(f"/v1/{name}", anyone(f"{prefix}-{name}") | {"type": None})
    batch = [anyone(f"{prefix}-{name}-of-a-batch") | {"type": name} for name in CALLS]
    segment.taken("/v1/batch", {"batch": batch})
    found = {
        one["message_id"]: one["properties"]["kind"] for one in segment.log.touchpoints(prefix)
    }
    alone = {f"{prefix}-{name}": kind for name, kind in zip(CALLS, KINDS, strict=True)}
    assert found == alone | {f"{name}-of-a-batch": kind for name, kind in alone.items()}


def test_v1_import_is_an_old_name_of_batch(segment: Segment, prefix: str) -> None:
    segment.taken("/v1/import", {"batch": [track(f"{prefix}-1"), track(f"{prefix}-2")]})
    assert len(segment.log.touchpoints(prefix)) == 2


def test_the_write_key_is_the_user_name_of_http_basic_and_the_password_is_empty(
    segment: Segment, prefix: str
) -> None:
    segment.taken("/v1/track", track(f"{prefix}-1"), auth=(KEY, ""))
    assert_error(segment.send("/v1/track", track(prefix), auth=("", KEY)), 401, "unauthorized")
    assert_error(segment.send("/v1/track", track(prefix), auth=("no-key", "")), 401, "unauthorized")
    assert segment.log.touchpoint(f"{prefix}-1")["source"] == "web"
    assert len(segment.log.touchpoints(prefix)) == 1


def test_or_the_write_key_is_in_the_body_as_write_key(segment: Segment, prefix: str) -> None:
    for name in CALLS:
        call = anyone(f"{prefix}-{name}") | {"writeKey": KEY}
        segment.taken(f"/v1/{name}", call, auth=None)
    batch = {"batch": [track(f"{prefix}-batch")], "writeKey": KEY}
    segment.taken("/v1/batch", batch, auth=None)
    wrong = segment.send("/v1/track", track(prefix, writeKey="no-key"), auth=None)
    assert_error(wrong, 401, "unauthorized")
    assert len(segment.log.touchpoints(prefix)) == len(CALLS) + 1
    assert KEY not in json.dumps(segment.log.touchpoints(prefix)), "a key is no property"


def test_an_event_has_at_most_32_kb(segment: Segment, prefix: str) -> None:
    whole = track(f"{prefix}-whole", properties={})
    segment.taken("/v1/track", padded(whole, 32 * 1024, whole["properties"]))
    over = track(f"{prefix}-over", properties={})
    large = padded(over, 32 * 1024 + 1, over["properties"])
    assert_error(segment.send("/v1/track", large), 400, "too_large")
    segment.taken("/v1/batch", b'{"batch":[%s,%s]}' % (large, json.dumps(track(prefix)).encode()))
    found = [one["message_id"] for one in segment.log.touchpoints(prefix)]
    assert found == [prefix, f"{prefix}-whole"]
    assert segment.log.reasons(prefix) == ["too_large", "too_large"]


def test_a_batch_has_at_most_500_kb(segment: Segment, prefix: str) -> None:
    for size, answered in ((500 * 1024, 200), (500 * 1024 + 1, 400)):
        context: dict[str, Any] = {}
        batch = {"batch": [track(f"{prefix}-{answered}")], "context": context}
        body = padded(batch, size, context)
        assert segment.send("/v1/batch", body).status_code == answered
    assert [one["message_id"] for one in segment.log.touchpoints(prefix)] == [f"{prefix}-200"]
    assert segment.log.reasons(prefix) == ["too_large"]


def test_a_batch_has_at_most_2500_events(segment: Segment, prefix: str) -> None:
    batch = [{"type": "page", "userId": "u", "messageId": f"{prefix}-{n}"} for n in range(2_501)]
    segment.taken("/v1/batch", {"batch": batch[:2_500]})
    assert_error(segment.send("/v1/batch", {"batch": batch}), 400, "too_large")
    assert len(segment.log.touchpoints(prefix)) == 2_500
    assert segment.log.reasons(prefix) == ["too_large"]


def test_malformed_json_is_400(segment: Segment, prefix: str) -> None:
    whole = json.dumps(track(prefix)).encode()
    broken = [whole[:-1], whole + b"}", whole.replace(b":", b"", 1), b"\xff" + whole]
    for body in broken:
        for path in ("/v1/track", "/v1/batch"):
            assert_error(segment.send(path, body), 400, "malformed_json")
    assert segment.log.touchpoints(prefix) == []
    assert segment.log.reasons(prefix) == ["malformed_json"] * 8


# -- Requests: what a batch says for all, and what each event must say ------------------------


def test_the_context_of_a_batch_merges_into_each_item(segment: Segment, prefix: str) -> None:
    own = track(f"{prefix}-2", context={"locale": "fr", "timezone": None})
    context = {"locale": "de", "timezone": "Europe/Berlin", "library": {"name": "x"}}
    segment.taken("/v1/batch", {"batch": [track(f"{prefix}-1"), own], "context": context})
    first, second = (one["context"] for one in segment.log.touchpoints(prefix))
    assert first == context
    assert second == context | {"locale": "fr"}


def test_the_integrations_of_a_batch_say_what_those_of_an_item_say(
    segment: Segment, prefix: str
) -> None:
    """They choose among Segment's destinations: here nothing, on either level and of any type."""
    for number, said in enumerate(({"All": False}, {"Mixpanel": {"x": 1}}, None, "nonsense")):
        name = f"{prefix}-{number}"
        segment.taken("/v1/batch", {"batch": [track(f"{name}-batch")], "integrations": said})
        segment.taken("/v1/batch", {"batch": [track(f"{name}-item", integrations=said)]})
        segment.taken("/v1/track", track(f"{name}-none"))
        found = segment.log.touchpoints(name)
        parts = [(one["properties"], one["identifiers"], one["context"]) for one in found]
        assert len(parts) == 3
        assert parts[0] == parts[1] == parts[2]


def test_user_id_or_anonymous_id_is_required(segment: Segment, prefix: str) -> None:
    user = track(f"{prefix}-1", userId="u-1")
    visitor = track(f"{prefix}-2", userId=None, anonymousId="a-1")
    nobody = track(f"{prefix}-3", userId=None)
    segment.taken("/v1/batch", {"batch": [user, visitor, nobody]})
    found = [one["identifiers"] for one in segment.log.touchpoints(prefix)]
    assert found == [
        [{"kind": "user_id", "value": "u-1"}],
        [{"kind": "anonymous_id", "value": "a-1"}],
    ]
    assert segment.log.reasons(prefix) == ["no_identifier"]


def test_a_message_id_has_fewer_than_100_characters(segment: Segment, prefix: str) -> None:
    longest = prefix.ljust(99, "m")
    segment.taken("/v1/batch", {"batch": [track(longest), track(longest + "m")]})
    assert [one["message_id"] for one in segment.log.touchpoints(prefix)] == [longest]
    [letter] = segment.log.letters(prefix)
    assert (letter["reason"], letter["field"]) == ("bad_identifier", "messageId")


def test_a_semantic_error_is_still_200_and_the_event_goes_to_quarantine(
    segment: Segment, prefix: str
) -> None:
    segment.taken("/v1/track", track(f"{prefix}-1", userId=None))
    segment.taken("/v1/track", track(f"{prefix}-2", event=None))
    assert segment.log.touchpoints(prefix) == []
    told = [(one["reason"], one["field"], one["message_id"]) for one in segment.log.letters(prefix)]
    assert told == [
        ("no_identifier", "userId", f"{prefix}-1"),
        ("no_event_name", "event", f"{prefix}-2"),
    ]


@pytest.mark.parametrize(
    ("without", "told"),
    [("userId", ("no_identifier", "userId")), ("event", ("no_event_name", "event"))],
)
def test_a_semantic_error_shows_in_the_debugger(
    segment: Segment, prefix: str, without: str, told: tuple[str, str]
) -> None:
    with httpx.stream("GET", f"{segment.health}/live?state=refused", timeout=30) as debugger:
        lines = debugger.iter_lines()
        assert next(lines) == "event: watching"
        segment.taken("/v1/track", track(prefix, **{without: None}))
        until_next_beat = iter(lines.__next__, "event: beat")
        shown: dict[str, Any] = next(
            (json.loads(line[6:]) for line in until_next_beat if prefix in line), {}
        )
    assert (shown.get("reason"), shown.get("field")) == told


# -- Requests: when it happened ---------------------------------------------------------------


@pytest.mark.parametrize("skew_h", [-400_000, -5, 0, 7, 400_000])
def test_the_timestamp_is_received_at_less_sent_at_less_original_timestamp(
    segment: Segment, prefix: str, skew_h: int
) -> None:
    """By the sender's clock, which is wrong by so many hours; what it sends is the original."""
    sent_at = datetime.now(UTC) + timedelta(hours=skew_h)
    sent = {"sentAt": sent_at.isoformat()}
    for name in ("timestamp", "originalTimestamp"):
        original = {name: (sent_at - timedelta(seconds=90.5)).isoformat()}
        alone = segment.touchpoint_of(track(f"{prefix}-{name}", **sent, **original))
        segment.taken("/v1/batch", {"batch": [track(f"{prefix}-{name}-b", **original)], **sent})
        for one in (alone, segment.log.touchpoint(f"{prefix}-{name}-b")):
            assert age_of(one) == timedelta(seconds=90.5)


def test_what_the_client_sends_as_timestamp_is_the_original(segment: Segment, prefix: str) -> None:
    """So beside an `originalTimestamp` it says nothing: that one is the older."""
    times = {"originalTimestamp": "2024-01-02T03:04:05Z", "timestamp": "2024-06-06T06:06:06Z"}
    found = segment.touchpoint_of(track(prefix, **times))
    assert found["occurred_at"] == "2024-01-02T03:04:05.000000Z"


def test_without_sent_at_the_timestamp_is_as_sent(segment: Segment, prefix: str) -> None:
    found = segment.touchpoint_of(track(prefix, timestamp="2024-01-02T03:04:05.678+02:00"))
    assert found["occurred_at"] == "2024-01-02T01:04:05.678000Z"


def test_an_original_timestamp_may_come_without_a_timestamp(segment: Segment, prefix: str) -> None:
    """From rudder Go and Node."""
    found = segment.touchpoint_of(track(prefix, originalTimestamp="2024-01-02T03:04:05Z"))
    assert found["occurred_at"] == "2024-01-02T03:04:05.000000Z"


def test_go_sends_nine_digits_of_fraction(segment: Segment, prefix: str) -> None:
    sent = {
        "timestamp": "2024-01-02T03:04:05.123456789Z",
        "sentAt": "2024-01-02T03:04:05.999999999Z",
    }
    found = segment.touchpoint_of(track(prefix, **sent))
    assert age_of(found) == timedelta(microseconds=999_999 - 123_456)


# -- Requests: what SDKs do besides -----------------------------------------------------------


def test_context_traits_of_an_identify_count_as_traits(segment: Segment, prefix: str) -> None:
    """RudderStack's Python SDK sends them only there."""
    context = {"traits": {"email": "Ada@X.example", "city": "London"}}
    who = {"messageId": prefix, "userId": "u-1", "context": context}
    segment.taken("/v1/identify", who)
    segment.taken("/v1/identify", who | {"messageId": f"{prefix}-own", "traits": {"city": "Rome"}})
    there, own = segment.log.touchpoints(prefix)
    assert there["properties"]["traits"] == context["traits"]
    assert own["properties"]["traits"] == {"email": "Ada@X.example", "city": "Rome"}
    assert {"kind": "email", "value": "ada@x.example"} in there["identifiers"]


def test_explicit_nulls_are_as_if_nothing_was_sent(segment: Segment, prefix: str) -> None:
    names = (
        "anonymousId", "timestamp", "originalTimestamp", "sentAt", "properties", "traits",
        "context", "integrations", "name", "category", "channel", "version", "writeKey", "type",
    )  # fmt: skip
    nulls = dict.fromkeys(names)
    segment.taken("/v1/track", nulls | {"messageId": prefix, "userId": "u-1", "event": "Asked"})
    batch = {"batch": [track(f"{prefix}-b") | dict.fromkeys(names[:-1])]}
    segment.taken("/v1/batch", batch | {"context": None, "sentAt": None, "integrations": None})
    for one in segment.log.touchpoints(prefix):
        assert one["occurred_at"] == one["received_at"]
        assert one["properties"] == {"kind": "custom", "name": "Asked", "properties": {}}
        assert one["context"] == {}
    assert len(segment.log.touchpoints(prefix)) == 2


def test_an_alias_of_u1_to_u1_is_a_no_op_and_no_error(segment: Segment, prefix: str) -> None:
    """`alias('u2', 'u1')` of analytics.js can arrive so."""
    same = {"messageId": prefix, "userId": prefix, "previousId": prefix}
    segment.taken("/v1/alias", same)
    assert segment.log.reasons(prefix) == []
    run = fed([Touchpoint.model_validate(segment.log.touchpoint(prefix))])
    [shown] = topic(run).values()
    assert [one.value for one in shown.identifiers] == [prefix]
    assert shown.refused_links == 0


def test_a_new_anonymous_id_for_every_message_does_not_fan_out(
    segment: Segment, prefix: str
) -> None:
    """From rudder Go: one person stays one, all events count, the ids that are kept are bounded."""
    most = WORKSPACE.identity.hub_degree_max
    calls = [track(f"{prefix}-{n}", userId=prefix, anonymousId=f"{prefix}-{n}") for n in range(400)]
    segment.taken("/v1/batch", {"batch": calls})
    history = [Touchpoint.model_validate(one) for one in segment.log.touchpoints(prefix)]
    assert len(history) == len(calls) > most
    assert len({str(one.identifiers[0]) for one in history}) == 1, "the user's id comes first"
    run = fed(history, 50)
    assert max(len(component.nodes) for component in components(run)) <= most + 51
    living = [one for one in topic(run).values() if one.merged_into is None]
    [person] = [one for one in living if any(name.kind == "user_id" for name in one.identifiers)]
    assert person.behaviour.events == len(calls)
