"""A source sends no more than its limit, and only from the sites that may use its key."""

from __future__ import annotations

import math
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.workspace import Limits, Workspace
from services.ingest.api import TURNED_AWAY_AFTER_S
from services.ingest.domain.allowance import Allowance
from services.ingest.keys import Doors
from tests.unit.ingest_builders import KEY, SALT, WORKSPACE, World, track

SHOP = "https://shop.example"


def workspace(**of_source: Any) -> Workspace:
    """The demo's, with a source that is so."""
    web, *others = WORKSPACE.sources
    return WORKSPACE.model_copy(update={"sources": (web.model_copy(update=of_source), *others)})


def world(**of_source: Any) -> World:
    return World(doors=Doors({"demo": workspace(**of_source)}, SALT))


def batch(size: int) -> dict[str, Any]:
    return {"batch": [track(messageId=f"m-{number}") for number in range(size)]}


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@given(
    per_s=st.floats(0.5, 1_000),
    burst=st.integers(1, 1_000),
    schedule=st.lists(st.tuples(st.floats(0, 5), st.integers(1, 500)), min_size=1),
)
def test_no_more_comes_through_than_the_limit_and_one_request(
    per_s: float, burst: int, schedule: list[tuple[float, int]]
) -> None:
    clock = Clock()
    began, allowance, taken = clock.now, Allowance(per_s, burst, clock), 0
    for pause_s, events in schedule:
        clock.now += pause_s
        if allowance.wait_s() == 0:
            allowance.spend(events)
            taken += events
        allowed = burst + per_s * (clock.now - began)
        assert taken <= allowed + max(size for _, size in schedule) + 1e-6


@given(
    per_s=st.floats(0.5, 1_000),
    burst=st.integers(1, 1_000),
    requests=st.lists(st.integers(1, 2_500), min_size=1),
)
def test_whoever_waits_as_long_as_told_is_let_in(
    per_s: float, burst: int, requests: list[int]
) -> None:
    clock = Clock()
    allowance = Allowance(per_s, burst, clock)
    for events in requests:
        clock.now += math.ceil(allowance.wait_s())
        assert allowance.wait_s() == 0
        allowance.spend(events)


def test_too_many_events_are_429_with_the_seconds_to_wait_and_nothing_is_kept() -> None:
    over = world(limits=Limits(events_per_s=10, burst=100))
    assert over.send("/v1/batch", batch(120)).status_code == 200
    answer = over.send("/v1/track", track())
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_events")
    assert 2 <= int(answer.headers["retry-after"]) <= 3
    assert answer.headers["access-control-expose-headers"] == "retry-after"
    assert len(over.touchpoints) == 120
    assert over.letters == []


def test_one_key_over_its_limit_takes_nothing_from_another() -> None:
    web, *others = workspace(limits=Limits(events_per_s=0.001, burst=1)).sources
    other = web.model_copy(
        update={"name": "quiet", "key_hashes": (sha256(b"quiet").hexdigest(),), "limits": None}
    )
    both = WORKSPACE.model_copy(update={"sources": (web, other, *others)})
    shared = World(doors=Doors({"demo": both}, SALT))
    assert shared.send("/v1/batch", batch(50)).status_code == 200
    for path in ("/v1/batch", "/v1/track") * 10:
        flood = shared.send(path, batch(50) if path == "/v1/batch" else track())
        assert (flood.status_code, "retry-after" in flood.headers) == (429, True)
        assert shared.send("/v1/track", track(), auth=("quiet", "")).status_code == 200
    assert [each.source for each in shared.touchpoints] == ["web"] * 50 + ["quiet"] * 20


def test_the_limit_is_that_of_the_key_whether_in_the_header_or_in_the_body() -> None:
    over = world(limits=Limits(events_per_s=1, burst=1))
    assert over.send("/v1/batch", batch(2)).status_code == 200
    in_body = over.send("/v1/track", track(writeKey=KEY), auth=None)
    assert in_body.status_code == 429


def test_requests_that_can_not_be_read_count_too() -> None:
    over = world(limits=Limits(events_per_s=0.001, burst=2))
    statuses = [over.send("/v1/batch", b"{").status_code for _ in range(3)]
    assert statuses == [400, 400, 429]


def test_what_was_spent_stays_spent_when_the_workspace_is_read_again() -> None:
    limits = Limits(events_per_s=0.001, burst=1)
    over = world(limits=limits)
    assert over.send("/v1/track", track()).status_code == 200
    over.doors.renew({"demo": workspace(limits=limits, allowed_origins=(SHOP,))})
    assert over.send("/v1/track", track()).status_code == 429
    over.doors.renew({"demo": workspace(limits=Limits(events_per_s=0.001, burst=2))})
    assert over.send("/v1/track", track()).status_code == 200
    over.doors.renew({"demo": workspace()})
    assert over.send("/v1/batch", batch(500)).status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (SHOP, 200), ("HTTPS://Shop.example", 200), (None, 200),
        ("https://other.example", 403), ("http://shop.example", 403), ("null", 403),
    ],
)  # fmt: skip
def test_only_the_sites_that_are_named_may_use_a_key_in_a_browser(
    origin: str | None, status: int
) -> None:
    """Whoever is no browser sends no Origin, and may."""
    shop = world(allowed_origins=(SHOP,))
    headers = {} if origin is None else {"Origin": origin}
    answer = shop.send("/v1/track", track(), headers=headers)
    assert answer.status_code == status
    assert len(shop.touchpoints) == (status == 200)
    if status == 403:
        assert answer.json()["code"] == "forbidden_origin"


def test_only_who_is_over_a_limit_is_kept_waiting_for_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may ask again at once; the browser of another site is done."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("asyncio.sleep", sleep)
    shop = world(allowed_origins=(SHOP,), limits=Limits(events_per_s=0.001, burst=1))
    abroad = {"Origin": "https://other.example"}
    assert shop.send("/v1/track", track(), headers=abroad).status_code == 403
    assert waited == []
    assert [shop.send("/v1/track", track()).status_code for _ in range(2)] == [200, 429]
    assert waited == [TURNED_AWAY_AFTER_S]


def test_a_key_without_named_sites_may_be_used_everywhere() -> None:
    assert world().send("/v1/track", track(), headers={"Origin": SHOP}).status_code == 200
