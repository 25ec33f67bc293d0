"""What each topic becomes in ClickHouse: one module for a message type, rows as the result."""

from __future__ import annotations

from typing import Final

from schemas import topics
from services.scoring.rows import (
    accounts,
    actions,
    alerts,
    audit,
    dead_letters,
    lifecycle,
    models,
    profiles,
    scores,
    touchpoints,
    violations,
)
from services.scoring.rows.table import Processor, Row, Rows, Table

PROCESSORS: Final[dict[str, Processor]] = {
    topics.RESOLVED.name: touchpoints.rows,
    topics.PROFILES.name: profiles.rows,
    topics.ACCOUNTS.name: accounts.rows,
    topics.SCORES.name: scores.rows,
    topics.MODELS.name: models.rows,
    topics.LIFECYCLE.name: lifecycle.rows,
    topics.ALERTS.name: alerts.rows,
    topics.ACTIONS.name: actions.rows,
    topics.DEAD_LETTERS.name: dead_letters.rows,
    topics.HANDLED.name: dead_letters.handled,
    topics.VIOLATIONS.name: violations.rows,
    topics.AUDIT.name: audit.rows,
}

#: In the order of insertion. A profile comes before its redirect, which is read against it.
TABLES: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        touchpoints.TABLE,
        profiles.PROFILES,
        profiles.IDENTIFIER_ROWS,
        profiles.REDIRECTS,
        profiles.ERASED,
        accounts.TABLE,
        scores.TABLE,
        models.TABLE,
        lifecycle.TABLE,
        alerts.TABLE,
        actions.TABLE,
        dead_letters.TABLE,
        dead_letters.HANDLED,
        violations.TABLE,
        audit.TABLE,
    )
}

__all__ = ["PROCESSORS", "TABLES", "Processor", "Row", "Rows", "Table"]
