"""Where delivery keeps things in Redis, and the scripts that change them. Keys begin with d:."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Final

SCRIPTS: Final = Path(__file__).parent / "lua"
#: Longer than the topics keep their events (30 days): a replay finds every id.
SEEN_DAYS: Final = 35
#: Redis keeps a set of up to 512 integers at 8 bytes each: 130,000 ids a day and endpoint.
SEEN_BUCKETS: Final = 256
#: What may wait for one endpoint. A delivery takes about 1 KB: the queue is bounded by 0.5 GB.
PENDING_MAX: Final = 500_000
DEAD_MAX: Final = 100_000
LOG_ENTRIES_MAX: Final = 10_000

ENDPOINTS: Final = "d:endpoints"


def script(name: str) -> str:
    """The text of one Lua script."""
    return (SCRIPTS / f"{name}.lua").read_text(encoding="utf-8")


def keys(endpoint: str, names: Iterable[str]) -> list[str]:
    """Keys of one endpoint (`workspace/name`) by their names.

    due   sorted set: id -> when to try next, ms     job   hash: id -> what to send
    tries hash: id -> failed attempts                ep    hash: counters and state of the endpoint
    log   stream: the last attempts                  dead, deadat   given up: jobs, and since when
    """
    return [f"d:{name}:{endpoint}" for name in names]


def position(topic: str, partition: int) -> str:
    """Offset of the next record of a partition whose deliveries are not written yet."""
    return f"d:pos:{topic}:{partition}"


def seen(event_id: str, at: datetime) -> tuple[str, str]:
    """(bucket, member) that remember an event: by its own day, so that one look-up is enough."""
    digest = blake2b(event_id.encode(), digest_size=8).digest()
    member = int.from_bytes(digest, "big", signed=True)
    return f"{at:%Y%m%d}:{member % SEEN_BUCKETS}", str(member)
