"""The map: every topic, what it carries, who writes it, who reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it is created. `retention_ms` None means: compacted, kept by key.

    `segment_ms`: so long a file is written to before the next one. Kafka drops and compacts whole
    files that are closed, so that it bounds how long a record outlives its retention.
    """

    name: str
    key: str
    value: str
    cleanup: Literal["delete", "compact"]
    retention_ms: int | None
    written_by: str
    read_by: str
    segment_ms: int = DAY_MS

    def config(self) -> dict[str, str]:
        """The broker's settings for this topic."""
        segment = {"segment.ms": str(self.segment_ms)}
        if self.retention_ms is None:
            return segment | {
                "cleanup.policy": "compact",
                "min.compaction.lag.ms": "60000",
                "max.compaction.lag.ms": str(DAY_MS),
            }
        return segment | {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(self.retention_ms),
        }


def _kept(days: int) -> tuple[Literal["delete"], int]:
    return "delete", days * DAY_MS


INBOUND = Topic(
    "touchpoints.inbound",
    "any",
    "Segment-shaped JSON, CloudEvents or Debezium's changes",
    *_kept(7),
    "others, rapport dead-letters",
    "ingest",
)
ACCEPTED = Topic(
    "touchpoints.accepted", "routing key", "Touchpoint", *_kept(30), "ingest", "profile"
)
RESOLVED = Topic(
    "touchpoints.resolved",
    "profile id",
    "ResolvedTouchpoint",
    *_kept(7),
    "profile",
    "scoring columns, others",
)
PROFILES = Topic(
    "profiles.changed",
    "profile id",
    "Profile",
    "compact",
    None,
    "profile",
    "scoring, profile accounts, others",
)
ACCOUNTS = Topic(
    "accounts.changed",
    "account profile id",
    "Account",
    "compact",
    None,
    "profile accounts",
    "scoring columns, others",
)
SCORES = Topic(
    "scores.changed",
    "profile id",
    "Scores",
    "compact",
    None,
    "scoring score",
    "journey decide, scoring columns, others",
)
MODELS = Topic("models", "workspace", "Model", "compact", None, "rapport fit", "scoring score")
LIFECYCLE = Topic(
    "lifecycle.changed",
    "profile id",
    "LifecycleChanged",
    *_kept(30),
    "journey decide",
    "journey deliver, scoring columns, others",
)
ALERTS = Topic(
    "alerts.raised",
    "profile id",
    "Alert",
    *_kept(30),
    "journey decide",
    "journey deliver, scoring columns, others",
)
ACTIONS = Topic(
    "actions.requested",
    "profile id",
    "ActionRequested",
    *_kept(30),
    "journey decide",
    "journey deliver, scoring columns, others",
)
DEAD_LETTERS = Topic(
    "dead_letters", "source topic", "DeadLetter", *_kept(30), "all", "scoring columns, others"
)
HANDLED = Topic(
    "dead_letters.handled",
    "letter id",
    "LetterHandled",
    *_kept(30),
    "rapport dead-letters",
    "scoring columns, others",
)
VIOLATIONS = Topic(
    "violations", "source", "Violation", *_kept(30), "ingest", "scoring columns, others"
)

SUPPRESSIONS = Topic(
    "suppressions",
    "keyed hash",
    "Suppression",
    "compact",
    None,
    "rapport suppress",
    "ingest, rapport import, rapport dead-letters",
)

AUDIT = Topic(
    "audit",
    "writer",
    "AuditRecord",
    *_kept(1_826),
    "all that reads or changes personal data",
    "rapport audit, scoring columns",
    segment_ms=30 * DAY_MS,
)
ERASURES = Topic(
    "erasures", "erasure id", "Erasure", "compact", None, "rapport erase", "rapport erase"
)

TOPICS: Final[tuple[Topic, ...]] = (
    INBOUND,
    ACCEPTED,
    RESOLVED,
    PROFILES,
    ACCOUNTS,
    SCORES,
    MODELS,
    LIFECYCLE,
    ALERTS,
    ACTIONS,
    DEAD_LETTERS,
    HANDLED,
    VIOLATIONS,
    SUPPRESSIONS,
    AUDIT,
    ERASURES,
)
