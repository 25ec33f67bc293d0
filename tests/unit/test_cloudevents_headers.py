"""How moments are spelled on topics: one spelling, whatever digits the moment has."""

from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from schemas.base import YEAR_MAX, YEAR_MIN
from schemas.cloudevents import rfc3339

MOMENTS = st.datetimes(datetime(YEAR_MIN, 1, 1), datetime(YEAR_MAX, 12, 31), timezones=st.just(UTC))


@given(MOMENTS)
@example(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
@example(datetime(2026, 1, 2, 3, 4, 5, 120_000, tzinfo=UTC))
@example(datetime(2026, 1, 2, 3, 4, 5, 7, tzinfo=UTC))
def test_a_moment_has_all_its_six_digits_and_a_z(moment: datetime) -> None:
    assert rfc3339(moment) == moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert datetime.fromisoformat(rfc3339(moment)) == moment
