"""The committed schemas are what the models say, and a change that breaks readers is noticed."""

from __future__ import annotations

import copy
from typing import Any
from uuid import UUID

import pytest

from schemas import generate
from schemas.base import from_micros, to_json
from schemas.cloudevents import TYPES, headers, source_of
from schemas.identifier import Identifier
from schemas.topics import TOPICS
from schemas.touchpoint import Touchpoint
from schemas.touchpoints import KINDS, SAMPLES


def test_committed_schemas_are_fresh() -> None:
    assert generate.stale() == []


def test_every_topic_but_the_raw_one_has_a_schema_and_a_cloudevents_type() -> None:
    names = {topic.name for topic in TOPICS} - {"touchpoints.inbound"}
    assert names == generate.MESSAGES.keys() == TYPES.keys()


@pytest.mark.parametrize("model", generate.MESSAGES.values())
def test_a_field_that_goes_is_a_breaking_change(model: Any) -> None:
    old = generate.schema_of(model)
    new = copy.deepcopy(old)
    gone = next(iter(new["properties"]))
    del new["properties"][gone]
    assert generate.breaks(old, old) == []
    assert generate.breaks(old, new) == [f"{gone} is gone"]


def test_a_new_optional_field_breaks_nobody_a_required_one_does() -> None:
    old = {"properties": {"a": {"type": "string"}}, "required": ["a"]}
    optional = {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a"]}
    assert generate.breaks(old, optional) == []
    assert generate.breaks(old, optional | {"required": ["a", "b"]}) == ["b is new and required"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_sample_that_travels(kind: str) -> None:
    touchpoint = Touchpoint(
        workspace="demo",
        source="web",
        event_id=UUID(int=1),
        message_id="m-1",
        occurred_at=from_micros(1),
        received_at=from_micros(2),
        identifiers=(Identifier(kind="user_id", value="u1"),),
        properties=SAMPLES[kind],
    )
    assert touchpoint.properties.kind == kind
    assert Touchpoint.model_validate_json(to_json(touchpoint)) == touchpoint


def test_headers_are_cloudevents_in_binary_mode() -> None:
    marks = dict(
        headers(
            "scores.changed",
            event_id=b"1",
            source=source_of("demo"),
            time=b"t",
            subject=b"profile",
        )
    )
    assert marks == {
        "ce_specversion": b"1.0",
        "ce_id": b"1",
        "ce_type": b"rapport.scores.changed",
        "ce_source": b"rapport/demo",
        "ce_time": b"t",
        "ce_subject": b"profile",
        "content-type": b"application/json",
    }
