"""(state, scores, now) → (state, lifecycle.changed, alerts.raised, actions.requested).

Pure, but for the holders of alerts, who are asked and told.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from schemas.action import ActionRequested
from schemas.alert import Alert
from schemas.lifecycle import LifecycleChanged, Stage
from services.journey.domain.alert_events import Scene
from services.journey.domain.customer import NEVER, Facts, State, same_basis
from services.journey.domain.holders import Holders
from services.journey.domain.lifecycle import next_stage_moment, stage_after, stage_of, standing
from services.journey.domain.merges import come_back, erased, merged, still_ours
from services.journey.domain.moments import moments_of
from services.journey.domain.raising import alerted
from services.journey.domain.rules import Rules
from services.journey.domain.transitions import cause_of, entered, remained, transition

Event = LifecycleChanged | Alert | ActionRequested

#: Places in a State.
STAGE, ORDERS, DUE_US, ENDED_US, ALERTS, TIMED_US = map(
    State._fields.index, ("stage", "orders", "due_us", "ended_us", "alerts", "timed_us")
)
#: From here on, what was learned last is kept.
assert State._fields[TIMED_US:] == ("timed_us", "conflicts", "consents")


class Decided(NamedTuple):
    """The state to keep (None: nothing is known yet) and what to publish, in this order."""

    state: State | None
    events: tuple[Event, ...] = ()


def decide_customer(
    profile_id: UUID,
    state: State | None,
    facts: Facts | None,
    now_us: int,
    rules: Rules,
    holders: Holders,
) -> Decided:
    """One customer, by a new message (`facts`) or by time alone (None).

    A message that is not newer than the state says nothing. The state does not depend on the
    order, number or batching of the messages, only on the newest one and on now; one exception
    is meant: a new *model* does not move a customer who is near the edge (hysteresis). What is
    said on the way does depend on each of them: `history` gives all, each with its own time.
    """
    if facts is None or (state is not None and facts.version <= state.scores_version):
        return _by_time(profile_id, state, now_us, rules, holders)
    if facts.merged_into == profile_id.bytes:
        return Decided(erased(profile_id, state, facts))
    if facts.merged_into:
        return Decided(*merged(profile_id, state, facts, now_us, rules, holders))
    before = None if state is None or state.merged_into else state
    known = _learned(before, facts, now_us, rules)
    if before is not None and _only_newer(before, known, now_us):
        # the most frequent case by far: a visit
        return Decided(State._make((*known[:STAGE], *before[STAGE:TIMED_US], *known[TIMED_US:])))
    if state is not None and state.merged_into:
        known = come_back(state, known)
    oldest_us = _oldest_told(before, facts, now_us, rules)
    return _settled(profile_id, before, known, now_us, oldest_us, rules, holders)


def _oldest_told(before: State | None, facts: Facts, now_us: int, rules: Rules) -> int:
    """What began before this moment is recorded, not sent: everything, when the news are old.

    The pieces of an imported history say in whatever order they come who is lost and who came
    back; nobody is to act on that, nor on what a rebuild of profiles finds: also where an event
    came upon it, and the rebuild's own word comes later or never. Then what began since the
    rebuild is the event's. What time or a new model says of the same facts is sent.
    """
    oldest_us = now_us - rules.effects_max_age_us
    known = before.profile_version if before is not None else -1
    if facts.profile_version > known and (facts.rebuilt or 0 < facts.last_seen_us < oldest_us):
        return NEVER
    return max(oldest_us, facts.rebuilt_us) if facts.rebuilt_us > known else oldest_us


def _only_newer(before: State, known: State, now_us: int) -> bool:
    """Whether all that decides is as it was decided on, and nothing has become due since.

    An open alert could stand longer than to this moment: those are followed.
    """
    return (
        not any(alert.open for alert in before.alerts)
        and known.stage is before.stage
        and known[ORDERS:DUE_US] == before[ORDERS:DUE_US]
        and known[ENDED_US:ALERTS] == before[ENDED_US:ALERTS]
        and known.conflicts == before.conflicts
        and (before.due_us == 0 or now_us < before.due_us)
    )


def _by_time(
    profile_id: UUID, state: State | None, now_us: int, rules: Rules, holders: Holders
) -> Decided:
    if state is None or state.merged_into:
        return Decided(state)
    known = state._replace(stage=stage_after(state, now_us))
    oldest_us = now_us - rules.effects_max_age_us
    return _settled(profile_id, state, known, now_us, oldest_us, rules, holders)


def _learned(before: State | None, facts: Facts, now_us: int, rules: Rules) -> State:
    """The state with new facts and the stage that follows from them now."""
    moments = moments_of(facts, rules)
    modelled = facts.alive_below is not None
    kept = _kept(before, facts, modelled)
    return State(
        scores_version=facts.version,
        profile_version=facts.profile_version,
        stage=stage_of(standing(facts.orders, moments, now_us, rules), kept),
        since_us=facts.first_seen_us or facts.as_of_us,
        orders=facts.orders,
        purchase_days=facts.purchase_days,
        last_order_us=facts.last_order_us,
        gap_days=facts.gap_days,
        high_value=facts.high_value,
        modelled=modelled,
        dormant_us=moments.dormant_us,
        lost_us=moments.lost_us,
        churn_us=moments.churn_us,
        ended_us=before.ended_us if before is not None else 0,
        revision=before.revision if before is not None else 0,
        complaints_received=facts.complaints_received,
        complaints=facts.complaints,
        alerts=still_ours(before, facts) if before is not None else (),
        left_us=before.left_us if before is not None else 0,
        conflicts=facts.conflicts,
        consents=facts.consents,
    )


def _kept(before: State | None, facts: Facts, modelled: bool) -> Stage:
    """The stage that gets its weaker condition: only a model against a model is a close call.

    With another basis the customer is judged as one who has just ordered, so that late and
    shuffled events end in the same stage.
    """
    if before is not None and before.modelled and modelled and same_basis(before, facts):
        return before.stage
    return Stage.POTENTIAL


def _settled(
    profile_id: UUID,
    before: State | None,
    known: State,
    now_us: int,
    oldest_us: int,
    rules: Rules,
    holders: Holders,
) -> Decided:
    """The transition, the alerts that begin and end, and when time has to look again."""
    events: list[Event] = []
    if before is None or before.stage is not known.stage:
        cause = cause_of(before, known)
        known = entered(before, known, now_us, oldest_us)
        events.append(transition(profile_id, before, known, now_us, cause, rules))
    else:
        known = remained(before, known, now_us, oldest_us)
    scene = Scene(
        rules.workspace,
        profile_id,
        now_us,
        known.scores_version,
        known.profile_version,
        holders,
        known.revision,
        oldest_us,
    )
    known, told, next_alert_us = alerted(scene, known, rules)
    due_us = min(next_stage_moment(known, now_us), next_alert_us)
    return Decided(known._replace(due_us=due_us if due_us < NEVER else 0), (*events, *told))
