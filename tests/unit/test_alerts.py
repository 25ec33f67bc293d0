"""Alerts: raised once for each cause, cleared once; history asks nobody to act."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from schemas.action import ActionRequested
from schemas.alert import AlertKind
from schemas.base import derived_id
from services.journey.domain.actions import ACTION_OF_ALERT
from services.journey.domain.alerts import ALERTS
from tests.unit.journey_builders import (
    RULES,
    Known,
    Life,
    alert_states,
    day,
    scores,
    with_orders,
)

COMPLAINED = Known(complaints=(("C-1", day(0), 4),))
VALUED = replace(COMPLAINED, high_value=True)
HANDLED = replace(COMPLAINED, handled=frozenset({"C-1"}))


REFUSED = Known(refused=(("a and b", day(0), "limit"),))


def actions(life: Life) -> list[ActionRequested]:
    return [event for event in life.events if isinstance(event, ActionRequested)]


def test_every_kind_of_alert_has_a_rule_and_a_step() -> None:
    kinds = set(AlertKind.__args__)  # type: ignore[attr-defined]
    assert {rule.kind for rule in ALERTS} == kinds == set(ACTION_OF_ALERT)


def test_churn_risk_is_raised_when_p_alive_falls_and_cleared_by_the_next_order() -> None:
    life = Life()
    life.hear(scores(with_orders(0), 1), day(0))
    life.wait_until(day(32))
    assert alert_states(life.events) == [("churn_risk", "raised")]
    life.hear(scores(with_orders(0, 33), 2), day(33))
    assert alert_states(life.events) == [("churn_risk", "raised"), ("churn_risk", "cleared")]
    raised, cleared = life.alerts
    assert raised.alert_id == cleared.alert_id
    assert raised.event_id != cleared.event_id
    assert (raised.cause.type, cleared.cause.type) == ("time", "event")
    assert raised.at == day(31.25)


def test_the_next_silence_is_another_alert() -> None:
    life = Life()
    life.hear(scores(with_orders(0), 1), day(0))
    life.hear(scores(with_orders(0, 60), 2), day(60))
    life.wait_until(day(200))
    assert alert_states(life.events) == [
        ("churn_risk", "raised"),
        ("churn_risk", "cleared"),
        ("churn_risk", "raised"),
    ]
    assert len({alert.alert_id for alert in life.alerts}) == 2


def test_without_a_model_one_order_is_no_churn_risk() -> None:
    once, twice = Life(), Life()
    once.hear(scores(with_orders(0, model=0), 1), day(0))
    once.wait_until(day(3000))
    twice.hear(scores(with_orders(0, 10, model=0), 1), day(10))
    twice.wait_until(day(3000))
    assert alert_states(once.events) == []
    assert alert_states(twice.events) == [("churn_risk", "raised")]


def test_the_churn_risk_of_a_high_value_customer_weighs_more() -> None:
    life = Life()
    life.hear(scores(with_orders(0, high_value=True), 1), day(0))
    life.wait_until(day(32))
    assert life.alerts[0].severity == 3


def test_a_high_value_customer_who_complains_is_called() -> None:
    life = Life()
    told = life.hear(scores(VALUED, 1), day(0.1))
    assert alert_states(told) == [("high_value_complained", "raised")]
    alert, action = life.alerts[0], actions(life)[0]
    assert alert.severity == 4
    assert alert.cause.event_id == derived_id("complaint", "C-1")
    assert action.parameters["complaint_id"] == "C-1"
    assert action.parameters["alert_id"] == str(alert.alert_id)
    assert action.cause == alert.cause


def test_a_complaint_of_anybody_else_is_no_alert_while_it_is_in_time() -> None:
    life = Life()
    life.hear(scores(COMPLAINED, 1), day(0.1))
    life.wait_until(day(0.99))
    assert alert_states(life.events) == []


def test_a_complaint_is_overdue_when_its_severitys_hours_are_over() -> None:
    life = Life()
    mild = replace(COMPLAINED, complaints=(("C-1", day(0), 4), ("C-2", day(0), 1)))
    life.hear(scores(mild, 1), day(0.1))
    life.wait_until(day(1))
    assert alert_states(life.events) == [("complaint_overdue", "raised")]
    assert life.alerts[0].at == day(1)
    life.wait_until(day(4))
    assert [alert.severity for alert in life.alerts] == [4, 1]
    assert [alert.at for alert in life.alerts] == [day(1), day(4)]


def test_a_severity_without_hours_has_no_deadline() -> None:
    life = Life(rules=replace(RULES, complaint_us_max={}))
    life.hear(scores(COMPLAINED, 1), day(0.1))
    life.wait_until(day(100))
    assert life.alerts == []


def test_a_severity_outside_the_scale_counts_as_its_nearest() -> None:
    life = Life()
    life.hear(scores(Known(complaints=(("C-1", day(0), 9),)), 1), day(0.1))
    life.wait_until(day(1))
    assert life.alerts[0].severity == 4


def test_handling_clears_both_alerts_of_a_complaint() -> None:
    life = Life()
    life.hear(scores(VALUED, 1), day(0.1))
    life.wait_until(day(2))
    told = life.hear(scores(replace(HANDLED, high_value=True), 2), day(2))
    assert sorted(alert_states(told)) == [
        ("complaint_overdue", "cleared"),
        ("high_value_complained", "cleared"),
    ]
    assert life.state is not None
    remembered = life.holders.changed.values()
    assert [held.open for held in remembered] == [False, False], "remembered as closed"
    assert life.state.due_us == 0


def test_what_is_withdrawn_and_raised_again_is_another_alert() -> None:
    life = Life()
    for version, known in enumerate((VALUED, COMPLAINED, VALUED, HANDLED), start=1):
        life.hear(scores(known, version), day(0.1 * version))
    kind = "high_value_complained"
    assert alert_states(life.events) == [(kind, "raised"), (kind, "cleared")] * 2
    first, withdrawn, second, cleared = life.alerts
    assert withdrawn.cause.type == "model"
    assert first.alert_id == withdrawn.alert_id != second.alert_id == cleared.alert_id
    assert len({alert.event_id for alert in life.alerts}) == 4


def test_history_asks_nobody_to_act_and_clears_as_quietly() -> None:
    life = Life()
    life.hear(scores(VALUED, 1), day(30))
    life.hear(scores(HANDLED, 2), day(31))
    assert {alert.historic for alert in life.alerts} == {True}
    assert actions(life) == []


def test_the_clearing_of_an_alert_that_was_sent_is_sent_however_late() -> None:
    life = Life()
    life.hear(scores(VALUED, 1), day(0.1))
    life.hear(scores(HANDLED, 2), day(300))
    assert not any(alert.historic for alert in life.alerts)


def test_each_alert_asks_for_one_step_with_a_deadline() -> None:
    life = Life()
    life.hear(scores(VALUED, 1), day(0.5))
    life.wait_until(day(1))
    call, handle = actions(life)
    assert "C-1" in call.title
    assert "C-1" in handle.title
    assert call.parameters["deadline"] == "2026-01-01T08:00:00.000000Z"
    assert call.requested_at == day(0)
    assert handle.requested_at - call.requested_at == timedelta(hours=24)


def test_the_same_complaint_has_the_same_alert_whoever_holds_it() -> None:
    one, other = Life(), Life(who=UUID(int=7))
    one.hear(scores(VALUED, 1), day(0.1))
    other.hear(scores(VALUED, 1, who=UUID(int=7)), day(0.2))
    assert one.alerts[0].alert_id == other.alerts[0].alert_id
    assert one.alerts[0].event_id == other.alerts[0].event_id
    assert actions(one)[0].event_id == actions(other)[0].event_id


def test_an_identity_conflict_is_raised_with_the_refused_link_as_its_cause() -> None:
    life = Life()
    life.hear(scores(REFUSED, 1), day(0.1))
    [alert] = life.alerts
    assert (alert.kind, alert.state, alert.severity) == ("identity_conflict", "raised", 2)
    assert alert.cause.event_id == derived_id("link", "a and b")
    assert "user_id and email" in alert.cause.detail
    [step] = actions(life)
    assert step.parameters["refused_event_id"] == str(derived_id("link", "a and b"))


def test_an_identity_conflict_clears_when_the_link_is_not_refused_any_more() -> None:
    life = Life()
    life.hear(scores(REFUSED, 1), day(0.1))
    life.hear(scores(Known(), 2), day(0.2))
    assert [alert.state for alert in life.alerts] == ["raised", "cleared"]
    assert len({alert.alert_id for alert in life.alerts}) == 1
    assert life.alerts[1].cause.event_id == derived_id("link", "a and b")
    assert life.state is not None
    assert life.state.alerts == ()


def test_what_a_person_set_apart_is_no_conflict_nor_is_a_hub() -> None:
    life = Life()
    refused = (("a", day(0), "set_apart"), ("b", day(0), "hub"), ("c", day(0), "too_large"))
    life.hear(scores(Known(refused=refused), 1), day(0.1))
    assert life.alerts == []


def test_setting_apart_clears_the_conflict() -> None:
    life = Life()
    life.hear(scores(REFUSED, 1), day(0.1))
    life.hear(scores(Known(refused=(("a and b", day(0), "set_apart"),)), 2), day(0.2))
    assert [alert.state for alert in life.alerts] == ["raised", "cleared"]


def test_a_conflict_that_comes_back_is_another_alert() -> None:
    life = Life()
    for version, known in enumerate([REFUSED, Known(), REFUSED], start=1):
        life.hear(scores(known, version), day(0.1))
    first, cleared, second = life.alerts
    assert first.alert_id == cleared.alert_id != second.alert_id
    assert len({alert.event_id for alert in life.alerts}) == 3


def test_each_of_the_two_people_has_an_alert_of_its_own() -> None:
    one, other = Life(), Life(who=UUID(int=7))
    one.hear(scores(REFUSED, 1), day(0.1))
    other.hear(scores(REFUSED, 1, who=UUID(int=7)), day(0.1))
    assert one.alerts[0].alert_id != other.alerts[0].alert_id
    assert one.alerts[0].cause == other.alerts[0].cause


def test_several_refused_links_are_several_alerts_and_a_repeat_is_none() -> None:
    life = Life()
    both = Known(refused=(*REFUSED.refused, ("a and c", day(0.05), "public_key")))
    life.hear(scores(REFUSED, 1), day(0.1))
    life.hear(scores(both, 2), day(0.2))
    life.hear(scores(both, 3), day(0.3))
    assert alert_states(life.events) == [("identity_conflict", "raised")] * 2
