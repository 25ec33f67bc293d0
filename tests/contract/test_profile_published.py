"""What profile publishes is what the schemas say, and says what was sent."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from schemas.base import to_json
from schemas.profile import Profile
from schemas.touchpoint import ResolvedTouchpoint, Touchpoint
from schemas.touchpoints import KINDS, SAMPLES
from services.profile import decode
from services.profile.domain.ids import resolved_id, snapshot_id
from services.profile.domain.part import KIND_CODES
from tests.unit.profile_builders import START, fed, histories, touchpoint


@given(histories(most=12))
@settings(max_examples=60, deadline=None)
def test_snapshots_are_profiles_field_by_field(history: list[Touchpoint]) -> None:
    for output in fed(history, 4).topic.values():
        profile = Profile.model_validate_json(output.value, strict=True)
        assert str(profile.profile_id).encode() == output.key
        written = json.loads(output.value)
        if profile.merged_into is None:
            assert_fields(written, profile)
        assert plain(json.loads(to_json(profile)), written) == plain(written, written)


def assert_fields(written: dict[str, Any], profile: Profile) -> None:
    """Nothing is written that has no field; what is left out says nothing."""
    assert not written.keys() - Profile.model_fields.keys()
    for name in Profile.model_fields.keys() - written.keys():
        assert (
            not getattr(profile, name) or getattr(profile, name) == type(getattr(profile, name))()
        ), name
    for name, section in profile:
        if isinstance(section, BaseModel) and name in written:
            assert not written[name].keys() - type(section).model_fields.keys()
            assert section.model_dump(exclude_defaults=True).keys() <= written[name].keys()


def plain(value: Any, like: Any) -> Any:
    """JSON with times in one spelling, and only the fields that are in `like`."""
    if isinstance(value, dict):
        return {name: plain(value[name], like[name]) for name in like}
    if isinstance(value, list):
        return [plain(one, other) for one, other in zip(value, like, strict=True)]
    if isinstance(value, str) and value.endswith("Z"):
        return value.replace(".000000Z", "Z")
    return value


@pytest.mark.parametrize("kind", KINDS)
def test_a_resolved_touchpoint_is_the_accepted_one_with_its_profile(kind: str) -> None:
    properties = KINDS[kind].model_validate(SAMPLES[kind])
    blank = touchpoint("user_id:ada", "email:a@x.example", channel="web")
    sent = blank.model_copy(update={"properties": properties})
    outputs = fed([sent]).outputs
    (output,) = [one for one in outputs if one.topic == "touchpoints.resolved"]
    resolved = ResolvedTouchpoint.model_validate_json(output.value)
    assert str(resolved.profile_id).encode() == output.key
    assert Touchpoint.model_validate(resolved.model_dump(exclude={"profile_id"})) == sent


def test_every_kind_has_a_code_in_the_state() -> None:
    assert KINDS.keys() <= KIND_CODES.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_counted_once_and_read_in_one_go(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "_read_unknown", None)  # the slow way, for kinds without facts
    properties = KINDS[kind].model_validate(SAMPLES[kind])
    sent = touchpoint("user_id:ada", channel="web").model_copy(update={"properties": properties})
    snapshots = [
        Profile.model_validate_json(output.value)
        for output in fed([sent]).outputs
        if output.topic == "profiles.changed"
    ]
    live = [one for one in snapshots if one.merged_into is None]
    assert [one.behaviour.by_kind for one in live] == [{kind: 1}]
    assert live[0].behaviour.by_channel == {"web": 1}


def test_records_carry_the_cloudevents_attributes() -> None:
    sent = touchpoint("user_id:ada")
    for output in fed([sent]).outputs:
        marks = dict(output.headers)
        assert marks.keys() == {
            "ce_specversion",
            "ce_id",
            "ce_type",
            "ce_source",
            "ce_time",
            "ce_subject",
            "content-type",
        }
        assert marks["ce_subject"] == output.key
        assert marks["ce_source"] == b"rapport/demo"


moments_us = st.integers(0, 2**60 - 1)


@given(st.tuples(st.uuids(version=5), moments_us), st.tuples(st.uuids(version=5), moments_us))
def test_ids_of_outputs_are_uuids_that_follow_from_their_cause(
    one: tuple[UUID, int], other: tuple[UUID, int]
) -> None:
    resolved = [UUID(resolved_id(str(event))) for event, _ in (one, other)]
    shown = [UUID(snapshot_id(str(profile), version)) for profile, version in (one, other)]
    for made in (*resolved, *shown):
        assert (made.version, made.variant) == (8, RFC_4122)
    assert (resolved[0] == resolved[1]) == (one[0] == other[0])
    same_low = one[0].int & (2**60 - 1) == other[0].int & (2**60 - 1)
    assert (shown[0] == shown[1]) == (same_low and one[1] == other[1])


AWKWARD = '"\\\u2028\ud83d\ude00\x00\u00e9'.encode("utf-16", "surrogatepass").decode("utf-16")


def test_awkward_text_and_numbers_survive() -> None:
    history = [
        touchpoint(
            f"user_id:{AWKWARD}",
            channel=AWKWARD,
            source=AWKWARD,
            kind="identified",
            traits={AWKWARD: {"a": [1.5, 2**70, None, AWKWARD]}},
        ),
        touchpoint(f"user_id:{AWKWARD}", kind="page_viewed", category=AWKWARD),
        touchpoint(f"user_id:{AWKWARD}", kind="account_linked", account_id=AWKWARD),
        touchpoint(
            f"user_id:{AWKWARD}",
            kind="complaint_received",
            complaint_id=AWKWARD,
            category=AWKWARD,
        ),
        touchpoint(
            f"user_id:{AWKWARD}",
            kind="order_completed",
            order_id=AWKWARD,
            total={"amount": "-0.005", "currency": "JPY"},
            received_at=START + timedelta(days=30),
        ),
    ]
    (output,) = fed(history).topic.values()
    profile = Profile.model_validate_json(output.value)
    assert profile.identifiers[0].value == AWKWARD
    assert profile.traits[AWKWARD].value == {"a": [1.5, 2**70, None, AWKWARD]}
    assert profile.behaviour.by_channel == {AWKWARD: 1}
    assert profile.accounts == (AWKWARD,)
    assert profile.service.open_complaints[0].category == AWKWARD
    assert profile.purchases.other_currencies.keys() == {"JPY"}
