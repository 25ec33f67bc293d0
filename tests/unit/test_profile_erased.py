"""Erasing one person from the graph: nothing of them is left or comes back, others stay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import micros, to_json
from schemas.profile import Profile
from schemas.touchpoint import Touchpoint
from services.common.batch import CONTROL_HEADER, Headers, Output
from services.common.workspace import Workspace
from services.profile.domain.component import kind_name
from services.profile.domain.ids import Hashes, uuid_text
from services.profile.store import component_key, node_key, unpack
from tests.unit.profile_builders import (
    NAMES,
    SALT,
    START,
    WORKSPACE,
    Run,
    fed,
    histories,
    limited,
    touchpoint,
)

NODE = Hashes(SALT).node
ERASE = ((CONTROL_HEADER, b"erase"),)


def node(name: str) -> bytes:
    return NODE("demo", *name.split(":", 1))


def control(*names: str) -> bytes:
    nodes = [node(name).hex() for name in names]
    return msgspec.json.encode({"workspace": "demo", "nodes": nodes})


def erase(run: Run, *names: str) -> list[Output]:
    return run.take_records((control(*names), ERASE))


def snapshots(run: Run) -> dict[str, Profile]:
    """What the compacted topic would hold, by profile id."""
    found = [Profile.model_validate_json(output.value) for output in run.topic.values()]
    return {str(profile.profile_id): profile for profile in found}


def living(run: Run) -> dict[str, Profile]:
    found = snapshots(run)
    return {k: one for k, one in found.items() if not one.erased and one.merged_into is None}


def person_of(run: Run, name: str) -> list[str]:
    """All identifiers of the person who has this one, as the newest snapshot says."""
    for profile in living(run).values():
        names = [f"{one.kind}:{one.value}" for one in profile.identifiers]
        if name in names:
            return names
    return []


def plain(history: Sequence[Touchpoint]) -> list[set[str]]:
    """The names that each touchpoint carries."""
    return [set(named(one)) for one in history]


def named(one: Touchpoint) -> list[str]:
    names = [f"{each.kind}:{each.value}" for each in one.identifiers]
    said = one.properties
    other: Any = getattr(said, "previous", None) or getattr(said, "other", None)
    return names + ([f"{other.kind}:{other.value}"] if other is not None else [])


def strangers(history: Sequence[Touchpoint], erased: set[str]) -> list[Touchpoint]:
    """Touchpoints that name nobody who is erased."""
    return [one for one in history if not erased & set(named(one))]


def test_who_is_erased_is_gone_from_redis_and_the_topic_says_so() -> None:
    ada = [
        touchpoint("user_id:ada", "email:ada@x.example"),
        touchpoint("email:ada@x.example", "anonymous_id:a1", at_s=1),
        touchpoint("anonymous_id:a1", at_s=2),
    ]
    run = fed([*ada, touchpoint("user_id:bob", at_s=3)], 1)
    before = run.topic[uuid_text(node("user_id:bob")).encode()]
    outputs = erase(run, "user_id:ada", "email:ada@x.example", "anonymous_id:a1")
    assert {Profile.model_validate_json(one.value).erased for one in outputs} == {True}
    assert {one.key.decode() for one in outputs} == {
        uuid_text(node(name)) for name in ("user_id:ada", "email:ada@x.example", "anonymous_id:a1")
    }
    assert not any(b"ada" in value or b"a1" in value for value in run.redis.values.values())
    assert [key for key in run.redis.values if key.startswith(b"c:")] == [
        component_key(node("user_id:bob"))
    ]
    assert run.topic[uuid_text(node("user_id:bob")).encode()] is before


def test_what_names_them_later_is_dropped_in_every_way_it_can_be_named() -> None:
    run = fed([touchpoint("user_id:ada", "email:ada@x.example")])
    erase(run, "user_id:ada", "email:ada@x.example")
    previous = {"kind": "user_id", "value": "ada"}
    late = [
        touchpoint("user_id:ada", at_s=5),
        touchpoint("user_id:new", "email:ada@x.example", at_s=6),
        touchpoint("user_id:other", at_s=7, kind="aliased", previous=previous),
    ]
    assert run.take(*late) == []
    assert not any(b"other" in one or b"new" in one for one in run.redis.values.values())
    assert run.take(touchpoint("user_id:bob", at_s=8)) != []


def test_events_beside_the_erasure_in_one_batch_are_dropped_as_well() -> None:
    run = fed([touchpoint("user_id:ada")])
    beside = to_json(touchpoint("user_id:ada", "email:ada@x.example", at_s=9))
    bob = to_json(touchpoint("user_id:bob", at_s=9))
    run.take_records(
        (beside, ()), (control("user_id:ada", "email:ada@x.example"), ERASE), (bob, ())
    )
    assert not any(b"ada" in value for value in run.redis.values.values())
    assert [str(one.identifiers[0].value) for one in living(run).values()] == ["bob"]


def test_identifiers_that_nobody_knew_are_kept_out_too() -> None:
    run = Run()
    assert erase(run, "user_id:ada") == []
    assert run.take(touchpoint("user_id:ada")) == []


def test_erasing_twice_changes_nothing() -> None:
    run = fed([touchpoint("user_id:ada")])
    erase(run, "user_id:ada")
    values = dict(run.redis.values)
    assert erase(run, "user_id:ada") == []
    assert run.redis.values == values


def test_a_stale_snapshot_is_followed_by_the_word_that_they_are_erased() -> None:
    """A worker that was slow finds by its check that what it published is not the newest."""
    run = fed([touchpoint("user_id:ada")])
    (stale,) = [one for one in run.outputs if one.topic == "profiles.changed"]
    erase(run, "user_id:ada")
    (newest,) = run.handler.newest([stale])
    assert Profile.model_validate_json(newest.value).erased
    assert newest.watch is not None
    assert run.redis.values[newest.watch][:8] == newest.version.to_bytes(8, "big")


def test_a_component_is_not_named_by_who_left_it() -> None:
    """Two people of one component: the one is erased by whose node it is named."""
    rules = limited(user_id=1, email=1)
    history = [
        touchpoint("user_id:ada", "email:x@x.example"),
        touchpoint("user_id:bob", "email:x@x.example", at_s=1),
        touchpoint("user_id:bob", "phone:+491", at_s=2),
    ]
    run = fed(history, 1, rules)
    (key,) = [key[2:] for key in run.redis.values if key.startswith(b"c:")]
    owner = next(
        name
        for name in ("user_id:ada", "user_id:bob", "email:x@x.example", "phone:+491")
        if node(name) == key
    )
    gone = person_of(run, owner)
    stays = next(name for name in ("user_id:ada", "user_id:bob") if name not in gone)
    before = person_of(run, stays)
    erase(run, *gone)
    assert person_of(run, stays) == before
    left = [key[2:] for key in run.redis.values if key.startswith(b"c:")]
    assert left != [key]
    assert run.redis.values[node_key(node(stays))] == left[0]
    run.take(touchpoint(stays, at_s=50))
    assert person_of(run, stays) == before


def test_identifiers_that_only_their_events_named_go_with_them() -> None:
    """A second address was refused to be theirs: it is nobody's, but it came with them."""
    history = [
        touchpoint("user_id:ada", "email:a@x.example"),
        touchpoint("user_id:ada", "email:b@x.example", at_s=1),
        touchpoint("user_id:ada", "email:c@x.example", at_s=2),
        touchpoint("email:c@x.example", at_s=3),
    ]
    run = fed(history, 1, limited(email=1))
    assert person_of(run, "user_id:ada") == ["user_id:ada", "email:a@x.example"]
    erase(run, "user_id:ada", "email:a@x.example")
    assert kept_names(run) == {"email:c@x.example"}, "who has an event of their own stays"
    assert node_key(node("email:b@x.example")) not in run.redis.values


def test_an_address_of_a_whole_office_stays_a_hub_when_one_of_them_is_erased() -> None:
    rules = limited(hub_degree_max=3, user_id=10, email=10)
    office = [touchpoint(f"user_id:u{n}", "email:all@x.example", at_s=n) for n in range(4)]
    run = fed(office, 1, rules)
    before = {name: person_of(run, name) for name in ("user_id:u1", "user_id:u2", "user_id:u3")}
    erase(run, "user_id:u0")
    run.take(touchpoint("user_id:u1", at_s=60), touchpoint("user_id:u2", at_s=60))
    assert {name: person_of(run, name) for name in before} == before


def test_what_was_absorbed_into_an_erased_node_is_erased_with_it() -> None:
    many = [touchpoint("user_id:ada", f"anonymous_id:v{n}", at_s=n) for n in range(110)]
    run = fed(many, 110)
    listed = person_of(run, "user_id:ada")
    assert len(listed) < 111
    erase(run, *listed)
    assert run.take(*(touchpoint(f"anonymous_id:v{n}", at_s=900 + n) for n in range(110))) == []
    assert not any(key.startswith(b"c:") for key in run.redis.values)


@pytest.mark.parametrize(
    "body",
    [
        {"workspace": "demo"},
        {"workspace": "demo", "nodes": []},
        {"workspace": "demo", "nodes": ["ff"]},
        {"workspace": "demo", "nodes": "ff"},
        {"workspace": "demo", "nodes": ["00" * 16] * 6_000},
    ],
)
def test_an_erasure_that_is_none_is_a_dead_letter(body: Any) -> None:
    (letter,) = Run().take_records((msgspec.json.encode(body), ERASE))
    assert letter.topic == "dead_letters"


def referral(by: str, *, referred: str, at_s: float) -> Touchpoint:
    kind, value = referred.split(":", 1)
    facts: dict[str, Any] = {
        "kind": "customer_referred",
        "referred": {"kind": kind, "value": value},
    }
    return touchpoint(by, at_s=at_s, **facts)


def test_who_referred_them_keeps_the_count_and_loses_the_name() -> None:
    history = [
        touchpoint("user_id:ada", "email:ada@x.example"),
        referral("user_id:bob", referred="email:ada@x.example", at_s=1),
        referral("user_id:bob", referred="email:eve@x.example", at_s=2),
    ]
    run = fed(history)
    body = msgspec.json.decode(control("user_id:ada", "email:ada@x.example"))
    body["naming"] = [node("user_id:bob").hex()]
    run.take_records((msgspec.json.encode(body), ERASE))
    (bob,) = living(run).values()
    assert [one.value for one in bob.loyalty.referred] == ["eve@x.example"]
    assert bob.loyalty.referrals_made == 2
    assert not any(b"ada@" in value for value in run.redis.values.values())


def test_another_event_that_names_them_is_dropped_as_well() -> None:
    run = fed([touchpoint("user_id:ada", "email:ada@x.example")])
    erase(run, "user_id:ada", "email:ada@x.example")
    assert run.take(referral("user_id:bob", referred="email:ada@x.example", at_s=1)) == []
    assert run.take(referral("user_id:bob", referred="email:eve@x.example", at_s=2)) != []


LIFT = ((CONTROL_HEADER, b"lift"),)


def lift(run: Run, *names: str, from_s: float) -> tuple[bytes, Headers]:
    """The record that lets these in again, if it is received so many seconds after the start."""
    nodes = [node(name).hex() for name in names]
    said = {"workspace": "demo", "nodes": nodes, "from": micros(START + timedelta(seconds=from_s))}
    return msgspec.json.encode(said), LIFT


@pytest.mark.parametrize("apart", [True, False])
def test_who_is_let_in_again_is_somebody_new(apart: bool) -> None:
    """What was received before stays out, also when it is read again; what comes from then on
    counts, also when it lies beside the record that lets them in."""
    names = ("user_id:ada", "email:ada@x.example")
    old = [touchpoint(*names, at_s=n, message=f"o{n}") for n in range(3)]
    run = fed(old)
    erase(run, *names)
    # the clock of the erasure is that of the run; what comes anew is received long after
    new = touchpoint(*names, at_s=9_000, message="new")
    letting_in = lift(run, *names, from_s=5_000)
    if apart:
        run.take_records(letting_in)
        run.take(new)
    else:
        run.take_records(letting_in, (to_json(new), ()))
    (ada,) = living(run).values()
    assert ada.behaviour.events == 1
    again = [one.model_copy(update={"message_id": f"again {one.message_id}"}) for one in old]
    assert run.take(*again) == []
    later = touchpoint("email:ada@x.example", "phone:+491", at_s=9_001, message="later")
    run.take(later)
    (ada,) = living(run).values()
    assert (ada.behaviour.events, len(ada.identifiers)) == (2, 3)
    assert run.take(*again) == [], "also when their component was joined to another one"
    erase(run, *names, "phone:+491")
    assert living(run) == {}


def test_letting_in_who_was_never_erased_changes_nothing() -> None:
    run = fed([touchpoint("user_id:ada")])
    values = dict(run.redis.values)
    assert run.take_records(lift(run, "user_id:ada", "user_id:bob", from_s=99)) == []
    assert run.redis.values == values


workspaces = st.sampled_from((WORKSPACE, limited(user_id=1, email=1), limited(2, user_id=2)))
cases = st.tuples(
    histories(), st.sampled_from(NAMES), st.integers(0, 25), st.integers(1, 6), workspaces
)


def run_with_erasure(
    history: Sequence[Touchpoint], names: Sequence[str], at: int, batch: int, rules: Workspace
) -> Run:
    run = fed(history[:at], batch, rules)
    erase(run, *names)
    for start in range(at, len(history), batch):
        run.take(*history[start : start + batch])
    return run


@given(cases)
@settings(max_examples=150)
def test_nobody_else_changes_by_an_erasure(case: tuple[Any, ...]) -> None:
    history, name, _, batch, rules = case
    run = fed(history, batch, rules)
    names = person_of(run, name) or [name]
    before, shown = dict(run.topic), living(run)
    erase(run, *names)
    after = snapshots(run)
    for profile, one in shown.items():
        if not {f"{each.kind}:{each.value}" for each in one.identifiers} & set(names):
            assert run.topic[profile.encode()] is before[profile.encode()]
    assert [
        p for p in after.values() if {f"{e.kind}:{e.value}" for e in p.identifiers} & set(names)
    ] == []
    # and who is touched next is as they were, but for the touch
    mine = living(run)
    for one in list(mine.values()):
        first = one.identifiers[0]
        run.take(touchpoint(f"{first.kind}:{first.value}", at_s=999_999, message=f"t{first}"))
    for profile, one in living(run).items():
        assert one.identifiers == mine[profile].identifiers
        assert one.refused_links == mine[profile].refused_links
        assert one.traits == mine[profile].traits


@given(cases)
@settings(max_examples=150)
def test_wherever_the_erasure_stands_nothing_of_them_is_left_and_strangers_are_the_same(
    case: tuple[Any, ...],
) -> None:
    history, name, at, batch, rules = case
    names = person_of(fed(history, batch, rules), name) or [name]
    erased = set(names)
    run = run_with_erasure(history, names, min(at, len(history)), batch, rules)
    assert not kept_names(run) & erased
    assert not any(person_of(run, value) for value in names)
    # people all of whose events name none of the erased are as if these had never been
    alone = living(fed(strangers(history, erased), batch, rules))
    mixed = {each for one in history if erased & set(named(one)) for each in named(one)}
    here = living(run)
    for profile, one in alone.items():
        theirs = {f"{each.kind}:{each.value}" for each in one.identifiers}
        if not connected(history, theirs) & mixed:
            assert msgspec.to_builtins(without_version(one)) == msgspec.to_builtins(
                without_version(here[profile])
            )


def kept_names(run: Run) -> set[str]:
    """All identifiers that are in Redis."""
    found = [unpack(v[8:]) for key, v in run.redis.values.items() if key.startswith(b"c:")]
    return {f"{kind_name(one.kind)}:{one.value}" for c in found for one in c.nodes}


def connected(history: Sequence[Touchpoint], names: set[str]) -> set[str]:
    """All that hangs together with these names by any event."""
    found, size = set(names), 0
    while size != len(found):
        size = len(found)
        for one in history:
            if found & set(named(one)):
                found |= set(named(one))
    return found


def without_version(one: Profile) -> dict[str, Any]:
    return one.model_dump(mode="json", exclude={"version", "updated_at"})


@given(cases)
@settings(max_examples=100)
def test_the_whole_log_read_again_brings_nobody_back(case: tuple[Any, ...]) -> None:
    history, name, _, batch, rules = case
    run = fed(history, batch, rules)
    names = person_of(run, name) or [name]
    erase(run, *names)
    run.redis.sets.clear()  # the message ids are forgotten after two weeks
    again = [one.model_copy(update={"message_id": f"again {one.message_id}"}) for one in history]
    for one in again:
        run.take(one)
    assert not any(person_of(run, value) for value in names)
    assert not kept_names(run) & set(names)
