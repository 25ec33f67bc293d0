"""Who is suppressed is so under every spelling and hash, also where the rules came afterwards."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from services.common.spelling import Spellings
from services.common.suppression import Act, Hashes, Listed, Writer
from services.ingest.arrival import Arrival
from services.ingest.door import Door
from services.ingest.letters import Verdict
from tests.unit.identity_builders import identify, with_rules
from tests.unit.ingest_builders import NOW, SALT, WORKSPACE, track
from tests.unit.suppression_builders import FakeTopic, followed, listed

RULED = with_rules()
WRITER = Writer(SALT, "demo", Spellings(RULED.identity))
ADA_SHA256 = sha256(b"ada@x.example").hexdigest()


def through(call: object, on_list: Listed) -> Verdict:
    door = Door(RULED, "web", SALT, on_list)
    return door.admit([json.dumps(call).encode()], Arrival(NOW))[0]


def typed(kind: str, value: str) -> Listed:
    """The list once somebody typed this."""
    topic, made = FakeTopic(), Listed()
    for name in WRITER.names(kind, value):
        topic.put(WRITER.suppressed(*name, Act("demo", "ada", NOW)))
    topic.end()
    followed(topic, made).follow()
    return made


def external(kind: str, value: str) -> dict[str, Any]:
    return track(context={"externalIds": [{"type": kind, "id": value}]})


SAME = {
    "a national number": ("phone", "020 7946 0000", identify(phone="+442079460000")),
    "an international one": ("phone", "+442079460000", identify(phone="(020) 7946-0000")),
    "the hash of an address": ("email", "Ada@X.example", external("email_sha256", ADA_SHA256)),
    "a declared kind": ("crm_id", " C-1 ", identify(crm_id="C-1")),
    "an external id": ("loyalty_card", "17", external("store.card", "17")),
    "a folded id": ("user_id", "ADA", track(userId="ada")),
    "another person of an event": (
        "phone",
        "020 7946 0001",
        track(
            "customer_referred",
            properties={"referred": {"kind": "phone", "value": "+44 20 7946 0001"}},
        ),
    ),
}


@pytest.mark.parametrize("same", SAME)
def test_what_is_typed_keeps_out_whoever_is_the_same(same: str) -> None:
    kind, value, call = SAME[same]
    assert through(call, typed(kind, value)).suppressed == "demo"
    assert through(call, typed("user_id", "somebody else")).suppressed is None


REFUSED = {
    "a declared place": ("crm_id", "C-1", {"type": "?", "traits": {"crm_id": "C-1"}}),
    "a declared kind by its name": ("crm_id", "C-1", {"type": "?", "crmId": "C-1"}),
    "an external id": ("loyalty_card", "17", external("card", "17") | {"type": "?"}),
    "a hash anywhere": ("email", "ada@x.example", {"type": "?", "x": [ADA_SHA256.upper()]}),
    "a national number anywhere": ("phone", "+442079460000", {"type": "?", "x": "020 7946 0000"}),
}


@pytest.mark.parametrize("where", REFUSED)
def test_nothing_is_kept_of_what_is_refused_of_them(where: str) -> None:
    kind, value, call = REFUSED[where]
    verdict = through(call, typed(kind, value))
    assert (verdict.suppressed, verdict.published) == ("demo", None)
    assert through(call, typed("user_id", "somebody else")).published is not None


def test_who_was_suppressed_before_a_region_was_said_is_so_afterwards() -> None:
    """The list holds hashes, so nobody can spell its entries anew."""
    before = listed(("phone", "02079460000"))
    assert through(identify(phone="020 7946 0000"), before).suppressed == "demo"
    assert through(identify(phone="020 7946 0001"), before).suppressed is None
    folded = listed(("user_id", "ADA"))
    assert through(track(userId="ADA"), folded).suppressed == "demo"
    named = track("customer_referred", properties={
        "referred": {"kind": "phone", "value": "020 7946 0000"}})  # fmt: skip
    assert through(named, before).suppressed == "demo"


def test_a_writer_without_rules_spells_as_before() -> None:
    plain = Writer(SALT, "demo")
    assert plain.names("phone", "020 7946 0000") == (("phone", "02079460000"),)
    assert plain.hashed("phone", "020 7946 0000") == Hashes(SALT, "demo").of("phone", "02079460000")
    with pytest.raises(ValueError, match="kind is none of user_id, email, phone, anonymous_id"):
        plain.hashed("crm_id", "C-1")


def test_a_door_without_rules_asks_once() -> None:
    door = Door(WORKSPACE, "web", SALT, listed(("phone", "02079460000")))
    calls = [identify(phone="020 7946 0000"), identify(phone="+442079460000")]
    verdicts = door.admit([json.dumps(call).encode() for call in calls], Arrival(NOW))
    assert [one.suppressed for one in verdicts] == ["demo", None]
