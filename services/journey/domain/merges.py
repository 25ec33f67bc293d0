"""What becomes of alerts when profiles join or part: they move with their causes.

A complaint's alert has the same id whoever holds it, so the survivor raises it by its own facts
and consumers see a duplicate. The lost profile leaves a tombstone: it refuses late scores, after
a while clears what the survivor did not take over (a complaint handled at the same time), and
stays, so that who comes back, however late, is told of under ids that were never used before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from schemas.alert import Alert
from schemas.lifecycle import Cause
from services.journey.domain.alert_events import Scene, cleared
from services.journey.domain.alerts import about_complaint
from services.journey.domain.customer import Facts, KnownAlert, State
from services.journey.domain.rules import Rules

#: How long the survivor's scores may take to arrive before an alert counts as not taken over.
HANDOVER_US = 30_000_000
#: How long the survivor may take at all; then the tombstone waits for nobody.
TOMBSTONE_US = 60_000_000


def merged(
    profile_id: UUID, state: State | None, facts: Facts, now_us: int, rules: Rules
) -> tuple[State, tuple[Alert, ...]]:
    """The tombstone, and the end of the alerts that were about the lost profile itself."""
    opened = [alert for alert in state.alerts if alert.open] if state is not None else []
    moving = tuple(alert for alert in opened if _moves(alert))
    scene = Scene(rules.workspace, profile_id, now_us, facts.version)
    ended = tuple(_cleared(scene, alert) for alert in opened if not _moves(alert))
    over = _closed(alert for alert in state.alerts if alert not in moving) if state else ()
    since_us = state.merged_us if state is not None and state.merged_into else now_us
    tombstone = State(
        facts.version,
        facts.profile_version,
        revision=state.revision if state is not None else 0,
        alerts=(*moving, *over),
        merged_into=facts.merged_into,
        merged_us=since_us,
    )
    return _with_due(tombstone, now_us), ended


def handed_over(
    profile_id: UUID, tombstone: State, survivor: State | None, now_us: int, rules: Rules
) -> tuple[State, tuple[Alert, ...]]:
    """The tombstone when its time has come: settle with the survivor, later rest."""
    last = now_us >= tombstone.merged_us + TOMBSTONE_US
    waiting = [alert for alert in tombstone.alerts if alert.open]
    if not waiting:
        return (_at_rest(tombstone) if last else _with_due(tombstone, now_us)), ()
    if survivor is not None and survivor.merged_into:
        tombstone = tombstone._replace(merged_into=survivor.merged_into)
        survivor = None
    if not last and (survivor is None or survivor.profile_version < tombstone.profile_version):
        return _with_due(tombstone, now_us), ()
    taken = set(map(_named, survivor.alerts)) if survivor is not None else set()
    # as of the merge, not of this look: it may be another moment when it is decided again
    scene = Scene(rules.workspace, profile_id, tombstone.profile_version, tombstone.scores_version)
    left = [alert for alert in waiting if _named(alert) not in taken]
    events = tuple(_cleared(scene, alert) for alert in left)
    over = _closed(alert for alert in tombstone.alerts if not alert.open or alert in left)
    settled = tombstone._replace(alerts=over)
    return (_at_rest(settled) if last else _with_due(settled, now_us)), events


def waiting_from(tombstone: State, now_us: int) -> State:
    """A new tombstone waits by the clock: its survivor may have to be read again as well."""
    return _with_due(tombstone._replace(merged_us=now_us), now_us)


def come_back(tombstone: State, known: State) -> State:
    """Scores of a profile that had joined another: what ended with it is not said to end again."""
    here = {complaint.event_id for complaint in known.complaints}
    alerts = tuple(one for one in tombstone.alerts if _stays(one, here))
    return known._replace(revision=tombstone.revision + 1, alerts=alerts)


def still_ours(state: State, facts: Facts) -> tuple[KnownAlert, ...]:
    """The alerts of a profile, without those of complaints that left with a part of it.

    When people turn out to be two, received complaints become fewer. Whoever has them now raises
    their alerts under the same ids, so to clear them here would close them for good.
    """
    if facts.complaints_received >= state.complaints_received:
        return state.alerts
    here = {complaint.event_id for complaint in facts.complaints}
    return tuple(one for one in state.alerts if _stays(one, here))


def _stays(alert: KnownAlert, complaints: Collection[bytes]) -> bool:
    return not (alert.open and _moves(alert)) or alert.subject in complaints


def _with_due(tombstone: State, now_us: int) -> State:
    end_us = tombstone.merged_us + TOMBSTONE_US
    waiting = any(alert.open for alert in tombstone.alerts)
    due_us = min(now_us + HANDOVER_US, end_us) if waiting else end_us
    return tombstone._replace(due_us=max(due_us, now_us + 1))


def _at_rest(tombstone: State) -> State:
    return tombstone._replace(due_us=0)


def _closed(alerts: Iterable[KnownAlert]) -> tuple[KnownAlert, ...]:
    return tuple(alert._replace(open=False) for alert in alerts)


def _moves(alert: KnownAlert) -> bool:
    return about_complaint(alert.subject)


def _cleared(scene: Scene, alert: KnownAlert) -> Alert:
    event_id = UUID(bytes=alert.subject) if _moves(alert) else None
    cause = Cause(type="merge", detail="the profile joined another one", event_id=event_id)
    return cleared(scene, alert, cause)


def _named(alert: KnownAlert) -> tuple[str, bytes, int]:
    return alert.kind, alert.subject, alert.times
