"""Recorded traffic against a plan: how much of each event would pass, and what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from services.cli.plans.traffic import Came
from services.common.plan_judge import Judge, Ruling
from services.common.plan_schema import is_plain
from services.common.workspace import Workspace

#: The field of an event and the rule that it breaks.
Wrong = tuple[str, str]
Judges = Callable[[str], Judge | None]


@dataclass(slots=True)
class Tried:
    """One event: how many came, how many of them would be refused, and what is wrong with how
    many; `details` has the words for each."""

    events: int = 0
    violations: int = 0
    refused: int = 0
    wrong: Counter[Wrong] = field(default_factory=Counter)
    details: dict[Wrong, str] = field(default_factory=dict)


def judges_of(workspace: Workspace) -> Judges:
    """Those of the plans that a workspace has."""
    known = {plan.name: Judge(plan) for plan in workspace.plans}
    return lambda source: known[plan.name] if (plan := workspace.plan_of(source)) else None


def tried(came: Iterable[Came], judge_of: Judges) -> dict[str, Tried]:
    """By event. `judge_of` gives the one for a source; without one everything passes."""
    found: dict[str, Tried] = {}
    for source, properties in came:
        judge = judge_of(source)
        ruling = judge.ruling(properties) if judge else None
        one = found.setdefault(event_of(properties), Tried())
        one.events += 1
        if ruling is not None:
            _note(one, ruling)
    return found


def event_of(properties: Any) -> str:
    """Its kind, or the name of a custom event; masked when that may be personal."""
    name: str = properties.name if properties.kind == "custom" else properties.kind
    return name if is_plain(name) else "***"


def _note(one: Tried, ruling: Ruling) -> None:
    one.violations += 1
    one.refused += ruling.mode != "allow"
    for fault in ruling.faults:
        wrong = (fault.field, fault.rule)
        one.wrong[wrong] += 1
        one.details.setdefault(wrong, fault.detail)


def as_json(found: dict[str, Tried]) -> list[dict[str, Any]]:
    """One object for each event, by name."""
    return [
        {
            "event": event,
            "events": one.events,
            "violations": one.violations,
            "refused": one.refused,
            "wrong": [
                {"field": place, "rule": rule, "events": times, "detail": one.details[place, rule]}
                for (place, rule), times in sorted(one.wrong.items(), key=lambda each: -each[1])
            ],
        }
        for event, one in sorted(found.items())
    ]
