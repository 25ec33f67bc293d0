"""The fold as a Faust agent, state in memory (its tables hang: see the README's Decisions)."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

import faust

from tests.bench.peers.fold import Clock, decode, encode, folded


def main(kafka: str, source: str, target: str, events: int) -> None:
    """Read all, send a snapshot for each event."""
    app = faust.App(
        "bench-fold",
        broker=f"kafka://{kafka}",
        value_serializer="raw",
        key_serializer="raw",
        web_enabled=False,
        datadir=tempfile.mkdtemp(),
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=1.0,
    )
    clock = Clock(events)
    profiles: dict[str, Any] = {}
    snapshots = app.topic(target)

    async def fold(stream: Any) -> None:
        async for value in stream:
            event = decode(value)
            user = event["user"]
            profiles[user] = folded(profiles.get(user), event)
            await snapshots.send(key=user.encode(), value=encode(profiles[user]))
            if clock.saw(1):
                clock.report()
                os._exit(0)

    app.agent(app.topic(source))(fold)
    sys.argv = ["faust", "worker", "-l", "error", "--without-web"]
    app.main()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[5]))
