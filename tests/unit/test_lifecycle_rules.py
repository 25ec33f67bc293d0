"""The table of stages: total, exclusive, steady at the edge."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base import micros
from schemas.lifecycle import Stage
from services.journey.domain.customer import NEVER
from services.journey.domain.lifecycle import RULES, SILENT, Standing, stage_of
from services.journey.domain.moments import moments_of
from tests.unit import journey_builders as build
from tests.unit.journey_builders import Known, day, facts, scores, with_orders

counts = st.integers(0, 8)
flags = st.booleans()


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    """Whoever is lost is dormant too, and staying is easier than entering."""
    still_dormant = draw(flags)
    dormant = still_dormant and draw(flags)
    still_lost = dormant and draw(flags)
    return Standing(
        draw(counts), 2, 5, dormant, still_dormant, still_lost and draw(flags), still_lost
    )


def test_every_stage_has_one_rule() -> None:
    assert sorted(rule.stage for rule in RULES) == sorted(Stage)


@given(standings(), st.sampled_from(Stage))
def test_exactly_one_stage_holds_for_everybody(customer: Standing, current: Stage) -> None:
    assert stage_of(customer, current) in Stage


@given(standings(), st.sampled_from(Stage))
def test_a_stage_is_kept_when_nothing_changes(customer: Standing, current: Stage) -> None:
    stage = stage_of(customer, current)
    assert stage_of(customer, stage) is stage


@given(standings(), st.sampled_from(Stage))
def test_staying_is_never_harder_than_entering(customer: Standing, current: Stage) -> None:
    fresh, kept = stage_of(customer, Stage.POTENTIAL), stage_of(customer, current)
    assert kept is fresh or kept in SILENT


@pytest.mark.parametrize(
    ("orders", "stage"),
    [(0, "potential"), (1, "new"), (2, "growing"), (4, "growing"), (5, "mature"), (50, "mature")],
)
def test_orders_make_the_stage_of_a_customer_who_is_there(orders: int, stage: str) -> None:
    customer = Standing(orders, 2, 5, False, False, False, False)
    assert stage_of(customer, Stage.POTENTIAL) == stage


def test_who_is_lost_does_not_leap_over_dormant() -> None:
    customer = Standing(3, 2, 5, False, True, False, False)
    assert stage_of(customer, Stage.LOST) is Stage.DORMANT
    assert stage_of(customer, Stage.GROWING) is Stage.GROWING


def test_without_an_order_nothing_is_due() -> None:
    assert set(moments_of(facts(scores(Known(), 1)), build.RULES)) == {NEVER}


def test_a_threshold_that_scores_lack_is_taken_from_the_next_lower_one() -> None:
    known = facts(scores(with_orders(0), 1))
    assert known.alive_below is not None
    at = dict(known.alive_below)
    fewer = known._replace(alive_below={key: at[key] for key in at if key != 0.40})
    assert moments_of(fewer, build.RULES).dormant_us == at[0.20]
    assert moments_of(known, build.RULES).dormant_us == at[0.40]


def test_without_any_threshold_nobody_goes_silent() -> None:
    known = facts(scores(with_orders(0), 1))._replace(alive_below={})
    assert moments_of(known, build.RULES).lost_us == NEVER


def test_nobody_is_silent_before_the_last_order() -> None:
    known = facts(scores(with_orders(50), 1))._replace(alive_below={0.10: 5, 0.40: 4})
    moments = moments_of(known, build.RULES)
    assert moments.lost_us == moments.dormant_us == micros(day(50))


def test_without_a_model_own_rhythm_decides() -> None:
    known = facts(scores(with_orders(0, 10, 20, model=0), 1))
    moments = moments_of(known, build.RULES)
    assert (moments.dormant_us, moments.lost_us) == (micros(day(50)), micros(day(100)))
    assert moments.dormant_stays_us == moments.dormant_us


def test_without_a_model_one_order_gives_the_workspaces_rhythm() -> None:
    known = facts(scores(with_orders(0, model=0), 1))
    moments = moments_of(known, build.RULES)
    assert (moments.dormant_us, moments.lost_us) == (micros(day(270)), micros(day(720)))
    assert moments.churn_us == NEVER


def test_a_rhythm_without_end_never_comes() -> None:
    rules = replace(build.RULES, silent_days_default=1e300)
    known = facts(scores(with_orders(0, model=0), 1))
    assert moments_of(known, rules).dormant_us == NEVER
