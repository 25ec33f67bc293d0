"""Profiles by what is known of them, from the columns, page by page.

A prefix and a personal trait would let a key that sees no personal data guess it letter by letter,
so both need `profile:pii`. An identifier in full may be asked for: who asks knows it already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from schemas.profile_api import FoundProfile, SearchPage
from schemas.profile_asked import Search
from services.common.api_keys import Scope, is_personal
from services.profile.api.answers import Refused
from services.profile.api.columns import Columns, Row
from services.profile.api.cursors import OfSearch, bad_cursor, read, written
from services.profile.api.keys import Holder
from services.profile.api.masks import masked_identifiers
from services.profile.api.people import People
from services.profile.domain.ids import uuid_text

_PROFILES: Final = """
SELECT profile_id, version, identifiers, first_seen_at, last_seen_at, orders, revenue, currency
FROM profiles FINAL
WHERE workspace = {workspace:String} AND merged_into IS NULL
"""
_EXACT: Final = " AND profile_id = {exact:UUID} "
_PREFIX: Final = """
    AND profile_id IN (
        SELECT profile_id FROM profile_identifiers FINAL
        WHERE workspace = {workspace:String} AND kind = {kind:String}
            AND startsWith(value, {prefix:String}))
"""
_TRAIT: Final = """
    AND mapContains(traits, {name_N:String})
    AND hex(SHA256(traits[{name_N:String}])) = {hash_N:String}
"""
_SCORED: Final = """
    AND profile_id IN (
        SELECT profile_id FROM scores FINAL
        WHERE workspace = {workspace:String} AND merged_into IS NULL AND COLUMN = {COLUMN:String})
"""
_STAGED: Final = """
    AND profile_id IN (
        SELECT profile_id FROM stages
        WHERE workspace = {workspace:String} AND stage = {stage:String})
"""
_AFTER: Final = " AND profile_id > {after:UUID} "
_ORDER: Final = " ORDER BY profile_id LIMIT {most:UInt32} "

_SEGMENTS: Final = """
SELECT profile_id, segment, value_segment
FROM scores FINAL
WHERE workspace = {workspace:String} AND profile_id IN {ids:Array(UUID)}
"""
#: Without FINAL: the same transition twice is no other maximum.
_STAGES: Final = """
SELECT profile_id, argMax(to_stage, (scores_version, decided_at, at, toString(event_id))) AS stage
FROM lifecycle
WHERE workspace = {workspace:String} AND profile_id IN {ids:Array(UUID)}
GROUP BY profile_id
"""


async def found(columns: Columns, people: People, holder: Holder, asked: Search) -> SearchPage:
    """The page that was asked for; it may hold fewer than `limit`. Refused: 400, 403, 503."""
    _check(asked, holder)
    sql, parameters = _filters(asked)
    if asked.identifier is not None:
        node = people.node_of(holder, asked.identifier.kind, asked.identifier.value)
        person = await people.at_node(holder, node)
        if person is None:
            return SearchPage()
        sql += _EXACT
        parameters["exact"] = uuid_text(person.id)
    if asked.cursor is not None:
        sql += _AFTER
        parameters["after"] = _uuid(read(asked.cursor, OfSearch).profile_id)
    parameters |= {"workspace": holder.premises.name, "most": asked.limit + 1}
    rows = await columns.rows(_PROFILES + sql + _ORDER, parameters)
    more, rows = len(rows) > asked.limit, rows[: asked.limit]
    following = written(OfSearch(str(rows[-1]["profile_id"]))) if more else None
    rows = await _still_there(people, holder, rows)
    standing = await _standing(columns, holder, [str(row["profile_id"]) for row in rows])
    items = tuple(_profile(row, standing, holder) for row in rows)
    return SearchPage(items=items, next=following)


async def _still_there(people: People, holder: Holder, rows: list[Row]) -> list[Row]:
    """Without those whom Redis does not know under their id any more: the columns come after it,
    and somebody may have been erased meanwhile."""
    ids = [row["profile_id"].bytes for row in rows]
    now = await asyncio.gather(*(people.at_node(holder, one) for one in ids))
    return [
        row
        for row, one, person in zip(rows, ids, now, strict=True)
        if person is not None and person.id == one
    ]


def _check(asked: Search, holder: Holder) -> None:
    filters = asked.model_dump(exclude={"limit", "cursor"}, exclude_defaults=True)
    if not filters:
        raise Refused(400, "no_filter", f"say what to look for: {', '.join(Search.model_fields)}")
    if holder.sees_personal:
        return
    if asked.identifier_prefix is not None:
        raise _personal("a search by the beginning of an identifier")
    for name in asked.traits:
        if is_personal(name, holder.premises.personal):
            raise _personal(f"a search by the trait {name!r}")


def _personal(what: str) -> Refused:
    return Refused(403, "forbidden", f"{what} needs the scope {Scope.PROFILE_PII}")


def _filters(asked: Search) -> tuple[str, dict[str, Any]]:
    sql, parameters = "", dict[str, Any]()
    if asked.identifier_prefix is not None:
        sql += _PREFIX
        kind, value = asked.identifier_prefix.kind, asked.identifier_prefix.value.strip()
        prefix = value.casefold() if kind == "email" else value
        parameters |= {"kind": kind, "prefix": prefix}
    for number, (name, value) in enumerate(asked.traits.items()):
        sql += _TRAIT.replace("_N", f"_{number}")
        parameters[f"name_{number}"] = name
        parameters[f"hash_{number}"] = sha256(value.encode()).hexdigest().upper()
    for column in ("segment", "value_segment"):
        if (wanted := getattr(asked, column)) is not None:
            sql += _SCORED.replace("COLUMN", column)
            parameters[column] = wanted
    if asked.stage is not None:
        sql += _STAGED
        parameters["stage"] = str(asked.stage)
    return sql, parameters


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise bad_cursor() from None


Standing = Mapping[UUID, Mapping[str, Any]]


async def _standing(columns: Columns, holder: Holder, ids: list[str]) -> Standing:
    """Segments and stages of these profiles."""
    if not ids:
        return {}
    asked = {"workspace": holder.premises.name, "ids": ids}
    known: dict[UUID, dict[str, Any]] = {}
    for question in (_SEGMENTS, _STAGES):
        for row in await columns.rows(question, asked):
            known.setdefault(row["profile_id"], {}).update(row)
    return known


def _profile(row: dict[str, Any], standing: Standing, holder: Holder) -> FoundProfile:
    known = standing.get(row["profile_id"], {})
    identifiers = [{"kind": one["kind"], "value": one["value"]} for one in row["identifiers"]]
    if not holder.sees_personal:
        identifiers = masked_identifiers(identifiers)
    about = {name: known.get(name) or None for name in ("segment", "value_segment", "stage")}
    return FoundProfile.model_validate(row | {"identifiers": identifiers} | about)
