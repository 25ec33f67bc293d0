"""Moments as rows write them: RFC 3339, units since 1970, or any pattern, in any time zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

from schemas.base import EPOCH, YEAR_MAX, YEAR_MIN
from schemas.cloudevents import rfc3339
from schemas.dead_letter import Reason
from services.ingest.domain.columns import MISSING, Reader, Row, column
from services.ingest.domain.refusal import Refusal

#: Microseconds of the units in which moments are counted.
_UNIT_US: Final = {
    "ns": Decimal("0.001"),
    "us": Decimal(1),
    "ms": Decimal(1_000),
    "s": Decimal(1_000_000),
    "days": Decimal(86_400_000_000),
}
_MICROSECOND: Final = timedelta(microseconds=1)


def moment_reader(name: str, pattern: str, zone: str) -> Reader:
    """Reads a column's moment as RFC 3339 text in UTC. `pattern`, `zone`: as in a TimeCell.

    Columns that hold moments or days already (Parquet) need no pattern.
    """
    read = _counted(_UNIT_US[pattern]) if pattern in _UNIT_US else _written(pattern)
    local: tzinfo = UTC if zone == "UTC" else ZoneInfo(zone)
    raw = column(name)

    def spelled(row: Row) -> Any:
        value = raw(row)
        if value is MISSING:
            return MISSING
        try:
            return _spelled(value if isinstance(value, date) else read(value), local)
        except (ValueError, TypeError, AttributeError, OverflowError, InvalidOperation):
            how = "" if pattern == "iso" else f" as {pattern}"
            detail = f"column {name!r} is no time from {YEAR_MIN} to {YEAR_MAX}{how}"
            return Refusal(Reason.BAD_TIME, f"{detail}: {str(value)[:60]!r}", name)

    return spelled


def _written(pattern: str) -> Callable[[Any], datetime]:
    if pattern == "iso":
        return lambda value: datetime.fromisoformat(value.strip())
    return lambda value: datetime.strptime(str(value).strip(), pattern)


def _counted(unit_us: Decimal) -> Callable[[Any], datetime]:
    def read(value: Any) -> datetime:
        if isinstance(value, bool):
            raise ValueError
        return EPOCH + int(Decimal(str(value).strip()) * unit_us) * _MICROSECOND

    return read


def _spelled(moment: date, local: tzinfo) -> str:
    """A time that the clocks of a zone show twice is the first of the two."""
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=local)
    moment = moment.astimezone(UTC)
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise ValueError
    return rfc3339(moment)
