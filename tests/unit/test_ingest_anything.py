"""Whatever is sent: an answer, a record, never an exception and never a 5xx."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.dead_letter import DeadLetter, Reason
from schemas.touchpoint import Touchpoint
from services.ingest.domain.depth import is_too_deep
from services.ingest.door import Arrival
from tests.unit.ingest_builders import NOW, World, door

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["u1", "a@b.c", "2026-01-01T00:00:00Z", "+44 20 7946 0000", "USD", "nps"])
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
FIELDS = [
    "messageId", "userId", "anonymousId", "previousId", "groupId", "event", "properties",
    "traits", "context", "timestamp", "originalTimestamp", "sentAt", "name", "category",
    "channel", "integrations", "previousKind",
]  # fmt: skip
INNER = [
    "order_id", "total", "revenue", "currency", "products", "lines", "sku", "product_id",
    "price", "quantity", "kind", "duration", "direction", "complaint_id", "severity",
    "survey", "score", "email", "phone", "traits", "page", "library", "url", "cost", "channel",
]  # fmt: skip
OBJECTS = st.dictionaries(
    st.sampled_from(INNER),
    VALUES | st.lists(st.dictionaries(st.sampled_from(INNER), VALUES, max_size=4), max_size=3),
    max_size=8,
)
EVENTS = st.sampled_from([
    "Order Completed", "Order Refunded", "Product Viewed", "Call Completed", "Complaint Received",
    "Complaint Handled", "Survey Answered", "page_viewed", "Anything",
])  # fmt: skip
TYPES = st.sampled_from(["track", "identify", "page", "screen", "group", "alias"])


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    """A call in which every field may be right or any JSON value at all."""
    call: dict[str, Any] = draw(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=8))
    call["type"] = draw(TYPES | VALUES)
    if draw(st.booleans()):
        call["userId"] = "u1"
        call["event"] = draw(EVENTS)
        call["properties"] = draw(OBJECTS)
    for name in ("traits", "context"):
        if draw(st.booleans()):
            call[name] = draw(OBJECTS)
    return call


@settings(max_examples=100, deadline=None)
@given(st.lists(calls() | VALUES, min_size=1, max_size=3))
def test_any_json_value_is_accepted_or_refused_with_a_reason(values: list[object]) -> None:
    raws = [json.dumps(value).encode() for value in values]
    verdicts = door().admit(raws, Arrival(NOW))
    for verdict in verdicts:
        if verdict.kind is not None:
            touchpoint = Touchpoint.model_validate_json(verdict.output.value)
            assert touchpoint.properties.kind == verdict.kind
            assert touchpoint.occurred_at <= NOW
        else:
            letter = DeadLetter.model_validate_json(verdict.output.value)
            assert letter.reason is not Reason.POISON, letter.detail


@settings(max_examples=100, deadline=None)
@given(calls())
def test_what_is_written_is_what_the_model_would_write(call: dict[str, Any]) -> None:
    [verdict] = door().admit([json.dumps(call).encode()], Arrival(NOW))
    if verdict.kind is not None:
        model = Touchpoint.model_validate_json(verdict.output.value)
        assert json.loads(verdict.output.value) == spelled_out(model)


def spelled_out(model: Touchpoint) -> Any:
    """The model's JSON, with microseconds in times as they are spelled on topics."""
    found = json.loads(model.model_dump_json())
    for name in ("occurred_at", "received_at"):
        found[name] = getattr(model, name).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return found


MALFORMED = st.binary(max_size=60) | st.text(alphabet='{}[]",:\\ntrue0-e. ', max_size=60).map(
    str.encode
)


@settings(max_examples=100, deadline=None)
@given(st.lists(MALFORMED, min_size=3, max_size=3), st.sampled_from(["track", "batch", "identify"]))
def test_malformed_bodies_get_an_answer_below_500(bodies: list[bytes], path: str) -> None:
    for body in bodies:
        world = World()
        answer = world.send(f"/v1/{path}", body)
        assert answer.status_code in (200, 400)
        assert answer.status_code == 200 or {"code", "message"} == answer.json().keys()
        assert Reason.POISON not in world.reasons


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


BRACKETS = st.text(alphabet='[]{}"\\a', max_size=6)
NESTED = st.recursive(
    BRACKETS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(BRACKETS, inner, max_size=3),
)


@settings(max_examples=100, deadline=None)
@given(NESTED, st.integers(0, 6))
def test_depth_is_measured_exactly_whatever_texts_hold(value: object, depth_max: int) -> None:
    text = json.dumps(value).encode()
    assert is_too_deep(text, depth_max) == (depth_of(value) > depth_max)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet='[]{}"\\:,a', max_size=40), st.integers(3, 8))
def test_no_beginning_of_any_text_nests_deeper_unseen(text: str, depth_max: int) -> None:
    """A parser that stops at the first error has not gone deeper than the limit."""
    if not is_too_deep(text.encode(), depth_max):
        assert deepest_reached(text) <= depth_max


def deepest_reached(text: str) -> int:
    """How deep a reader gets that knows strings and brackets and stops at what can not be."""
    depth = deepest = 0
    quoted = escaped = False
    for character in text:
        if quoted:
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            quoted = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
        elif character == "\\":
            break
        if depth < 0:
            break
    return deepest
