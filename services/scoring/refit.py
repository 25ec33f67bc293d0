"""A model fitted on what ClickHouse holds of a workspace, and its publication on `models`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from schemas import topics
from schemas.base import derived_id, micros, to_json
from schemas.cloudevents import rfc3339_bytes, source_of
from schemas.model import Model
from services.common.batch import Output
from services.common.kafka_publisher import PlainPublisher
from services.common.workspace import Workspace
from services.scoring.domain.arrays import DAY_US
from services.scoring.domain.fit import Publication
from services.scoring.domain.purchases import Purchases, by_day
from services.scoring.purchases import purchases_of


def known_purchases(client: Any, workspace: Workspace) -> Purchases:
    """The purchases of a workspace in its own currency, by day."""
    return by_day(*purchases_of(client, workspace.name, workspace.currency))


def publication(workspace: Workspace, now: datetime) -> Publication:
    """What a model of this workspace that is fitted now is called."""
    return Publication(workspace.name, micros(now), now, workspace.currency)


def day_at(now: datetime) -> int:
    """Days since 1970 (UTC)."""
    return micros(now) // DAY_US


def publish(publisher: PlainPublisher, model: Model) -> None:
    """Put a model on the topic; returns when Kafka has it. PublishFailed when it has not."""
    key = model.workspace.encode()
    output = Output(
        topics.MODELS.name,
        key,
        to_json(model),
        event_id=str(derived_id("model", model.workspace, model.version)).encode(),
        source=source_of(model.workspace),
        time=rfc3339_bytes(model.fitted_at),
        subject=key,
    )
    publisher.publish([output], {}, None)
