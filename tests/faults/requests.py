"""Requests to merge and to part in the story of the demo: some pairs, some of them apart again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec

from services.cli.demo import segment
from services.cli.demo.generate import Replay, Send
from services.cli.demo.segment import Who, touch

MERGES = 12
#: Of the merges, so many are asked apart later; and as many pairs that nobody ever merged.
PARTED = 5


def with_requests(replay: Replay, dice: Random) -> Replay:
    """The story with requests of people who know better, by Kafka, at any place of it."""
    users = sorted(value for kind, value in replay.ledger.owners if kind == "user_id")
    pairs = [tuple(dice.sample(users, k=2)) for _ in range(MERGES + PARTED)]
    begins = datetime(replay_year(replay), 1, 1, tzinfo=UTC)
    sends = []
    for number, (one, other) in enumerate(pairs):
        if number < MERGES:
            sends.append(_request("Profile Merge Requested", f"merge-{number}", one, other, begins))
        if number >= MERGES - PARTED:
            later = begins.replace(month=2)
            name = "Profile Unmerge Requested"
            sends.append(_request(name, f"unmerge-{number}", one, other, later))
    history = list(replay.history)
    for send in sends:
        history.insert(dice.randrange(len(history)), send)
    return replace(replay, history=tuple(history))


def replay_year(replay: Replay) -> int:
    """When the story ends: its last touchpoint has been sent."""
    for send in reversed(replay.sends):
        try:
            content: Any = msgspec.json.decode(send.value)
            return int(content["timestamp"][:4])
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError, KeyError, ValueError):
            continue
    raise AssertionError("a story has a valid touchpoint")


def _request(event: str, message: str, one: str, other: str, at: datetime) -> Send:
    said = segment.track(event, other={"kind": "user_id", "value": other}, reason="same customer")
    return Send("kafka", touch(message, at, Who(user_id=one), said).value)
