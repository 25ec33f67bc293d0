"""Dead letters as the columns keep them: which are asked for, and one with all that is known."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from schemas.dead_letter import Way
from services.cli.query import asked

Parameters = dict[str, str | int]

#: A filter that is empty lets everything through.
_WHERE: Final = """
WHERE ({reason:String} = '' OR reason = {reason:String})
  AND ({source:String} = '' OR source = {source:String})
  AND ({service:String} = '' OR service = {service:String})
  AND ({workspace:String} = '' OR workspace = {workspace:String})
  AND ({field:String} = '' OR field = {field:String})
  AND ({request_id:String} = '' OR request_id = {request_id:String})
  AND ({state:String} = 'all' OR state = {state:String})
  AND at >= parseDateTime64BestEffort({since:String}, 6, 'UTC')
  AND at < parseDateTime64BestEffort({until:String}, 6, 'UTC')
"""
_SIZES: Final = "SELECT event_id, length(original) FROM dead_letters_now"
_WHOLE: Final = """
SELECT event_id, workspace, at, reason, service, source, field, message_id, topic, partition,
    offset, original, way, former, key, headers, cut, request_id, endpoint, state,
    handled_at
FROM dead_letters_now
"""
#: As they lie in the table, so that a page reads one stretch of it.
_IN_ORDER: Final = "ORDER BY workspace, event_id"
#: A page is read at once. A letter may have almost a megabyte.
PAGE_LETTERS: Final = 1_000
PAGE_BYTES: Final = 16_000_000


@dataclass(frozen=True)
class Which:
    """Which letters are meant: those that fit everything that is given."""

    reason: str = ""
    source: str = ""
    service: str = ""
    workspace: str = ""
    field: str = ""
    request_id: str = ""
    state: str = "open"
    ids: tuple[str, ...] = ()
    since: str = "1970-01-02"
    until: str = "2299-12-31"

    def everything(self) -> bool:
        """Whether nothing but the state is asked for."""
        return Which(state=self.state) == self

    def parameters(self) -> Parameters:
        """As the queries take them."""
        return {name: value for name, value in vars(self).items() if name != "ids"}

    def where(self) -> str:
        """The condition, for these parameters."""
        return f"{_WHERE} AND {among(self.ids)}" if self.ids else _WHERE


def among(ids: Iterable[str]) -> str:
    """A condition. Thousands of ids are too many for a parameter, which travels in the address;
    as UUIDs they can say nothing else."""
    listed = ", ".join(f"'{UUID(one)}'" for one in ids)
    return f"event_id IN ({listed})"


class Letter(NamedTuple):
    """One letter. `original` are the bytes as they came."""

    id: UUID
    workspace: str
    at: datetime
    reason: str
    service: str
    source: str
    field: str
    message_id: str
    topic: str
    partition: int | None
    offset: int | None
    original: bytes
    way: Way | None
    former: UUID | None
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    cut: bool
    request_id: str
    endpoint: str
    state: str
    handled_at: datetime | None


def pages_of(which: Which) -> list[Which]:
    """All letters that are meant, by their ids, in pages that fit into memory."""
    _, rows = asked(f"{_SIZES} {which.where()} {_IN_ORDER}", which.parameters())
    pages: list[list[str]] = []
    size = PAGE_BYTES
    for id, length in rows:
        if size + length > PAGE_BYTES or len(pages[-1]) == PAGE_LETTERS:
            pages.append([])
            size = 0
        pages[-1].append(str(id))
        size += length
    return [replace(which, ids=tuple(page)) for page in pages]


def letters_of(which: Which) -> Iterator[Letter]:
    """The letters that are meant, with all that is known of them."""
    names, rows = asked(f"{_WHOLE} {which.where()} {_IN_ORDER}", which.parameters())
    for row in rows:
        yield _letter(dict(zip(names, row, strict=True)))


def _letter(row: Mapping[str, Any]) -> Letter:
    key = row["key"]
    changed = {
        "original": b64decode(row["original"]),
        "way": Way.model_validate_json(row["way"]) if row["way"] else None,
        "key": None if key is None else b64decode(key),
        "headers": tuple(_header(one) for one in row["headers"]),
    }
    rest = {name: value for name, value in row.items() if name != "event_id"}
    return Letter(**{**rest, **changed, "id": row["event_id"]})


def _header(pair: Any) -> tuple[str, bytes]:
    """A named tuple of ClickHouse, which comes as a dictionary."""
    name, value = pair.values() if isinstance(pair, dict) else pair
    return name, b64decode(value)
