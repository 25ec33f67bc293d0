"""touchpoints.resolved -> touchpoints: the envelope, and the typed part of each kind, flat."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
import pyarrow as pa

from services.scoring.rows.table import (
    COUNT,
    FLOAT,
    IDENTIFIERS,
    MONEY,
    TEXT,
    TIME,
    Identifier,
    Money,
    Rows,
    Table,
    Uuid,
    money,
)

LINES: Final = pa.list_(
    pa.struct(
        [
            ("sku", TEXT),
            ("category", TEXT),
            ("quantity", MONEY),
            ("price", MONEY),
            ("cost", MONEY),
        ]
    )
)

TABLE: Final = Table.of(
    "touchpoints",
    workspace=TEXT,
    event_id=TEXT,
    version=COUNT,
    profile_id=TEXT,
    kind=TEXT,
    source=TEXT,
    channel=TEXT,
    message_id=TEXT,
    occurred_at=TIME,
    received_at=TIME,
    identifiers=IDENTIFIERS,
    properties=TEXT,
    context=TEXT,
    name=TEXT,
    order_id=TEXT,
    amount=MONEY,
    currency=TEXT,
    lines=LINES,
    sku=TEXT,
    category=TEXT,
    url=TEXT,
    complaint_id=TEXT,
    severity=pa.uint8(),
    product=TEXT,
    team=TEXT,
    agent=TEXT,
    direction=TEXT,
    duration_s=FLOAT,
    survey=TEXT,
    score=FLOAT,
)
#: What each kind fills in, beside the envelope; the rest of its columns stay empty.
TYPED: Final[dict[str, Any]] = {
    "name": "",
    "order_id": "",
    "amount": None,
    "currency": "",
    "lines": (),
    "sku": "",
    "category": "",
    "url": "",
    "complaint_id": "",
    "severity": None,
    "product": "",
    "team": "",
    "agent": "",
    "direction": "",
    "duration_s": None,
    "survey": "",
    "score": None,
}


class Kind(msgspec.Struct, frozen=True):
    kind: str


class Touchpoint(msgspec.Struct, frozen=True):
    """schemas.touchpoint.ResolvedTouchpoint; the typed part is decoded by its kind."""

    workspace: str
    source: str
    event_id: Uuid
    message_id: str
    occurred_at: datetime
    received_at: datetime
    identifiers: list[Identifier]
    profile_id: Uuid
    properties: msgspec.Raw
    channel: str | None = None
    context: msgspec.Raw = msgspec.Raw(b"{}")


class Line(msgspec.Struct, frozen=True):
    sku: str
    category: str | None = None
    quantity: Decimal = Decimal(1)
    price: Decimal | None = None
    cost: Decimal | None = None


class Page(msgspec.Struct, frozen=True):
    url: str | None = None
    name: str | None = None
    title: str | None = None
    category: str | None = None

    def typed(self) -> dict[str, Any]:
        return {"name": self.name or self.title, "category": self.category, "url": self.url}


class Product(msgspec.Struct, frozen=True):
    sku: str
    name: str | None = None
    category: str | None = None
    price: Money | None = None
    url: str | None = None

    def typed(self) -> dict[str, Any]:
        return _amount(self.price) | {
            "name": self.name,
            "sku": self.sku,
            "category": self.category,
            "url": self.url,
        }


class Order(msgspec.Struct, frozen=True):
    order_id: str
    total: Money
    lines: list[Line] = []

    def typed(self) -> dict[str, Any]:
        lines = [
            (one.sku, one.category or "", money(one.quantity), money(one.price), money(one.cost))
            for one in self.lines
        ]
        return _amount(self.total) | {"order_id": self.order_id, "lines": lines}


class Refund(msgspec.Struct, frozen=True):
    order_id: str
    total: Money

    def typed(self) -> dict[str, Any]:
        return _amount(self.total) | {"order_id": self.order_id}


class Call(msgspec.Struct, frozen=True):
    direction: str | None = None
    duration_s: float | None = None
    agent: str | None = None

    def typed(self) -> dict[str, Any]:
        return {"direction": self.direction, "duration_s": self.duration_s, "agent": self.agent}


class Complaint(msgspec.Struct, frozen=True):
    complaint_id: str
    severity: int | None = None
    category: str | None = None
    product: str | None = None
    team: str | None = None
    cost: Money | None = None

    def typed(self) -> dict[str, Any]:
        return _amount(self.cost) | {
            "complaint_id": self.complaint_id,
            "severity": self.severity,
            "category": self.category,
            "product": self.product,
            "team": self.team,
        }


class Survey(msgspec.Struct, frozen=True):
    survey: str
    score: float

    def typed(self) -> dict[str, Any]:
        return {"survey": self.survey, "score": self.score}


class Custom(msgspec.Struct, frozen=True):
    name: str

    def typed(self) -> dict[str, Any]:
        return {"name": self.name}


#: Kinds with columns of their own; any other keeps what it has in `properties`.
TYPED_KINDS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    "page_viewed": msgspec.json.Decoder(Page),
    "product_viewed": msgspec.json.Decoder(Product),
    "order_completed": msgspec.json.Decoder(Order),
    "order_refunded": msgspec.json.Decoder(Refund),
    "call_completed": msgspec.json.Decoder(Call),
    "complaint_received": msgspec.json.Decoder(Complaint),
    "complaint_handled": msgspec.json.Decoder(Complaint),
    "survey_answered": msgspec.json.Decoder(Survey),
    "custom": msgspec.json.Decoder(Custom),
}
TOUCHPOINT: Final = msgspec.json.Decoder(Touchpoint)
KIND: Final = msgspec.json.Decoder(Kind)


def rows(value: bytes, published_ms: int) -> Rows:
    """One row. The version is the time of publication: the newest resolution wins."""
    one = TOUCHPOINT.decode(value)
    kind = KIND.decode(one.properties).kind
    envelope = (
        one.workspace,
        one.event_id,
        published_ms,
        one.profile_id,
        kind,
        one.source,
        one.channel or "",
        one.message_id,
        one.occurred_at,
        one.received_at,
        [identifier.pair() for identifier in one.identifiers],
        bytes(one.properties).decode(),
        bytes(one.context).decode(),
    )
    return [(TABLE.name, envelope + _typed(kind, one.properties))]


def _typed(kind: str, properties: msgspec.Raw) -> tuple[Any, ...]:
    decoder = TYPED_KINDS.get(kind)
    given = decoder.decode(properties).typed() if decoder else {}
    return tuple(
        empty if (value := given.get(name)) is None else value for name, empty in TYPED.items()
    )


def _amount(paid: Money | None) -> dict[str, Any]:
    if paid is None:
        return {}
    return {"amount": money(paid.amount), "currency": paid.currency}
