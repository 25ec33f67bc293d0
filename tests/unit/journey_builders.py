"""A workspace, scores and a person who lives through time, for the tests of journey."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from schemas.alert import Alert
from schemas.base import derived_id, from_micros, micros, to_json
from schemas.lifecycle import LifecycleChanged, Stage
from schemas.profile import Conflict, OpenComplaint
from schemas.scores import AliveBelow, Churn, JourneyFacts, Scores
from services.common.workspace import IdentifierRule, Identity, Workspace
from services.journey.domain.customer import Facts, State
from services.journey.domain.decide import Event, decide_customer
from services.journey.domain.holders import Holders
from services.journey.domain.rules import Rules
from services.journey.messages import decode, facts_of
from services.journey.stream import rules_of

WORKSPACE = Workspace(
    name="demo", sources=(), identity=Identity(kinds=(IdentifierRule(kind="user_id", limit=1),))
)
RULES = rules_of(WORKSPACE)
WHO = UUID("11111111-1111-4111-8111-111111111111")
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)

#: A made-up model: days of silence after which P(alive) is below a threshold, for patience 1.
DAYS_UNTIL_BELOW = {0.55: 20.0, 0.50: 25.0, 0.40: 30.0, 0.20: 60.0, 0.10: 90.0}


def day(number: float) -> datetime:
    """A moment so many days after the start of the tests' time."""
    return START + number * DAY


@dataclass(frozen=True)
class Known:
    """What has arrived of a person: the fold that gives the scores. `model` 0: there is none.

    `refused`: of links that were refused, the name, the moment and the reason.
    """

    orders: tuple[datetime, ...] = ()
    complaints: tuple[tuple[str, datetime, int], ...] = ()
    handled: frozenset[str] = frozenset()
    model: int = 1
    patience: float = 1.0
    high_value: bool = False
    last_seen: datetime | None = None
    refused: tuple[tuple[str, datetime, str], ...] = ()


def scores(known: Known, version: int, *, who: UUID = WHO) -> Scores:
    """The scores of a person, as scoring would write them."""
    return Scores(
        workspace=WORKSPACE.name,
        profile_id=who,
        version=version,
        profile_version=version - known.model,
        model_version=known.model,
        as_of=from_micros(version),
        churn=_churn(known),
        facts=_facts(known),
    )


def redirect(version: int, into: UUID, *, who: UUID = WHO) -> Scores:
    """The scores of a profile that joined another one."""
    return Scores(
        workspace=WORKSPACE.name,
        profile_id=who,
        version=version,
        profile_version=version - 1,
        model_version=1,
        as_of=from_micros(version),
        merged_into=into,
    )


def facts(message: Scores) -> Facts:
    """The message as it goes over the topic."""
    return facts_of(decode(to_json(message)))


def _facts(known: Known) -> JourneyFacts:
    days = sorted({moment.date() for moment in known.orders})
    gaps = [(after - before).days for before, after in pairwise(days)]
    return JourneyFacts(
        orders=len(known.orders),
        purchase_days=len(days),
        first_seen_at=START,
        last_seen_at=known.last_seen,
        last_order_at=max(known.orders, default=None),
        average_days_between_orders=sum(gaps) / len(gaps) if gaps else None,
        high_value=known.high_value,
        complaints=len(known.complaints),
        open_complaints=tuple(
            OpenComplaint(
                complaint_id=number,
                received_at=received_at,
                severity=severity,
                event_id=derived_id("complaint", number),
            )
            for number, received_at, severity in sorted(known.complaints)
            if number not in known.handled
        ),
        conflicts=tuple(
            Conflict(
                kinds=("user_id", "email"), reason=reason, event_id=derived_id("link", name), at=at
            )
            for name, at, reason in sorted(known.refused)
        ),
    )


def _churn(known: Known) -> Churn | None:
    """Whoever ordered on more days is given more time, as BG/NBD does in its way."""
    if known.model == 0 or not known.orders:
        return None
    patience = known.patience * (1 + len({moment.date() for moment in known.orders}) / 4)
    last = max(known.orders)
    below = [
        AliveBelow(threshold=threshold, at=last + patience * days * DAY)
        for threshold, days in DAYS_UNTIL_BELOW.items()
    ]
    return Churn(p_alive=0.5, churn_probability=0.5, basis="bg_nbd", alive_below=tuple(below))


@dataclass
class Life:
    """A customer over time: messages come, and between them every due moment is kept."""

    rules: Rules = RULES
    who: UUID = WHO
    state: State | None = None
    now_us: int = 0
    events: list[Event] = field(default_factory=list)
    holders: Holders = field(default_factory=Holders)

    def hear(self, message: Scores, at: datetime) -> list[Event]:
        """A message arrives; what time alone did before it comes first."""
        self.wait_until(at)
        return self._decide(facts(message))

    def wait_until(self, moment: datetime) -> list[Event]:
        """Let time pass, waking up only at due moments; what happened meanwhile."""
        told: list[Event] = []
        while self._has_due(micros(moment)):
            assert self.state is not None
            assert self.state.due_us > self.now_us, "a due moment lies in the past"
            self.now_us = self.state.due_us
            told += self._decide(None)
        self.now_us = max(self.now_us, micros(moment))
        return told

    def _has_due(self, until_us: int) -> bool:
        known = self.state
        return known is not None and not known.merged_into and 0 < known.due_us <= until_us

    def _decide(self, new: Facts | None) -> list[Event]:
        decided = decide_customer(self.who, self.state, new, self.now_us, self.rules, self.holders)
        self.state = decided.state
        self.events += decided.events
        return list(decided.events)

    @property
    def stage(self) -> Stage | None:
        return self.state.stage if self.state else None

    @property
    def transitions(self) -> list[LifecycleChanged]:
        return [event for event in self.events if isinstance(event, LifecycleChanged)]

    @property
    def alerts(self) -> list[Alert]:
        return [event for event in self.events if isinstance(event, Alert)]


def with_orders(*days: float, **also: object) -> Known:
    """A person who ordered on these days."""
    return replace(Known(orders=tuple(day(number) for number in days)), **also)  # type: ignore[arg-type]


def stages(events: Iterable[Event]) -> list[Stage]:
    """The stages entered, in order."""
    return [event.to_stage for event in events if isinstance(event, LifecycleChanged)]


def alert_states(events: Sequence[Event]) -> list[tuple[str, str]]:
    """(kind, raised or cleared), in order."""
    return [(event.kind, event.state) for event in events if isinstance(event, Alert)]
