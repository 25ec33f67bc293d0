"""Which of the webhooks due another run of the demo will have as well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.cli.demo.due import Told, due_of

BEGAN = datetime(2026, 5, 4, 12, tzinfo=UTC)
BEFORE, MEANWHILE = BEGAN - timedelta(days=1), BEGAN + timedelta(seconds=30)


def test_what_is_historic_is_not_due_and_what_is_told_twice_is_due_once() -> None:
    events = [Told("1", at=BEFORE), Told("1", at=BEFORE), Told("2", historic=True, at=MEANWHILE)]
    due = due_of(events, BEGAN)
    assert due.ids == {"1"}
    assert due.by_clock == set()


def test_moments_that_pass_meanwhile_are_told_apart_with_what_follows_from_them() -> None:
    events = [
        Told("stage", at=MEANWHILE),
        Told("alert", at=MEANWHILE, state="raised", alert_id="a"),
        Told("action", requested_at=MEANWHILE),
        Told("its end", at=MEANWHILE, state="cleared", alert_id="a"),
        Told("older alert", at=BEFORE, state="raised", alert_id="b"),
        Told("older action", requested_at=BEFORE),
        Told("older end", at=MEANWHILE, state="cleared", alert_id="b"),
    ]
    due = due_of(events, BEGAN)
    assert due.ids == {one.event_id for one in events}
    assert due.by_clock == {"stage", "alert", "action", "its end"}
