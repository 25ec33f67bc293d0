"""Scores, stages and alerts after a merge that was taken back are those of who never merged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import topics
from schemas.touchpoint import Touchpoint
from services.common.batch import Output
from services.journey.domain.customer import State
from services.journey.domain.lifecycle import SILENT
from services.journey.domain.subjects import cause_of_subject
from services.journey.store import PREFIX, owner_of, state_of
from services.scoring.decide import Asked, Ground, decide
from tests.scoring_messages import Message, model
from tests.unit.journey_builders import WORKSPACE
from tests.unit.journey_world import World
from tests.unit.profile_builders import START, Run, properties, touchpoint
from tests.unit.test_identity_requests import merge, unmerge

DAY_US = 86_400_000_000
ASKED = {"demo": Asked(WORKSPACE.alive_thresholds())}
#: What the same facts of a person have at another time, and nothing else.
VERSIONS = {"version", "profile_version"}


@dataclass
class Chain:
    """profile, score and decide behind one another, in memory."""

    dice: Random
    run: Run = field(default_factory=Run)
    journey: World = field(default_factory=World)
    scores: dict[bytes, bytes] = field(default_factory=dict)
    model_us: int = 1

    def take(self, events: Sequence[Touchpoint]) -> None:
        """Some events in small batches; between them time passes, now and then much of it."""
        at = 0
        while at < len(events):
            size = self.dice.randint(1, 6)
            self.wait(self.dice.choice([0, 0, 0, 1, 7, 90]) * DAY_US)
            outputs = self.run.take(*events[at : at + size])
            self.score([one for one in outputs if one.topic == topics.PROFILES.name])
            at += size

    def wait(self, for_us: int) -> None:
        """Every due moment is kept."""
        self.run.now_us += for_us
        due = self.journey.due
        while due and min(due.values()) <= self.run.now_us:
            self.journey.pass_time(min(due.values()))

    def score(self, snapshots: Sequence[Output]) -> None:
        """What changed is scored at once, or all of it again, and decided on."""
        fitted = model("demo").model_copy(update={"version": self.model_us})
        values = [Message(0, at, one.value) for at, one in enumerate(snapshots)]
        scored = decide(values, Ground({"demo": fitted}, ASKED), 0)
        assert {one.topic for one in scored} <= {topics.SCORES.name}
        self.scores |= {one.key: one.value for one in scored}
        self.run.now_us += 1_000
        self.journey.hear_at([one.value for one in scored], self.run.now_us)

    def settle(self, at_us: int) -> None:
        """At that moment a model comes, equal to the last: everybody is scored as of then."""
        self.wait(at_us - self.run.now_us)
        self.model_us = at_us
        self.score(list(self.run.topic.values()))

    def people(self) -> dict[UUID, State]:
        """The living as journey knows them."""
        values = self.journey.store.values.items()
        known = {owner_of(key)[1]: state_of(v[8:]) for key, v in values if key[:2] == PREFIX}
        return {who: state for who, state in known.items() if not state.merged_into}


def timeless(records: dict[bytes, bytes]) -> dict[bytes, Any]:
    """The last record of each key, without versions."""
    read = {key: msgspec.json.decode(value) for key, value in records.items()}
    return {k: {n: v for n, v in one.items() if n not in VERSIONS} for k, one in read.items()}


def standing(state: State) -> tuple[Any, ...]:
    """What holds of a customer: the stage, when time would change it, the open alerts.

    Not when the stage began (but a silence's own moment) nor how severe an alert was when it was
    raised: these are of what was known then, whatever order events came in.
    """
    return (
        state.stage,
        state.since_us if state.stage in SILENT else 0,
        state.due_us,
        state.dormant_us,
        state.lost_us,
        state.churn_us,
        state.complaints,
        state.conflicts,
        state.consents,
        Counter((one.kind, one.subject) for one in state.alerts if one.open),
    )


def told(people: dict[UUID, State]) -> Counter[tuple[str, UUID]]:
    """The open alerts that an event began, as consumers who keep ids must see them."""
    return Counter(
        (one.kind, cause)
        for state in people.values()
        for one in state.alerts
        if one.open and (cause := cause_of_subject(one.kind, one.subject))
    )


#: Who does something: some are known by two names, some names are of two people.
WHO = [
    *(("user_id:u0",), ("user_id:u1",), ("email:e1@x.example",), ("anonymous_id:a0",)),
    *(("user_id:u0", "anonymous_id:a0"), ("user_id:u1", "email:e1@x.example")),
    ("user_id:u2", "email:e1@x.example"),
]
JOINED = sorted({name for names in WHO for name in names if not name.startswith("anonymous")})
numbers = st.integers(0, 12).map(str)
ordered = st.builds(
    lambda one, cents: {
        "kind": "order_completed",
        "order_id": one,
        "total": {"amount": Decimal(cents) / 100, "currency": "USD"},
    },
    numbers,
    st.integers(100, 100_000),
)
complained = st.builds(
    lambda one, severity: {
        "kind": "complaint_received",
        "complaint_id": one,
        "severity": severity,
    },
    numbers,
    st.integers(1, 4),
)
decisive = st.one_of(
    *(ordered, ordered, ordered, ordered, ordered, ordered, complained, complained),
    st.builds(lambda one: {"kind": "order_cancelled", "order_id": one}, numbers),
    st.builds(lambda one: {"kind": "complaint_handled", "complaint_id": one}, numbers),
    st.builds(lambda yes: {"kind": "consent_changed", "purposes": {"email": yes}}, st.booleans()),
    properties,
)
WEEK_S = 7 * 86_400


@st.composite
def lives(draw: st.DrawFn) -> list[Touchpoint]:
    """Touchpoints of a few people within two months, mostly such as decide on stages and alerts."""
    drawn = st.tuples(st.sampled_from(WHO), st.integers(0, 8), st.integers(0, 3), decisive)
    return [
        touchpoint(
            *names,
            at_s=week * WEEK_S,
            message=f"m{number}",
            received_at=START + timedelta(days=10, seconds=received),
            facts=facts,
        )
        for number, (names, week, received, facts) in enumerate(
            draw(st.lists(drawn, min_size=8, max_size=30))
        )
    ]


def asked(pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[Touchpoint, Touchpoint, Touchpoint]]:
    """Of each pair: the merge, what the control hears in its place, the unmerge."""
    for number, (one, other) in enumerate(pairs):
        said: dict[str, Any] = {
            "at_s": 9_000_000 + number,
            "message": f"merge {number}",
            "received_at": START + timedelta(days=20, seconds=number),
        }
        later = said | {"at_s": 9_500_000 + number, "message": f"unmerge {number}"}
        yield merge(one, other, **said), merge(one, one, **said), unmerge(one, other, **later)


@given(
    lives(),
    st.lists(st.tuples(st.sampled_from(JOINED), st.sampled_from(JOINED)), min_size=1, max_size=3),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_scores_stages_and_alerts_after_an_unmerge_are_those_of_who_never_merged(
    history: list[Touchpoint], pairs: list[tuple[str, str]], dice: Random
) -> None:
    """Some of it comes before the merges, some while they hold, some after the unmerges."""
    merges, controls, unmerges = zip(*asked(pairs), strict=True)
    one, other = sorted(dice.choices(range(len(history) + 1), k=2))
    before, between, after = history[:one], history[one:other], history[other:]
    parted, control = Chain(dice), Chain(dice)
    for events in (before, merges, between, unmerges, after):
        parted.take(events)
    for events in (unmerges, history, controls):
        control.take(events)
    end_us = max(parted.run.now_us, control.run.now_us) + DAY_US
    for chain in (parted, control):
        chain.settle(end_us)
    assert timeless(parted.scores) == timeless(control.scores)
    for _ in range(4):
        found, expected = parted.people(), control.people()
        assert {w: standing(s) for w, s in found.items()} == {
            w: standing(s) for w, s in expected.items()
        }
        assert parted.journey.open_alerts() == told(found)
        for chain in (parted, control):
            chain.wait(200 * DAY_US)
