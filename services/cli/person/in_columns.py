"""What ClickHouse holds of one person. Values never stand in a query's text, which servers log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec
import pyarrow as pa

from services.cli.person.about import About
from services.common import clients
from services.common.settings import Settings
from services.common.suppression import Hashes
from services.scoring.store import DATABASE

#: Ids in one statement: a text of some 80 KB.
TOGETHER: Final = 2_000
#: Of a server's log of queries: what we ask is about a person.
UNLOGGED: Final[dict[str, Any]] = {"log_queries": 0}
#: Keeps whom to forget.
NOT_OURS: Final = ("erased_profiles",)

Name = tuple[str, str]

_TABLES: Final = """
SELECT table FROM system.columns
WHERE database = {database:String} AND name = {column:String} AND table IN
    (SELECT name FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree')
ORDER BY table
"""
_NAMED: Final = """
SELECT DISTINCT name.1 AS kind, name.2 AS value FROM
(
    SELECT arrayJoin(identifiers) AS name FROM touchpoints WHERE profile_id IN {ids:Array(UUID)}
    UNION ALL
    SELECT arrayJoin(identifiers) AS name FROM profiles WHERE profile_id IN {ids:Array(UUID)}
    UNION ALL
    SELECT (kind, value) AS name FROM profile_identifiers WHERE profile_id IN {ids:Array(UUID)}
)
"""
_NAMING: Final = """
SELECT DISTINCT event_id FROM touchpoints
WHERE workspace = {workspace:String}
  AND arrayExists(i -> has({names:Array(String)}, concat(i.kind, char(31), i.value)), identifiers)
"""
_OTHERS: Final = """
SELECT event_id, identifiers, properties FROM touchpoints
WHERE workspace = {workspace:String} AND kind IN {kinds:Array(String)}
"""
#: Parts that were rewritten, and are not removed yet.
_OLD_PARTS: Final = """
SELECT DISTINCT table FROM system.parts
WHERE database = {database:String} AND NOT active
    AND modification_time <= toDateTime({at:UInt32}) AND table IN {tables:Array(String)}
"""
_LETTERS: Final = """
SELECT event_id, original, key, headers, way, message_id, detail FROM dead_letters
WHERE workspace IN ({workspace:String}, 'unknown')
"""


Item = TypeVar("Item")


def chunks(items: Iterable[Item], most: int) -> Iterator[list[Item]]:
    """The items, so many at a time."""
    left = iter(items)
    while some := list(islice(left, most)):
        yield some


def columns_client(settings: Settings) -> Any:
    """A client of the columns' database."""
    return clients.clickhouse_client(settings, database=DATABASE)


def tables_with(client: Any, column: str) -> list[str]:
    """The tables (no views) that have a column of this name."""
    told = {"database": client.database, "column": column}
    found = [name for (name,) in client.query(_TABLES, parameters=told).result_rows]
    return [name for name in found if name not in NOT_OURS]


def names_of(client: Any, profiles: Sequence[str], hashes: Hashes, known: set[bytes]) -> set[Name]:
    """(kind, value) of the identifiers that their rows hold, of those whose hash is known."""
    found: set[Name] = set()
    for ids in chunks(profiles, TOGETHER):
        asked = client.query(_NAMED, parameters={"ids": ids}, settings=UNLOGGED)
        found |= {(kind, value) for kind, value in asked.result_rows}
    return {name for name in found if hashes.of(*name) in known}


def naming(client: Any, workspace: str, names: Iterable[Name]) -> set[str]:
    """Ids of the touchpoints that carry one of these identifiers, whomever they count for."""
    found: set[str] = set()
    for some in chunks(sorted(names), TOGETHER):
        told = {"workspace": workspace, "names": ["\x1f".join(one) for one in some]}
        asked = client.query(_NAMING, parameters=told, settings=UNLOGGED)
        found |= {str(event) for (event,) in asked.result_rows}
    return found


def events_of(client: Any, profiles: Iterable[str]) -> set[str]:
    """Ids of the touchpoints that counted for one of these profiles when they came."""
    found: set[str] = set()
    for ids in chunks(profiles, TOGETHER):
        query = "SELECT DISTINCT event_id FROM touchpoints WHERE profile_id IN {ids:Array(UUID)}"
        asked = client.query(query, parameters={"ids": ids}, settings=UNLOGGED)
        found |= {str(event) for (event,) in asked.result_rows}
    return found


def telling_of(
    client: Any, workspace: str, about: About, kinds: Sequence[str]
) -> dict[str, list[Name]]:
    """Other people's touchpoints that name them (who was referred, for example) -> whose they are,
    the strongest identifier first."""
    told = {"workspace": workspace, "kinds": list(kinds)}
    found: dict[str, list[Name]] = {}
    with client.query_row_block_stream(_OTHERS, parameters=told, settings=UNLOGGED) as blocks:
        for event, identifiers, properties in (row for block in blocks for row in block):
            value = b'{"identifiers":[],"properties":' + properties.encode() + b"}"
            if about.touchpoint(value):
                found[str(event)] = [_name_of(one) for one in identifiers]
    return found


def _name_of(identifier: Any) -> Name:
    """Named tuples come as dictionaries or as tuples."""
    kind, value = identifier.values() if isinstance(identifier, dict) else identifier
    return kind, value


def letters(client: Any, workspace: str, about: About) -> Iterator[str]:
    """Ids of the dead letters that name them."""
    told = {"workspace": workspace}
    with client.query_row_block_stream(_LETTERS, parameters=told, settings=UNLOGGED) as blocks:
        for event, original, key, marks, way, message_id, detail in (
            row for block in blocks for row in block
        ):
            said = {
                "original": original,
                "key": key,
                "headers": [tuple(one.values()) if isinstance(one, dict) else one for one in marks],
                "way": msgspec.json.decode(way) if way else None,
                "message_id": message_id,
                "detail": detail,
            }
            if about.letter(said):
                yield str(event)


def rows(client: Any, table: str, column: str, ids: Sequence[str]) -> Iterator[bytes]:
    """The rows of these ids as JSON objects, as they come."""
    for some in chunks(sorted(ids), TOGETHER):
        query = (
            f"SELECT * FROM {table} FINAL WHERE {column} IN {{ids:Array(UUID)}} "  # noqa: S608
            "FORMAT JSONEachRow"
        )
        with client.raw_stream(query, parameters={"ids": some}, settings=UNLOGGED) as stream:
            yield from (line.rstrip(b"\n") for line in stream if line.strip())


def count(client: Any, table: str, column: str, ids: Iterable[str]) -> int:
    """How many rows are of these ids."""
    found = 0
    for some in chunks(sorted(ids), TOGETHER):
        query = f"SELECT count() FROM {table} WHERE {column} IN {{ids:Array(UUID)}}"  # noqa: S608
        asked = client.query(query, parameters={"ids": some}, settings=UNLOGGED)
        found += int(asked.result_rows[0][0])
    return found


def delete(client: Any, table: str, column: str, ids: Iterable[str]) -> int:
    """Rewrite the parts that hold rows of these ids (hashes or derived) without them, and wait for
    it; how many rows there were."""
    wanted = sorted(ids)
    found = count(client, table, column, wanted)
    for some in chunks(wanted, TOGETHER) if found else ():
        listed = ", ".join(f"'{one}'" for one in some)
        client.command(
            f"ALTER TABLE {table} DELETE WHERE {column} IN ({listed})",
            settings={"mutations_sync": 2},
        )
    return found


def old_parts(client: Any, tables: Iterable[str], at: datetime) -> list[str]:
    """Tables that still have files from before this moment which nobody reads any more."""
    told = {"database": client.database, "at": int(at.timestamp()), "tables": sorted(tables)}
    return [name for (name,) in client.query(_OLD_PARTS, parameters=told).result_rows]


def delete_names(client: Any, erasure: str, names: Iterable[Name]) -> int:
    """The same of rows of `profile_identifiers` that an older owner left under these identifiers.

    They go by a table in memory, since the text of a mutation is kept on disk.
    """
    listed = sorted(names)
    if not listed:
        return 0
    table = f"erase_{erasure.replace('-', '')}"
    client.command(f"CREATE TABLE IF NOT EXISTS {table} (kind String, value String) ENGINE Memory")
    try:
        arrow = {"kind": [kind for kind, _ in listed], "value": [value for _, value in listed]}
        client.insert_arrow(table, pa.table(arrow))
        where = f"(kind, value) IN (SELECT kind, value FROM {table})"  # noqa: S608
        told = client.query(f"SELECT count() FROM profile_identifiers WHERE {where}")  # noqa: S608
        found = int(told.result_rows[0][0])
        if found:
            client.command(
                f"ALTER TABLE profile_identifiers DELETE WHERE {where}",
                settings={"mutations_sync": 2},
            )
        return found
    finally:
        client.command(f"DROP TABLE IF EXISTS {table}")
