"""The lines of a receipt: for each place what was found, what was done, and until when it lasts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from schemas.erasure import StoreReceipt
from schemas.topics import Topic
from services.cli.erase.horizon import Horizon, at_ms

#: How often ClickHouse's background clean-up looks, where it does not tell (older versions).
CLEANED_WITHIN_S: Final = 300
#: Shorter values would be found anywhere.
VALUE_CHARACTERS_MIN: Final = 5
READ_BYTES: Final = 1 << 20

#: Of a table's parts that are not active any more.
_LIFETIME, _LOOK, _RANDOM = SETTINGS = (
    "old_parts_lifetime",
    "max_cleanup_delay_period",
    "cleanup_delay_period_random_add",
)
_GENERAL: Final = """
SELECT name, value FROM system.merge_tree_settings WHERE name IN {names:Array(String)}
"""
_OWN: Final = """
SELECT engine_full FROM system.tables WHERE database = {database:String} AND name = {table:String}
"""


def redis_receipt(place: str, found: int, done: str = "deleted", why: str = "") -> StoreReceipt:
    """What was in Redis is gone with the append-only file that is written anew."""
    return StoreReceipt(store="redis", place=place, found=found, done=done, why=why)


def columns_receipt(client: Any, table: str, found: int) -> StoreReceipt:
    """The parts that held the rows are not active any more, and are removed a while later."""
    if not found:
        return StoreReceipt(store="clickhouse", place=table, found=0, done="nothing to do")
    lifetime_s, cleaned_s = _removed_within_s(client, table)
    return StoreReceipt(
        store="clickhouse",
        place=table,
        found=found,
        done="parts rewritten without the rows",
        expires_at=datetime.now(UTC) + timedelta(seconds=lifetime_s + cleaned_s),
        why=f"old_parts_lifetime {lifetime_s} s, cleaned within {cleaned_s} s",
    )


def _removed_within_s(client: Any, table: str) -> tuple[int, int]:
    """How long inactive parts are kept, and how soon after that the clean-up comes."""
    told = {_LOOK: CLEANED_WITHIN_S, _RANDOM: 0}
    told |= {
        n: int(v)
        for n, v in client.query(_GENERAL, parameters={"names": list(SETTINGS)}).result_rows
    }
    where = {"database": client.database, "table": table}
    [[engine]] = client.query(_OWN, parameters=where).result_rows
    own = {name: re.search(rf"\b{name} = (\d+)", engine) for name in SETTINGS}
    told |= {name: int(found[1]) for name, found in own.items() if found}
    return told[_LIFETIME], told[_LOOK] + told[_RANDOM]


def topic_receipts(
    looked: Sequence[Topic],
    found: Mapping[str, int],
    newest_ms: Mapping[str, int],
    horizons: Mapping[str, Horizon],
    erased_at: datetime,
) -> Iterator[StoreReceipt]:
    """For each topic: when the newest record that is about them is gone."""
    for topic in looked:
        if not (count := found.get(topic.name, 0)):
            yield StoreReceipt(
                store="kafka", place=topic.name, found=0, done="nothing there (any more)"
            )
            continue
        horizon = horizons[topic.name]
        # what is compacted goes by what was written over it
        since = erased_at if horizon.compacted else at_ms(newest_ms[topic.name])
        yield StoreReceipt(
            store="kafka",
            place=topic.name,
            found=count,
            done="overwritten, compacted" if horizon.compacted else "expires",
            expires_at=horizon.after(since),
            why=horizon.why,
        )


#: What is kept of everybody, and holds no value.
HASHES: Final = (
    StoreReceipt(
        store="redis",
        place="m: (message ids)",
        found=0,
        done="64-bit keyed hashes of message ids, expire by themselves within 15 days",
    ),
    StoreReceipt(
        store="redis",
        place="j: (journey), n: (nodes)",
        found=0,
        done="keyed ids and versions are kept, so that nothing late brings them back",
    ),
    StoreReceipt(
        store="kafka",
        place="audit, erasures",
        found=0,
        done="keyed ids and hashes are kept: the proof",
    ),
    StoreReceipt(
        store="disk",
        place="imports' progress files",
        found=0,
        done="hold a hash of the file, counts and offsets; the imported files are yours",
    ),
)


def log_receipt(home: Path, values: Sequence[str]) -> StoreReceipt:
    """The logs of this home's engines and services must not name anybody."""
    wanted = [one.encode() for one in values if len(one) >= VALUE_CHARACTERS_MIN]
    files = [path for path in (home / "log").glob("*") if path.is_file()]
    named = [path.name for path in files if _names_one(path, wanted)]
    if named:
        done = f"delete these by hand: {', '.join(sorted(named))[:1_000]}"
        return StoreReceipt(store="disk", place="logs", found=len(named), done=done)
    return StoreReceipt(
        store="disk",
        place="logs",
        found=0,
        done=f"looked through {len(files)} files of RAPPORT_HOME; services log no identifiers",
    )


def _names_one(path: Path, wanted: Sequence[bytes]) -> bool:
    """Read piece by piece; a value may lie across two."""
    longest = max(map(len, wanted), default=0)
    before = b""
    with path.open("rb") as log:
        while piece := log.read(READ_BYTES):
            together = before + piece
            if any(one in together for one in wanted):
                return True
            before = together[-longest:]
    return False
