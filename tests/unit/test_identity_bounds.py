"""What nobody can make grow, and names that nobody can make meet: bounds, erasure, odd values."""

from __future__ import annotations

import sys
import unicodedata
from typing import Any

import pytest

from schemas.base import to_json
from schemas.identifier import VALUE_CHARACTERS_MAX
from services.common.spelling import Spellings
from services.profile.domain import component, graph
from services.profile.domain.component import kind_name
from tests.unit.identity_builders import let_in, with_rules
from tests.unit.profile_builders import Run, fed, limited, touchpoint
from tests.unit.test_identity_leaves import (
    absorbed_of,
    components,
    forgetful,
    living,
    messages,
    node,
)
from tests.unit.test_profile_erased import ERASE, control, erase, lift

ADA = "user_id:ada"


def users(number: int) -> list[str]:
    return [f"user_id:u{one}" for one in range(number)]


# -- bounds ----------------------------------------------------------------------------------------


def test_a_component_takes_no_more_in_than_it_may_and_each_end_tells_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(component, "COMPONENT_NODES_MAX", 6)
    events = [touchpoint(ADA, f"email:e{n}@x.example", at_s=n) for n in range(5)]
    events += [touchpoint("user_id:bob", "email:b@x.example", at_s=8)]
    events.append(touchpoint(ADA, "email:b@x.example", at_s=9))
    run = fed(events, 1)
    assert sorted(len(one.nodes) for one in components(run)) == [2, 6]
    refused = {str(one.profile_id): [c.reason for c in one.conflicts] for one in living(run)}
    assert sorted(map(len, refused.values())) == [1, 1]
    assert {reason for reasons in refused.values() for reason in reasons} == {"too_large"}
    assert sum(one.behaviour.events for one in living(run)) == len(events), "nothing is lost"


@pytest.mark.parametrize("batch", [1, 500])
def test_a_public_key_ties_devices_to_known_people_without_an_end(
    batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every event counts; the links that are kept of them are bounded, also the refused ones."""
    monkeypatch.setattr(component, "COMPONENT_NODES_MAX", 40)
    for module in (component, graph):
        monkeypatch.setattr(module, "COMPONENT_LINKS_MAX", 60)
    people = users(4)
    pairs = [(user, 0) for user in people] + [(people[0], device) for device in range(50)]
    pairs += [(user, device) for device in range(50) for user in people]
    events = [
        touchpoint(user, f"anonymous_id:a{device}", at_s=at, public=True, message=f"m{at}")
        for at, (user, device) in enumerate(pairs)
    ]
    run = fed(events, batch, limited())
    assert sum(one.behaviour.events for one in living(run)) == len(events)
    for one in components(run):
        assert len(one.nodes) <= 40
        assert len(one.links) <= 15
        assert len(one.loose) <= 60
    run.take(touchpoint("user_id:u0", "email:e@x.example", at_s=99, message="of a server"))
    assert [
        one for one in living(run) if {i.value for i in one.identifiers} >= {"u0", "e@x.example"}
    ]


# -- erased, and let in again ----------------------------------------------------------------------


def names_in(run: Run) -> list[str]:
    """The identifiers of all components."""
    nodes = [node for one in components(run) for node in one.nodes]
    return [f"{kind_name(one.kind)}:{one.value}" for one in nodes]


def test_who_is_let_in_again_under_an_absorbed_id_overwrites_nobody() -> None:
    """A component may be named by an id that was absorbed. Its name goes with whom it hung on."""
    user = max((f"user_id:a{number}" for number in range(50)), key=node)
    visitors = sorted((f"anonymous_id:o{number}" for number in range(3_000)), key=node)[:151]
    *stay, leaf = visitors
    assert node(leaf) < node(user), "so it names the component"
    run = fed([touchpoint(leaf, at_s=50), touchpoint(user, leaf, at_s=60)], 1)
    run.take(touchpoint(stay[0], at_s=1))  # the eldest, which is not absorbed
    run.take(*(touchpoint(user, one, at_s=100 + number) for number, one in enumerate(stay)))
    other = [touchpoint(one, "email:e@x.example", at_s=999) for one in (user, "user_id:bob")]
    run.take(*other)
    assert run.redis.values[b"n:" + node(leaf)] == b"a" + node(user), "it was absorbed"
    assert b"c:" + node(leaf) in run.redis.values
    erase(run, user, *stay)
    before = {one.profile_id: one for one in living(run)}
    run.take_records(lift(run, user, from_s=5_000))
    forgetful(run).take(touchpoint(leaf, at_s=90_000))
    after = {one.profile_id: one for one in living(run)}
    assert after.items() >= before.items(), "everybody else is as they were"
    assert len(after) == len(before) + 1
    run.take(touchpoint("user_id:bob", at_s=90_001))
    assert sorted(one.behaviour.events for one in living(run) if not one.erased) == [1, 2]


def test_an_event_under_an_absorbed_id_beside_the_erasure_is_dropped_with_the_others() -> None:
    run = fed(messages(150), 50)
    event = touchpoint(absorbed_of(run, most=150)[0], at_s=9_000)
    other = touchpoint("user_id:bob", at_s=9_001)
    records = ((to_json(event), ()), (control(*names_in(run)), ERASE), (to_json(other), ()))
    forgetful(run).take_records(*records)
    assert [one.behaviour.events for one in living(run) if not one.erased] == [1]


# -- odd values ------------------------------------------------------------------------------------

FOLDED: dict[str, Any] = {
    "kinds": [
        {"kind": "user_id", "limit": 1},
        {"kind": "card", "limit": 3, "spelling": {"case": "fold"}, "external_ids": ["card"]},
    ]
}


def card(value: str) -> dict[str, Any]:
    ids = [{"id": value, "type": "card"}]
    return {"type": "identify", "messageId": "m", "userId": "u", "context": {"externalIds": ids}}


def test_a_value_that_grows_when_its_case_is_folded_is_measured_as_it_is_kept() -> None:
    """The sharp s is two letters in small ones: what is too long is left out and noted."""
    for letters, stays in (
        (VALUE_CHARACTERS_MAX // 2, True),
        (VALUE_CHARACTERS_MAX // 2 + 1, False),
    ):
        event = let_in(card("ß" * letters), with_rules(FOLDED))
        assert [one.kind for one in event.identifiers] == ["user_id", *["card"] * stays]


def test_every_sign_has_one_spelling_that_stays_as_it_is_when_it_is_spelled_again() -> None:
    spellings = Spellings(with_rules(FOLDED).identity)
    for code in range(sys.maxunicode + 1):
        sign = chr(code)
        if unicodedata.category(sign) in ("Cn", "Co", "Cs"):
            continue
        for kind, value in (("card", sign), ("user_id", sign), ("email", f"{sign}@x.example")):
            try:
                once = spellings.normalised(kind, f"a{value}")
            except ValueError:
                continue
            assert spellings.normalised(kind, once) == once, (hex(code), kind)
