"""Facts that several families read. A fold's facts are only the fields that it needs."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from services.profile.domain.event import Event
from services.profile.domain.part import Part

#: How one kind changes a part, in place: (part, event, its facts).
Fold = Callable[[Part, Event, Any], None]


class Facts(msgspec.Struct, gc=False):
    """No field: the kind is counted, and no more."""


class Money(msgspec.Struct, gc=False):
    amount: Decimal
    currency: str


class Line(msgspec.Struct, gc=False):
    """One line of an order; the cost is of one piece."""

    sku: str
    category: str | None = None
    quantity: Decimal = Decimal(1)
    cost: Decimal | None = None
