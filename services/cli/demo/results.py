"""The numbers of a run as build/demo.json keeps them, and what in them is not as it must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from schemas import topics
from services.cli.demo.ledger import Ledger
from services.cli.demo.measure import Columns, Memory, Row, money
from services.cli.demo.replay import Sent

MODEL_FIELDS = ("bg_r", "bg_alpha", "bg_a", "bg_b", "bg_log_likelihood", "gg_p", "gg_q", "gg_gamma")


@dataclass(frozen=True, slots=True)
class Webhooks:
    """What was due by the topics, and what the receiver got.

    `by_clock`: so many of those due are of moments that passed during the run.
    """

    due: int
    by_clock: int
    verified: int
    repeated: int
    rejected: int
    missing: int
    unexpected: int


@dataclass(frozen=True, slots=True)
class Run:
    """Everything measured in one run."""

    sent: Sent
    records: Mapping[str, int]
    columns: Columns
    webhooks: Webhooks
    stage_errors: tuple[str, ...]
    memory: Memory
    seconds: Mapping[str, float]
    events_per_s: float
    peak_memory_mb: int
    peaks_mb: Mapping[str, int]
    cpu_s: Mapping[str, float]
    restarts: Mapping[str, int]


def as_object(run: Run, truth: Ledger) -> dict[str, Any]:
    """build/demo.json."""
    found = run.columns
    profiles = int(found.counts["profiles"])
    return {
        "purchases": int(found.counts["purchases"]),
        "customers": int(found.counts["customers"]),
        "revenue": money(found.counts["revenue"]),
        "refunded": money(found.counts["refunded"]),
        "sent": run.sent.total,
        "distinct": found.distinct,
        "duplicates_dropped": run.records[topics.ACCEPTED.name] - found.distinct,
        "dead_letters": sum(found.dead_letters.values()),
        "dead_letters_by_reason": found.dead_letters,
        "profiles": profiles,
        "people_true": truth.people,
        "identity_errors": len(found.identity_errors),
        "companies": len(found.companies),
        "company_members": sum(one.members for one in found.companies.values()),
        "identifiers": int(found.counts["identifiers"]),
        "records_by_topic": dict(run.records),
        "merges": int(found.counts["identifiers"]) - profiles,
        "redirects": found.redirects,
        "stage_errors": len(run.stage_errors),
        "stages": {name: int(row["profiles"]) for name, row in found.stages.items()},
        "rfm": [[row["recency"], row["frequency"], row["customers"]] for row in found.rfm],
        "segments": found.segments,
        "model": {name: found.model.get(name) for name in MODEL_FIELDS},
        "alerts": {row["kind"]: row["raised"] for row in found.alerts},
        "deliveries_due": run.webhooks.due,
        "deliveries_due_by_clock": run.webhooks.by_clock,
        "webhooks_verified": run.webhooks.verified,
        "webhooks_repeated": run.webhooks.repeated,
        "webhooks_rejected": run.webhooks.rejected,
        "seconds": dict(run.seconds),
        "events_per_s": round(run.events_per_s),
        "redis_bytes_per_profile": round(run.memory.profiles / max(1, profiles)),
        "redis_bytes_per_profile_all_services": round(run.memory.state / max(1, profiles)),
        "redis_bytes_per_message_id": round(
            run.memory.message_ids / max(1, run.memory.remembered), 1
        ),
        "redis_bytes_by_prefix": run.memory.by_prefix,
        "peak_memory_mb": run.peak_memory_mb,
        "peak_memory_mb_by_process": dict(run.peaks_mb),
        "cpu_s_by_process": dict(run.cpu_s),
        "restarts": {name: count for name, count in run.restarts.items() if count},
    }


def mismatches(run: Run, truth: Ledger) -> list[str]:
    """What came out otherwise than the ledger says; empty when all is right."""
    found = as_object(run, truth)
    due: dict[str, object] = {
        "sent": truth.sent,
        "distinct": truth.distinct,
        "duplicates_dropped": truth.duplicates,
        "dead_letters": truth.dead_letters,
        "dead_letters_by_reason": dict(sorted(truth.refused.items())),
        "customers": truth.customers,
        "purchases": truth.purchases,
        "revenue": str(truth.revenue.quantize(Decimal("0.01"))),
        "profiles": truth.people,
        "identity_errors": 0,
        "stage_errors": 0,
        "webhooks_verified": run.webhooks.due,
        "webhooks_rejected": 0,
    }
    wrong = [
        f"{name}: {found[name]}, must be {value}"
        for name, value in due.items()
        if found[name] != value
    ]
    return wrong + _further(run, truth)


def _further(run: Run, truth: Ledger) -> list[str]:
    """Equalities that have no number of their own in demo.json."""
    wrong = []
    folded = int(run.columns.counts["events_in_profiles"])
    if folded != truth.distinct:
        wrong.append(f"events counted in profiles: {folded}, must be {truth.distinct}")
    if dict(run.sent.answers) != truth.answers:
        wrong.append(f"answers to raw requests: {dict(run.sent.answers)}, must be {truth.answers}")
    if run.webhooks.missing or run.webhooks.unexpected:
        hooks = run.webhooks
        wrong.append(f"webhooks: {hooks.missing} never came, {hooks.unexpected} were not due")
    wrong += [f"company {error}" for error in _wrong_companies(run, truth)[:5]]
    wrong += [f"identity: {error}" for error in run.columns.identity_errors[:5]]
    wrong += [f"stage: {error}" for error in run.stage_errors[:5]]
    return wrong


def _wrong_companies(run: Run, truth: Ledger) -> list[str]:
    shown, due = run.columns.companies, truth.companies
    return [
        f"{name}: {shown.get(name)}, must be {due.get(name)}"
        for name in sorted(shown.keys() | due.keys())
        if shown.get(name) != due.get(name)
    ]


def plain(value: object) -> object:
    """Values of ClickHouse that JSON does not know."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def interesting_of(run: Run) -> Row:
    """The customer of the 360° view; empty when there is none that is interesting."""
    return run.columns.interesting
