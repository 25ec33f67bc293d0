"""Bounded fan-out: somebody with ever new anonymous ids stays small, exact, and one person."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.profile import Profile
from schemas.touchpoint import Touchpoint
from services.profile.domain import changes, leaves
from services.profile.domain.component import Component
from services.profile.domain.ids import Hashes, uuid_text
from services.profile.store import node_key, unpack
from services.profile.stream import ProfileHandler
from tests.reference.profiles import facts_of, profiles_of
from tests.unit.identity_workers import Workers
from tests.unit.profile_builders import (
    SALT,
    SETTINGS,
    START,
    WORKSPACE,
    MemoryRedis,
    Run,
    fed,
    limited,
    properties,
    touchpoint,
)

ADA, BOB = "user_id:ada", "user_id:bob"


def node(name: str) -> bytes:
    return Hashes(SALT).node("demo", *name.split(":", 1))


def topic(run: Run) -> dict[str, Profile]:
    return {
        key.decode(): Profile.model_validate_json(output.value) for key, output in run.topic.items()
    }


def living(run: Run) -> list[Profile]:
    return [one for one in topic(run).values() if one.merged_into is None]


def end_of(shown: Profile, topic: dict[str, Profile]) -> Profile:
    """Whom an id leads to at last."""
    while shown.merged_into is not None:
        shown = topic[str(shown.merged_into)]
    return shown


def components(run: Run) -> list[Component]:
    return [unpack(value[8:]) for key, value in run.redis.values.items() if key[:2] == b"c:"]


def forgetful(run: Run) -> Run:
    """As after a restart: nothing is kept in memory."""
    client = cast(redis.Redis, run.redis)
    run.handler = ProfileHandler(client, {WORKSPACE.name: WORKSPACE}, SETTINGS)
    return run


def messages(number: int, user: str = ADA, first: int = 0) -> list[Touchpoint]:
    """Each with an anonymous id of its own, as RudderStack's SDK for Go sends them."""
    return [
        touchpoint(
            user,
            f"anonymous_id:{user}-{place}",
            at_s=place,
            kind="order_completed",
            order_id=f"{user}-{place}",
            total={"amount": "1.10", "currency": "USD"},
        )
        for place in range(first, first + number)
    ]


@pytest.mark.parametrize("batch", [1, 60, 3_000])
def test_a_user_with_ever_new_anonymous_ids_stays_one_small_exact_profile(batch: int) -> None:
    run = fed(messages(900 if batch < 60 else 3_000), batch)
    sent = 900 if batch < 60 else 3_000
    [person] = living(run)
    assert person.behaviour.events == person.purchases.orders == sent
    assert person.purchases.revenue * 10 == 11 * sent
    assert len(person.identifiers) == 1 + leaves.LEAVES_MAX
    assert person.more_identifiers == sent - leaves.LEAVES_MAX
    assert person.refused_links == 0
    [component] = components(run)
    assert len(component.nodes) == 1 + leaves.LEAVES_MAX
    assert len(component.links) == leaves.LEAVES_MAX


def test_visitors_who_log_in_are_absorbed_with_all_they_did_and_lead_to_the_user() -> None:
    """Each was a profile of their own first. The eldest would not stay by the lot of its id."""
    visitors = [f"anonymous_id:v{number}" for number in range(150)]
    visitors.sort(key=node, reverse=True)
    history = []
    for number, visitor in enumerate(visitors):
        history.append(touchpoint(visitor, at_s=2 * number))
        history.append(touchpoint(ADA, visitor, at_s=2 * number + 1))
    for batch in (1, 7, 300):
        run = fed(history, batch)
        [person] = living(run)
        assert person.behaviour.events == 300
        assert str(person.profile_id) == uuid_text(node(visitors[0])), "the eldest names them"
        assert len(person.identifiers) == 1 + leaves.LEAVES_MAX + 1
        shown = topic(run)
        for visitor in visitors[1:]:
            lost = shown.get(uuid_text(node(visitor)))
            assert lost is not None
            assert end_of(lost, shown) == person


def test_an_absorbed_id_alone_still_finds_its_person_also_after_a_restart() -> None:
    run = fed(messages(300), 50)
    gone = absorbed_of(run)
    assert len(gone) == 200
    for number, name in enumerate(sorted(gone)):
        if number % 50 == 0:
            forgetful(run)
        run.take(touchpoint(name, at_s=10_000 + number), touchpoint(ADA, name, at_s=10_000))
    [person] = living(run)
    assert person.behaviour.by_kind == {"order_completed": 300, "page_viewed": 400}
    assert person.more_identifiers == 200


def absorbed_of(run: Run, user: str = ADA, most: int = 300) -> list[str]:
    names = [f"anonymous_id:{user}-{number}" for number in range(most)]
    return [name for name in names if run.redis.values[node_key(node(name))] == b"a" + node(user)]


def test_an_absorbed_id_of_somebody_who_was_taken_in_by_another_component_is_still_found() -> None:
    run = fed(messages(130, BOB), 50)
    gone = absorbed_of(run, BOB, 130)
    run.take(*messages(140))
    run.take(touchpoint(ADA, kind="profile_merge_requested", other=BOB, at_s=5_000))
    assert len(components(run)) == 1
    forgetful(run).take(*(touchpoint(name, at_s=6_000) for name in gone))
    [person] = living(run)
    assert person.behaviour.by_kind["page_viewed"] == len(gone)
    assert person.more_identifiers == 130 + 140 - 2 * leaves.LEAVES_MAX


def test_an_absorbed_id_finds_its_person_in_the_batch_that_merges_them() -> None:
    run = fed([*messages(130, BOB), *messages(140)], 50)
    gone = absorbed_of(run, BOB, 130)
    asked = touchpoint(ADA, kind="profile_merge_requested", other=BOB, at_s=5_000)
    forgetful(run).take(
        touchpoint(gone[0], at_s=6_000), asked, *(touchpoint(name, at_s=6_001) for name in gone)
    )
    [person] = living(run)
    assert person.behaviour.by_kind["page_viewed"] == len(gone) + 1


def test_what_ties_an_absorbed_id_to_somebody_else_is_refused_and_told_to_both() -> None:
    run = fed(messages(150), 50)
    gone = absorbed_of(run, most=150)
    event = touchpoint(BOB, gone[0], at_s=9_000)
    run.take(event)
    forgetful(run).take(touchpoint(BOB, gone[1], at_s=9_001))
    ada, bob = sorted(living(run), key=lambda one: -one.behaviour.events)
    assert (ada.behaviour.events, bob.behaviour.events) == (150, 2)
    assert [one.reason for one in ada.conflicts] == [one.reason for one in bob.conflicts]
    assert [(one.reason, one.event_id) for one in bob.conflicts] == [("absorbed", event.event_id)]


@pytest.mark.parametrize("ways", [1, -1])
def test_an_absorbed_id_can_not_be_parted_again_and_that_is_told(ways: int) -> None:
    run = fed(messages(150), 50)
    one, other = (ADA, absorbed_of(run, most=150)[0])[::ways]
    run.take(touchpoint(one, kind="profile_unmerge_requested", other=other, at_s=9_000))
    [person] = living(run)
    assert [one.reason for one in person.conflicts] == ["absorbed"]
    assert set(person.conflicts[0].kinds) == {"anonymous_id", "user_id"}


@pytest.mark.parametrize("batch", [1, 20, 500])
def test_the_ids_of_absorbed_visitors_go_with_whom_they_hung_on_when_that_one_is_parted(
    batch: int,
) -> None:
    """As if never merged, where an id leads to as well."""
    visitors = [f"anonymous_id:v{number}" for number in range(150)]
    history = [touchpoint(ADA, at_s=-100), touchpoint(BOB, at_s=-50)]
    history += [touchpoint(visitor, at_s=number) for number, visitor in enumerate(visitors)]
    logins = [touchpoint(BOB, one, at_s=1_000 + number) for number, one in enumerate(visitors)]
    words = [
        touchpoint(ADA, kind=f"profile_{what}_requested", other=BOB, at_s=at_s)
        for at_s, what in ((500, "merge"), (9_000, "unmerge"))
    ]
    shown = topic(fed([*history, words[0], *logins, words[1]], batch))
    for visitor in visitors:
        end = end_of(shown[uuid_text(node(visitor))], shown)
        assert uuid_text(node(BOB)) == str(end.profile_id)
    assert shown[uuid_text(node(BOB))].behaviour.events == 1 + 2 * len(visitors)


@pytest.mark.parametrize("batch", [1, 500])
def test_what_is_said_of_an_absorbed_id_is_not_taken_for_a_word_on_whom_it_hung_on(
    batch: int,
) -> None:
    """It came to stand in that one's place, whose links keep their own events."""
    mails = [f"email:m{number}@x.example" for number in range(5)]  # on either side of the leaf's id
    linked = [touchpoint(ADA, mail, at_s=100, message=f"of {mail}") for mail in mails]
    run = fed([*linked, *messages(150)], 50)
    leaf = absorbed_of(run, most=150)[0]
    early = [touchpoint(mail, leaf, at_s=1, message=f"early {mail}") for mail in mails]
    for start in range(0, len(early), batch):
        forgetful(run).take(*early[start : start + batch])
    [component] = components(run)
    names = {place: one.value for place, one in enumerate(component.nodes)}
    said = {link.event for link in component.links if "@" in names[link.a] + names[link.b]}
    assert said == {event.event_id.bytes for event in linked}
    [person] = living(run)
    assert person.refused_links == 0, "they are one person, so nothing is refused"


def test_what_one_worker_keeps_is_not_taken_for_what_another_one_has_absorbed_since() -> None:
    """A node of the older version and one of the newer come in one batch: neither event is lost."""
    run = Workers(WORKSPACE)
    run.take(*messages(100))
    name = f"anonymous_id:{ADA}-{max(range(100), key=lambda n: node(f'anonymous_id:{ADA}-{n}'))}"
    run.next_is(1)
    run.take(*messages(60, first=100))
    assert run.redis.values[node_key(node(name))] == b"a" + node(ADA)
    run.next_is(0)
    new = (
        f"anonymous_id:{ADA}-{min(range(100, 160), key=lambda n: node(f'anonymous_id:{ADA}-{n}'))}"
    )
    run.take(touchpoint(name, at_s=9_000), touchpoint(new, at_s=9_001))
    [person] = living(run)
    assert person.behaviour.events == 162


def test_who_was_set_apart_or_asked_for_is_no_leaf() -> None:
    first = messages(3)
    words = [
        touchpoint(ADA, kind=f"profile_{what}_requested", other=f"anonymous_id:{ADA}-{number}")
        for number, what in enumerate(("unmerge", "merge"))
    ]
    run = fed([*first, *words, *messages(300, first=3)], 40)
    kept = {one.value for component in components(run) for one in component.nodes}
    assert {f"{ADA}-0", f"{ADA}-1"} <= kept
    assert len(kept) == 1 + leaves.LEAVES_MAX + 2


def test_a_kiosk_is_a_hub_still_and_a_user_with_many_devices_is_none() -> None:
    kiosk = [
        touchpoint(f"email:e{number}@x.example", "anonymous_id:kiosk", at_s=number)
        for number in range(250)
    ]
    run = fed(kiosk, 25)
    assert {len(one.identifiers) for one in living(run)} == {1}
    shown = topic(run)[uuid_text(node("email:e7@x.example"))]
    assert [one.reason for one in shown.conflicts] == ["hub"]
    run = fed(messages(250), 25, limited(anonymous_id=50))
    [owner] = [one for one in living(run) if one.behaviour.events == 250]
    assert len(owner.identifiers) == 51, "a limit below the bound is a limit"
    assert owner.refused_links == 200


# -- whatever the order ----------------------------------------------------------------------------

KNOWN = ["user_id:u0", "user_id:u1", "email:e@x.example"]
HUNG = {f"anonymous_id:a{number}": KNOWN[number % 3] for number in range(18)}


@pytest.fixture
def _three_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaves, "LEAVES_MAX", 3)
    monkeypatch.setattr(changes, "LEAVES_MAX", 3)


#: Whatever says nothing about who is who.
weakly = properties.filter(
    lambda facts: facts["kind"] != "aliased" and not facts["kind"].endswith("merge_requested")
)


@st.composite
def leafy(draw: st.DrawFn) -> list[Touchpoint]:
    """Known people who are merged and parted, and weak ids that each hang on one of them."""
    known, weak = st.sampled_from(KNOWN), st.sampled_from(sorted(HUNG))
    drawn = st.one_of(
        st.builds(lambda one: ([one], {}), st.one_of(known, weak)),
        st.builds(lambda one: ([HUNG[one], one], {}), weak),
        st.builds(lambda one: ([HUNG[one], one], {}), weak),
        st.builds(lambda one, other: ([one, other], {}), known, known),
        st.builds(
            lambda one, what, other: ([one], {"kind": f"profile_{what}_requested", "other": other}),
            known,
            st.sampled_from(["merge", "unmerge"]),
            known,
        ),
        st.builds(lambda one, facts: ([one], facts), st.one_of(known, weak), weakly),
        st.builds(lambda one, facts: ([HUNG[one], one], facts), weak, weakly),
    )
    return [
        touchpoint(
            *dict.fromkeys(names),
            at_s=moment * 50_000,
            message=f"m{number}",
            received_at=START + timedelta(days=9, seconds=number),
            facts=facts or {"kind": "page_viewed"},
        )
        for number, ((names, facts), moment) in enumerate(
            draw(st.lists(st.tuples(drawn, st.integers(0, 9)), max_size=60))
        )
    ]


def facts(run: Run) -> list[dict[str, Any]]:
    shown = (one.value for one in run.topic.values() if b'"merged_into":null' in one.value)
    return sorted((facts_of(value)[1] for value in shown), key=lambda one: repr(one))


@pytest.mark.usefixtures("_three_leaves")
@given(leafy(), st.randoms(use_true_random=False), st.integers(1, 40))
@settings(max_examples=120, deadline=None)
def test_leaves_do_not_show_the_order_in_which_they_came(
    history: list[Touchpoint], dice: random.Random, batch: int
) -> None:
    run = fed(dice.sample(history, k=len(history)), batch)
    expected = profiles_of(history, WORKSPACE, SALT)
    told = {frozenset(one["identifiers"]): one for one in facts(run)}
    assert len(told) == len(expected)
    for names, one in told.items():
        [whole] = [person for person in expected if names <= person]
        assert one["more_identifiers"] == len(whole) - len(names)
        assert {kind for kind, _ in whole - names} <= {"anonymous_id"}
        for hidden in ("identifiers", "more_identifiers", "profile_id"):
            one, expected[whole] = without(one, hidden), without(expected[whole], hidden)
        assert one == expected[whole]
    assert told.keys() == {frozenset(one["identifiers"]) for one in facts(fed(history, 5))}
    for number in ids_that_lead_nowhere(run):
        raise AssertionError(number)


def without(facts: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != name}


def ids_that_lead_nowhere(run: Run) -> list[str]:
    """Redirects whose chain does not end in somebody alive."""
    lost = []
    leads = {key.decode(): json.loads(one.value)["merged_into"] for key, one in run.topic.items()}
    for one in leads:
        seen, at = {one}, one
        while (to := leads.get(at)) is not None and to not in seen:
            seen.add(to)
            at = to
        if leads.get(at, "nowhere") is not None:
            lost.append(one)
    return lost


class Meanwhile(MemoryRedis):
    """Another worker commits between the two reads of a load."""

    def __init__(self, other: MemoryRedis) -> None:
        super().__init__()
        self.values, self.sets, self.other = other.values, other.sets, other
        self.commits: list[Any] = []

    def mget(self, keys: Sequence[bytes]) -> list[bytes | None]:
        found = super().mget(keys)
        if self.commits:
            self.commits.pop()()
        return found


def test_an_id_that_another_worker_absorbs_between_two_reads_is_found_where_it_went() -> None:
    run = fed(messages(100), 50)
    name = f"anonymous_id:{ADA}-{max(range(100), key=lambda n: node(f'anonymous_id:{ADA}-{n}'))}"
    slow = Run()
    slow.redis = Meanwhile(run.redis)
    forgetful(slow)
    slow.now_us = run.now_us + 10**6
    more = messages(200, first=100)
    slow.redis.commits = [lambda: run.take(*more)]
    slow.take(touchpoint(name, at_s=9_000))
    [person] = living(slow)
    assert person.behaviour.events == 301
    assert run.redis.values[node_key(node(name))] == b"a" + node(ADA)
