"""Raises and clears until exactly the findings that hold now are open."""

from __future__ import annotations

from typing import Final

from schemas.action import ActionRequested
from schemas.alert import Alert, AlertKind
from services.journey.domain.actions import action_for
from services.journey.domain.alert_events import Scene, cleared, raised, why_cleared
from services.journey.domain.alerts import Finding, about_complaint, found, still_stands
from services.journey.domain.customer import KnownAlert, State
from services.journey.domain.rules import Rules

Told = list[Alert | ActionRequested]

#: So many alerts of handled complaints are remembered: for a tombstone that asks who took them
#: over, and since it is another alert if the complaint turns out to be open.
OVER_MAX: Final = 32


def alerted(scene: Scene, known: State, rules: Rules) -> tuple[State, Told, int]:
    """The state with its alerts, what to tell of them, and the moment of the next one (µs)."""
    holding, next_us = found(known, scene.now_us, rules)
    if not holding and not known.alerts:
        return known, [], next_us
    told: Told = []
    alerts: list[KnownAlert] = []
    over: list[KnownAlert] = []
    for alert in known.alerts:
        finding = holding.pop((alert.kind, alert.subject), None)
        after = _followed(scene, alert, finding, told)
        if after is not alert and not after.open:
            told.append(cleared(scene, after, why_cleared(after, known)))
        if after.open or still_stands(after.subject, known):
            alerts.append(after)
        elif about_complaint(after.subject):
            over.append(after)
    alerts = over[-OVER_MAX:] + alerts
    for (kind, _), finding in holding.items():
        alerts.append(_begun(scene, kind, finding, told))
    return known._replace(alerts=tuple(alerts)), told, next_us


def _followed(scene: Scene, alert: KnownAlert, finding: Finding | None, told: Told) -> KnownAlert:
    """An alert that was raised before: as it is, closed, or raised again as another one."""
    if finding is None:
        return alert._replace(open=False) if alert.open else alert
    if alert.open:
        return alert
    return _begun(scene, alert.kind, finding, told, times=alert.times + 1)


def _begun(
    scene: Scene,
    kind: AlertKind,
    finding: Finding,
    told: Told,
    *,
    times: int = 1,
) -> KnownAlert:
    """A new alert; unless it is history, somebody is asked to act on it."""
    historic = finding.from_us < scene.oldest_us
    revision = 0 if about_complaint(finding.subject) else scene.revision
    alert = KnownAlert(kind, finding.subject, finding.severity, historic, times, revision=revision)
    event = raised(scene, alert, finding)
    told.append(event)
    if not historic:
        told.append(action_for(event, finding))
    return alert
