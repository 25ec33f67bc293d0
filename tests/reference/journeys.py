"""Stage and open alerts as they must be in the end: slow, obvious, from the last scores alone.

Shares no code with services/journey. For histories with one model version: a customer near the
edge when the *model* changes may rightly keep the old stage (hysteresis).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from schemas.lifecycle import Stage
from schemas.scores import Scores
from services.common.workspace import Workspace


@dataclass(frozen=True)
class ExpectedAlert:
    """An alert that must be open; `event`: of the complaint or the refused link it is about."""

    kind: str
    profile_id: UUID
    event: UUID | None = None


def newest_of(history: list[Scores]) -> dict[UUID, Scores]:
    """Profile -> its newest scores; profiles that joined another one are gone."""
    newest: dict[UUID, Scores] = {}
    for scores in history:
        known = newest.get(scores.profile_id)
        if known is None or scores.version > known.version:
            newest[scores.profile_id] = scores
    return {name: scores for name, scores in newest.items() if scores.merged_into is None}


def stage_of_final(scores: Scores, now: datetime, workspace: Workspace) -> Stage:
    """The stage of one customer who is known by these scores, at this moment."""
    rules, facts = workspace.lifecycle, scores.facts
    if facts.orders == 0:
        return Stage.POTENTIAL
    if _is_below(scores, rules.lost_enters, rules.silent_gaps_lost, now, workspace):
        return Stage.LOST
    if _is_below(scores, rules.dormant_enters, rules.silent_gaps_dormant, now, workspace):
        return Stage.DORMANT
    if facts.orders >= rules.mature_orders:
        return Stage.MATURE
    if facts.orders >= rules.growing_orders:
        return Stage.GROWING
    return Stage.NEW


def open_alerts_of_final(
    scores: Scores, now: datetime, workspace: Workspace
) -> frozenset[ExpectedAlert]:
    """The alerts that are open for one customer at this moment."""
    who, found = scores.profile_id, set()
    if _at_risk(scores, now, workspace):
        found.add(ExpectedAlert("churn_risk", who))
    for complaint in scores.facts.open_complaints:
        if scores.facts.high_value and now >= complaint.received_at:
            found.add(ExpectedAlert("high_value_complained", who, complaint.event_id))
        severity = min(max(complaint.severity, 1), 4)
        hours = workspace.alerts.complaint_hours_max.get(severity)
        if hours is not None and now >= complaint.received_at + timedelta(hours=hours):
            found.add(ExpectedAlert("complaint_overdue", who, complaint.event_id))
    for refused in scores.facts.conflicts:
        if refused.reason in ("limit", "public_key") and now >= refused.at:
            found.add(ExpectedAlert("identity_conflict", who, refused.event_id))
    return frozenset(found)


def _at_risk(scores: Scores, now: datetime, workspace: Workspace) -> bool:
    if scores.facts.orders == 0 or (scores.churn is None and scores.facts.orders < 2):
        return False
    gaps = workspace.lifecycle.silent_gaps_dormant
    return _is_below(scores, workspace.alerts.churn_alive_below, gaps, now, workspace)


def _is_below(
    scores: Scores, threshold: float, gaps: float, now: datetime, workspace: Workspace
) -> bool:
    """P(alive) below the threshold by the model; without one, silent for so many own gaps."""
    last = scores.facts.last_order_at
    if last is None:
        return False
    if scores.churn is not None:
        moments = [b.at for b in scores.churn.alive_below if b.threshold == threshold]
        return bool(moments) and now >= max(moments[0], last)
    own_days = scores.facts.average_days_between_orders or workspace.lifecycle.silent_days_default
    return now >= last + timedelta(days=gaps * own_days)
