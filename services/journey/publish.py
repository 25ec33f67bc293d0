"""Decided events as records to publish: the topic of each kind, CloudEvents headers, JSON."""

from __future__ import annotations

from typing import Final

from schemas import topics
from schemas.action import ActionRequested
from schemas.alert import Alert
from schemas.base import to_json
from schemas.cloudevents import rfc3339_bytes, source_of
from schemas.lifecycle import LifecycleChanged
from services.common.batch import Output
from services.journey import metrics
from services.journey.domain.decide import Event

TOPIC_OF: Final[dict[type[Event], str]] = {
    LifecycleChanged: topics.LIFECYCLE.name,
    Alert: topics.ALERTS.name,
    ActionRequested: topics.ACTIONS.name,
}


def output_of(event: Event) -> Output:
    """The record of one event; `ce_time` is when it was decided."""
    profile_id = str(event.profile_id).encode()
    decided_at = event.requested_at if isinstance(event, ActionRequested) else event.decided_at
    return Output(
        TOPIC_OF[type(event)],
        profile_id,
        to_json(event),
        event_id=str(event.event_id).encode(),
        source=source_of(event.workspace),
        time=rfc3339_bytes(decided_at),
        subject=profile_id,
        historic=event.historic,
    )


def count(event: Event) -> None:
    """The event in the metrics."""
    if isinstance(event, LifecycleChanged):
        metrics.TRANSITIONS.labels(event.to_stage).inc()
    elif isinstance(event, Alert):
        metrics.ALERTS.labels(event.kind, event.state).inc()
    else:
        metrics.ACTIONS.labels(event.action).inc()
