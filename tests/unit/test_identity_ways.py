"""The best way along ties: the fewest refused, then the fewest, then the earliest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.profile.domain.component import Refusal
from services.profile.domain.ties import End, Tie, way

START = datetime(2026, 1, 5, tzinfo=UTC)


def tie(one: str, other: str, at_s: int, *, refused: bool = False) -> Tie:
    ends = [End(name.encode(), "user_id", name) for name in (one, other)]
    at = START + timedelta(seconds=at_s)
    tie = Tie(*ends, f"{one}{other}{at_s}".encode(), at, "seen together", False)
    return tie._replace(refused=Refusal.LIMIT) if refused else tie


def names(ties: list[Tie]) -> list[str]:
    found = way(b"a", b"z", ties)
    assert found is not None
    return [str(found[0].one.value), *(str(one.other.value) for one in found)]


def test_a_longer_way_with_fewer_refused_links_is_the_better_one() -> None:
    short = [tie("a", "m", 1, refused=True), tie("m", "z", 2, refused=True)]
    long = [tie("a", "n", 3), tie("n", "o", 4), tie("o", "z", 5, refused=True)]
    assert names([*short, *long]) == ["a", "n", "o", "z"]


def test_of_ways_of_one_length_the_earliest_is_the_better_one() -> None:
    early = [tie("a", "n", 1), tie("n", "z", 4)]
    late = [tie("a", "m", 0), tie("m", "z", 5)]
    assert names([*early, *late]) == names([*late, *early]) == ["a", "n", "z"]


def test_there_may_be_no_way() -> None:
    assert way(b"a", b"z", [tie("a", "m", 1)]) is None
