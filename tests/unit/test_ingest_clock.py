"""When something happened, whatever the clock of the sender says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schemas.dead_letter import Reason
from tests.unit.ingest_builders import NOW, accepted, refused, track


def test_the_clock_of_the_sender_is_corrected_by_ours() -> None:
    """Spec: timestamp = receivedAt - (sentAt - originalTimestamp)."""
    call = track(timestamp="2031-01-01T00:00:00Z", sentAt="2031-01-01T00:00:10Z")
    assert accepted(call).occurred_at == NOW - timedelta(seconds=10)


def test_without_sent_at_the_time_is_as_sent() -> None:
    call = track(timestamp="2026-01-01T01:00:00+01:00")
    assert accepted(call).occurred_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_without_any_time_it_happened_when_it_arrived() -> None:
    assert accepted(track(timestamp=None, sentAt="2026-01-01T00:00:00Z")).occurred_at == NOW


def test_original_timestamp_alone_is_the_time() -> None:
    """rudder Go and Node send originalTimestamp and no timestamp."""
    call = track(originalTimestamp="2026-01-01T00:00:00Z", timestamp=None)
    assert accepted(call).occurred_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_nine_digits_of_fraction_are_read() -> None:
    """Go sends them."""
    call = track(timestamp="2026-01-01T00:00:00.123456789Z")
    assert accepted(call).occurred_at == datetime(2026, 1, 1, 0, 0, 0, 123_456, tzinfo=UTC)


def test_a_future_time_becomes_the_arrival_and_what_was_sent_is_noted() -> None:
    touchpoint = accepted(track(timestamp="2027-01-01T00:00:00Z"))
    assert touchpoint.occurred_at == NOW
    assert touchpoint.context["ingest"]["timestamp_sent"] == "2027-01-01T00:00:00Z"


def test_an_unreadable_sent_at_corrects_nothing_and_is_noted() -> None:
    touchpoint = accepted(track(timestamp="2026-01-01T00:00:00Z", sentAt="yesterday"))
    assert touchpoint.occurred_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert touchpoint.context["ingest"]["sent_at"] == "unreadable"


@pytest.mark.parametrize(
    "time",
    ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "soon", "", 5, {}, "1899-12-31", "0001"],
)
def test_a_time_that_is_none_is_refused(time: object) -> None:
    letter = refused(track(timestamp=time))
    assert (letter.reason, letter.field) == (Reason.BAD_TIME, "timestamp")


def test_a_correction_that_leaves_the_calendar_is_refused() -> None:
    call = track(timestamp="1900-01-01T00:00:00Z", sentAt="2200-01-01T00:00:00Z")
    assert refused(call).reason is Reason.BAD_TIME
