"""What becomes of alerts when profiles join or part: they move with their causes.

A complaint's alert has the same id whoever holds it, so who has the complaint now raises it by its
own facts and consumers see a duplicate. Who had it waits a while, then clears what nobody took
over (a complaint handled at the same time). The lost profile of a merge waits as a tombstone: it
refuses late scores and stays, so that who comes back, however late, is told of under ids that
were never used before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal
from uuid import UUID

from schemas.alert import Alert
from schemas.lifecycle import Cause
from services.journey.domain.alert_events import Scene, cleared, name_of, ours
from services.journey.domain.customer import Facts, KnownAlert, State
from services.journey.domain.holders import Holders
from services.journey.domain.rules import Rules
from services.journey.domain.subjects import ABOUT, About

#: How long the survivor's scores may take to arrive before an alert counts as not taken over.
HANDOVER_US = 30_000_000
#: How long the survivor may take at all; then the tombstone waits for nobody.
TOMBSTONE_US = 60_000_000
#: How long an alert waits whose complaint left for a customer who is not known.
LEFT_US = TOMBSTONE_US


def merged(
    profile_id: UUID, state: State | None, facts: Facts, now_us: int, rules: Rules, holders: Holders
) -> tuple[State, tuple[Alert, ...]]:
    """The tombstone, and the end of the alerts that were about the lost profile itself."""
    known = state.alerts if state is not None else ()
    moving = [alert._replace(open=True, left=False) for alert in known if _moves(alert)]
    ending = [alert for alert in known if alert.open and not _of_complaint(alert)]
    scene = Scene(
        rules.workspace, profile_id, now_us, facts.version, facts.profile_version, holders
    )
    cause = Cause(type="merge", detail="the profile joined another one")
    ended = tuple(cleared(scene, alert, cause) for alert in ending)
    over = _closed(alert for alert in known if not _of_complaint(alert))
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


def erased(profile_id: UUID, state: State | None, facts: Facts) -> State:
    """What is left of somebody who was erased: versions, so that late scores do not bring them
    back, and the revision, so that who comes anew is told of under ids of their own. Nobody is
    told of the erased, not even that their alerts are over."""
    return State(
        facts.version,
        facts.profile_version,
        revision=state.revision if state is not None else 0,
        merged_into=profile_id.bytes,
    )


def handed_over(
    profile_id: UUID,
    tombstone: State,
    survivor: State | None,
    now_us: int,
    rules: Rules,
    holders: Holders,
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
    # as of the merge, not of this look: it may be another moment when it is decided again
    scene = _scene(profile_id, tombstone, tombstone.profile_version, rules, holders)
    events = _let_go(scene, waiting, "merge", "the profile joined another one")
    kept = tuple(alert for alert in tombstone.alerts if not alert.open)
    settled = tombstone._replace(alerts=kept)
    return (_at_rest(settled) if last else _with_due(settled, now_us)), events


def settled(
    profile_id: UUID, state: State, now_us: int, rules: Rules, holders: Holders
) -> tuple[State, tuple[Alert, ...]]:
    """The customer when what left has waited long enough: what nobody took over is cleared."""
    if not 0 < state.left_us <= now_us - LEFT_US:
        return state, ()
    scene = _scene(profile_id, state, state.left_us, rules, holders)
    waiting = [alert for alert in state.alerts if alert.left]
    events = _let_go(scene, waiting, "event", "the complaint is not open any more")
    kept = tuple(alert for alert in state.alerts if not alert.left)
    return state._replace(alerts=kept, left_us=0), events


def waiting_from(tombstone: State, now_us: int) -> State:
    """A new tombstone waits by the clock: its survivor may have to be read again as well."""
    return _with_due(tombstone._replace(merged_us=now_us), now_us)


def leaving_from(before: State | None, state: State, now_us: int) -> State:
    """What has just left waits by the clock: whoever has it may have to be read again as well."""
    left = [alert for alert in state.alerts if alert.left]
    known = before.alerts if before is not None else ()
    if all(alert in known for alert in left):
        return state._replace(left_us=state.left_us if left else 0)
    return state._replace(left_us=now_us)


def come_back(tombstone: State, known: State) -> State:
    """Scores of a profile that had joined another: what ended with it is not said to end again."""
    here = {complaint.event_id for complaint in known.complaints}
    alerts = tuple(_here_or_left(alert, here) for alert in tombstone.alerts)
    return known._replace(revision=tombstone.revision + 1, alerts=alerts)


def still_ours(state: State, facts: Facts) -> tuple[KnownAlert, ...]:
    """The alerts of a profile; those of complaints that left with a part of it have left as well.

    When people turn out to be two, received complaints become fewer. Whoever has them now raises
    their alerts under the same ids, so to clear them here would close them for good. They also
    become fewer for a moment when Redis has lost the end of its log.
    """
    if facts.complaints_received >= state.complaints_received:
        return state.alerts
    here = {complaint.event_id for complaint in facts.complaints}
    return tuple(_here_or_left(alert, here) for alert in state.alerts)


def _here_or_left(alert: KnownAlert, complaints: Collection[bytes]) -> KnownAlert:
    if not _moves(alert) or alert.subject in complaints:
        return alert
    return alert._replace(open=False, left=True)


def _let_go(
    scene: Scene, waiting: Iterable[KnownAlert], cause: Literal["event", "merge"], detail: str
) -> tuple[Alert, ...]:
    """The end of the alerts that nobody else told of."""
    return tuple(
        cleared(scene, alert, Cause(type=cause, detail=detail, event_id=UUID(bytes=alert.subject)))
        for alert in waiting
        if ours(scene, scene.holders.of(name_of(scene, alert)))
    )


def _scene(profile_id: UUID, state: State, at_us: int, rules: Rules, holders: Holders) -> Scene:
    return Scene(
        rules.workspace, profile_id, at_us, state.scores_version, state.profile_version, holders
    )


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
    return (alert.open or alert.left) and _of_complaint(alert)


def _of_complaint(alert: KnownAlert) -> bool:
    return ABOUT[alert.kind] is About.COMPLAINT
