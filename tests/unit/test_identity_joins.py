"""From the door to the profile: whatever a person is called by the rules, it is one person."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from schemas.base import to_json
from schemas.touchpoint import ResolvedTouchpoint, Touchpoint
from services.ingest.arrival import Arrival
from services.ingest.door import Door
from services.profile.domain.component import kind_code
from services.profile.rules import rules_of
from tests.unit.identity_builders import identify, with_rules
from tests.unit.ingest_builders import NOW, SALT, track
from tests.unit.profile_builders import Run

HASH = sha256(b"ada@x.example").hexdigest()


def people_of(*calls: dict[str, Any]) -> list[str]:
    """The profile that each call counts for in the end, named by the order of their coming."""
    workspace = with_rules()
    door, run = Door(workspace, "web", SALT), Run(workspace)
    raws = [json.dumps(call | {"messageId": f"m-{n}"}).encode() for n, call in enumerate(calls)]
    for verdict in door.admit(raws, Arrival(NOW)):
        assert verdict.kind is not None, verdict.detail
        run.take_raw(verdict.output.value)
    run.take_raw(*(_again(verdict.output.value, n) for n, verdict in
                   enumerate(door.admit(raws, Arrival(NOW)))))  # fmt: skip
    newest = {
        found.message_id: str(found.profile_id)
        for output in run.outputs
        if output.topic == "touchpoints.resolved"
        for found in [ResolvedTouchpoint.model_validate_json(output.value)]
    }
    names: dict[str, str] = {}
    ids = [newest[f"again-{number}"] for number in range(len(calls))]
    return [names.setdefault(one, "abcdefgh"[len(names)]) for one in ids]


def _again(value: bytes, number: int) -> bytes:
    """The same people once more, when all that joins them has arrived."""
    touchpoint = Touchpoint.model_validate_json(value)
    return to_json(touchpoint.model_copy(update={"message_id": f"again-{number}"}))


def external(kind: str, value: str) -> dict[str, Any]:
    context = {"externalIds": [{"type": kind, "id": value}]}
    return {"type": "track", "event": "Seen", "context": context}


def test_an_ad_platforms_hash_meets_whoever_gave_the_address() -> None:
    assert people_of(external("email_sha256", HASH), identify(email="Ada@X.example")) == ["a", "a"]


def test_a_number_typed_in_a_shop_meets_the_one_of_the_messaging_app() -> None:
    shop = {"type": "track", "event": "x", "properties": {"phone": "020 7946 0000"}}
    assert people_of(shop, identify(phone="+44 20 7946 0000"), track(userId="U-1")) == list("aaa")


def test_what_the_crm_and_the_till_say_is_one_person_by_their_numbers() -> None:
    calls = (
        external("crm_id", "C-1"),
        external("card", "17"),
        identify(crm_id="C-1") | {"context": {"externalIds": [{"type": "store.card", "id": "17"}]}},
        external("card", "18"),
    )
    assert people_of(*calls) == ["a", "a", "a", "b"]


def test_what_is_blocked_is_so_in_profiles_too_however_it_is_spelled() -> None:
    """Events from before the rule are judged by it when they are read again."""
    rules = rules_of(with_rules())
    assert rules.names_nobody(kind_code("phone"), "+442079460999")
    assert not rules.names_nobody(kind_code("phone"), "+442079460998")
