"""The fold on Quix Streams, stateful (RocksDB and a changelog), at least once.

Runs in the bench's own environment and takes `fold` from beside itself.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from fold import Clock, folded  # type: ignore[import-not-found]
from quixstreams import Application, State


def main(kafka: str, source: str, target: str, events: int) -> None:
    """Read all, send a snapshot for each event."""
    app = Application(
        broker_address=kafka,
        consumer_group="bench-quix",
        auto_offset_reset="earliest",
        state_dir=tempfile.mkdtemp(),
        loglevel="ERROR",
    )
    clock = Clock(events)

    def fold(event: dict[str, Any], state: State) -> dict[str, Any]:
        profile: dict[str, Any] = folded(state.get("profile"), event)
        state.set("profile", profile)
        return profile

    def count(_: Any) -> None:
        if clock.saw(1):
            clock.report()
            os._exit(0)

    stream = app.dataframe(app.topic(source, value_deserializer="json"))
    stream = stream.apply(fold, stateful=True)
    stream = stream.to_topic(app.topic(target, value_serializer="json"))
    stream.update(count)
    app.run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[5]))
