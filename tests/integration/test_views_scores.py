"""The views that score: as the service does, at this moment; and what a model is fitted on."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from schemas import topics
from schemas.base import derived_id, micros
from schemas.profile import Profile, Purchases
from services.scoring.domain.arrays import SnapshotFacts
from services.scoring.domain.score import score_batch
from services.scoring.purchases import purchases_of
from tests.columns_engine import asked, fill
from tests.columns_messages import ADA, BOB, MESSAGES, MODEL, PROFILE, order
from tests.integration.views_world import CAROL, alive, merged, resolved, snapshots

EPOCH_DAY = date(1970, 1, 1)


def test_scores_of_this_moment_agree_with_the_service(views: Any) -> None:
    dice = random.Random(11)
    people = [buyer(number, dice) for number in range(300)]
    fill(views, [*snapshots(*people), (topics.MODELS.name, MODEL)])
    rows = asked(views, "SELECT * FROM scores_now")
    assert len(rows) == len(people)
    facts, as_of_us = facts_of(rows)
    scored = score_batch(facts, MODEL, as_of_us, (0.5,))
    assert scored.churn is not None
    found = np.array([row["p_alive"] for row in rows])
    np.testing.assert_allclose(found, scored.churn.p_alive, rtol=0, atol=1e-9)
    recency = np.array([row["recency_days"] for row in rows])
    np.testing.assert_allclose(recency, scored.recency_days, rtol=0, atol=1e-9)
    assert {row["churn_basis"] for row in rows} == {"bg_nbd", "first_gap_survival"}


def test_without_a_model_there_is_no_guess(views: Any) -> None:
    fill(views, snapshots(PROFILE))
    [row] = asked(views, "SELECT p_alive, churn_probability, recency_days FROM scores_now")
    assert (row["p_alive"], row["churn_probability"]) == (None, None)
    assert row["recency_days"] > 0
    not_enough = MESSAGES[topics.MODELS.name, "not enough"]
    fill(views, [(topics.MODELS.name, MODEL), (topics.MODELS.name, not_enough)])
    [row] = asked(views, "SELECT p_alive, model_version FROM scores_now")
    assert row == {"p_alive": None, "model_version": 8}


def test_a_model_is_fitted_on_each_order_once_of_merged_customers(views: Any) -> None:
    fill(
        views,
        resolved(
            order(ADA, "1", date(2026, 1, 3), "10.25"),
            order(BOB, "2", date(2026, 1, 4), "5"),
            order(BOB, "2", date(2026, 1, 4), "5", message="sent again"),
            order(CAROL, "3", date(2026, 1, 4), "5", currency="EUR"),
        )
        + snapshots(merged(ADA, BOB, 2)),
    )
    customers, days, amounts = purchases_of(views, "demo", "USD")
    assert customers == [str(BOB), str(BOB)]
    assert days.tolist() == [20456, 20457]
    assert amounts.tolist() == [10.25, 5.0]
    assert purchases_of(views, "nobody")[1].tolist() == []


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
