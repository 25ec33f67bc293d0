"""Rows → verdicts: each row's call goes through the door that HTTP's calls go through."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from schemas.dead_letter import Reason
from services.ingest.domain.mapped import Mapper
from services.ingest.domain.refusal import Refusal
from services.ingest.door import Arrival, Door
from services.ingest.letters import Verdict, located
from services.ingest.row_files import NumberedRow

_encode = msgspec.json.Encoder().encode


def judged(
    rows: Sequence[NumberedRow], mapper: Mapper, door: Door, at: datetime, file: str
) -> list[Verdict]:
    """The verdicts on the rows that the mapping means. A refusal says on which row of the file."""
    numbers: list[int] = []
    raws: list[bytes] = []
    refusals: list[tuple[int, Verdict]] = []
    for number, row, raw in rows:
        call = row if type(row) is Refusal else mapped(mapper, row)
        if type(call) is bytes:
            numbers.append(number)
            raws.append(call)
        elif type(call) is Refusal:
            where = _located(call, f"row {number} of {file}", mapper, row)
            refusals.append((number, door.refuse(raw or _shown(row), where, at)))
    verdicts = [
        (number, located(verdict, f"row {number} of {file}") if verdict.reason else verdict)
        for number, verdict in zip(numbers, door.admit(raws, Arrival(at)), strict=True)
    ]
    if refusals:
        verdicts = sorted(verdicts + refusals, key=lambda one: one[0])
    return [verdict for _, verdict in verdicts]


def _located(refusal: Refusal, where: str, mapper: Mapper, row: object) -> Refusal:
    """The refusal with where its row stands and whom the row names."""
    names = mapper.names(row) if isinstance(row, dict) else ()
    return replace(refusal, detail=f"{where}: {refusal.detail}", names=names)


def mapped(
    mapper: Mapper, row: Any, named: str | None = None, time: str | None = None
) -> bytes | Refusal | None:
    """The row's call as JSON; None for a row that the mapping does not mean.

    `named`: as in Mapper.call; `time`: of a call that has none of its own.
    """
    try:
        call = mapper.call(row, named)
        if time is not None and type(call) is dict:
            call.setdefault("timestamp", time)
        return _encode(call) if type(call) is dict else call  # type: ignore[return-value]
    except UnicodeEncodeError:
        detail = "a byte of the row is no text; say the encoding in the mapping (`csv: {encoding}`)"
        return Refusal(Reason.BAD_PROPERTIES, detail)
    except (TypeError, ValueError) as error:
        return Refusal(Reason.BAD_PROPERTIES, f"the row holds what JSON can not: {error}")


def _shown(row: object) -> bytes:
    """A row that was refused, as JSON that any text fits in."""
    return json.dumps(row, default=str).encode()
