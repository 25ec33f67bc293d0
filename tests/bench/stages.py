"""Rows `profile` and `scoring`: one process each, with the engines on the same two cores."""

from __future__ import annotations

import time
from random import Random
from uuid import UUID

from schemas import topics
from schemas.base import from_micros, to_json
from schemas.model import BgNbd, GammaGamma, Model, Population, RfmBoundaries
from schemas.touchpoint import Touchpoint
from services.common.batch import Record
from services.common.settings import Settings
from services.scoring.snapshots import decode as decode_snapshot
from tests.bench.bare import bare_loop, resolved_bare
from tests.bench.stage import Service, fill, row, service, until
from tests.unit.profile_builders import touchpoint

EVENTS, CUSTOMERS, BATCH = 300_000, 20_000, 2_000


def bench_profile(settings: Settings) -> dict[str, object]:
    """accepted → resolved and profiles: identity, folds, message ids, slots, transactions."""
    fill(settings, topics.ACCEPTED.name, _touchpoints())
    with service(settings, "services.profile") as profile:
        events = "rapport_step_events_total"
        until(lambda: profile.metric(events) >= BATCH)
        began, first, cpu = time.monotonic(), profile.metric(events), profile.cpu_s()
        until(lambda: profile.metric(events) >= EVENTS, every_s=0.2)
        seconds, cpu = time.monotonic() - began, profile.cpu_s() - cpu
    bare, bare_cpu_us = bare_loop(settings, topics.ACCEPTED.name, EVENTS, resolved_bare)
    done = EVENTS - int(first)
    ratio = round(cpu / done * 1e6 / bare_cpu_us, 1)
    return row("profile", done, seconds, cpu, bare, cpu_of_bare=ratio)


def bench_scoring(settings: Settings) -> dict[str, object]:
    """profiles → scores with a model; reads what `bench_profile` has written."""
    fill(settings, topics.MODELS.name, [(b"demo", to_json(_model()))])
    with service(settings, "services.scoring", "score") as score:
        name = "rapport_scoring_score_events_total"
        until(lambda: score.metric(name) >= BATCH)
        began, first, cpu = time.monotonic(), score.metric(name), score.cpu_s()
        seconds, cpu = _last_change(score, name) - began, score.cpu_s() - cpu
        done = int(score.metric(name) - first)
    bare, _ = bare_loop(settings, topics.PROFILES.name, done, _scored_bare)
    return row("scoring", done, seconds, cpu, bare)


def _last_change(running: Service, name: str) -> float:
    """When a metric grew last, to 0.1 s, once it has rested for a second."""
    seen, at = running.metric(name), time.monotonic()
    while time.monotonic() - at < 1.0:
        time.sleep(0.1)
        if (now := running.metric(name)) != seen:
            seen, at = now, time.monotonic()
    return at


def _touchpoints() -> list[tuple[bytes, bytes]]:
    """About 400 bytes each: views, orders and calls of 20,000 customers with two identifiers."""
    dice = Random(1)
    samples = [to_json(_sample(kind)) for kind in _KINDS]
    records = []
    for number in range(EVENTS):
        customer = dice.randrange(CUSTOMERS)
        value = samples[number % len(samples)]
        value = value.replace(b"customer-x", b"customer-%d" % customer)
        value = value.replace(b"order-x", b"order-%d" % number)
        value = value.replace(b"message-x", b"message-%d" % number)
        value = value.replace(b"000000000000", b"%012x" % number, 1)
        records.append((b"%d" % customer, value))
    return records


def _sample(kind: dict[str, object]) -> Touchpoint:
    made = touchpoint("user_id:customer-x", "email:customer-x@mail.example", **kind)  # type: ignore[arg-type]
    return made.model_copy(
        update={
            "message_id": "message-x",
            "event_id": UUID("6c6f7665-7261-5070-8f72-000000000000"),
            "context": {"library": {"name": "bench", "version": "1"}},
        }
    )


_VIEW: dict[str, object] = {"kind": "page_viewed", "url": "https://shop.example/cds?page=2"}
_SEEN: dict[str, object] = {"kind": "product_viewed", "sku": "CD-1997", "category": "rock"}
_ORDER: dict[str, object] = {
    "kind": "order_completed",
    "order_id": "order-x",
    "total": {"amount": "29.33", "currency": "USD"},
}
_CALL: dict[str, object] = {"kind": "call_completed", "duration_s": 312}
_KINDS = (_VIEW, _VIEW, _SEEN, _ORDER, _VIEW, _CALL, _VIEW, _SEEN)


def _model() -> Model:
    """The published CDNOW parameters."""
    now = time.time_ns() // 1_000
    return Model(
        workspace="demo",
        version=now,
        fitted_at=from_micros(now),
        bg_nbd=BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426, log_likelihood=-9582.4),
        gamma_gamma=GammaGamma(p=6.25, q=3.74, gamma=15.44),
        rfm=RfmBoundaries(
            recency_days=(30, 90, 180, 365), frequency=(1, 2, 3, 5), monetary=(20, 50, 100, 250)
        ),
        first_gap_days=tuple(float(day) for day in range(0, 420, 20)),
        median_gap_days=60,
        present_value_median=40,
        future_value_median=20,
        high_value_from=200,
        population=Population(
            customers=20_000,
            repeat_customers=10_000,
            orders=60_000,
            history_days=540,
            days_since_last_order=1,
            customers_with_three_orders=5_000,
            enough=True,
        ),
    )


def _scored_bare(records: list[Record]) -> list[tuple[bytes, bytes]]:
    for record in records:
        decode_snapshot(record.value)
    return [(record.key or b"", record.value) for record in records]
