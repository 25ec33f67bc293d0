"""(mapping, row) → a Segment-shaped call, nothing where the row is not meant, or a Refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, Final

import msgspec

from schemas.dead_letter import Reason
from services.common.workspace import Cell, RowMapping
from services.ingest.domain.cells import reader_of
from services.ingest.domain.columns import MISSING, Reader, Row, column, text_of
from services.ingest.domain.moments import moment_reader
from services.ingest.domain.refusal import Refusal

Call = dict[str, Any]
#: Name within an object → what reads its value.
Plan = list[tuple[str, Reader]]

_exact: Final = msgspec.json.Encoder(order="deterministic").encode


class Mapper:
    """One mapping, ready to use on many rows. Pure: it opens and remembers nothing."""

    def __init__(self, name: str, mapping: RowMapping) -> None:
        self.name = name
        self.mapping = mapping
        self._constants: dict[str, str] = {"type": mapping.call}
        if mapping.event is not None and mapping.event.name is not None:
            self._constants["event"] = mapping.event.name
        self._plan = _plan(_targets(mapping), _Object)
        self._only = [
            (column(name), frozenset(map(text_of, values))) for name, values in mapping.only.items()
        ]
        self._who = _naming(mapping)
        self._key = [column(name) for name in mapping.key]

    def call(self, row: Row, named: str | None = None) -> Call | Refusal | None:
        """The call of a row; None for one that `only` leaves out. `named`: what names the row where
        it is an event of its own; else its key does, else all of it."""
        for read, values in self._only:
            if (value := read(row)) is MISSING or text_of(value) not in values:
                return None
        message_id = self.message_id(row, named)
        if type(message_id) is Refusal:
            return message_id
        call = _filled(self._plan, row)
        if type(call) is Refusal:
            return call
        if call is MISSING:
            call = {}
        if (time := self.mapping.time) is not None and "timestamp" not in call:
            detail = f"column {time.column!r} is empty, and the time is in it"
            return Refusal(Reason.BAD_TIME, detail, time.column)
        call["messageId"] = message_id
        call.update(self._constants)
        return call  # type: ignore[no-any-return]  # a plan makes objects

    def names(self, row: Row) -> tuple[tuple[str, str], ...]:
        """(kind, value) of whom the row names, not cleaned: also of one that no call comes of."""
        found = [(kind, read(row)) for kind, read in self._who]
        return tuple(
            (kind, text_of(value))
            for kind, value in found
            if value is not MISSING and type(value) is not Refusal
        )

    def message_id(self, row: Row, named: str | None) -> str | Refusal:
        """The same for the same row and mapping, whenever and wherever it is read."""
        if named is not None:
            content = _exact([self.name, "named", named])
        elif self._key:
            values = [read(row) for read in self._key]
            if all(value is MISSING for value in values):
                names = ", ".join(self.mapping.key)
                detail = f"the key of the row is empty: {names}"
                return Refusal(Reason.BAD_IDENTIFIER, detail, self.mapping.key[0])
            parts = [None if value is MISSING else text_of(value) for value in values]
            content = _exact([self.name, "key", *parts])
        else:
            content = _exact([self.name, "row", row])
        return "row-" + blake2b(content, digest_size=16).hexdigest()


def _targets(mapping: RowMapping) -> dict[str, Reader]:
    """Path in the call → what reads it. Where somebody is described depends on the call."""
    person = "traits" if mapping.call == "identify" else "context.traits"
    described = "traits" if mapping.call == "group" else person
    cells: dict[str, Cell | None] = {
        "userId": mapping.user_id,
        "anonymousId": mapping.anonymous_id,
        "groupId": mapping.group_id,
        "previousId": mapping.previous_id,
    }
    cells |= {f"properties.{name}": cell for name, cell in mapping.properties.items()}
    cells |= {f"context.{name}": cell for name, cell in mapping.context.items()}
    cells |= {f"{described}.{name}": cell for name, cell in mapping.traits.items()}
    for name in ("email", "phone"):
        if (cell := getattr(mapping, name)) is not None:
            cells[f"{person}.{name}"] = cell
    readers = {path: reader_of(cell) for path, cell in cells.items() if cell is not None}
    if mapping.event is not None and mapping.event.column is not None:
        readers["event"] = column(mapping.event.column)
    if (time := mapping.time) is not None:
        readers["timestamp"] = moment_reader(time.column, time.format, time.zone)
    return readers


def _naming(mapping: RowMapping) -> list[tuple[str, Reader]]:
    """What reads the names of a person. A previous id may be of either kind."""
    cells = (
        ("user_id", mapping.user_id),
        ("anonymous_id", mapping.anonymous_id),
        ("user_id", mapping.previous_id),
        ("anonymous_id", mapping.previous_id),
        ("email", mapping.email),
        ("phone", mapping.phone),
    )
    return [(kind, reader_of(cell)) for kind, cell in cells if cell is not None]


def _plan(targets: Mapping[str, Reader], branch: Callable[[Mapping[str, Reader]], Reader]) -> Plan:
    """Paths as branches: what stands before the first dot, and all that is behind it."""
    branches: dict[str, dict[str, Reader]] = {}
    plan: Plan = []
    for path, reader in targets.items():
        name, _, rest = path.partition(".")
        if rest:
            branches.setdefault(name, {})[rest] = reader
        else:
            plan.append((name, reader))
    return plan + [(name, branch(inside)) for name, inside in branches.items()]


def _branch(targets: Mapping[str, Reader]) -> Reader:
    """A list where all names are numbers, else an object."""
    is_list = all(path.partition(".")[0].isdecimal() for path in targets)
    return _List(targets) if is_list else _Object(targets)


class _Object:
    """An object within the call; what is empty is left out."""

    def __init__(self, targets: Mapping[str, Reader]) -> None:
        self._plan = _plan(targets, _branch)

    def __call__(self, row: Row) -> Any:
        return _filled(self._plan, row)


class _List:
    """A list within the call, in the order of its numbers; what is empty is left out."""

    def __init__(self, targets: Mapping[str, Reader]) -> None:
        self._plan = sorted(_plan(targets, _branch), key=lambda one: int(one[0]))

    def __call__(self, row: Row) -> Any:
        found = _filled(self._plan, row)
        return list(found.values()) if isinstance(found, dict) else found


def _filled(plan: Plan, row: Row) -> Any:
    """What the plan's readers find, by name; MISSING where they find nothing; or a Refusal."""
    found: Call = {}
    for name, read in plan:
        value = read(row)
        if value is MISSING:
            continue
        if type(value) is Refusal:
            return value
        found[name] = value
    return found or MISSING
