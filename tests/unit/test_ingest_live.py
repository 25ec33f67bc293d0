"""The live view: what viewers are shown, how little that costs, and what they are not shown."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pytest

from services.cli.live import events_in, line_of
from services.common.health import StreamRefused
from services.ingest.live import EVENTS_PER_S_MAX, VIEWERS_MAX, WAITING_MAX, Live
from tests.unit.ingest_builders import World, order, track

Stream = Generator[bytes, None, None]


def watching(live: Live, **query: str) -> Stream:
    """A viewer who has been greeted."""
    stream = live.stream(query)
    assert next(stream).startswith(b"event: watching\n")
    return stream


def shown(stream: Stream, events: int) -> list[tuple[str, dict[str, Any]]]:
    lines = b"".join(next(stream) for _ in range(events)).decode().split("\n")
    return list(events_in(lines))


def test_a_viewer_sees_what_is_accepted_and_what_is_refused_and_why() -> None:
    world = World()
    stream = watching(world.live)
    bad = order(total="much")
    world.send("/v1/batch", {"batch": [order(), track("Wishlist Shared"), bad]})
    (_, first), (_, second), (state, third) = shown(stream, 3)
    assert (first["source"], first["kind"], first["name"]) == ("web", "order_completed", None)
    assert first["identifiers"] == ["user_id"]
    assert {"order_id", "total"} <= set(first["properties"])
    assert (second["kind"], second["name"]) == ("custom", "Wishlist Shared")
    assert (state, third["reason"], third["field"]) == ("refused", "bad_properties", "total.amount")
    assert third["message_id"] == "m-1"


def test_no_value_of_a_person_is_shown() -> None:
    world = World()
    stream = watching(world.live)
    secret = "ada.lovelace@x.example"
    who = {"type": "identify", "messageId": "m", "userId": "u-77", "traits": {"email": secret}}
    world.send("/v1/batch", {"batch": [who, order(total=secret), track(properties={"a": secret})]})
    told = json.dumps(shown(stream, 3))
    assert secret not in told
    assert "u-77" not in told


def test_a_viewer_may_ask_for_one_source_and_one_state() -> None:
    world = World()
    refused, other = watching(world.live, state="refused"), watching(world.live, source="other")
    world.send("/v1/batch", {"batch": [order(), track("")]})
    assert [kind for kind, _ in shown(refused, 1)] == ["refused"]
    world.live.show("other", [])
    other.close()


def test_what_is_asked_wrongly_is_told() -> None:
    for query in ({"sauce": "web"}, {"state": "lost"}):
        with pytest.raises(StreamRefused, match="there are") as refused:
            Live().stream(query)
        assert refused.value.status == 400


def test_a_viewer_who_does_not_read_costs_so_much_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.ingest.live.EVENTS_PER_S_MAX", 10_000)
    world = World()
    stream = watching(world.live)
    batch = {"batch": [track(messageId=f"m-{number}") for number in range(100)]}
    for _ in range(WAITING_MAX // 100 + 3):
        world.send("/v1/batch", batch)
    assert len(shown(stream, WAITING_MAX)) == WAITING_MAX
    [viewer] = world.live._viewers
    assert viewer.seen == 100 * (WAITING_MAX // 100 + 3)
    assert viewer.waiting.empty()


def test_only_some_of_a_flood_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ingest.live.time.monotonic", lambda: 7.5)
    world = World()
    stream = watching(world.live)
    world.send("/v1/batch", {"batch": [track(messageId=f"m-{n}") for n in range(100)]})
    [viewer] = world.live._viewers
    assert (viewer.seen, viewer.waiting.qsize()) == (100, EVENTS_PER_S_MAX)
    stream.close()


def test_viewers_come_and_go_and_are_not_too_many() -> None:
    live = Live()
    streams = [watching(live) for _ in range(VIEWERS_MAX)]
    with pytest.raises(StreamRefused) as refused:
        live.stream({})
    assert refused.value.status == 503
    streams.pop().close()
    streams.append(watching(live))
    assert len(live._viewers) == VIEWERS_MAX


def test_lines_for_people_say_when_whose_and_what() -> None:
    world = World()
    stream = watching(world.live)
    world.send("/v1/batch", {"batch": [order(), track("")]})
    good, bad = (line_of(kind, told) for kind, told in shown(stream, 2))
    assert good[10:].startswith("web          ok               order_completed of user_id: ")
    assert " no_event_name    " in bad
