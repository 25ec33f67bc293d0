"""The views answer what they are asked, whatever was merged, sent twice or came in disorder."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from schemas import topics
from schemas.base import EPOCH
from schemas.identifier import Identifier
from schemas.lifecycle import Stage
from schemas.profile import Profile
from services.scoring.rows import TABLES
from services.scoring.store import migrate
from tests.columns_engine import asked, everything, fill
from tests.columns_messages import (
    ADA,
    BOB,
    MESSAGES,
    NOON,
    PROFILE,
    SCORES,
    alert,
    moved,
    order,
    touchpoint,
)
from tests.integration.views_world import CAROL, alive, merged, resolved, snapshots

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
    "accounts",
)


def history() -> list[tuple[str, BaseModel]]:
    """A bit of everything, with every sample in it."""
    samples = [(topic, message) for (topic, _), message in MESSAGES.items()]
    return samples + resolved(
        order(ADA, "SO-1", date(2025, 11, 3), "10.00"),
        order(ADA, "SO-2", date(2026, 1, 5), "20.50"),
        order(BOB, "SO-3", date(2025, 11, 9), "5.25"),
        order(CAROL, "SO-4", date(2026, 1, 9), "7.00"),
    )


def test_rows_fit_the_columns_of_their_tables(views: Any) -> None:
    for name, table in TABLES.items():
        described = {row["name"] for row in asked(views, f"DESCRIBE TABLE {name}")}
        assert set(table.schema.names) == described, name


def test_migrating_again_applies_nothing(views: Any) -> None:
    fill(views, history())
    before = everything(views, VIEWS)
    assert migrate(views, views.database) == []
    assert everything(views, VIEWS) == before


def test_rows_that_come_twice_change_nothing(views: Any) -> None:
    assert fill(views, history()) == []
    once = everything(views, VIEWS)
    fill(views, history())
    fill(views, list(reversed(history())))
    assert everything(views, VIEWS) == once


def test_the_newest_version_counts_in_whatever_order_versions_come(views: Any) -> None:
    versions = [alive(BOB, version, refused_links=version) for version in range(1, 9)]
    random.Random(7).shuffle(versions)
    for one in versions:
        fill(views, snapshots(one))
    [row] = asked(views, "SELECT version FROM customers")
    assert row["version"] == 8


def test_versions_that_come_in_one_insert_are_left_to_final(views: Any) -> None:
    """Collapsing them within the insert took half of ClickHouse's time for it."""
    fill(views, snapshots(*[alive(BOB, version, refused_links=version) for version in (3, 9, 5)]))
    versions = asked(views, "SELECT version FROM profiles ORDER BY version")
    assert [row["version"] for row in versions] == [3, 5, 9]
    [row] = asked(views, "SELECT version FROM customers")
    assert row["version"] == 9


def test_a_customer_is_one_row_with_scores_stage_identifiers_and_open_alerts(
    views: Any,
) -> None:
    fill(views, history())
    [row] = asked(views, "SELECT * FROM customers WHERE user_id = 'ada'")
    assert row["profile_id"] == ADA
    assert row["email"] == "ada@x.example"
    assert row["traits"] == {"city": "London", "children": "2", "tags": '["a","b"]'}
    assert row["net_revenue"] == Decimal("105.84")
    assert (row["recency"], row["segment"], row["p_alive"]) == (5, "champions", 0.9)
    assert row["clv_predicted_12m"] == Decimal("61.1235")
    assert row["open_alerts"] == []


def test_an_alert_is_open_until_it_is_cleared(views: Any) -> None:
    fill(views, [*snapshots(PROFILE), (topics.ALERTS.name, alert("raised"))])
    [row] = asked(views, "SELECT open_alerts, open_alerts_severity_max FROM customers")
    assert row == {"open_alerts": ["churn_risk"], "open_alerts_severity_max": 3}
    fill(views, [(topics.ALERTS.name, alert("cleared"))])
    assert asked(views, "SELECT * FROM open_alerts") == []


def test_events_of_merged_profiles_count_for_the_one_that_stayed(views: Any) -> None:
    fill(views, resolved(order(ADA, "SO-1", date(2026, 1, 3), "10")))
    fill(views, resolved(order(BOB, "SO-2", date(2026, 1, 4), "20")))
    fill(views, snapshots(alive(CAROL, 1), merged(ADA, BOB, 2), merged(BOB, CAROL, 3)))
    rows = asked(views, "SELECT DISTINCT profile_id FROM touchpoints_resolved")
    assert [row["profile_id"] for row in rows] == [CAROL]
    assert [row["profile_id"] for row in asked(views, "SELECT * FROM customers")] == [CAROL]


def test_an_identifier_that_a_late_link_moves_takes_its_events_along(views: Any) -> None:
    """A device of two people counts for whoever it was linked with first, however late we hear."""

    def person(profile: Any, version: int, *devices: str) -> Profile:
        names = [Identifier(kind="user_id", value=str(profile))]
        names += [Identifier(kind="anonymous_id", value=device) for device in devices]
        refused = 1 if version > 1 else 0
        return alive(profile, version, identifiers=tuple(names), refused_links=refused)

    device = (Identifier(kind="anonymous_id", value="d-1"),)
    visit = touchpoint("page_viewed", profile=ADA).model_copy(update={"identifiers": device})
    fill(views, resolved(visit) + snapshots(person(ADA, 1, "d-1"), person(BOB, 1)))
    query = "SELECT profile_id, profile_id_then FROM touchpoints_resolved"
    assert asked(views, query) == [{"profile_id": ADA, "profile_id_then": ADA}]
    fill(views, snapshots(person(ADA, 5), person(BOB, 5, "d-1")))
    assert asked(views, query) == [{"profile_id": BOB, "profile_id_then": ADA}]


def test_an_order_known_before_and_after_a_merge_counts_once(views: Any) -> None:
    fill(views, resolved(order(ADA, "SO-1", date(2026, 1, 3), "10", message="m1")))
    fill(views, resolved(order(BOB, "SO-1", date(2026, 1, 3), "10", message="m2")))
    fill(views, snapshots(merged(ADA, BOB, 2)))
    [row] = asked(views, "SELECT orders, revenue FROM revenue_by_month")
    assert row == {"orders": 1, "revenue": Decimal(10)}


def test_a_profile_that_was_parted_again_is_no_redirect(views: Any) -> None:
    fill(views, resolved(order(ADA, "SO-1", date(2026, 1, 3), "10")))
    fill(views, snapshots(alive(BOB, 1), merged(ADA, BOB, 2), alive(ADA, 3)))
    assert asked(views, "SELECT * FROM redirects") == []
    rows = asked(views, "SELECT profile_id FROM touchpoints_resolved")
    assert [row["profile_id"] for row in rows] == [ADA]


def test_redirects_that_turn_in_a_circle_for_a_moment_do_not_hang(views: Any) -> None:
    fill(views, snapshots(merged(ADA, BOB, 1), merged(BOB, ADA, 2)))
    assert len(asked(views, "SELECT * FROM redirects")) == 2


def test_a_cancelled_order_and_its_refund_count_for_nothing(views: Any) -> None:
    cancelled = order(BOB, "SO-1", date(2026, 1, 2), "10")
    kept = order(BOB, "SO-2", date(2026, 1, 3), "7")
    word = touchpoint("order_cancelled", profile=BOB, order_id="SO-1", at=EPOCH)
    refund = touchpoint("order_refunded", profile=BOB, order_id="SO-1")
    fill(views, resolved(cancelled, kept, word, refund))
    assert [row["order_id"] for row in asked(views, "SELECT order_id FROM orders")] == ["SO-2"]
    [row] = asked(views, "SELECT orders, revenue, refunded FROM revenue_by_month")
    assert row == {"orders": 1, "revenue": Decimal(7), "refunded": Decimal(0)}


def test_customers_show_every_section_of_their_profiles(views: Any) -> None:
    fill(views, snapshots(PROFILE))
    [row] = asked(views, "SELECT * FROM customers")
    assert (row["cancelled_orders"], row["margin"]) == (1, Decimal("19.9"))
    assert row["overdue"] == {"USD": Decimal("29.33")}
    assert row["weighted_pipeline"] == {"USD": Decimal(7200)}
    assert row["open_tickets"][0]["ticket_id"] == "T-501"
    assert (row["tier"], row["points"], row["owner"]) == ("gold", Decimal("480.5"), "a-17")
    assert row["consent"] == {"email": True, "profiling": False}
    assert (row["preferred_hour"], row["quality"], row["facts_missing"]) == (19, 83, ["phone"])


def test_the_newest_form_of_an_order_counts_and_refunds_stand_apart(views: Any) -> None:
    first = order(ADA, "SO-1", date(2026, 1, 3), "10", message="m1")
    again = order(ADA, "SO-1", date(2026, 1, 5), "12.5", message="m2")
    refund = touchpoint("order_refunded", order_id="SO-1")
    fill(views, resolved(again, first, refund))
    [row] = asked(views, "SELECT * FROM revenue_by_month")
    assert row["month"] == date(2026, 1, 1)
    assert (row["orders"], row["revenue"]) == (1, Decimal("12.5"))
    assert (row["refunded"], row["net_revenue"]) == (Decimal("14.66"), Decimal("-2.16"))


def test_months_before_1970_and_after_2149_are_months_too(views: Any) -> None:
    fill(views, resolved(order(ADA, "SO-1", date(1903, 5, 3), "1")))
    fill(views, resolved(order(ADA, "SO-2", date(2199, 5, 3), "1")))
    months = [row["month"] for row in asked(views, "SELECT * FROM revenue_by_month")]
    assert sorted(months) == [date(1903, 5, 1), date(2199, 5, 1)]


def test_currencies_are_not_added_up(views: Any) -> None:
    fill(views, resolved(order(ADA, "SO-1", date(2026, 1, 3), "10")))
    fill(views, resolved(order(ADA, "SO-2", date(2026, 1, 3), "10", currency="EUR")))
    rows = asked(views, "SELECT currency, revenue FROM revenue_by_month ORDER BY currency")
    assert [(row["currency"], row["revenue"]) for row in rows] == [
        ("EUR", Decimal(10)),
        ("USD", Decimal(10)),
    ]


def test_retention_counts_who_of_a_cohort_came_back(views: Any) -> None:
    fill(
        views,
        resolved(
            order(ADA, "1", date(2025, 11, 3), "10"),
            order(ADA, "2", date(2025, 11, 20), "10"),
            order(ADA, "3", date(2026, 1, 3), "10"),
            order(BOB, "4", date(2025, 11, 9), "10"),
            order(CAROL, "5", date(2026, 1, 9), "10"),
        ),
    )
    rows = asked(views, "SELECT * FROM cohort_retention ORDER BY cohort, months_since")
    shown = [
        (row["cohort"], row["months_since"], row["customers_active"], row["retention"])
        for row in rows
    ]
    assert shown == [
        (date(2025, 11, 1), 0, 2, 1.0),
        (date(2025, 11, 1), 2, 1, 0.5),
        (date(2026, 1, 1), 0, 1, 1.0),
    ]


def test_complaints_are_counted_once_and_against_the_orders_of_their_month(views: Any) -> None:
    received = touchpoint("complaint_received", at=NOON)
    again = touchpoint("complaint_received", at=NOON + timedelta(hours=1))
    handled = touchpoint("complaint_handled", at=NOON + timedelta(hours=6))
    orders = [order(BOB, str(day), date(2026, 1, day), "10") for day in range(1, 5)]
    fill(views, resolved(received, again, handled, *orders))
    [row] = asked(views, "SELECT * FROM complaint_rate")
    assert (row["category"], row["product"]) == ("delivery", "CD-1997")
    assert (row["complaints"], row["handled"], row["hours_to_handle_mean"]) == (1, 1, 6)
    assert (row["orders"], row["complaints_per_100_orders"]) == (4, 25)


def test_the_flow_counts_transitions_and_the_stage_is_the_last(views: Any) -> None:
    later = {"at": NOON + timedelta(days=1), "decided_at": NOON + timedelta(days=1)}
    moves = [
        moved(None, Stage.NEW),
        moved(None, Stage.NEW, profile_id=BOB),
        moved(Stage.NEW, Stage.GROWING, **later),
    ]
    fill(views, [(topics.LIFECYCLE.name, one) for one in moves])
    flow = asked(views, "SELECT from_stage, to_stage, transitions FROM lifecycle_flow")
    assert sorted(tuple(row.values()) for row in flow) == [
        ("", "new", 2),
        ("new", "growing", 1),
    ]
    now = asked(views, "SELECT stage, profiles FROM lifecycle_now ORDER BY stage")
    assert [tuple(row.values()) for row in now] == [("growing", 1), ("new", 1)]


def test_of_stages_decided_at_one_moment_the_newest_scores_give_the_last(views: Any) -> None:
    moves = [
        moved(Stage.GROWING, Stage.LOST, at=NOON, scores_version=11),
        moved(Stage.LOST, Stage.GROWING, at=NOON - timedelta(days=90), scores_version=12),
    ]
    fill(views, [(topics.LIFECYCLE.name, one) for one in moves])
    [row] = asked(views, "SELECT stage, stage_before FROM stages")
    assert row == {"stage": "growing", "stage_before": "lost"}


def test_the_grid_holds_each_scored_customer_once(views: Any) -> None:
    scored = [
        SCORES.model_copy(update={"profile_id": ADA}),
        SCORES.model_copy(update={"profile_id": BOB, "version": 9}),
    ]
    people = snapshots(PROFILE, alive(BOB, 1), alive(CAROL, 1))
    fill(views, people + [(topics.SCORES.name, one) for one in scored])
    [row] = asked(views, "SELECT recency, frequency, customers FROM rfm_grid")
    assert row == {"recency": 5, "frequency": 4, "customers": 2}
