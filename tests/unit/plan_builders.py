"""Builders for the tests of tracking plans: a plan from a few words, a door that keeps to it."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from schemas.dead_letter import DeadLetter
from schemas.touchpoints import KINDS
from schemas.violation import Violation
from services.common.plan import Plan
from services.common.plan_judge import Judge, Ruling
from services.ingest.door import Arrival, Door
from services.ingest.letters import Verdict
from tests.unit.ingest_builders import NOW, SALT, WORKSPACE

WISHLIST = "Wishlist Shared"
SIZED: dict[str, Any] = {
    "type": "object",
    "required": ["size"],
    "properties": {"size": {"type": "integer", "minimum": 1}},
}


def plan(events: dict[str, Any] | None = None, **fields: Any) -> Plan:
    named = {WISHLIST: {"schema": SIZED}} if events is None else events
    return Plan.model_validate({"name": "web", "events": named} | fields)


def custom(name: str = WISHLIST, **properties: Any) -> BaseModel:
    return KINDS["custom"].model_validate({"name": name, "properties": properties})


def ruling(planned: Plan, properties: BaseModel) -> Ruling | None:
    return Judge(planned).ruling(properties)


def door(planned: Plan) -> Door:
    """That of the source web, in a workspace with this plan."""
    return Door(WORKSPACE.model_copy(update={"plans": (planned,)}), "web", SALT)


def verdict(planned: Plan, call: object) -> Verdict:
    return door(planned).admit([json.dumps(call).encode()], Arrival(NOW))[0]


def violation(said: Verdict) -> Violation:
    assert said.violated is not None
    assert said.violated.output.topic == "violations"
    return Violation.model_validate_json(said.violated.output.value)


def letter(said: Verdict) -> DeadLetter:
    return DeadLetter.model_validate_json(said.output.value)
