"""Lines of purchase files (CDNOW's two layouts, CSV) read into purchase days."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final, Literal

import numpy as np

from services.scoring.domain.purchases import Purchases, by_day

Layout = Literal["cdnow-master", "cdnow-sample", "csv"]
EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
#: The papers calibrate on the first 39 weeks of CDNOW and check on the 39 after.
CDNOW_CALIBRATED_UNTIL: Final = "1997-09-30"
Line = tuple[str, int, float]


class PurchaseFileError(ValueError):
    """A line that cannot be read; the message names the line and what was expected."""


def read_purchases(lines: Iterable[str], layout: Layout) -> Purchases:
    """The purchase days of a file. PurchaseFileError names the first line that is wrong."""
    parse = {"cdnow-master": _cdnow_master, "cdnow-sample": _cdnow_sample, "csv": _csv}[layout]
    customers, days, amounts = [], [], []
    for customer, day, amount in parse(lines):
        customers.append(customer)
        days.append(day)
        amounts.append(amount)
    if not customers:
        raise PurchaseFileError("no purchase in the file")
    return by_day(customers, np.asarray(days, np.int64), np.asarray(amounts, np.float64))


def layout_of(first_line: str) -> Layout:
    """The layout a file's first line looks like: commas mean CSV, five columns the sample."""
    if "," in first_line:
        return "csv"
    return "cdnow-sample" if len(first_line.split()) == 5 else "cdnow-master"


def day_of(text: str) -> int:
    """Days since 1970 of YYYYMMDD or YYYY-MM-DD (what follows, as a time of day, is dropped)."""
    return date.fromisoformat(text[:10]).toordinal() - EPOCH_ORDINAL


def _cdnow_master(lines: Iterable[str]) -> Iterator[Line]:
    """Columns: customer, date, CDs, dollars; the set begins with a line of names."""
    for number, line in enumerate(lines, 1):
        columns = line.split()
        if columns and columns[0] != "customer_id":
            yield _line(number, columns, (0, 1, 3))


def _cdnow_sample(lines: Iterable[str]) -> Iterator[Line]:
    """Columns: customer in the master set, customer in the sample, date, CDs, dollars."""
    for number, line in enumerate(lines, 1):
        columns = line.split()
        if columns:
            yield _line(number, columns, (1, 2, 4))


def _csv(lines: Iterable[str]) -> Iterator[Line]:
    """Columns customer, date, amount in any order, named by the first line."""
    rows = csv.reader(lines)
    names = [name.strip().lower() for name in next(rows, [])]
    try:
        places = (names.index("customer"), names.index("date"), names.index("amount"))
    except ValueError:
        raise PurchaseFileError("line 1: expected a header with customer,date,amount") from None
    for number, columns in enumerate(rows, 2):
        if columns:
            yield _line(number, columns, places)


def _line(number: int, columns: list[str], places: tuple[int, int, int]) -> Line:
    customer, day, amount = places
    try:
        value = float(columns[amount])
        if not math.isfinite(value):
            raise ValueError("the amount is not a number")
        return columns[customer].strip(), day_of(columns[day].strip()), value
    except (ValueError, IndexError) as error:
        raise PurchaseFileError(f"line {number}: {error}") from None
