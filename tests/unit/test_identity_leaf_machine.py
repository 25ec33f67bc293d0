"""Bounded fan-out under any interleaving: absorbed ids, merges, unmerges, people who are erased,
workers that meet.

RAPPORT_IDENTITY_INTERLEAVINGS: as for test_identity_machine.py.
"""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from schemas.base import to_json
from schemas.touchpoint import Touchpoint
from services.common.batch import CONTROL_HEADER
from services.common.workspace import Workspace
from services.profile.domain import changes, leaves, working
from services.profile.domain.ids import Hashes, uuid_text
from tests.reference.identity import Key, Person
from tests.reference.profiles import facts_of, profiles_of
from tests.unit.identity_workers import WORKERS, Workers
from tests.unit.profile_builders import SALT, START, WORKSPACE, Run, limited
from tests.unit.profile_builders import touchpoint as made
from tests.unit.test_identity_machine import INTERLEAVINGS, living

KNOWN = ("user_id:u0", "user_id:u1", "email:e@x.example")
#: Each hangs on one of them alone.
HUNG = {f"anonymous_id:a{number}": KNOWN[number % 3] for number in range(18)}
STAY, CROWDED = 2, 5
NODE = Hashes(SALT).node
ERASE = ((CONTROL_HEADER, b"erase"),)
known, weak = st.sampled_from(KNOWN), st.sampled_from(sorted(HUNG))
moments = st.integers(0, 5)
facts = st.sampled_from(
    [
        {"kind": "page_viewed", "category": "a"},
        {"kind": "order_completed", "order_id": "1", "total": {"amount": "2", "currency": "USD"}},
    ]
)
#: What is small here: how many leaves stay, and when a component is looked at within a batch.
SMALL = (
    *((module, "LEAVES_MAX", STAY) for module in (leaves, changes)),
    *((module, "CROWDED_AT", CROWDED) for module in (leaves, working)),
)


class Leaves(RuleBasedStateMachine):
    """Known people who are merged and parted, and ever new devices of theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.before = [(module, name, getattr(module, name)) for module, name, _ in SMALL]
        for module, name, value in SMALL:
            setattr(module, name, value)
        self.workspace = WORKSPACE
        self.run = Workers(WORKSPACE)
        self.sent: list[Touchpoint] = []
        self.waiting: list[Touchpoint] = []
        self.counted: list[Touchpoint] = []
        self.erased: set[Key] = set()

    @initialize(workspace=st.sampled_from([WORKSPACE, limited()]))
    def by_the_rules_of(self, workspace: Workspace) -> None:
        self.workspace, self.run = workspace, Workers(workspace)

    def send(self, *identifiers: str, at: int, public: bool = False, **more: Any) -> None:
        number = len(self.sent)
        event = made(
            *identifiers,
            at_s=at * 86_400,
            message=f"m{number}",
            received_at=START + timedelta(days=30, seconds=number),
            public=public,
            **more,
        )
        self.sent.append(event)
        self.waiting.append(event)

    @rule(devices=st.lists(weak, min_size=1, max_size=6), at=moments, public=st.booleans())
    def logins(self, devices: list[str], at: int, public: bool) -> None:
        for one in devices:
            self.send(HUNG[one], one, at=at, public=public)

    @rule(visits=st.lists(weak, min_size=1, max_size=6), at=moments, facts=facts)
    def visits(self, visits: list[str], at: int, facts: dict[str, Any]) -> None:
        for one in visits:
            self.send(one, at=at, **facts)

    @rule(who=known, at=moments, facts=facts)
    def event(self, who: str, at: int, facts: dict[str, Any]) -> None:
        self.send(who, at=at, **facts)

    @rule(pair=st.permutations(KNOWN), at=moments)
    def together(self, pair: list[str], at: int) -> None:
        self.send(*pair[:2], at=at)

    @rule(pair=st.permutations(KNOWN), at=moments, what=st.sampled_from(["merge", "unmerge"]))
    def word(self, pair: list[str], at: int, what: str) -> None:
        self.send(pair[0], at=at, kind=f"profile_{what}_requested", other=pair[1])

    @rule()
    def end_of_a_batch(self) -> None:
        if self.waiting:
            self.run.take(*self.waiting)
            self._count()

    def _count(self) -> None:
        """What the batch has brought; what names somebody who is erased is dropped."""
        self.counted += [one for one in self.waiting if self.erased.isdisjoint(_named(one))]
        self.waiting.clear()

    @rule(who=known)
    def somebody_is_erased(self, who: str) -> None:
        """With all identifiers that their snapshot shows, by a record beside what waits."""
        key = _key(who)
        persons = profiles_of(self.counted, self.workspace, SALT)
        whole = next((person for person in persons if key in person), None)
        if whole is None:
            return
        shown = (facts_of(one)[0] for one in living(self.run))
        nodes = [NODE("demo", *one).hex() for names in shown if key in names for one in names]
        record = json.dumps({"workspace": "demo", "nodes": nodes}).encode()
        beside = [(to_json(one), ()) for one in self.waiting]
        self.run.take_records(*beside, (record, ERASE))
        self.erased |= whole
        self.counted = [_without(one, whole) for one in self.counted if _named(one)[0] not in whole]
        self._count()

    @rule(which=st.integers(0, 10**6))
    def send_again(self, which: int) -> None:
        if self.sent:
            self.waiting.append(self.sent[which % len(self.sent)])

    @rule(worker=st.integers(0, WORKERS - 1), anew=st.booleans())
    def another_worker_is_next(self, worker: int, anew: bool) -> None:
        if anew:
            self.run.restart(worker, self.workspace)
        self.run.next_is(worker)

    @rule()
    def decided_in_vain(self) -> None:
        if self.waiting:
            self.run.dies_with(*self.waiting)

    @invariant()
    def nobody_is_shown_twice(self) -> None:
        shown = [facts_of(one)[0] for one in living(self.run)]
        assert len(set().union(*shown)) == sum(map(len, shown))

    def teardown(self) -> None:
        """As the reference says, to which nothing is absorbed: in this order and in any other."""
        try:
            self.end_of_a_batch()
            self._is_exact(self.run, self.counted)
            if self.erased:
                return  # what came before and what behind it is not the same
            dice = random.Random(len(self.sent))
            again, left = Workers(self.workspace), dice.sample(self.sent, k=len(self.sent))
            while left:
                again.next_is(dice.randrange(WORKERS))
                size = dice.randrange(1, 9)
                again.take(*left[:size])
                del left[:size]
            self._is_exact(again, self.sent)
        finally:
            for module, name, value in self.before:
                setattr(module, name, value)

    def _is_exact(self, run: Run, events: list[Touchpoint]) -> None:
        expected = profiles_of(events, self.workspace, SALT)
        # refused links to the erased stay with the others
        beside = ("refused_links", "conflicts", "quality") if self.erased else ()
        ends = _ends(run)
        told = dict(map(facts_of, living(run)))
        assert len(told) == len(expected)
        for whole, facts in expected.items():
            [names] = [names for names in told if names <= whole]
            one = told[names]
            assert one["more_identifiers"] == len(whole) - len(names)
            assert {kind for kind, _ in whole - names} <= {"anonymous_id"}
            for hidden in ("identifiers", "more_identifiers", "profile_id", *beside):
                del facts[hidden]
            assert {name: value for name, value in one.items() if name in facts} == facts
            for event in events:
                key = event.identifiers[0].kind, event.identifiers[0].value
                if key in whole:
                    id_ = uuid_text(NODE("demo", *key))
                    end = ends.get(id_, one["profile_id"])  # else nothing was shown under it
                    assert end == one["profile_id"], "an id leads to whose its events are"


def _key(name: str) -> Key:
    kind, value = name.split(":", 1)
    return kind, value


def _named(event: Touchpoint) -> list[Key]:
    """The identifiers that an event carries and, at the end, the one that its facts name."""
    other = getattr(event.properties, "other", None)
    return [(one.kind, one.value) for one in (*event.identifiers, *([other] if other else []))]


def _without(event: Touchpoint, erased: Person) -> Touchpoint:
    """What is left of somebody else's event: it counts, and says nothing of the erased."""
    kept = [one for one in event.identifiers if (one.kind, one.value) not in erased]
    facts = event.properties
    other = getattr(facts, "other", None)
    if other is not None and (other.kind, other.value) in erased:
        facts = facts.model_copy(update={"other": kept[0]})
    return event.model_copy(update={"identifiers": kept, "properties": facts})


def _ends(run: Run) -> dict[str, str]:
    """Each id that was published -> the id that it leads to at last."""
    said = {key.decode(): json.loads(one.value) for key, one in run.topic.items()}
    leads = {key: one.get("merged_into") for key, one in said.items()}
    ends = {}
    for one in leads:
        end = one
        for _ in leads:
            end = leads.get(end) or end
        ends[one] = end
    return ends


TestLeaves = Leaves.TestCase
TestLeaves.settings = settings(
    max_examples=max(1, INTERLEAVINGS // 5),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
