"""A record of touchpoints.inbound → the calls it is: Segment-shaped, CloudEvents, Debezium."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from schemas.dead_letter import Reason
from services.common.batch import Record
from services.common.workspace import Workspace
from services.ingest.domain import cloudevents, debezium
from services.ingest.domain.cloudevents import CloudEvent
from services.ingest.domain.debezium import Change
from services.ingest.domain.draft import CALL_TYPES
from services.ingest.domain.ids import message_id_of_content
from services.ingest.domain.mapped import Mapper
from services.ingest.domain.refusal import Refusal
from services.ingest.reading import decoded
from services.ingest.rows import mapped

log = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode
#: What a record of the two foreign kinds has in its value, so that others need not be decoded.
_STRUCTURED: Final = b'"specversion"'
_CHANGE: Final = (b'"op"', b'"source"')

#: The JSON of each call, or why there is none.
Calls = list[bytes | Refusal]


class Foreign:
    """Understands what others send, by the mappings of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._of_type: dict[str, list[Mapper]] = {}
        self._of_table: dict[str, list[Mapper]] = {}
        for name, mapping in workspace.mappings.items():
            mapper = Mapper(name, mapping)
            if mapping.cloudevents is not None:
                self._of_type.setdefault(mapping.cloudevents.type, []).append(mapper)
            if mapping.debezium is not None:
                self._of_table.setdefault(mapping.debezium.table, []).append(mapper)

    def understood(self, record: Record) -> Calls:
        """As `calls`. Our own mistake must not stop the partition: it becomes a refusal too."""
        try:
            return self.calls(record)
        except Exception as error:
            log.exception("a record could not be understood; it is kept as a dead letter")
            return [Refusal(Reason.POISON, f"{type(error).__name__}: {error}")]

    def calls(self, record: Record) -> Calls:
        """Those of the record: none where no mapping wants it, several where several do."""
        if not record.value and record.key:
            return []  # a tombstone: it ends a key in a compacted topic, and says nothing
        headers = {name.lower(): value for name, value in record.headers}
        if cloudevents.in_headers(headers):
            return self._of_event(cloudevents.of_headers(headers, record.value))
        content = cloudevents.media_type(headers)
        if content.startswith("application/cloudevents") or _STRUCTURED in record.value:
            return self._structured(record.value, content)
        if all(mark in record.value for mark in _CHANGE):
            change = debezium.change_of(decoded(record.value))
            if change is not None:
                return self._of_change(change, record.key)
        return [record.value]

    def _structured(self, value: bytes, content: str) -> Calls:
        found: Any = decoded(value)
        if cloudevents.in_object(found):
            return self._of_event(cloudevents.of_object(found))
        if not content.startswith("application/cloudevents"):
            return [value]
        if type(found) is Refusal:
            return [found]
        return [Refusal(Reason.UNKNOWN_TYPE, f"{content[:100]} that is no CloudEvent in JSON")]

    def _of_event(self, event: CloudEvent | Refusal) -> Calls:
        if isinstance(event, Refusal):
            return [event]
        data = decoded(event.data) if isinstance(event.data, bytes) else event.data
        if type(data) is Refusal:
            return [data]
        mappers = self._of_type.get(event.type)
        if mappers is None and isinstance(data, dict) and data.get("type") in CALL_TYPES:
            named = {"messageId": message_id_of_content(event.name.encode())}
            return [_encode(_timed(named | _without_nulls(data), event.time))]
        if mappers is None:
            which = f"CloudEvents of the type {event.type[:200]!r}"
            return [_unmapped(which, f"cloudevents: {{type: {event.type[:200]}}}")]
        return [call for one in mappers for call in _mapped(one, data, event.name, event.time)]

    def _of_change(self, change: Change, key: bytes | None) -> Calls:
        if change.op not in debezium.ROW_OPERATIONS:
            return []
        mappers = [one for table in change.tables for one in self._of_table.get(table, ())]
        if not mappers:
            table = change.tables[-1] if change.tables else "?"
            return [_unmapped(f"the table {table[:200]!r}", f"debezium: {{table: {table[:200]}}}")]
        name, wanted = change.name(key), [one for one in mappers if change.meant_by(one.mapping)]
        return [call for one in wanted for call in _mapped(one, change.row, name, change.time)]


def _mapped(mapper: Mapper, row: object, name: str, time: str | None) -> Calls:
    """The call that a mapping makes of the row, if it wants it."""
    if not isinstance(row, dict):
        return [Refusal(Reason.NOT_AN_OBJECT, f"mapping {mapper.name}: no row is in it")]
    call = mapped(mapper, row, name, time)
    if type(call) is Refusal:
        detail, message_id = f"mapping {mapper.name}: {call.detail}", mapper.message_id(row, name)
        named = message_id if isinstance(message_id, str) else None
        return [Refusal(call.reason, detail, call.field, named, names=mapper.names(row))]
    return [] if call is None else [call]


def _timed(call: dict[str, Any], time: str | None) -> dict[str, Any]:
    """The call, at the event's time where it has none of its own."""
    if time and call.get("timestamp") is None and call.get("originalTimestamp") is None:
        call["timestamp"] = time
    return call


def _without_nulls(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value is not None}


def _unmapped(which: str, line: str) -> Refusal:
    detail = f"no mapping is for {which}; add a file to the workspace's mappings/ with `{line}`"
    return Refusal(Reason.UNKNOWN_TYPE, detail)
