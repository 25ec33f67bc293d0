"""Deliveries are tried again on the schedule of Standard Webhooks."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.journey.deliver.domain.schedule import (
    ATTEMPTS_MAX,
    DELAYS_S,
    JITTER_PART,
    RETRY_AFTER_MS_MAX,
    Timing,
    is_last,
    retry_after_ms,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DICE = st.floats(0, 1, exclude_max=True)


def test_the_delays_are_those_of_the_specification() -> None:
    hours = 3_600
    assert (5, 300, 1_800, *(hour * hours for hour in (2, 5, 10, 14, 20, 24))) == DELAYS_S


@given(st.integers(1, ATTEMPTS_MAX - 1), DICE)
def test_jitter_only_makes_it_later_and_never_by_much(failures: int, dice: float) -> None:
    delay_ms = Timing().next_attempt_ms(failures, 0, dice=dice)
    planned_ms = DELAYS_S[failures - 1] * 1_000
    assert planned_ms <= delay_ms <= planned_ms * (1 + JITTER_PART)


@given(st.integers(1, ATTEMPTS_MAX - 1), DICE, st.integers(0, RETRY_AFTER_MS_MAX))
def test_retry_after_moves_it_later_never_earlier(failures: int, dice: float, asked: int) -> None:
    without = Timing().next_attempt_ms(failures, 7, dice=dice)
    assert Timing().next_attempt_ms(failures, 7, dice=dice, retry_after_ms=asked) == max(
        without, 7 + asked
    )


def test_after_the_last_attempt_the_dead_letter_is_due_at_once() -> None:
    assert is_last(ATTEMPTS_MAX)
    assert not is_last(ATTEMPTS_MAX - 1)
    asked = RETRY_AFTER_MS_MAX
    assert Timing().next_attempt_ms(ATTEMPTS_MAX, 7, dice=0.5, retry_after_ms=asked) == 7


def test_a_scale_makes_tests_quick() -> None:
    assert Timing(scale=0.001).next_attempt_ms(1, 0, dice=0) == 5
    assert Timing(scale=0.001).lease_ms < Timing().lease_ms


@pytest.mark.parametrize(
    ("header", "expected_ms"),
    [
        (None, 0),
        ("", 0),
        ("120", 120_000),
        (" 3 ", 3_000),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("٣", 0),
        ("9" * 400, RETRY_AFTER_MS_MAX),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90_000),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0),
        ("Fri, 02 Jan 2026 03:05:05 -0000", 60_000),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, expected_ms: int) -> None:
    assert retry_after_ms(header, NOW) == expected_ms


@given(st.text(max_size=60))
def test_no_retry_after_header_breaks_it(header: str) -> None:
    assert 0 <= retry_after_ms(header, NOW) <= RETRY_AFTER_MS_MAX
