"""Builders for the tests of mappings: a mapping of orders, a row of it."""

from __future__ import annotations

from typing import Any

from services.common.workspace import RowMapping, Workspace
from services.ingest.domain.mapped import Call, Mapper
from services.ingest.domain.refusal import Refusal
from tests.unit.ingest_builders import WORKSPACE

ORDERS: dict[str, Any] = {
    "call": "track",
    "event": "Order Completed",
    "user_id": "customer",
    "email": "mail",
    "time": "at",
    "properties": {
        "order_id": "order_no",
        "total": {"column": "amount", "type": "money", "currency": "EUR"},
    },
}
ROW: dict[str, Any] = {
    "order_no": "SO-1",
    "customer": "c1",
    "mail": "ann@x.example",
    "at": "2020-07-01T12:00:00Z",
    "amount": "12.50",
    "status": "paid",
}


def mapping(**changes: Any) -> RowMapping:
    return RowMapping.model_validate({**ORDERS, **changes})


def workspace(**mappings: RowMapping) -> Workspace:
    return WORKSPACE.model_copy(update={"mappings": mappings})


def call_of(row: dict[str, Any], **changes: Any) -> Call | Refusal | None:
    """What the mapping of orders, changed so, makes of a row."""
    return Mapper("orders", mapping(**changes)).call(row)


def call(row: dict[str, Any], **changes: Any) -> Call:
    """The call of a row that there is one of."""
    found = call_of(row, **changes)
    assert isinstance(found, dict), found
    return found


def refusal(row: dict[str, Any], **changes: Any) -> Refusal:
    """Why there is no call of a row."""
    found = call_of(row, **changes)
    assert isinstance(found, Refusal), found
    return found


def cell(value: Any, kind: str, **more: Any) -> Any:
    """The value of one column, read as a kind; or the refusal."""
    found = call_of(ROW | {"x": value}, properties={"x": {"column": "x", "type": kind, **more}})
    return found["properties"]["x"] if isinstance(found, dict) else found
