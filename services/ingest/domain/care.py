"""Calls, complaints and surveys as they are tracked, as the typed properties of our kinds."""

from __future__ import annotations

from typing import Final

from services.ingest.domain.shapes import Fields, currency_of, money, put, put_text, taken

SEVERITIES: Final = {"low": 1, "minor": 1, "medium": 2, "normal": 2, "high": 3, "major": 3,
                     "critical": 4, "urgent": 4}  # fmt: skip


def call_completed(fields: Fields, _currency_default: str) -> None:
    put(fields, "duration_s", taken(fields, "duration_s", "duration"))
    put_text(fields, "agent", taken(fields, "agent", "agent_id"))
    if isinstance(direction := fields.get("direction"), str):
        fields["direction"] = direction.casefold()


def complaint_received(fields: Fields, _currency_default: str) -> None:
    put_text(fields, "complaint_id", taken(fields, "complaint_id", "complaintId", "id"))
    if isinstance(severity := fields.get("severity"), str):
        fields["severity"] = SEVERITIES.get(severity.casefold(), severity)
    put_text(fields, "product", fields.get("product"))


def complaint_handled(fields: Fields, currency_default: str) -> None:
    put_text(fields, "complaint_id", taken(fields, "complaint_id", "complaintId", "id"))
    currency = currency_of(fields, currency_default)
    put(fields, "cost", money(fields.pop("cost", None), currency))


def survey_answered(fields: Fields, _currency_default: str) -> None:
    survey = taken(fields, "survey", "survey_type")
    put(fields, "survey", survey.casefold() if isinstance(survey, str) else survey)
    put(fields, "score", taken(fields, "score", "rating"))
    put_text(fields, "survey_id", fields.get("survey_id"))
