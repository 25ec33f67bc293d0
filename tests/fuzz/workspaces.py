"""What people write for their workspace, for the fuzzer: mappings and plans, and their verdicts."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import ValidationError

from services.common.plan import Plan
from services.common.workspace import RowMapping, Workspace
from services.ingest.domain.mapped import Mapper
from services.ingest.door import Arrival, Door
from services.ingest.letters import Verdict
from services.ingest.row_files import NumberedRow
from services.ingest.rows import judged
from tests.fuzz.mending import NOW

EVENTS: Final = ("Wishlist Shared", "Order Completed", "Anything Else")


def plan(data: bytes, workspace: Workspace, salt: str) -> list[Verdict]:
    """The verdicts by a plan, where it is one: {"plan": ..., "properties": ...}."""
    said = _said(data)
    try:
        found = Plan.model_validate(said.get("plan"))
    except ValidationError:
        return []
    door = Door(workspace.model_copy(update={"plans": (found,)}), "web", salt)
    calls = [
        {"type": "track", "event": name, "userId": "u", "properties": said.get("properties")}
        for name in EVENTS
    ]
    calls.append({"type": "identify", "userId": "u", "traits": said.get("properties")})
    return door.admit([json.dumps(call).encode() for call in calls], Arrival(NOW))


def mapping(data: bytes, door: Door) -> list[Verdict]:
    """The verdicts on a row by a mapping, where it is one: {"mapping": ..., "row": ...}."""
    said = _said(data)
    try:
        mapper = Mapper("fuzzed", RowMapping.model_validate(said.get("mapping")))
    except ValidationError:
        return []
    row = said.get("row")
    return judged([NumberedRow(1, row if isinstance(row, dict) else {})], mapper, door, NOW, "rows")


def _said(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
