"""CloudEvents 1.0 attributes as Kafka headers (binary mode), so that any consumer can read values.

Source: CloudEvents Kafka protocol binding 1.0.2, section 3.2.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

Headers = list[tuple[str, bytes]]

#: Extension attribute of effects that are recorded and sent to nobody: no need to read the value.
HISTORIC: Final = ("ce_historic", b"true")

TYPES: Final = {
    "touchpoints.accepted": "rapport.touchpoint.accepted",
    "touchpoints.resolved": "rapport.touchpoint.resolved",
    "profiles.changed": "rapport.profile.changed",
    "scores.changed": "rapport.scores.changed",
    "models": "rapport.model.published",
    "lifecycle.changed": "rapport.lifecycle.changed",
    "alerts.raised": "rapport.alert.raised",
    "actions.requested": "rapport.action.requested",
    "dead_letters": "rapport.dead_letter",
}


def headers(topic: str, *, event_id: str, time: str, workspace: str, subject: str) -> Headers:
    """The binary-mode headers of one published record; `time` is RFC 3339."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_type", TYPES[topic].encode()),
        ("ce_source", b"rapport/" + workspace.encode()),
        ("ce_time", time.encode()),
        ("ce_subject", subject.encode()),
        ("content-type", b"application/json"),
    ]


def rfc3339(moment: datetime) -> str:
    """A UTC moment as text with microseconds and Z, the one spelling used on topics."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
