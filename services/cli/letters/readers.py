"""What the service that refused a record says of it today: only its reading. Pure.

Who could not decide on a record (poison) may still not: then it is refused again, in a letter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import pyarrow as pa

from schemas.dead_letter import Reason
from services.cli.letters.ways import Held
from services.common.batch import Record
from services.ingest.keys import Doors
from services.journey import messages
from services.journey.deliver.domain import payload
from services.profile import decode
from services.profile.accounts import messages as accounts
from services.scoring import snapshots
from services.scoring.rows import PROCESSORS, TABLES

Says = Callable[[Record, Doors], Held | None]

_NO_ROW: Final = (
    msgspec.DecodeError,
    pa.ArrowException,
    ValueError,
    TypeError,
    ArithmeticError,
    RecursionError,
)


def refused_again(service: str, record: Record, doors: Doors) -> Held | None:
    """Why the service would refuse it again, as far as that can be read off the record."""
    says = _READERS.get(service)
    return says(record, doors) if says else None


def _profile(record: Record, doors: Doors) -> Held | None:
    found = decode.read(record)
    if isinstance(found, decode.Refusal):
        return Held(found.reason, found.detail)
    return _homeless(found.event.workspace, doors)


def _accounts(record: Record, doors: Doors) -> Held | None:
    try:
        snapshot = accounts.read(record.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Held(Reason.BAD_PROPERTIES, str(error))
    return _homeless(snapshot.workspace, doors)


def _score(record: Record, doors: Doors) -> Held | None:
    try:
        snapshots.check([snapshots.decode(record.value)])
    except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError) as error:
        return Held(Reason.BAD_PROPERTIES, str(error))
    return None


def _decide(record: Record, doors: Doors) -> Held | None:
    try:
        scores = messages.decode(record.value)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        return Held(Reason.BAD_PROPERTIES, str(error))
    return _homeless(scores.workspace, doors)


def _deliver(record: Record, doors: Doors) -> Held | None:
    if record.topic not in payload.MODELS:
        return None
    found = payload.read(record.topic, record.value, record.headers)
    return Held(found.reason, found.detail) if isinstance(found, payload.Refused) else None


def _columns(record: Record, doors: Doors) -> Held | None:
    process = PROCESSORS.get(record.topic)
    try:
        for table, row in process(record.value, 0) if process else ():
            TABLES[table].arrow([row])
    except _NO_ROW as error:
        return Held(Reason.BAD_PROPERTIES, str(error))
    return None


def _homeless(workspace: str, doors: Doors) -> Held | None:
    if doors.of_workspace(workspace) is not None:
        return None
    return Held(Reason.UNKNOWN_WORKSPACE, f"no workspace {workspace[:100]!r} (RAPPORT_WORKSPACE)")


_READERS: Final[Mapping[str, Says]] = {
    "profile": _profile,
    "profile.accounts": _accounts,
    "scoring.score": _score,
    "scoring.columns": _columns,
    "journey.decide": _decide,
    "journey.deliver": _deliver,
}
