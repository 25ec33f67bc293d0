"""Debezium's change events: which row of which table changed, and where the log says so.

Source: the event values in the documentation of Debezium's relational connectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, NamedTuple

import msgspec

from schemas.base import EPOCH
from services.common.workspace import RowMapping

#: Where a change stands in the logs of PostgreSQL, MySQL, Oracle, SQL Server and Db2.
POSITION: Final = ("lsn", "file", "pos", "row", "scn", "commit_scn", "commit_lsn", "change_lsn",
                   "event_serial_no", "ts_ms")  # fmt: skip
ROW_OPERATIONS: Final = ("c", "u", "r", "d")

_exact: Final = msgspec.json.Encoder(order="deterministic").encode


class Change(NamedTuple):
    """One change. `op`: c, u, r (read by a snapshot) or d; others concern no row."""

    op: str
    before: Any
    after: Any
    source: Mapping[str, Any]

    @property
    def row(self) -> Any:
        """As it is now; of a deleted one as it was."""
        return self.before if self.op == "d" else self.after

    @property
    def tables(self) -> tuple[str, ...]:
        """The table's name as a mapping may spell it, the longest last."""
        table, schema, db = (self.source.get(name) for name in ("table", "schema", "db"))
        before = ((), (schema,), (db,), (db, schema))
        spelled = [".".join((*some, table)) for some in before if all(some)] if table else []
        return tuple(spelled)

    @property
    def time(self) -> str | None:
        """When the database made the change, in RFC 3339."""
        at_ms = self.source.get("ts_ms")
        if not isinstance(at_ms, int) or not 0 < at_ms < 2**43:
            return None
        return (EPOCH + timedelta(milliseconds=at_ms)).isoformat()

    def name(self, key: bytes | None) -> str:
        """The same however often the connector sends it. `key`: the record's; else the row."""
        source = self.source
        where = [source.get(name) for name in ("name", "db", "schema", "table", *POSITION)]
        of_row = key.hex() if key else self.row
        return _exact([self.op, where, of_row]).decode()

    def meant_by(self, mapping: RowMapping) -> bool:
        """Whether the mapping wants this operation, and what it asks about did change."""
        wanted = mapping.debezium
        if wanted is None or self.op not in wanted.ops:
            return False
        if not wanted.changed or self.op != "u" or not isinstance(self.before, dict):
            return True
        before, after = self.before, self.after
        if not isinstance(after, dict):
            return True
        return any(before.get(name) != after.get(name) for name in wanted.changed)


def change_of(value: object) -> Change | None:
    """The change of a record's value, with its schema beside it or without; None: it is none."""
    if isinstance(value, dict) and isinstance(value.get("payload"), dict):
        value = value["payload"]
    if not isinstance(value, dict):
        return None
    op, source = value.get("op"), value.get("source")
    if not isinstance(op, str) or not isinstance(source, dict):
        return None
    if not ("before" in value or "after" in value or op not in ROW_OPERATIONS):
        return None
    if not all(isinstance(source.get(n), str | None) for n in ("table", "schema", "db")):
        return None
    return Change(op, value.get("before"), value.get("after"), source)
