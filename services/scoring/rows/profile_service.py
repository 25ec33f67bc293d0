"""The section `service` of a profile as columns."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
import pyarrow as pa

from services.scoring.rows.profile_sections import OpenTicket, Purse, purse
from services.scoring.rows.table import TEXT, TIME

COMPLAINTS: Final = pa.list_(
    pa.struct(
        [
            ("complaint_id", TEXT),
            ("received_at", TIME),
            ("severity", pa.uint8()),
            ("category", TEXT),
        ]
    )
)


class OpenComplaint(msgspec.Struct, frozen=True, gc=False):
    complaint_id: str
    received_at: datetime
    severity: int
    category: str | None = None


class Service(msgspec.Struct, frozen=True, gc=False):
    calls: int = 0
    call_duration_s: float = 0
    complaints: int = 0
    complaints_handled: int = 0
    open_complaints: list[OpenComplaint] = []
    csat_answers: int = 0
    csat_mean: float | None = None
    nps_last: float | None = None
    ces_mean: float | None = None
    complaints_by_step: dict[str, int] = {}
    tickets: int = 0
    open_tickets: list[OpenTicket] = []
    tickets_reopened: int = 0
    first_contact_resolved: int = 0
    first_contact_known: int = 0
    cost_to_serve: Purse = {}
    csat_last: float | None = None
    nps_answers: int = 0
    nps_mean: float | None = None
    nps_promoters: int = 0
    nps_detractors: int = 0
    reviews: int = 0
    review_mean: float | None = None
    suggestions: int = 0
    sentiment_mean: float | None = None

    def columns(self) -> tuple[Any, ...]:
        return (
            self.calls,
            self.call_duration_s,
            self.complaints,
            self.complaints_handled,
            [
                (one.complaint_id, one.received_at, one.severity, one.category or "")
                for one in self.open_complaints
            ],
            self.csat_answers,
            self.csat_mean,
            self.nps_last,
            self.ces_mean,
        )

    def more_columns(self) -> tuple[Any, ...]:
        """What came to the table later."""
        return (
            list(self.complaints_by_step.items()),
            self.tickets,
            [
                (one.ticket_id, one.opened_at, one.priority or "", one.step, one.step_since)
                for one in self.open_tickets
            ],
            self.tickets_reopened,
            self.first_contact_resolved,
            self.first_contact_known,
            purse(self.cost_to_serve),
            self.csat_last,
            self.nps_answers,
            self.nps_mean,
            self.nps_promoters,
            self.nps_detractors,
            self.reviews,
            self.review_mean,
            self.suggestions,
            self.sentiment_mean,
        )
