"""The touchpoints that count for a person, newest first, page by page.

A touchpoint's row has the profile it counted for when it came. All that this can be, for a person
of today, are the nodes of the component they are in; where that holds other people too, an event
is theirs if its strongest identifier is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import msgspec

from schemas.base import in_utc, micros, to_json
from schemas.profile_api import TimelineEvent, TimelinePage
from services.profile.api.columns import Columns
from services.profile.api.cursors import OfTimeline, bad_cursor, read, written
from services.profile.api.keys import Holder
from services.profile.api.masks import HIDDEN, masked_identifiers, masked_properties
from services.profile.api.people import Found
from services.profile.domain.component import kind_name
from services.profile.domain.ids import uuid_text

#: Ids or hashes in one question. A person of more, or whose component has absorbed nodes that may
#: have been profiles, is looked for through the view, which reads all.
NAMED_MAX: Final = 400
EVENT_YEARS_MAX_US: Final = 2**53

_COLUMNS: Final = """
SELECT event_id, kind, occurred_at, received_at, source, channel, message_id, identifiers,
    properties
"""
#: The index finds a person's events, and the key their newest rows: an event that was resolved
#: again counts for whom its newest row says. With FINAL alone ClickHouse looks at nearly all rows
#: as soon as there are several parts, for it takes in whatever could be another version.
_TABLE: Final = """
FROM touchpoints FINAL
WHERE workspace = {workspace:String} AND profile_id IN {ids:Array(UUID)}
    AND event_id IN (
        SELECT event_id FROM touchpoints
        WHERE workspace = {workspace:String} AND profile_id IN {ids:Array(UUID)} PART)
    AND NOT has(
        {others:Array(String)}, hex(SHA256(concat(identifiers[1].1, '\\0', identifiers[1].2))))
    PART
ORDER BY occurred_at DESC, event_id DESC LIMIT {most:UInt32}
SETTINGS use_skip_indexes_if_final = 0
"""
_VIEW: Final = """
FROM touchpoints_resolved
WHERE workspace = {workspace:String} AND profile_id = {profile:UUID} PART
ORDER BY occurred_at DESC, event_id DESC LIMIT {most:UInt32}
"""
_BEFORE: Final = """
    AND (occurred_at, event_id) < (fromUnixTimestamp64Micro({at_us:Int64}, 'UTC'), {before:UUID})
"""
_KINDS: Final = " AND kind IN {kinds:Array(String)} "
_SINCE: Final = " AND occurred_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC') "
_UNTIL: Final = " AND occurred_at < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC') "


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which part of a timeline is asked for."""

    limit: int
    cursor: str | None = None
    kinds: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


async def page(columns: Columns, holder: Holder, found: Found, stretch: Stretch) -> bytes:
    """The page as JSON, masked for who may not see personal data."""
    sql, parameters = _question(holder, found, stretch)
    rows = await columns.rows(sql, parameters)
    more, rows = len(rows) > stretch.limit, rows[: stretch.limit]
    items = tuple(_event(row, holder) for row in rows)
    following = None
    if more:
        last = items[-1]
        following = written(OfTimeline(micros(last.occurred_at), str(last.event_id)))
    return to_json(TimelinePage(profile_id=UUID(bytes=found.id), items=items, next=following))


def _question(holder: Holder, found: Found, stretch: Stretch) -> tuple[str, dict[str, Any]]:
    sql, parameters = _whose(found)
    part, asked = _part(stretch)
    parameters |= {"workspace": holder.premises.name, "most": stretch.limit + 1} | asked
    return _COLUMNS + sql.replace("PART", part), parameters


def _part(stretch: Stretch) -> tuple[str, dict[str, Any]]:
    """Which events of a person, by what is the same in each version of an event."""
    sql, parameters = "", dict[str, Any]()
    if stretch.cursor is not None:
        at = read(stretch.cursor, OfTimeline)
        if abs(at.at_us) > EVENT_YEARS_MAX_US:
            raise bad_cursor()
        sql += _BEFORE
        parameters |= {"at_us": at.at_us, "before": _uuid(at.event_id)}
    if stretch.kinds:
        sql += _KINDS
        parameters["kinds"] = list(stretch.kinds)
    if stretch.since is not None:
        sql += _SINCE
        parameters["since_us"] = micros(in_utc(stretch.since))
    if stretch.until is not None:
        sql += _UNTIL
        parameters["until_us"] = micros(in_utc(stretch.until))
    return sql, parameters


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise bad_cursor() from None


def _whose(found: Found) -> tuple[str, dict[str, Any]]:
    nodes = found.home.component.nodes
    ids = [uuid_text(node.id) for node in nodes if node.part is not None]
    own = set(found.person.places)
    others = [node for place, node in enumerate(nodes) if place not in own]
    if len(ids) + len(others) > NAMED_MAX or any(node.absorbed for node in nodes):
        return _VIEW, {"profile": found.text}
    return _TABLE, {"ids": ids, "others": [_hashed(node.kind, node.value) for node in others]}


def _hashed(kind: int | str, value: str) -> str:
    return sha256(f"{kind_name(kind)}\0{value}".encode()).hexdigest().upper()


def _event(row: dict[str, Any], holder: Holder) -> TimelineEvent:
    properties: Any = msgspec.json.decode(row["properties"] or "{}")
    identifiers: Sequence[Any] = row["identifiers"]
    if not holder.sees_personal:
        identifiers = masked_identifiers(map(_named, identifiers))
        properties = masked_properties(properties, holder.premises.personal)
        row["message_id"] = HIDDEN  # senders make them of whatever they have
    return TimelineEvent.model_validate(
        row
        | {
            "identifiers": [_named(one) for one in identifiers],
            "channel": row["channel"] or None,
            "properties": properties,
        }
    )


def _named(identifier: Any) -> dict[str, str]:
    """ClickHouse's tuples come as tuples or as objects."""
    if isinstance(identifier, dict):
        return {"kind": identifier["kind"], "value": identifier["value"]}
    kind, value = identifier
    return {"kind": kind, "value": value}
