"""Parts that several kinds of touchpoint share."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from schemas.base import Amount, Message, Name, ShortText

Url = Annotated[str, Field(max_length=8_000)]
Channel = Annotated[str, Field(max_length=100, examples=["web"])]


class OrderLine(Message):
    """One line of an order; price and cost are for one piece, in the order's currency."""

    sku: Name
    category: ShortText | None = None
    quantity: Annotated[Decimal, Field(ge=0, le=10**9)] = Decimal(1)
    price: Amount | None = None
    cost: Amount | None = None
