"""A key that stands in a web page can only add, and says so on everything that it brings."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from schemas.dead_letter import DeadLetter, Reason, Redriven
from schemas.touchpoint import Touchpoint
from schemas.touchpoints import KINDS
from services.common.batch import Record
from services.common.workspace import IdentifierRule, Identity, Source
from services.ingest.again import judged_again
from services.ingest.arrival import Arrival
from services.ingest.domain.public import LET_IN, REFUSED
from services.ingest.door import Door
from services.ingest.keys import Doors
from services.ingest.letters import Place, Verdict
from tests.contract.test_ingest_contract import call_for
from tests.unit.ingest_builders import NOW, SALT, WORKSPACE, World, track

PUBLIC = WORKSPACE.model_copy(
    update={
        "sources": tuple(
            source.model_copy(update={"public": source.kind == "http"})
            for source in WORKSPACE.sources
        )
    }
)


def said_to(call: dict[str, Any], door: Door | None = None) -> Verdict:
    door = door or Door(PUBLIC, "web", SALT, public=True)
    return door.admit([json.dumps(call).encode()], Arrival(NOW))[0]


def letter(verdict: Verdict) -> DeadLetter:
    assert verdict.kind is None, "it was let in"
    return DeadLetter.model_validate_json(verdict.output.value)


def consent(who: dict[str, str], **purposes: bool) -> dict[str, Any]:
    call = track("consent_changed", properties={"purposes": purposes})
    return {name: value for name, value in call.items() if name != "userId"} | who


def test_every_kind_is_decided_on_once() -> None:
    assert LET_IN | REFUSED.keys() == set(KINDS)
    assert not LET_IN & REFUSED.keys()


@pytest.mark.parametrize("kind", sorted(LET_IN - {"consent_changed"}))
def test_what_only_adds_is_let_in_and_marked(kind: str) -> None:
    verdict = said_to(call_for(kind))
    assert verdict.kind == kind, verdict.detail
    assert Touchpoint.model_validate_json(verdict.output.value).public
    assert json.loads(verdict.output.value)["public"] is True


@pytest.mark.parametrize("kind", sorted(REFUSED))
def test_what_a_stranger_could_do_harm_with_is_kept_as_a_letter(kind: str) -> None:
    kept = letter(said_to(call_for(kind)))
    assert kept.reason is Reason.PUBLIC_KEY
    assert REFUSED[kind] in kept.detail
    assert kind in kept.detail
    assert kept.way is not None
    assert kept.way.public


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_key_that_is_not_public_may_send_all_of_it_and_marks_nothing(kind: str) -> None:
    verdict = said_to(call_for(kind), Door(WORKSPACE, "web", SALT))
    assert verdict.kind == kind
    assert b'"public"' not in verdict.output.value


def test_any_name_of_an_event_is_judged_by_its_kind() -> None:
    properties = {"order_id": "SO-1", "total": 10}
    said = said_to(track("Order Canceled", properties=properties))
    assert said.reason is Reason.PUBLIC_KEY


def test_a_cookie_banner_allows_for_somebody_unknown_and_for_nobody_else() -> None:
    assert said_to(consent({"anonymousId": "a-1"}, email=True)).kind == "consent_changed"
    for who in ({"userId": "u-1"}, {"userId": "u-1", "anonymousId": "a-1"}):
        refused = letter(said_to(consent(who, profiling=False, email=True)))
        assert (refused.reason, refused.field) == (Reason.PUBLIC_KEY, "purposes.email")


def test_whoever_forbids_is_heard() -> None:
    for who in ({"anonymousId": "a-1"}, {"userId": "u-1"}):
        assert said_to(consent(who, email=False)).kind == "consent_changed"


def test_who_is_known_is_what_the_identity_rules_say() -> None:
    kinds = (
        IdentifierRule(kind="user_id", limit=1, known=False),
        IdentifierRule(kind="anonymous_id", limit=10, known=True),
    )
    other = PUBLIC.model_copy(update={"identity": Identity(kinds=kinds)})
    door = Door(other, "web", SALT, public=True)
    assert said_to(consent({"userId": "u-1"}, email=True), door).kind == "consent_changed"
    assert letter(said_to(consent({"anonymousId": "a"}, email=True), door)).reason == "public_key"


def test_over_http_a_refused_call_of_a_batch_holds_up_no_other() -> None:
    world = World(doors=Doors({"demo": PUBLIC}, SALT))
    calls = [
        track(messageId="m-1"),
        call_for("profile_merge_requested") | {"messageId": "m-2"},
        {"type": "identify", "userId": "u-1", "anonymousId": "a-1", "messageId": "m-3"},
        {"type": "alias", "userId": "u-1", "previousId": "u-0", "messageId": "m-4"},
    ]
    answer = world.send("/v1/batch", {"batch": calls})
    assert answer.status_code == 200
    assert [one.message_id for one in world.touchpoints] == ["m-1", "m-3", "m-4"]
    assert all(one.public for one in world.touchpoints)
    [kept] = world.letters
    assert (kept.reason, kept.message_id, kept.source) == (Reason.PUBLIC_KEY, "m-2", "web")


def test_a_public_key_stays_so_when_its_letter_comes_again_after_the_source_changed() -> None:
    kept = letter(said_to(call_for("profile_merge_requested")))
    assert kept.way is not None
    redriven = Redriven(letter=UUID(int=1), source="web", way=kept.way)
    doors = Doors({"demo": WORKSPACE}, SALT)  # where the source is not public any more
    for kind, said in (("profile_merge_requested", None), ("page_viewed", "page_viewed")):
        raw = json.dumps(call_for(kind)).encode()
        place = Place(Record("touchpoints.inbound", 0, 0, None, raw, ()), NOW)
        [verdict] = judged_again(doors, place, redriven)
        assert verdict.kind == said
        if said is None:
            assert letter(verdict).reason is Reason.PUBLIC_KEY
        else:
            assert Touchpoint.model_validate_json(verdict.output.value).public


def test_what_comes_by_kafka_is_not_public() -> None:
    door = Doors({"demo": PUBLIC}, SALT).of_workspace("demo")
    assert door is not None
    assert said_to(call_for("profile_merge_requested"), door).kind == "profile_merge_requested"


@pytest.mark.parametrize("kind", ["kafka", "file"])
def test_only_a_source_with_keys_can_be_public(kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Source.model_validate({"name": "one", "kind": kind, "public": True})
    [fault] = caught.value.errors()
    assert "no key in web pages" in fault["msg"]
