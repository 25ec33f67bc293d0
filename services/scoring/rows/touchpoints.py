"""touchpoints.resolved -> touchpoints: the envelope, and the typed part of each kind, flat."""

from __future__ import annotations

from collections.abc import Sequence
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
    Moment,
    Money,
    Rows,
    Table,
    Uuid,
    money,
    pairs,
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


class Typed(msgspec.Struct, frozen=True, gc=False):
    """What a kind fills in beside the envelope, in the order of the columns."""

    name: str = ""
    order_id: str = ""
    amount: Decimal | None = None
    currency: str = ""
    lines: Sequence[tuple[Any, ...]] = ()
    sku: str = ""
    category: str = ""
    url: str = ""
    complaint_id: str = ""
    severity: int | None = None
    product: str = ""
    team: str = ""
    agent: str = ""
    direction: str = ""
    duration_s: float | None = None
    survey: str = ""
    score: float | None = None


#: The columns of a kind that has none of its own.
UNTYPED: Final = msgspec.structs.astuple(Typed())


class Kind(msgspec.Struct, frozen=True, gc=False):
    kind: str


class Touchpoint(msgspec.Struct, frozen=True, gc=False):
    """schemas.touchpoint.ResolvedTouchpoint; the typed part is decoded by its kind."""

    workspace: str
    source: str
    event_id: Uuid
    message_id: str
    occurred_at: Moment
    received_at: Moment
    identifiers: list[Identifier]
    profile_id: Uuid
    properties: msgspec.Raw
    channel: str | None = None
    context: msgspec.Raw = msgspec.Raw(b"{}")


class Line(msgspec.Struct, frozen=True, gc=False):
    sku: str
    category: str | None = None
    quantity: Decimal = Decimal(1)
    price: Decimal | None = None
    cost: Decimal | None = None


class Page(msgspec.Struct, frozen=True, gc=False):
    url: str | None = None
    name: str | None = None
    title: str | None = None
    category: str | None = None

    def typed(self) -> Typed:
        return Typed(
            name=self.name or self.title or "", category=self.category or "", url=self.url or ""
        )


class Product(msgspec.Struct, frozen=True, gc=False):
    sku: str
    name: str | None = None
    category: str | None = None
    price: Money | None = None
    url: str | None = None

    def typed(self) -> Typed:
        amount, currency = _amount(self.price)
        return Typed(
            name=self.name or "",
            sku=self.sku,
            category=self.category or "",
            url=self.url or "",
            amount=amount,
            currency=currency,
        )


class Order(msgspec.Struct, frozen=True, gc=False):
    order_id: str
    total: Money
    lines: list[Line] = []

    def typed(self) -> Typed:
        lines = [
            (one.sku, one.category or "", money(one.quantity), money(one.price), money(one.cost))
            for one in self.lines
        ]
        amount, currency = _amount(self.total)
        return Typed(order_id=self.order_id, amount=amount, currency=currency, lines=lines)


class Refund(msgspec.Struct, frozen=True, gc=False):
    order_id: str
    total: Money

    def typed(self) -> Typed:
        amount, currency = _amount(self.total)
        return Typed(order_id=self.order_id, amount=amount, currency=currency)


class Call(msgspec.Struct, frozen=True, gc=False):
    direction: str | None = None
    duration_s: float | None = None
    agent: str | None = None

    def typed(self) -> Typed:
        return Typed(
            direction=self.direction or "", duration_s=self.duration_s, agent=self.agent or ""
        )


class Complaint(msgspec.Struct, frozen=True, gc=False):
    complaint_id: str
    severity: int | None = None
    category: str | None = None
    product: str | None = None
    team: str | None = None

    def typed(self) -> Typed:
        return Typed(
            complaint_id=self.complaint_id,
            severity=self.severity,
            category=self.category or "",
            product=self.product or "",
            team=self.team or "",
        )


class Handled(msgspec.Struct, frozen=True, gc=False):
    complaint_id: str
    team: str | None = None
    cost: Money | None = None

    def typed(self) -> Typed:
        amount, currency = _amount(self.cost)
        return Typed(
            complaint_id=self.complaint_id,
            team=self.team or "",
            amount=amount,
            currency=currency,
        )


class Survey(msgspec.Struct, frozen=True, gc=False):
    survey: str
    score: float

    def typed(self) -> Typed:
        return Typed(survey=self.survey, score=self.score)


class Custom(msgspec.Struct, frozen=True, gc=False):
    name: str

    def typed(self) -> Typed:
        return Typed(name=self.name)


#: Kinds with columns of their own; any other keeps what it has in `properties`. Only fields of
#: the kind's model are read: an extra property may be of any type.
TYPED_KINDS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    "page_viewed": msgspec.json.Decoder(Page),
    "product_viewed": msgspec.json.Decoder(Product),
    "order_completed": msgspec.json.Decoder(Order),
    "order_refunded": msgspec.json.Decoder(Refund),
    "call_completed": msgspec.json.Decoder(Call),
    "complaint_received": msgspec.json.Decoder(Complaint),
    "complaint_handled": msgspec.json.Decoder(Handled),
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
        pairs(one.identifiers),
        str(one.properties, "utf-8"),
        str(one.context, "utf-8"),
    )
    return [(TABLE.name, envelope + _typed(kind, one.properties))]


def _typed(kind: str, properties: msgspec.Raw) -> tuple[Any, ...]:
    decoder = TYPED_KINDS.get(kind)
    return msgspec.structs.astuple(decoder.decode(properties).typed()) if decoder else UNTYPED


def _amount(paid: Money | None) -> tuple[Decimal | None, str]:
    return (None, "") if paid is None else (money(paid.amount), paid.currency)
