"""CloudEvents 1.0 attributes as Kafka headers (binary mode), so that any consumer can read values.

Source: CloudEvents Kafka protocol binding 1.0.2, section 3.2.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec

Header = tuple[str, bytes]

#: Extension attribute of effects that are recorded and sent to nobody: no need to read the value.
HISTORIC: Final[Header] = ("ce_historic", b"true")

TYPES: Final = {
    "touchpoints.accepted": "rapport.touchpoint.accepted",
    "touchpoints.resolved": "rapport.touchpoint.resolved",
    "profiles.changed": "rapport.profile.changed",
    "accounts.changed": "rapport.account.changed",
    "scores.changed": "rapport.scores.changed",
    "models": "rapport.model.published",
    "lifecycle.changed": "rapport.lifecycle.changed",
    "alerts.raised": "rapport.alert.raised",
    "actions.requested": "rapport.action.requested",
    "dead_letters": "rapport.dead_letter",
    "dead_letters.handled": "rapport.dead_letter.handled",
    "violations": "rapport.plan.violated",
    "suppressions": "rapport.suppression.changed",
    "audit": "rapport.audit.recorded",
    "erasures": "rapport.erasure.changed",
}


_encode = msgspec.json.Encoder().encode
_WITH_MICROS: Final = len("2026-01-02T03:04:05.123456Z")

_VERSION: Final[Header] = ("ce_specversion", b"1.0")
_CONTENT: Final[Header] = ("content-type", b"application/json")
_TYPE: Final[dict[str, Header]] = {
    topic: ("ce_type", name.encode()) for topic, name in TYPES.items()
}


def headers(
    topic: str, *, event_id: bytes, source: bytes, time: bytes, subject: bytes
) -> list[Header]:
    """The binary-mode headers of one published record; `time` is RFC 3339."""
    return [
        _VERSION,
        ("ce_id", event_id),
        _TYPE[topic],
        ("ce_source", source),
        ("ce_time", time),
        ("ce_subject", subject),
        _CONTENT,
    ]


@lru_cache(1_024)  # bounded: a dead letter's workspace is what a sender wrote
def source_of(workspace: str) -> bytes:
    """The `source` of what concerns a workspace."""
    return b"rapport/" + workspace.encode()


def workspace_of(source: bytes) -> str:
    """The workspace that a `source` names."""
    return source.decode().removeprefix("rapport/")


def rfc3339(moment: datetime) -> str:
    """A UTC moment as text with microseconds and Z, the one spelling used on topics."""
    return rfc3339_bytes(moment).decode()


def rfc3339_bytes(moment: datetime) -> bytes:
    """The same as bytes. msgspec takes a tenth of isoformat's time, but leaves out zeros."""
    spelled = _encode(moment)[1:-1]
    return spelled if len(spelled) == _WITH_MICROS else spelled[:19] + b".000000Z"
