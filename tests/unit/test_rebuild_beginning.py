"""A log that no longer begins at the beginning: who can be rebuilt from it, and who can not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from confluent_kafka import TopicPartition

from services.cli.rebuild.report import why_cut
from services.profile.rebuild.beginning import MARGIN, Beginning, beginning_of
from services.profile.rebuild.compare import _is_whole
from services.profile.rebuild.units import Side, units_of
from services.profile.store import component_key
from tests.unit.profile_builders import START, Run, fed, touchpoint

FIRST = datetime(2026, 3, 1, tzinfo=UTC)


class Partitions:
    """A consumer of partitions that begin and end where it is said; records of one moment each."""

    def __init__(self, marks: Mapping[int, tuple[int, int]], at: Mapping[int, datetime]) -> None:
        self._marks, self._at = marks, at
        self._assigned = -1

    def get_watermark_offsets(self, place: TopicPartition, timeout: float) -> tuple[int, int]:
        return self._marks[place.partition]

    def assign(self, places: list[TopicPartition]) -> None:
        self._assigned = places[0].partition

    def unassign(self) -> None:
        self._assigned = -1

    def consume(self, most: int, timeout: float) -> list[Any]:
        at = self._at[self._assigned]
        return [
            SimpleNamespace(error=lambda: None, timestamp=lambda: (1, int(at.timestamp() * 1_000)))
        ]


def test_a_log_that_begins_at_zero_everywhere_is_whole() -> None:
    found = beginning_of(Partitions({0: (0, 7), 1: (0, 0)}, {}), "log", 2)
    assert found.is_whole()


def test_who_came_after_the_first_record_of_every_cut_partition_is_whole() -> None:
    later = FIRST + timedelta(days=2)
    marks = {0: (5, 9), 1: (3, 9), 2: (0, 9)}
    found = beginning_of(Partitions(marks, {0: FIRST, 1: later}), "log", 3)
    assert found.whole_since == later + MARGIN


def test_nobody_of_today_is_whole_where_nothing_is_left_of_a_partition() -> None:
    found = beginning_of(Partitions({0: (5, 5)}, {}), "log", 1)
    assert found.whole_since is not None
    assert found.whole_since > datetime.now(UTC)


def is_whole(live: Run, shadow: Run, since: datetime) -> bool:
    sides: list[Any] = [Side(live.redis), Side(shadow.redis)]  # type: ignore[arg-type]
    prefix = component_key(b"")
    keys = {key[2:] for key in shadow.redis.values if key.startswith(prefix)}
    (unit,) = units_of(sides[0], sides[1], keys)
    return _is_whole(unit, since)


def test_who_has_an_identifier_from_before_is_left_as_they_are() -> None:
    old = touchpoint("user_id:u1", at_s=1)
    new = touchpoint("user_id:u1", "email:a@x.example", at_s=90_000)
    live, shadow = fed([old, new]), fed([new])
    assert not is_whole(live, shadow, START + timedelta(days=1))
    assert is_whole(live, shadow, START)


def test_who_is_not_in_the_live_state_does_not_come_back_from_half_a_log() -> None:
    """They may have been erased, by a record that is gone."""
    assert not is_whole(Run(), fed([touchpoint("user_id:u1", at_s=1)]), START)


def test_the_refusal_says_what_would_be_lost_and_what_can_be_done() -> None:
    said = why_cut(Beginning({0: 0, 3: 1_200}, FIRST))
    assert "partitions 3 at 1,200" in said
    assert "--newer-only" in said
    assert "2026-03-01" in said
