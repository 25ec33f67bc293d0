"""Builders for the tests of identity rules: a workspace with rules of its own, and its door."""

from __future__ import annotations

import json
from typing import Any

from schemas.dead_letter import DeadLetter
from schemas.touchpoint import Touchpoint
from services.common.workspace import Identity, Workspace
from services.ingest.arrival import Arrival
from services.ingest.door import Door
from tests.fuzz.rules import IDENTITY as RULES
from tests.unit.ingest_builders import NOW, SALT, WORKSPACE


def with_rules(rules: dict[str, Any] | None = None) -> Workspace:
    return WORKSPACE.model_copy(
        update={"identity": Identity.model_validate(RULES if rules is None else rules)}
    )


def let_in(call: dict[str, Any], workspace: Workspace | None = None) -> Touchpoint:
    """The touchpoint of a call that must be let in."""
    door = Door(workspace or with_rules(), "web", SALT)
    [verdict] = door.admit([json.dumps(call).encode()], Arrival(NOW))
    assert verdict.kind is not None, verdict.detail
    return Touchpoint.model_validate_json(verdict.output.value)


def kept(call: dict[str, Any], workspace: Workspace | None = None) -> DeadLetter:
    """The dead letter of a call that must be refused."""
    door = Door(workspace or with_rules(), "web", SALT)
    [verdict] = door.admit([json.dumps(call).encode()], Arrival(NOW))
    assert verdict.kind is None, "it was let in"
    return DeadLetter.model_validate_json(verdict.output.value)


def who(call: dict[str, Any], workspace: Workspace | None = None) -> list[tuple[str, str]]:
    return [(one.kind, one.value) for one in let_in(call, workspace).identifiers]


def dropped(touchpoint: Touchpoint) -> list[tuple[str, str, str]]:
    noted = touchpoint.context["ingest"]["identifiers_dropped"]
    return [(each["kind"], each["field"], each["why"]) for each in noted]


def identify(**traits: Any) -> dict[str, Any]:
    return {"type": "identify", "messageId": "m-1", "userId": "u-1", "traits": traits}
