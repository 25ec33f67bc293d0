"""Identity under any interleaving: events, aliases, requests, duplicates, restarts, workers that
meet, changed rules, batches, order.

RAPPORT_IDENTITY_INTERLEAVINGS: how many are played; `make identity-interleavings` plays 10,000.
"""

from __future__ import annotations

import os
import random
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from schemas.touchpoint import Touchpoint
from services.common.workspace import Workspace
from tests.reference.profiles import facts_of, profiles_of
from tests.unit.identity_workers import WORKERS, Workers
from tests.unit.profile_builders import SALT, START, WORKSPACE, Run, fed, limited
from tests.unit.profile_builders import touchpoint as made

INTERLEAVINGS = int(os.environ.get("RAPPORT_IDENTITY_INTERLEAVINGS", "150"))

NAMES = (
    *(f"user_id:u{number}" for number in range(2)),
    *(f"email:e{number}@x.example" for number in range(2)),
    "phone:+49123456",
    *(f"anonymous_id:a{number}" for number in range(2)),
)
names = st.sampled_from(NAMES)
pairs = st.lists(names, min_size=2, max_size=2, unique=True)
words = st.sampled_from(["aliased", "profile_merge_requested", "profile_unmerge_requested"])
seldom = st.sampled_from([False, False, True])
#: Moments at which something happened: few, so that there are ties, and late ones.
moments = st.integers(0, 6)
facts = st.sampled_from(
    [
        {"kind": "page_viewed", "category": "a"},
        {
            "kind": "order_completed",
            "order_id": "1",
            "total": {"amount": "2.50", "currency": "USD"},
        },
        {"kind": "identified", "traits": {"city": "Ulm"}},
    ]
)


def with_windows() -> Workspace:
    workspace = limited(user_id=1, email=2)
    kinds = tuple(
        one.model_copy(update={"window_days": 2.0 if one.kind == "user_id" else None})
        for one in workspace.identity.kinds
    )
    identity = workspace.identity.model_copy(update={"kinds": kinds})
    return workspace.model_copy(update={"identity": identity})


def without_attaching() -> Workspace:
    kinds = tuple(
        one.model_copy(update={"joins_known": True, "hub_degree_max": None})
        for one in WORKSPACE.identity.kinds
    )
    identity = WORKSPACE.identity.model_copy(update={"kinds": kinds})
    return WORKSPACE.model_copy(update={"identity": identity})


def with_small_hubs() -> Workspace:
    """The demo's, where a device is one with three neighbours."""
    kinds = tuple(
        one.model_copy(update={"hub_degree_max": 2 if one.hub_degree_max else None})
        for one in WORKSPACE.identity.kinds
    )
    identity = WORKSPACE.identity.model_copy(update={"kinds": kinds})
    return WORKSPACE.model_copy(update={"identity": identity})


#: Rules of which one may follow another; what a hub has refused stays so by other rules.
CHANGING = (
    WORKSPACE,
    limited(user_id=1, email=1, phone=1, anonymous_id=1),
    with_windows(),
    without_attaching(),
)
WORKSPACES = (*CHANGING, limited(hub_degree_max=2), with_small_hubs())


class Identity(RuleBasedStateMachine):
    """What is sent, in batches that end anywhere, against the reference on all that was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.workspace, self.changes = WORKSPACE, False
        self.run = Workers(WORKSPACE)
        self.sent: list[Touchpoint] = []
        self.waiting: list[Touchpoint] = []
        self.are_changed = False

    @initialize(workspace=st.sampled_from(WORKSPACES))
    def by_the_rules_of(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.run = Workers(workspace)
        self.changes = workspace in CHANGING

    def send(self, *identifiers: str, at: int, public: bool = False, **more: Any) -> None:
        number = len(self.sent)
        event = made(
            *dict.fromkeys(identifiers),
            at_s=at * 86_400,
            message=f"m{number}",
            received_at=START + timedelta(days=30, seconds=number // 2),
            public=public,
            **more,
        )
        self.sent.append(event)
        self.waiting.append(event)

    @rule(several=st.lists(st.tuples(pairs, moments, facts), min_size=1, max_size=5))
    def events_of_two(self, several: list[tuple[list[str], int, dict[str, Any]]]) -> None:
        for pair, at, facts in several:
            self.send(*pair, at=at, **facts)

    @rule(carried=st.lists(names, min_size=1, max_size=3), at=moments, public=st.booleans())
    def event(self, carried: list[str], at: int, public: bool) -> None:
        self.send(*carried, at=at, public=public)

    @rule(pair=pairs, at=moments, kind=words, public=seldom)
    def word(self, pair: list[str], at: int, kind: str, public: bool) -> None:
        named: dict[str, Any] = {"previous" if kind == "aliased" else "other": pair[1]}
        self.send(pair[0], at=at, public=public, kind=kind, **named)

    @rule(one=names, kind=words)
    def word_about_oneself(self, one: str, kind: str) -> None:
        named: dict[str, Any] = {"previous" if kind == "aliased" else "other": one}
        self.send(one, at=0, kind=kind, **named)

    @rule(which=st.integers(0, 10**6), at=moments)
    def unmerge_of_what_an_event_carried(self, which: int, at: int) -> None:
        linking = [one for one in self.sent if len(one.identifiers) > 1]
        if linking:
            pair = linking[which % len(linking)].identifiers[:2]
            one, other = (f"{name.kind}:{name.value}" for name in pair)
            self.send(one, at=at, kind="profile_unmerge_requested", other=other)

    @rule(one=names, other=names, at=moments)
    def unmerge_of_a_public_key(self, one: str, other: str, at: int) -> None:
        self.send(one, at=at, public=True, kind="profile_unmerge_requested", other=other)

    @rule(which=st.integers(0, 10**6))
    def send_again(self, which: int) -> None:
        if self.sent:
            self.waiting.append(self.sent[which % len(self.sent)])

    @rule()
    def end_of_a_batch(self) -> None:
        if self.waiting:
            self.run.take(*self.waiting)
            self.waiting.clear()

    @rule(worker=st.integers(0, WORKERS - 1))
    def another_worker_is_next(self, worker: int) -> None:
        self.run.next_is(worker)

    @rule(worker=st.integers(0, WORKERS - 1))
    def restart(self, worker: int) -> None:
        """What was kept in memory is gone; what waited is read again."""
        self.run.restart(worker, self.workspace)

    @rule()
    def decided_in_vain(self) -> None:
        """A worker decides and dies before its commit."""
        if self.waiting:
            self.run.dies_with(*self.waiting)

    @rule(workspace=st.sampled_from(CHANGING), workers=st.integers(1, WORKERS))
    def rules_are_changed(self, workspace: Workspace, workers: int) -> None:
        """Some workers follow later than others: until they start anew."""
        if self.changes:
            self.workspace, self.are_changed = workspace, True
            for number in range(workers):
                self.run.restart(number, workspace)

    @invariant()
    def nobody_is_shown_twice(self) -> None:
        shown = [facts_of(one)[0] for one in living(self.run)]
        assert len(set().union(*shown)) == sum(map(len, shown))

    def teardown(self) -> None:
        """One result: the reference's, and in any other order and batching as well."""
        self.end_of_a_batch()
        if self.are_changed:
            self.run.regroup_all(self.workspace)
        expected = profiles_of(self.sent, self.workspace, SALT)
        assert dict(map(facts_of, living(self.run))) == expected
        dice = random.Random(len(self.sent))
        shuffled = dice.sample(self.sent, k=len(self.sent))
        again = fed(shuffled, dice.randrange(1, 9), self.workspace)
        assert dict(map(facts_of, living(again))) == expected


def living(run: Run) -> list[bytes]:
    return [one.value for one in run.topic.values() if b'"merged_into":null' in one.value]


TestIdentity = Identity.TestCase
TestIdentity.settings = settings(
    max_examples=INTERLEAVINGS,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
