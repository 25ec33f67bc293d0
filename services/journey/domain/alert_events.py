"""An alert that begins or ends, as an event whose id follows from its cause."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple
from uuid import UUID

from schemas.alert import Alert
from schemas.base import derived_id, from_micros
from schemas.lifecycle import Cause
from services.journey.domain.alerts import (
    SUGGESTED_ACTION,
    Finding,
    still_stands,
)
from services.journey.domain.customer import Conflict, KnownAlert, State
from services.journey.domain.holders import AlertName, Held, Holders, name_of_alert
from services.journey.domain.subjects import ABOUT, About, cause_of_subject, silence_of


class Scene(NamedTuple):
    """Who, where and when: what every event of one decision shares.

    `oldest_us`: what began before is recorded, not sent. `holders` learn what is told.
    """

    workspace: str
    profile_id: UUID
    now_us: int
    scores_version: int
    profile_version: int
    holders: Holders
    revision: int = 0
    oldest_us: int = 0


def alert_id(scene: Scene, alert: KnownAlert) -> UUID:
    """One id for one cause. A complaint's alert does not name the profile, so a merge doubles none.

    A churn risk is one for each silence, and another one where an order went away that had ended
    it (revision). A refused link has one for each of its people: it stays with both. What was
    withdrawn and is raised again is another alert.
    """
    about: tuple[object, ...]
    match ABOUT[alert.kind]:
        case About.SILENCE:
            about = (scene.profile_id, silence_of(alert.subject), alert.revision)
        case About.COMPLAINT:
            about = (UUID(bytes=alert.subject),)
        case About.CONFLICT:
            about = (scene.profile_id, UUID(bytes=alert.subject))
    return derived_id("alert", scene.workspace, alert.kind, *about, alert.times)


def name_of(scene: Scene, alert: KnownAlert) -> AlertName:
    """The name under which its holder is known."""
    return name_of_alert(scene.workspace, scene.profile_id.bytes, alert.kind, alert.subject)


def hold(scene: Scene, alert: KnownAlert, *, is_open: bool) -> None:
    """It is told of, or stands by newer facts: who knows of it only by older ones holds nothing."""
    if ABOUT[alert.kind] is not About.SILENCE:
        told = Held(
            scene.profile_id.bytes,
            scene.profile_version,
            alert.times,
            is_open,
            not alert.historic,
        )
        scene.holders.note(name_of(scene, alert), told)


def ours(scene: Scene, held: Held | None) -> bool:
    """Whether nobody else has told of it."""
    return held is None or held.holder == scene.profile_id.bytes


def raised(scene: Scene, alert: KnownAlert, finding: Finding) -> Alert:
    """The event of an alert that begins."""
    return _event(scene, alert, "raised", finding.from_us, _why(alert, finding))


def cleared(scene: Scene, alert: KnownAlert, cause: Cause) -> Alert:
    """The event of an alert that ends."""
    return _event(scene, alert, "cleared", scene.now_us, cause)


def why_cleared(alert: KnownAlert, customer: State) -> Cause:
    """An order or the handling ended it; else another estimate of the customer did."""
    event_id = cause_of_subject(alert.kind, alert.subject)
    if still_stands(alert, customer):
        detail = "withdrawn: the customer is seen differently now"
        return Cause(type="model", detail=detail, event_id=event_id)
    return Cause(type="event", detail=_ENDED[ABOUT[alert.kind]], event_id=event_id)


_ENDED: Final = {
    About.SILENCE: "there is another last order",
    About.COMPLAINT: "the complaint was handled",
    About.CONFLICT: "the identifiers are not in conflict any more",
}


def _why(alert: KnownAlert, finding: Finding) -> Cause:
    if finding.conflict is not None:
        return _why_refused(finding.conflict)
    if finding.complaint is None:
        last = from_micros(silence_of(alert.subject)).date()
        detail = f"no order since {last}: P(alive) fell below the threshold"
        return Cause(type="time", detail=detail)
    number, event_id = finding.complaint.complaint_id, UUID(bytes=alert.subject)
    if alert.kind == "complaint_overdue":
        return Cause(type="time", detail=f"complaint {number} not handled", event_id=event_id)
    return Cause(type="event", detail=f"complaint {number} was received", event_id=event_id)


def _why_refused(conflict: Conflict) -> Cause:
    detail = f"{' and '.join(conflict.kinds)} were linked, and the link was refused"
    because = _REFUSED.get(conflict.reason, conflict.reason)
    return Cause(
        type="event", detail=f"{detail}: {because}", event_id=UUID(bytes=conflict.event_id)
    )


_REFUSED: Final = {
    "limit": "one person would have too many of a kind",
    "public_key": "a public key may not join two known people",
}


def _event(
    scene: Scene,
    alert: KnownAlert,
    state: Literal["raised", "cleared"],
    at_us: int,
    cause: Cause,
) -> Alert:
    name = alert_id(scene, alert)
    hold(scene, alert, is_open=state == "raised")
    return Alert(
        workspace=scene.workspace,
        profile_id=scene.profile_id,
        event_id=derived_id(name, state),
        alert_id=name,
        kind=alert.kind,
        state=state,
        severity=alert.severity,
        at=from_micros(at_us),
        decided_at=from_micros(scene.now_us),
        cause=cause,
        suggested_action=SUGGESTED_ACTION[alert.kind],
        scores_version=scene.scores_version,
        historic=alert.historic,
    )
