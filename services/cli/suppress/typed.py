"""What is typed of suppressions: one identifier or a file of them, and until when."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import typer

from schemas.base import in_utc
from services.common.suppression import Writer

HEADER: Final = ("kind", "value")
SHOWN_MAX: Final = 10
#: Instead of a value: it is read from standard input, and stands in no shell's history.
FROM_STDIN: Final = "-"


class Name(NamedTuple):
    """An identifier as it was typed."""

    kind: str
    value: str


def one_name(writer: Writer, kind: str | None, value: str | None) -> Name:
    """The identifier of the two arguments. BadParameter says what is wrong with it."""
    if kind is None or value is None:
        raise typer.BadParameter("say KIND and VALUE, such as: email ada@x.example")
    name = Name(kind, sys.stdin.readline() if value == FROM_STDIN else value)
    try:
        writer.hashed(*name)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return name


def names_of_file(writer: Writer, file: Path) -> list[Name]:
    """All of a CSV file of kind,value. BadParameter names the lines that hold no identifier; then
    none of it is taken."""
    names: list[Name] = []
    wrong: list[str] = []
    try:
        for line, row in _rows(file):
            try:
                name = _name(row)
                writer.hashed(*name)
                names.append(name)
            except ValueError as error:
                wrong.append(f"{file.name}:{line}: {error}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise typer.BadParameter(f"{file.name} can not be read as CSV in UTF-8: {error}") from None
    if wrong:
        more = f"\n... and {len(wrong) - SHOWN_MAX} more" if len(wrong) > SHOWN_MAX else ""
        told = "\n".join(wrong[:SHOWN_MAX])
        raise typer.BadParameter(f"nothing was suppressed; mend these lines:\n{told}{more}")
    return names


def moment_of_until(until: str | None, now: datetime) -> datetime | None:
    """The moment of --until, a day or a time of ISO 8601 (UTC where no zone is said)."""
    if until is None:
        return None
    try:
        moment = in_utc(datetime.fromisoformat(until))
    except ValueError:
        raise typer.BadParameter(
            f"{until!r} is no date; write 2027-01-31 or 2027-01-31T18:00:00+01:00"
        ) from None
    if moment <= now.astimezone(UTC):
        raise typer.BadParameter(f"{until} is over; to lift a suppression: rapport suppress remove")
    return moment


def _rows(file: Path) -> Iterator[tuple[int, Sequence[str]]]:
    """(number of the line, its cells), without empty lines and the header."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines)
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells) and tuple(cell.casefold() for cell in cells[:2]) != HEADER:
                yield reader.line_num, cells


def _name(row: Sequence[str]) -> Name:
    if len(row) != 2:
        raise ValueError(f"a line is kind,value; this one has {len(row)} cells")
    return Name(*row)
