"""Accounts are what their members' newest snapshots come to, however those arrived."""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.account import Account
from schemas.base import to_json
from schemas.profile import AccountMembership, Profile
from schemas.touchpoint import Touchpoint
from services.common.batch import Batch, Record, unpack_state
from services.profile.accounts.store import Root, node_key
from services.profile.domain.ids import NODE_BYTES
from services.profile.domain.member_tree import NOBODY, TreeNode
from tests.reference.accounts import Facts, accounts_of
from tests.unit.accounts_world import (
    AccountsWorld,
    complaint,
    member,
    newest,
    person,
    redirect,
    snapshot,
    word,
)
from tests.unit.profile_builders import START, fed, histories

ROOT = msgspec.msgpack.Decoder(Root).decode
NODE = msgspec.msgpack.Decoder(TreeNode).decode
ROOT_KEY_BYTES = len(node_key(bytes(NODE_BYTES)))


def only(world: AccountsWorld) -> Facts:
    (facts,) = world.shown().values()
    return facts


def test_an_account_is_what_its_members_come_to() -> None:
    world = AccountsWorld()
    world.take(
        snapshot(0, 1, memberships=member("acme", role="buyer"), spent=1_050, seen=(0, 9)),
        snapshot(1, 1, memberships=member("acme", role="buyer"), spent=2_000, seen=(-3, 4)),
        snapshot(2, 1, memberships=member("acme"), service={"nps_last": 3}),
    )
    facts = only(world)
    assert (facts["members"], facts["roles"]) == (3, {"buyer": 2})
    assert (facts["purchases"]["orders"], str(facts["purchases"]["revenue"])) == (2, "30.50")
    assert (facts["last_seen_at"] - facts["first_seen_at"]).days == 12
    assert facts["service"]["nps"] == -100
    assert facts["member_profile_ids"] == {person(number) for number in range(3)}


def test_minima_and_maxima_are_right_again_when_a_member_leaves() -> None:
    world = AccountsWorld()
    old = {"seen": (-900, 900), "complaints": (complaint(-9, 4),)}
    world.take(
        snapshot(0, 1, memberships=member("acme"), **old),
        snapshot(1, 1, memberships=member("acme"), complaints=(complaint(2, 1),)),
    )
    assert only(world)["service"]["worst_severity"] == 4
    world.take(snapshot(0, 2, memberships=member("acme", since=None), **old))
    facts = only(world)
    assert facts["members"] == 1
    assert facts["first_seen_at"] == facts["last_seen_at"] == START
    assert facts["service"]["worst_severity"] == 1
    assert facts["service"]["complaining_since"] == complaint(2, 1).received_at


def test_the_newest_word_on_the_account_counts_whoever_said_it_and_stays_when_they_leave() -> None:
    said = {"kind": word("household", 5), "traits": {"size": word(9, 5)}}
    later = {"traits": {"size": word(7, 6), "industry": word("music", 1)}}
    world = AccountsWorld()
    world.take(
        snapshot(0, 1, memberships=member("acme", **later)),
        snapshot(1, 1, memberships=member("acme", **said)),
        snapshot(0, 2, memberships=member("acme", since=None, **later)),
    )
    facts = only(world)
    assert (facts["kind"], facts["members"]) == ("household", 1)
    assert {name: one["value"] for name, one in facts["traits"].items()} == {
        "size": 7,
        "industry": "music",
    }


def test_tickets_deals_tiers_and_margins_of_members_add_up() -> None:
    """Sections of a snapshot that are left out while there is nothing in them."""
    at = "2026-01-02T03:04:05Z"
    sections = {
        "purchases": {"orders_with_cost": 1, "margin": "3.50", "currency": "USD"},
        "service": {"tickets": 2, "cost_to_serve": {"USD": "12.50"},
                    "open_tickets": [{"ticket_id": "T", "opened_at": at, "step_since": at}]},
        "sales": {"open_opportunities": [{"opportunity_id": "O", "opened_at": at}],
                  "opportunities_won": 1,
                  "pipeline": {"EUR": "100.00"}, "weighted_pipeline": {"EUR": "50.00"}},
        "loyalty": {"tier": "gold"},
        "payments": {"overdue": {"USD": "9.99"}},
    }  # fmt: skip
    world = AccountsWorld()
    plain = [snapshot(number, 1, memberships=member("acme")) for number in range(3)]
    world.append(plain[2])
    for one in plain[:2]:
        world.append(json.dumps(json.loads(to_json(one)) | sections).encode())
    world.drain(Random(1), 9)
    facts = only(world)
    assert facts["tiers"] == {"gold": 2}
    assert facts["purchases"]["margin"] == Decimal(7)
    assert facts["purchases"]["overdue"] == {"USD": Decimal("19.98")}
    service, sales = facts["service"], facts["sales"]
    assert (service["tickets"], service["open_tickets"]) == (4, 2)
    assert service["ticket_open_since"].year == 2026
    assert service["cost_to_serve"] == {"USD": Decimal(25)}
    assert (sales["open_opportunities"], sales["opportunities_won"]) == (2, 2)
    assert sales["pipeline"] == {"EUR": Decimal(200)}
    assert sales["weighted_pipeline"] == {"EUR": Decimal(100)}


def test_a_merge_and_its_unmerge_move_what_a_person_contributes() -> None:
    world = AccountsWorld()
    apart = [
        snapshot(0, 1, memberships=member("acme"), spent=100),
        snapshot(1, 1, memberships=member("other"), spent=200),
    ]
    world.take(*apart)
    before = world.shown()
    world.take(redirect(0, 2, into=1), snapshot(1, 2, memberships=member("acme", "other")))
    assert world.shown().keys() == {"acme", "other"}
    assert world.shown()["acme"]["member_profile_ids"] == {person(1)}
    world.take(*(one.model_copy(update={"version": 3}) for one in apart))
    assert world.shown() == before


def erased(number: int, version: int) -> Profile:
    """Contract 6: the record of a person who was erased has no facts."""
    return redirect(number, version, into=0).model_copy(update={"merged_into": None})


def test_an_account_that_nobody_is_left_in_is_gone_with_its_name() -> None:
    world = AccountsWorld()
    said = {"traits": {"name": word("The Smiths")}}
    world.take(snapshot(0, 1, memberships=member("smith-family", **said)))
    world.take(erased(0, 2))
    (output,) = world.topic.values()
    account = Account.model_validate_json(output.value)
    assert account.gone
    assert b"mith" not in output.value + b"".join(world.redis.values.values())
    world.take(snapshot(0, 1, memberships=member("smith-family", **said)))
    assert world.shown() == {}, "an older snapshot that comes again brings nothing back"
    world.take(snapshot(1, 1, memberships=member("smith-family")))
    assert only(world)["members"] == 1


def test_who_belongs_to_no_account_leaves_no_trace() -> None:
    world = AccountsWorld()
    assert world.take(*(snapshot(number, 1) for number in range(20))) == []
    assert world.redis.values == {}


def test_what_is_no_snapshot_is_a_dead_letter() -> None:
    world = AccountsWorld()
    foreign = snapshot(0, 1).model_copy(update={"workspace": "elsewhere"})
    wrong = to_json(snapshot(1, 1)).replace(b'"memberships":[]', b'"memberships":[{}]')
    outputs = world.take(foreign) + _taken_raw(world, wrong, b"{")
    letters = [json.loads(one.value) for one in outputs]
    assert [one["reason"] for one in letters] == [
        "unknown_workspace",
        "bad_properties",
        "malformed_json",
    ]
    assert {one["service"] for one in letters} == {"profile.accounts"}


def _taken_raw(world: AccountsWorld, *values: bytes) -> list[Any]:
    records = [Record("profiles.changed", 0, n, b"k", value) for n, value in enumerate(values)]
    decision = world.handler().decide(Batch(records, (), world.now_us))
    return [one for those in decision.outputs.values() for one in those]


def test_newest_shows_what_redis_holds() -> None:
    world = AccountsWorld(leaf_max=2)
    published = world.take(
        *(snapshot(number, 1, memberships=member("acme", "b")) for number in range(9))
    )
    again = world.handler().newest(published)
    assert {one.key: one for one in again} == world.topic
    assert all(one.watch is not None for one in again)


def test_records_carry_the_cloudevents_attributes() -> None:
    (output,) = AccountsWorld().take(snapshot(0, 1, memberships=member("acme")))
    marks = dict(output.headers)
    assert marks["ce_type"] == b"rapport.account.changed"
    assert marks["ce_subject"] == output.key
    assert marks["ce_source"] == b"rapport/demo"


# -- in any order, batching, interleaving ----------------------------------------------------------

MEMBERSHIPS = st.lists(
    st.builds(
        lambda account, role, stays, kind, size: AccountMembership(
            account_id=account,
            role=role,
            since=START if stays else None,
            kind=kind,
            traits={"size": size} if size else {},
        ),
        st.sampled_from(["acme", "smith", "zoo"]),
        st.sampled_from([None, "buyer", "user"]),
        st.booleans(),
        st.none() | st.builds(word, st.sampled_from(["household", "company"]), st.integers(0, 3)),
        st.none() | st.builds(word, st.integers(0, 9) | st.none(), st.integers(0, 3)),
    ),
    max_size=3,
    unique_by=lambda one: one.account_id,
).map(tuple)
FACTS = st.fixed_dictionaries(
    {
        "memberships": MEMBERSHIPS,
        "spent": st.integers(0, 500),
        "seen": st.tuples(st.integers(-9, 0), st.integers(0, 9)),
        "complaints": st.lists(
            st.builds(complaint, st.integers(0, 5), st.integers(1, 4)), max_size=2
        ).map(tuple),
        "service": st.fixed_dictionaries(
            {
                "nps_last": st.none() | st.floats(0, 10),
                "csat_answers": st.just(3),
                "csat_mean": st.integers(3_000, 15_000).map(lambda milli: milli / 1000 / 3),
            }
        ),
    }
)


@st.composite
def stories(draw: st.DrawFn, people: int = 7) -> list[Profile]:
    """Versions of people: members of this and that, merged away, alive again, erased."""
    story = []
    for number in range(people):
        kinds = draw(st.lists(st.sampled_from("sssre"), max_size=4))
        for version, kind in enumerate(kinds, start=1):
            if kind == "s":
                story.append(snapshot(number, version, **draw(FACTS)))
            elif kind == "r":
                story.append(redirect(number, version, into=(number + 1) % people))
            else:
                story.append(erased(number, version))
    stamped = []
    for count, one in enumerate(story):  # no two words are of one event
        memberships = tuple(_stamped(m, count * 10 + n) for n, m in enumerate(one.memberships))
        stamped.append(one.model_copy(update={"memberships": memberships}))
    return stamped


def _stamped(one: AccountMembership, stamp: int) -> AccountMembership:
    update = {"stamp": f"{stamp:016x}"}
    traits = {name: said.model_copy(update=update) for name, said in one.traits.items()}
    kind = one.kind.model_copy(update=update) if one.kind is not None else None
    return one.model_copy(update={"kind": kind, "traits": traits})


def delivered(story: list[Profile], dice: Random) -> list[Profile]:
    """As a log may bring it: everybody's versions in order, and old ones again at any time after;
    or in any order, when everybody's newest comes last."""
    again = dice.sample(story, k=len(story) // 2)
    if dice.random() < 0.5:
        order = story + again
        dice.shuffle(order)
        return order + newest(story)
    order = sorted(story, key=lambda one: (one.version, dice.random()))
    for one in again:
        order.insert(dice.randint(order.index(one) + 1, len(order)), one)
    return order


@given(stories(), st.randoms(use_true_random=False), st.integers(1, 3), st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_accounts_equal_the_reference_in_any_order_batching_and_interleaving(
    story: list[Profile], dice: Random, workers: int, batch: int
) -> None:
    world = AccountsWorld(workers, leaf_max=dice.choice([1, 2, 64]))
    world.append(*delivered(story, dice))
    world.drain(dice, batch)
    assert world.shown() == accounts_of(newest(story), "USD", world.leaf_max)


@given(stories(), st.randoms(use_true_random=False), st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_what_is_kept_is_a_function_of_the_newest_snapshots(
    story: list[Profile], dice: Random, batch: int
) -> None:
    one, other = AccountsWorld(leaf_max=2), AccountsWorld(2, leaf_max=2)
    one.take(*newest(story))
    other.append(*delivered(story, dice))
    other.drain(dice, batch)
    assert trees(other) == trees(one)


def trees(world: AccountsWorld) -> dict[bytes, Any]:
    """The nodes that stand in Redis; of accounts that are gone, nothing."""
    found = {}
    for key, value in world.redis.values.items():
        _, body = unpack_state(value)
        if key.startswith(b"pt:"):
            found[key] = ROOT(body) if len(key) == ROOT_KEY_BYTES else NODE(body)
    return {key: node for key, node in found.items() if node != Root("demo", "", NOBODY)}


@given(histories(), st.randoms(use_true_random=False), st.integers(1, 3), st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_from_touchpoints_to_accounts_with_merges(
    history: list[Touchpoint], dice: Random, workers: int, batch: int
) -> None:
    run = fed(history, 4)
    published = [one.value for one in run.outputs if one.topic == "profiles.changed"]
    world = AccountsWorld(workers, leaf_max=2)
    world.append(*published)
    world.drain(dice, batch)
    living = [Profile.model_validate_json(one.value) for one in run.topic.values()]
    assert world.shown() == accounts_of(living, "USD", world.leaf_max)
