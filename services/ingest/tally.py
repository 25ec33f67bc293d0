"""What became of a file's rows: counted for people, and kept with how far an import is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from services.ingest.letters import Verdict

IMPORTS: Final = "imports"


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows read: accepted by kind, refused by reason, passed over (`only`), or suppressed."""

    rows: int = 0
    accepted: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    passed_over: int = 0
    suppressed: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.rows + other.rows,
            _sum(self.accepted, other.accepted),
            _sum(self.refused, other.refused),
            self.passed_over + other.passed_over,
            self.suppressed + other.suppressed,
        )

    @classmethod
    def of(cls, verdicts: Iterable[Verdict], rows: int) -> Tally:
        """Of so many rows; those without a verdict were passed over."""
        accepted: dict[str, int] = {}
        refused: dict[str, int] = {}
        judged = suppressed = 0
        for verdict in verdicts:
            judged += 1
            if verdict.suppressed is not None:
                suppressed += 1
            elif verdict.kind is not None:
                accepted[verdict.kind] = accepted.get(verdict.kind, 0) + 1
            elif verdict.reason is not None:
                refused[verdict.reason.value] = refused.get(verdict.reason.value, 0) + 1
        return cls(rows, accepted, refused, rows - judged, suppressed)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is: everything up to row `last_row` is acknowledged by Kafka.

    `mapping`: a digest of it; when it changed, the file is read from its beginning. All the
    import's events are received at `received_at`, however often it is taken up again: so their ids
    are looked for where they are remembered.
    """

    mapping: str
    received_at: str
    last_row: int = 0
    done: bool = False
    tally: Tally = field(default_factory=Tally)

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.received_at)

    def advanced(self, last_row: int, tally: Tally) -> Progress:
        return replace(self, last_row=last_row, tally=self.tally + tally)


class ProgressFile:
    """The progress of one file, mapping, source and Kafka, in the home folder."""

    def __init__(self, home: Path, *names: str) -> None:
        name = blake2b(json.dumps(names).encode(), digest_size=12).hexdigest()
        self.path = home / IMPORTS / f"{name}.json"

    def read(self) -> Progress | None:
        """What was written last; None where nothing was, or nothing that can be read."""
        try:
            kept: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
            found = Progress(**{**kept, "tally": Tally(**kept["tally"])})
            return found if found.moment.tzinfo else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write(self, progress: Progress) -> None:
        """All or nothing, whenever the power is cut."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".new")
        with draft.open("w", encoding="utf-8") as file:
            file.write(json.dumps(asdict(progress)))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
