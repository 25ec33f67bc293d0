"""The demo's own check: a run that is right passes, and each kind of wrong is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from rich.console import Console

from services.cli.demo import page
from services.cli.demo.ledger import Company, Ledger
from services.cli.demo.measure import Columns, Memory
from services.cli.demo.replay import Sent
from services.cli.demo.results import Run, Webhooks, as_object, mismatches

LEDGER = Ledger(
    distinct=90,
    duplicates=7,
    refused={"bad_time": 2, "no_identifier": 1},
    answers={200: 1},
    customers=10,
    visitors=2,
    purchases=30,
    revenue=Decimal("123.45"),
    owners={},
    companies={"company-01": Company(2, 5, Decimal("20.50"))},
)
COUNTS = {
    "customers": 10,
    "purchases": 30,
    "revenue": Decimal("123.4500"),
    "refunded": Decimal(0),
    "profiles": 12,
    "events_in_profiles": 90,
    "identifiers": 40,
}
COLUMNS = Columns(
    distinct=90,
    counts=COUNTS,
    redirects=3,
    dead_letters={"bad_time": 2, "no_identifier": 1},
    stages={"new": {"profiles": 12, "orders": 30, "revenue": 123.45, "p_alive": None}},
    rfm=({"recency": 5, "frequency": 1, "customers": 10},),
    segments={"new": 10},
    model={"bg_r": 0.243, "bg_alpha": 4.414, "bg_a": 0.793, "bg_b": 2.426},
    alerts=({"kind": "churn_risk", "raised": 2, "cleared": 1, "sent": 1},),
    interesting={},
    identity_errors=(),
    companies={"company-01": Company(2, 5, Decimal("20.5000"))},
)
RUN = Run(
    sent=Sent(kafka=90, sdk=9, answers=Counter({200: 1})),
    records={"touchpoints.accepted": 97},
    columns=COLUMNS,
    webhooks=Webhooks(
        due=5, by_clock=1, verified=5, repeated=1, rejected=0, missing=0, unexpected=0
    ),
    stage_errors=(),
    memory=Memory(10_000, 9_000, 800, 97, {"m:": 800, "c:": 5_000, "n:": 1_000, "j:": 2_000}),
    seconds={"replay": 1.0, "drain": 2.0},
    events_per_s=33.3,
    peak_memory_mb=900,
    peaks_mb={"demo": 100},
    cpu_s={"demo": 1.0},
    restarts={"profile": 1, "score": 0},
)


def wrong_columns(**changes: object) -> Run:
    return replace(RUN, columns=replace(COLUMNS, **changes))  # type: ignore[arg-type]


def wrong_counts(**changes: object) -> Run:
    return wrong_columns(counts=COUNTS | changes)


def test_a_run_that_is_right_has_no_mismatch() -> None:
    assert mismatches(RUN, LEDGER) == []


@pytest.mark.parametrize(
    ("broken", "name"),
    [
        (lambda: replace(RUN, records={"touchpoints.accepted": 96}), "duplicates_dropped"),
        (lambda: replace(RUN, sent=Sent(kafka=89, sdk=9, answers=Counter({200: 1}))), "sent"),
        (lambda: wrong_columns(distinct=89), "distinct"),
        (lambda: wrong_columns(dead_letters={"bad_time": 3}), "dead_letters_by_reason"),
        (lambda: wrong_columns(identity_errors=("split",)), "identity_errors"),
        (lambda: wrong_columns(companies={}), "company company-01"),
        (lambda: replace(RUN, stage_errors=("a is lost",)), "stage_errors"),
        (lambda: wrong_counts(customers=9), "customers"),
        (lambda: wrong_counts(purchases=31), "purchases"),
        (lambda: wrong_counts(revenue=Decimal("123.44")), "revenue"),
        (lambda: wrong_counts(profiles=13), "profiles"),
        (lambda: wrong_counts(events_in_profiles=91), "events counted in profiles"),
        (lambda: replace(RUN, webhooks=Webhooks(6, 0, 5, 0, 0, 1, 0)), "webhooks_verified"),
        (lambda: replace(RUN, webhooks=Webhooks(5, 0, 5, 0, 1, 0, 0)), "webhooks_rejected"),
        (lambda: replace(RUN, webhooks=Webhooks(5, 0, 5, 0, 0, 1, 1)), "webhooks"),
        (lambda: replace(RUN, sent=Sent(90, 9, Counter({500: 1}))), "answers to raw requests"),
    ],
)
def test_whatever_is_wrong_is_named(broken: Callable[[], Run], name: str) -> None:
    assert any(line.startswith(name) for line in mismatches(broken(), LEDGER))


def test_the_numbers_of_the_run_are_the_measured_ones() -> None:
    found = as_object(RUN, LEDGER)
    assert found["revenue"] == "123.45"
    assert found["duplicates_dropped"] == 7
    assert found["merges"] == 28
    assert found["restarts"] == {"profile": 1}
    assert found["redis_bytes_per_profile"] == 500
    assert found["redis_bytes_per_profile_all_services"] == 750


def test_the_page_shows_the_numbers_and_fits_into_its_width() -> None:
    console = Console(width=110, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as captured:
        page.show(console, as_object(RUN, LEDGER), COLUMNS.stages, COLUMNS.alerts)
        console.print(page.customer({}))
        console.print(page.what_to_type())
        console.print(page.where_to_look({"ClickHouse": "http://127.0.0.1:1"}, "build/demo"))
    text = captured.get()
    assert "0.243, 4.414, 0.793, 2.426" in text
    assert "churn_risk" in text
    assert max(map(len, text.splitlines())) <= 110
