"""Raises and clears until exactly the findings that hold now are open."""

from __future__ import annotations

from schemas.action import ActionRequested
from schemas.alert import Alert, AlertKind
from services.journey.domain.actions import action_for
from services.journey.domain.alert_events import (
    Scene,
    cleared,
    hold,
    name_of,
    ours,
    raised,
    why_cleared,
)
from services.journey.domain.alerts import Finding, found, still_stands
from services.journey.domain.customer import KnownAlert, State
from services.journey.domain.rules import Rules
from services.journey.domain.subjects import ABOUT, About

Told = list[Alert | ActionRequested]


def alerted(scene: Scene, known: State, rules: Rules) -> tuple[State, Told, int]:
    """The state with its alerts, what to tell of them, and the moment of the next one (µs)."""
    holding, next_us = found(known, scene.now_us, rules)
    if not holding and not known.alerts:
        return known, [], next_us
    told: Told = []
    alerts: list[KnownAlert] = []
    for alert in known.alerts:
        finding = holding.pop((alert.kind, alert.subject), None)
        after = _followed(scene, alert, finding, told)
        if alert.open and not after.open and ours(scene, scene.holders.of(name_of(scene, alert))):
            told.append(cleared(scene, after, why_cleared(after, known)))
        if after.open or after.left or still_stands(after, known):
            alerts.append(after)
    for (kind, _), finding in holding.items():
        alerts.append(_begun(scene, kind, finding, told))
    return known._replace(alerts=tuple(alerts)), told, next_us


def _followed(scene: Scene, alert: KnownAlert, finding: Finding | None, told: Told) -> KnownAlert:
    """An alert that was raised before: as it is, closed, or raised again as another one."""
    if finding is None:
        return alert._replace(open=False) if alert.open else alert
    if (alert.open or alert.left) and _stands(scene, alert):
        hold(scene, alert, is_open=True)
        return alert._replace(open=True, left=False)
    # one that was withdrawn must not be raised under its closed id; one that is open may be
    times = alert.times if alert.open or alert.left else alert.times + 1
    return _begun(scene, alert.kind, finding, told, times=times)


def _stands(scene: Scene, alert: KnownAlert) -> bool:
    """Whether it is open under this id, and nobody who knew less of the complaint told of it."""
    if ABOUT[alert.kind] is About.SILENCE:
        return True
    held = scene.holders.of(name_of(scene, alert))
    if held is None or held.profile_version > scene.profile_version:
        return True
    return ours(scene, held) and held.open and held.times == alert.times


def _begun(
    scene: Scene,
    kind: AlertKind,
    finding: Finding,
    told: Told,
    *,
    times: int = 1,
) -> KnownAlert:
    """A new alert, or one that another customer held; unless it is history, somebody is to act."""
    historic = finding.from_us < scene.oldest_us
    revision = scene.revision if ABOUT[kind] is About.SILENCE else 0
    alert = KnownAlert(kind, finding.subject, finding.severity, historic, times, revision=revision)
    alert = alert._replace(times=_times(scene, alert))
    if historic and _was_sent(scene, alert):
        # whoever holds it open by another customer's word has to hear of its end from this one
        alert = alert._replace(historic=False)
    event = raised(scene, alert, finding)
    if not historic:
        told += (event, action_for(event, finding))
    else:
        told.append(event.model_copy(update={"historic": True}))
    return alert


def _was_sent(scene: Scene, alert: KnownAlert) -> bool:
    """Whether another customer told of it under this id, and that was sent."""
    held = scene.holders.of(name_of(scene, alert))
    return held is not None and held.open and held.times == alert.times and held.sent


def _times(scene: Scene, alert: KnownAlert) -> int:
    """The number under which it is raised: not one that was closed, whoever closed it."""
    held = scene.holders.of(name_of(scene, alert))
    if held is None:
        return alert.times
    if held.profile_version > scene.profile_version:
        return held.times  # the complaint went on to somebody, we only say late what we knew
    return max(alert.times, held.times if held.open else held.times + 1)
