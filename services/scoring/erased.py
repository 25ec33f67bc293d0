"""Who was erased: their older rows are not inserted again, whatever is read anew."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from clickhouse_connect.driver.exceptions import ClickHouseError

from services.scoring.insert import Outage
from services.scoring.rows import TABLES, Row
from services.scoring.rows.profiles import ERASED
from services.scoring.rows.touchpoints import TABLE as TOUCHPOINTS

ALL: Final = "SELECT profile_id, max(version) FROM erased_profiles GROUP BY profile_id"


class _Columns(NamedTuple):
    """Where a table's rows say whom they are about and when; how many µs one of its version is."""

    profile: int
    version: int
    us: int


def _columns_of(table: str) -> _Columns | None:
    schema = TABLES[table].schema
    if table == ERASED.name or "profile_id" not in schema.names:
        return None
    # the version of scores is the sum of two
    version = "profile_version" if "profile_version" in schema.names else "version"
    places = schema.get_field_index("profile_id"), schema.get_field_index(version)
    return _Columns(*places, 1_000 if table == TOUCHPOINTS.name else 1)


COLUMNS: Final = {name: columns for name in TABLES if (columns := _columns_of(name))}


class Erased:
    """Profile id -> version at which it was erased. It grows by what ClickHouse has, and by each
    row of `erased_profiles` that is read."""

    def __init__(self) -> None:
        self._versions: dict[str, int] = {}

    def load(self, client: Any) -> None:
        """What is in ClickHouse. Outage."""
        try:
            found = client.query(ALL).result_rows
        except (ClickHouseError, OSError, RuntimeError) as error:
            raise Outage(f"reading {ERASED.name}: {error}") from error
        for profile, version in found:
            self._note(str(profile), version)

    def hides(self, table: str, row: Row) -> bool:
        """Whether this row must not be inserted: it is about somebody as they were before."""
        if table == ERASED.name:
            self._note(row[1], row[2])
            return False
        if not self._versions or table not in COLUMNS:
            return False
        columns = COLUMNS[table]
        erased = self._versions.get(row[columns.profile])
        return erased is not None and row[columns.version] * columns.us < erased

    def _note(self, profile: str, version: int) -> None:
        self._versions[profile] = max(version, self._versions.get(profile, 0))
