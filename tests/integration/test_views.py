"""The views answer what they are asked, whatever was merged, sent twice or came in disorder."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from pydantic import BaseModel

from deploy.embedded.engines import Engines
from schemas import topics
from schemas.base import derived_id, micros
from schemas.lifecycle import Stage
from schemas.profile import Profile, Purchases
from services.scoring.domain.arrays import SnapshotFacts
from services.scoring.domain.score import score_batch
from services.scoring.purchases import purchases_of
from services.scoring.rows import TABLES
from services.scoring.store import migrate
from tests.columns_engine import asked, database, everything, fill
from tests.columns_messages import (
    ADA,
    BOB,
    MESSAGES,
    MODEL,
    NOON,
    PROFILE,
    SCORES,
    alert,
    moved,
    order,
    touchpoint,
)

CAROL = derived_id("profile", "carol")
VIEWS = (
    "customers",
    "rfm_grid",
    "lifecycle_flow",
    "lifecycle_now",
    "stages",
    "revenue_by_month",
    "cohort_retention",
    "complaint_rate",
    "touchpoints_resolved",
    "orders",
    "refunds",
    "redirects",
    "open_alerts",
)
EPOCH_DAY = date(1970, 1, 1)


@pytest.fixture(scope="module")
def migrated(engines: Engines) -> Iterator[Any]:
    with database(engines.clickhouse, f"views_{uuid4().hex}") as opened:
        yield opened


@pytest.fixture
def client(migrated: Any) -> Any:
    for table in TABLES:
        migrated.command(f"TRUNCATE TABLE {table}")
    return migrated


def resolved(*touchpoints: BaseModel) -> list[tuple[str, BaseModel]]:
    return [(topics.RESOLVED.name, one) for one in touchpoints]


def snapshots(*profiles: BaseModel) -> list[tuple[str, BaseModel]]:
    return [(topics.PROFILES.name, one) for one in profiles]


def merged(lost: Any, kept: Any, version: int) -> Profile:
    return Profile(
        workspace="demo", profile_id=lost, version=version, updated_at=NOON, merged_into=kept
    )


def alive(profile: Any, version: int, **fields: Any) -> Profile:
    return Profile(workspace="demo", profile_id=profile, version=version, updated_at=NOON, **fields)


def history() -> list[tuple[str, BaseModel]]:
    """A bit of everything, with every sample in it."""
    samples = [(topic, message) for (topic, _), message in MESSAGES.items()]
    return samples + resolved(
        order(ADA, "SO-1", date(2025, 11, 3), "10.00"),
        order(ADA, "SO-2", date(2026, 1, 5), "20.50"),
        order(BOB, "SO-3", date(2025, 11, 9), "5.25"),
        order(CAROL, "SO-4", date(2026, 1, 9), "7.00"),
    )


def test_rows_fit_the_columns_of_their_tables(client: Any) -> None:
    for name, table in TABLES.items():
        described = {row["name"] for row in asked(client, f"DESCRIBE TABLE {name}")}
        assert set(table.schema.names) == described, name


def test_migrating_again_applies_nothing(client: Any) -> None:
    fill(client, history())
    before = everything(client, VIEWS)
    assert migrate(client, client.database) == []
    assert everything(client, VIEWS) == before


def test_rows_that_come_twice_change_nothing(client: Any) -> None:
    assert fill(client, history()) == []
    once = everything(client, VIEWS)
    fill(client, history())
    fill(client, list(reversed(history())))
    assert everything(client, VIEWS) == once


def test_the_newest_version_counts_in_whatever_order_versions_come(client: Any) -> None:
    versions = [alive(BOB, version, refused_links=version) for version in range(1, 9)]
    random.Random(7).shuffle(versions)
    for one in versions:
        fill(client, snapshots(one))
    [row] = asked(client, "SELECT version FROM customers")
    assert row["version"] == 8


def test_versions_that_come_in_one_insert_are_left_to_final(client: Any) -> None:
    """Collapsing them within the insert took half of ClickHouse's time for it."""
    fill(client, snapshots(*[alive(BOB, version, refused_links=version) for version in (3, 9, 5)]))
    versions = asked(client, "SELECT version FROM profiles ORDER BY version")
    assert [row["version"] for row in versions] == [3, 5, 9]
    [row] = asked(client, "SELECT version FROM customers")
    assert row["version"] == 9


def test_a_customer_is_one_row_with_scores_stage_identifiers_and_open_alerts(
    client: Any,
) -> None:
    fill(client, history())
    [row] = asked(client, "SELECT * FROM customers WHERE user_id = 'ada'")
    assert row["profile_id"] == ADA
    assert row["email"] == "ada@x.example"
    assert row["traits"] == {"city": "London", "children": "2", "tags": '["a","b"]'}
    assert row["net_revenue"] == Decimal("105.84")
    assert (row["recency"], row["segment"], row["p_alive"]) == (5, "champions", 0.9)
    assert row["clv_predicted_12m"] == Decimal("61.1235")
    assert row["open_alerts"] == []


def test_an_alert_is_open_until_it_is_cleared(client: Any) -> None:
    fill(client, [*snapshots(PROFILE), (topics.ALERTS.name, alert("raised"))])
    [row] = asked(client, "SELECT open_alerts, open_alerts_severity_max FROM customers")
    assert row == {"open_alerts": ["churn_risk"], "open_alerts_severity_max": 3}
    fill(client, [(topics.ALERTS.name, alert("cleared"))])
    assert asked(client, "SELECT * FROM open_alerts") == []


def test_events_of_merged_profiles_count_for_the_one_that_stayed(client: Any) -> None:
    fill(client, resolved(order(ADA, "SO-1", date(2026, 1, 3), "10")))
    fill(client, resolved(order(BOB, "SO-2", date(2026, 1, 4), "20")))
    fill(client, snapshots(alive(CAROL, 1), merged(ADA, BOB, 2), merged(BOB, CAROL, 3)))
    rows = asked(client, "SELECT DISTINCT profile_id FROM touchpoints_resolved")
    assert [row["profile_id"] for row in rows] == [CAROL]
    assert [row["profile_id"] for row in asked(client, "SELECT * FROM customers")] == [CAROL]


def test_an_order_known_before_and_after_a_merge_counts_once(client: Any) -> None:
    fill(client, resolved(order(ADA, "SO-1", date(2026, 1, 3), "10", message="m1")))
    fill(client, resolved(order(BOB, "SO-1", date(2026, 1, 3), "10", message="m2")))
    fill(client, snapshots(merged(ADA, BOB, 2)))
    [row] = asked(client, "SELECT orders, revenue FROM revenue_by_month")
    assert row == {"orders": 1, "revenue": Decimal(10)}


def test_a_profile_that_was_parted_again_is_no_redirect(client: Any) -> None:
    fill(client, resolved(order(ADA, "SO-1", date(2026, 1, 3), "10")))
    fill(client, snapshots(alive(BOB, 1), merged(ADA, BOB, 2), alive(ADA, 3)))
    assert asked(client, "SELECT * FROM redirects") == []
    rows = asked(client, "SELECT profile_id FROM touchpoints_resolved")
    assert [row["profile_id"] for row in rows] == [ADA]


def test_redirects_that_turn_in_a_circle_for_a_moment_do_not_hang(client: Any) -> None:
    fill(client, snapshots(merged(ADA, BOB, 1), merged(BOB, ADA, 2)))
    assert len(asked(client, "SELECT * FROM redirects")) == 2


def test_the_newest_form_of_an_order_counts_and_refunds_stand_apart(client: Any) -> None:
    first = order(ADA, "SO-1", date(2026, 1, 3), "10", message="m1")
    again = order(ADA, "SO-1", date(2026, 1, 5), "12.5", message="m2")
    refund = touchpoint("order_refunded", order_id="SO-1")
    fill(client, resolved(again, first, refund))
    [row] = asked(client, "SELECT * FROM revenue_by_month")
    assert row["month"] == date(2026, 1, 1)
    assert (row["orders"], row["revenue"]) == (1, Decimal("12.5"))
    assert (row["refunded"], row["net_revenue"]) == (Decimal("14.66"), Decimal("-2.16"))


def test_months_before_1970_and_after_2149_are_months_too(client: Any) -> None:
    fill(client, resolved(order(ADA, "SO-1", date(1903, 5, 3), "1")))
    fill(client, resolved(order(ADA, "SO-2", date(2199, 5, 3), "1")))
    months = [row["month"] for row in asked(client, "SELECT * FROM revenue_by_month")]
    assert sorted(months) == [date(1903, 5, 1), date(2199, 5, 1)]


def test_currencies_are_not_added_up(client: Any) -> None:
    fill(client, resolved(order(ADA, "SO-1", date(2026, 1, 3), "10")))
    fill(client, resolved(order(ADA, "SO-2", date(2026, 1, 3), "10", currency="EUR")))
    rows = asked(client, "SELECT currency, revenue FROM revenue_by_month ORDER BY currency")
    assert [(row["currency"], row["revenue"]) for row in rows] == [
        ("EUR", Decimal(10)),
        ("USD", Decimal(10)),
    ]


def test_retention_counts_who_of_a_cohort_came_back(client: Any) -> None:
    fill(
        client,
        resolved(
            order(ADA, "1", date(2025, 11, 3), "10"),
            order(ADA, "2", date(2025, 11, 20), "10"),
            order(ADA, "3", date(2026, 1, 3), "10"),
            order(BOB, "4", date(2025, 11, 9), "10"),
            order(CAROL, "5", date(2026, 1, 9), "10"),
        ),
    )
    rows = asked(client, "SELECT * FROM cohort_retention ORDER BY cohort, months_since")
    shown = [
        (row["cohort"], row["months_since"], row["customers_active"], row["retention"])
        for row in rows
    ]
    assert shown == [
        (date(2025, 11, 1), 0, 2, 1.0),
        (date(2025, 11, 1), 2, 1, 0.5),
        (date(2026, 1, 1), 0, 1, 1.0),
    ]


def test_complaints_are_counted_once_and_against_the_orders_of_their_month(client: Any) -> None:
    received = touchpoint("complaint_received", at=NOON)
    again = touchpoint("complaint_received", at=NOON + timedelta(hours=1))
    handled = touchpoint("complaint_handled", at=NOON + timedelta(hours=6))
    orders = [order(BOB, str(day), date(2026, 1, day), "10") for day in range(1, 5)]
    fill(client, resolved(received, again, handled, *orders))
    [row] = asked(client, "SELECT * FROM complaint_rate")
    assert (row["category"], row["product"]) == ("delivery", "CD-1997")
    assert (row["complaints"], row["handled"], row["hours_to_handle_mean"]) == (1, 1, 6)
    assert (row["orders"], row["complaints_per_100_orders"]) == (4, 25)


def test_the_flow_counts_transitions_and_the_stage_is_the_last(client: Any) -> None:
    later = {"at": NOON + timedelta(days=1), "decided_at": NOON + timedelta(days=1)}
    moves = [
        moved(None, Stage.NEW),
        moved(None, Stage.NEW, profile_id=BOB),
        moved(Stage.NEW, Stage.GROWING, **later),
    ]
    fill(client, [(topics.LIFECYCLE.name, one) for one in moves])
    flow = asked(client, "SELECT from_stage, to_stage, transitions FROM lifecycle_flow")
    assert sorted(tuple(row.values()) for row in flow) == [
        ("", "new", 2),
        ("new", "growing", 1),
    ]
    now = asked(client, "SELECT stage, profiles FROM lifecycle_now ORDER BY stage")
    assert [tuple(row.values()) for row in now] == [("growing", 1), ("new", 1)]


def test_the_grid_holds_each_scored_customer_once(client: Any) -> None:
    scored = [
        SCORES.model_copy(update={"profile_id": ADA}),
        SCORES.model_copy(update={"profile_id": BOB, "version": 9}),
    ]
    people = snapshots(PROFILE, alive(BOB, 1), alive(CAROL, 1))
    fill(client, people + [(topics.SCORES.name, one) for one in scored])
    [row] = asked(client, "SELECT recency, frequency, customers FROM rfm_grid")
    assert row == {"recency": 5, "frequency": 4, "customers": 2}


def test_scores_of_this_moment_agree_with_the_service(client: Any) -> None:
    dice = random.Random(11)
    people = [buyer(number, dice) for number in range(300)]
    fill(client, [*snapshots(*people), (topics.MODELS.name, MODEL)])
    rows = asked(client, "SELECT * FROM scores_now")
    assert len(rows) == len(people)
    facts, as_of_us = facts_of(rows)
    scored = score_batch(facts, MODEL, as_of_us, (0.5,))
    assert scored.churn is not None
    found = np.array([row["p_alive"] for row in rows])
    np.testing.assert_allclose(found, scored.churn.p_alive, rtol=0, atol=1e-9)
    recency = np.array([row["recency_days"] for row in rows])
    np.testing.assert_allclose(recency, scored.recency_days, rtol=0, atol=1e-9)
    assert {row["churn_basis"] for row in rows} == {"bg_nbd", "first_gap_survival"}


def test_without_a_model_there_is_no_guess(client: Any) -> None:
    fill(client, snapshots(PROFILE))
    [row] = asked(client, "SELECT p_alive, churn_probability, recency_days FROM scores_now")
    assert (row["p_alive"], row["churn_probability"]) == (None, None)
    assert row["recency_days"] > 0
    not_enough = MESSAGES[topics.MODELS.name, "not enough"]
    fill(client, [(topics.MODELS.name, MODEL), (topics.MODELS.name, not_enough)])
    [row] = asked(client, "SELECT p_alive, model_version FROM scores_now")
    assert row == {"p_alive": None, "model_version": 8}


def test_a_model_is_fitted_on_each_order_once_of_merged_customers(client: Any) -> None:
    fill(
        client,
        resolved(
            order(ADA, "1", date(2026, 1, 3), "10.25"),
            order(BOB, "2", date(2026, 1, 4), "5"),
            order(BOB, "2", date(2026, 1, 4), "5", message="sent again"),
            order(CAROL, "3", date(2026, 1, 4), "5", currency="EUR"),
        )
        + snapshots(merged(ADA, BOB, 2)),
    )
    customers, days, amounts = purchases_of(client, "demo", "USD")
    assert customers == [str(BOB), str(BOB)]
    assert days.tolist() == [20456, 20457]
    assert amounts.tolist() == [10.25, 5.0]
    assert purchases_of(client, "nobody")[1].tolist() == []


def buyer(number: int, dice: random.Random) -> Profile:
    """Somebody with one to nine purchase days in the last years."""
    first = date(2024, 1, 1) + timedelta(days=dice.randrange(600))
    days = dice.choice((1, 1, 1, 2, 3, 9))
    last = first + timedelta(days=dice.randrange(days, 120)) if days > 1 else first
    purchases = Purchases(orders=days, purchase_days=days, first_day=first, last_day=last)
    return alive(derived_id("buyer", number), number + 1, purchases=purchases)


def facts_of(rows: list[dict[str, Any]]) -> tuple[SnapshotFacts, Any]:
    def column(name: str) -> Any:
        return np.array([row[name] for row in rows])

    def day(name: str) -> Any:
        return np.array([(row[name] - EPOCH_DAY).days for row in rows])

    zeros = np.zeros(len(rows))
    facts = SnapshotFacts(
        column("orders"), column("purchase_days"), day("first_day"), day("last_day"), zeros, zeros
    )
    return facts, np.array([_micros(row["as_of"]) for row in rows])


def _micros(at: datetime) -> int:
    return micros(at if at.tzinfo else at.replace(tzinfo=UTC))
