"""Which webhooks were due, by the published topics; and which of them only the clock made due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from services.cli.demo.drain import DELIVERED, Place, values_from
from services.common.settings import Settings


class Told(msgspec.Struct, frozen=True):
    """What decides whether an event is sent: once by its id, and not if it is historic."""

    event_id: str
    historic: bool = False
    at: datetime | None = None
    requested_at: datetime | None = None
    state: str = ""
    alert_id: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """Ids of the events that must reach the endpoint.

    `by_clock`: those of moments that passed while the run lasted (a silence grew too long), and
    the end of such alerts. Another run, at another time of day, has others.
    """

    ids: frozenset[str]
    by_clock: frozenset[str]


def deliveries_due(settings: Settings, ends: Mapping[Place, int], began: datetime) -> Due:
    """Read from the published topics. KafkaException when one can not be read."""
    decode = msgspec.json.Decoder(Told).decode
    starts = {place: 0 for place, end in ends.items() if end and place[0] in DELIVERED}
    return due_of(map(decode, values_from(settings, starts)), began)


def due_of(events: Iterable[Told], began: datetime) -> Due:
    """Of all that was told, what was due; the run began at `began` (with a time zone)."""
    told = [one for one in events if not one.historic]
    passed = [one for one in told if one.state != "cleared" and _passed(one, began)]
    alerts = {one.alert_id for one in passed if one.alert_id}
    ended = [one for one in told if one.state == "cleared" and one.alert_id in alerts]
    return Due(
        frozenset(one.event_id for one in told),
        frozenset(one.event_id for one in (*passed, *ended)),
    )


def _passed(told: Told, began: datetime) -> bool:
    moment = told.at or told.requested_at
    return moment is not None and moment >= began
