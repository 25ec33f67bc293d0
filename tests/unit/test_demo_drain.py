"""When the demo takes everything for done, and when it says that something is stuck."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.cli.demo import drain
from services.cli.demo.drain import Backlog, StuckError, wait_until_empty
from services.common.settings import Settings

END = {"touchpoints.accepted": 100}


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "LOOK_AGAIN_AFTER_S", 0.0)


def looks(*waiting: int) -> Iterator[Backlog]:
    """What each look finds; the last one for ever."""
    for count in waiting:
        yield Backlog({"profile": count}, END)
    while True:
        yield Backlog({"profile": waiting[-1]}, END)


def test_it_waits_until_nothing_waits_and_nothing_grows() -> None:
    found = looks(5, 3, 0)
    seen: list[Backlog] = []
    wait_until_empty(lambda: next(found), seen.append)
    assert [look.waiting["profile"] for look in seen] == [5, 3, *[0] * drain.LOOKS_ALIKE]


def test_an_empty_moment_between_two_services_is_not_the_end() -> None:
    found = looks(5, 0, 4, 0)
    seen: list[Backlog] = []
    wait_until_empty(lambda: next(found), seen.append)
    assert [look.waiting["profile"] for look in seen][:3] == [5, 0, 4]


def test_what_does_not_move_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "STUCK_S", 0.0)
    found = looks(7)
    with pytest.raises(StuckError, match="'profile': 7"):
        wait_until_empty(lambda: next(found), lambda _: None)


@pytest.mark.parametrize(
    ("topic", "offset", "end", "behind"),
    [
        ("touchpoints.accepted", 3, 10, 7),
        ("touchpoints.accepted", 9, 10, 1),
        ("touchpoints.accepted", -1001, 10, 10),
        ("profiles.changed", 9, 10, 0),
        ("profiles.changed", 8, 10, 2),
        ("profiles.changed", 12, 10, 0),
    ],
)
def test_the_marker_behind_a_transaction_does_not_wait_for_a_reader(
    topic: str, offset: int, end: int, behind: int
) -> None:
    nobody = Settings(kafka="127.0.0.1:1", redis="redis://127.0.0.1:1/0")
    assert drain.Drain(nobody)._behind((topic, 0), offset, end) == behind
