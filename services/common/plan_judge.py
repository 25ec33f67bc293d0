"""An event against the plan of its source: as planned, or what is wrong and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from schemas.touchpoints import KINDS
from services.common.plan import Plan
from services.common.plan_schema import Fault, compiled, faults_of, is_plain

#: What metrics call an event that is in no plan: senders make up any number of names.
UNPLANNED: Final = "(unplanned)"
_AS_THEY_ARE: Final = frozenset({str, int, float, bool, Decimal})


class Ruling(NamedTuple):
    """What is not as planned. `event`: as the plan names it, UNPLANNED if it does not."""

    event: str
    mode: str
    faults: tuple[Fault, ...]


class Judge:
    """A plan, compiled. Remembers nothing."""

    def __init__(self, plan: Plan) -> None:
        self.name = plan.name
        self._unplanned = plan.unplanned
        rules = {name: (event.mode, compiled(event.whole())) for name, event in plan.events.items()}
        self._kinds = {name: rule for name, rule in rules.items() if name in KINDS}
        self._customs = {name: rule for name, rule in rules.items() if name not in KINDS}

    def ruling(self, properties: BaseModel) -> Ruling | None:
        """On the valid properties of a kind; None: as planned, or not looked at."""
        kind: str = properties.kind  # type: ignore[attr-defined]
        name: str = properties.name if kind == "custom" else kind  # type: ignore[attr-defined]
        rule = (self._customs if kind == "custom" else self._kinds).get(name)
        if rule is None:
            return None if self._unplanned == "ignore" else self._not_planned(name)
        mode, validator = rule
        faults = faults_of(validator, document_of(properties))
        return Ruling(name, mode, tuple(faults)) if faults else None

    def _not_planned(self, name: str) -> Ruling:
        said = f"{name!r}" if is_plain(name) else "***"
        detail = f"the event {said} is not in the plan"
        return Ruling(UNPLANNED, self._unplanned, (Fault("event", "unplanned", detail),))


def document_of(properties: BaseModel) -> Mapping[str, Any]:
    """What a plan is about: a custom event's properties as they were sent; of the other kinds the
    fields but for `kind`, without nulls (they say nothing), amounts as numbers."""
    if properties.kind == "custom":  # type: ignore[attr-defined]
        sent: dict[str, Any] = properties.properties  # type: ignore[attr-defined]
        return sent
    fields = properties.__pydantic_serializer__.to_python(properties)
    del fields["kind"]
    plain: dict[str, Any] = _plain(fields)
    return plain


def _plain(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items() if each is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return value if value is None else str(value)
