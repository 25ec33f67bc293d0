"""What came in, for a look back: recorded calls or touchpoints of a file, or the columns."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import typer
from pydantic import BaseModel, ValidationError

from schemas.touchpoints import KINDS
from services.cli.letters.back import events_of
from services.cli.letters.letter import Letter
from services.cli.letters.ways import Held
from services.common.workspace import Workspace
from services.ingest.door import Arrival, Door
from services.ingest.keys import Doors

CHUNK: Final = 500
#: Whose traffic it is where nobody says so.
SOURCE: Final = "web"
_AGE: Final = re.compile(r"(\d{1,5})([mhd])")
_SECONDS: Final = {"m": 60, "h": 3_600, "d": 86_400}
KEPT: Final = """
SELECT source, kind, properties FROM touchpoints FINAL
WHERE workspace = {workspace:String}
  AND ({source:String} = '' OR source = {source:String})
  AND received_at >= now64(6) - toIntervalSecond({seconds:UInt64})
ORDER BY received_at DESC LIMIT {most:UInt64}
"""


#: How many there are, where no more than some are looked at.
COUNTED: Final = """
SELECT count() FROM touchpoints FINAL
WHERE workspace = {workspace:String}
  AND ({source:String} = '' OR source = {source:String})
  AND received_at >= now64(6) - toIntervalSecond({seconds:UInt64})
"""


class Came(NamedTuple):
    """One event that came in, with its valid properties."""

    source: str
    properties: BaseModel


class Traffic(NamedTuple):
    """`refused`: why ingest lets others not in, plan or no plan, with how many."""

    came: list[Came]
    refused: Counter[str]


def seconds_of(age: str) -> int:
    """30m, 12h or 7d in seconds. typer.BadParameter otherwise."""
    found = _AGE.fullmatch(age)
    if found is None:
        raise typer.BadParameter("write --since as 30m, 12h or 7d")
    return int(found[1]) * _SECONDS[found[2]]


def in_file(path: Path, workspace: Workspace, source: str) -> Traffic:
    """A file of one JSON object a line (.gz allowed): calls as SDKs send them, batches of them,
    or touchpoints. Calls go through the door of ingest, without a plan."""
    door = Door(workspace.model_copy(update={"plans": ()}), source or SOURCE, "")
    traffic = Traffic([], Counter())
    lines = _lines(path)
    while chunk := list(islice(lines, CHUNK)):
        _take(chunk, door, source, traffic)
    return traffic


def in_rows(rows: Iterable[tuple[str, str, str]]) -> Traffic:
    """(source, kind, properties as JSON)s of the columns."""
    traffic = Traffic([], Counter())
    for source, kind, text in rows:
        _note(source, {**msgspec.json.decode(text), "kind": kind}, traffic)
    return traffic


def in_letters(letters: Iterable[Letter], workspace: Workspace) -> Traffic:
    """What plans have kept out: as it would come in now, by the way it had come, without a plan."""
    doors = Doors({workspace.name: workspace.model_copy(update={"plans": ()})}, "")
    traffic, now = Traffic([], Counter()), datetime.now(UTC)
    for letter in letters:
        events = events_of(letter, doors, now)
        if isinstance(events, Held):
            traffic.refused[events.reason] += 1
            continue
        for event in map(msgspec.json.decode, events):
            _note(event["source"], event["properties"], traffic)
    return traffic


def newest_of(looked_at: int, there: int) -> str:
    """`2 events`, or how few of them were looked at."""
    if there <= looked_at:
        return f"{looked_at:,} events"
    return f"the newest {looked_at:,} of {there:,} events"


def _lines(path: Path) -> Iterator[bytes]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rb") as file:
            yield from (line.strip() for line in file if line.strip())
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror or error}") from None


def _take(chunk: list[bytes], door: Door, source: str, traffic: Traffic) -> None:
    calls: list[bytes] = []
    for line in chunk:
        found = _read(line)
        if isinstance(found, dict) and "event_id" in found and "properties" in found:
            if source in ("", found.get("source")):
                _note(str(found.get("source", "")), found["properties"], traffic)
        elif isinstance(found, dict) and isinstance(found.get("batch"), list):
            shared = {name: found[name] for name in ("context", "sentAt") if name in found}
            calls += [json.dumps(_with(shared, each)).encode() for each in found["batch"]]
        else:
            calls.append(line)
    for verdict in door.admit(calls, Arrival(datetime.now(UTC))) if calls else ():
        if verdict.reason is not None:
            traffic.refused[verdict.reason.value] += 1
        else:
            accepted = msgspec.json.decode(verdict.output.value)
            _note(accepted["source"], accepted["properties"], traffic)


def _with(shared: dict[str, Any], call: object) -> object:
    return {**shared, **call} if isinstance(call, dict) else call


def _read(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _note(source: str, properties: Any, traffic: Traffic) -> None:
    kind = properties.get("kind") if isinstance(properties, dict) else None
    try:
        traffic.came.append(Came(source, KINDS[str(kind)].model_validate(properties)))
    except (KeyError, ValidationError):
        traffic.refused["bad_properties"] += 1
