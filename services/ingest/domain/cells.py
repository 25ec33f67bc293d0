"""The values of a row's columns, read as what a mapping says they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from schemas.dead_letter import Reason
from services.common.workspace import Cell
from services.ingest.domain.columns import MISSING, Reader, Row, column, text_of
from services.ingest.domain.moments import moment_reader
from services.ingest.domain.refusal import Refusal

_TRUE: Final = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "off", "0"})
_SHOWN_CHARACTERS: Final = 60


def reader_of(cell: Cell) -> Reader:
    """What reads this cell of a row."""
    if cell.column is None:
        constant = _constant(cell)
        return lambda row: constant
    if cell.type == "money":
        return _money(cell, cell.column)
    if cell.type == "time":
        return moment_reader(cell.column, cell.format, cell.zone)
    if cell.type is None:
        return column(cell.column)
    return _converted(cell.column, cell.type)


def _converted(name: str, kind: str) -> Reader:
    convert, what = _CONVERSIONS[kind]
    raw = column(name)

    def read(row: Row) -> Any:
        value = raw(row)
        if value is MISSING:
            return MISSING
        try:
            return convert(value)
        except (ValueError, TypeError, InvalidOperation, OverflowError):
            detail = f"column {name!r} {what}: {str(value)[:_SHOWN_CHARACTERS]!r}"
            return Refusal(Reason.BAD_PROPERTIES, detail, name)

    return read


def _money(cell: Cell, name: str) -> Reader:
    amount = _converted(name, "decimal")
    said = column(cell.currency_column) if cell.currency_column else None

    def read(row: Row) -> Any:
        value = amount(row)
        if value is MISSING or type(value) is Refusal:
            return value
        currency = said(row) if said else MISSING
        if currency is MISSING:
            currency = cell.currency
        money = {"amount": value}
        if currency is not None:
            money["currency"] = text_of(currency).strip().upper()
        return money

    return read


def _constant(cell: Cell) -> Any:
    if cell.type != "money":
        return cell.value
    money = {"amount": str(cell.value)}
    return money | ({"currency": cell.currency} if cell.currency else {})


def _number(value: Any) -> int | float:
    """Whole numbers stay exact; what JSON has no word for is no number."""
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, int):
        return value
    text = value.strip() if isinstance(value, str) else None
    if text is not None and text.lstrip("+-").isdecimal() and "_" not in text:
        return int(text)
    number = float(value)
    if not math.isfinite(number) or (text is not None and "_" in text):
        raise ValueError
    return number


def _integer(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise ValueError
    return int(number)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = text_of(value).strip().casefold()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise ValueError


def _decimal(value: Any) -> str:
    """An amount as text: money knows no binary fractions."""
    if isinstance(value, bool):
        raise ValueError
    text = str(value).strip()
    number = Decimal(text)
    if not number.is_finite() or "_" in text:
        raise ValueError
    return text


_CONVERSIONS: Final[dict[str, tuple[Callable[[Any], Any], str]]] = {
    "text": (text_of, "is no text"),
    "number": (_number, "is no number"),
    "integer": (_integer, "is no whole number"),
    "boolean": (_boolean, "is neither yes nor no"),
    "decimal": (_decimal, "is no amount of money"),
}
