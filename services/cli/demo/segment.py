"""How each touchpoint of the demo is spelled as a Segment call, the way real senders spell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from schemas.base import JsonObject, micros


@dataclass(frozen=True, slots=True)
class Touch:
    """One touchpoint that is told once: when it happened (µs), its id, its JSON.

    `web`: it could have come from a web page, so the SDK may send it (the SDK asks for a user id
    or an anonymous id); the others come from a call centre or a CRM, by Kafka.
    """

    at_us: int
    message_id: str
    value: bytes
    web: bool


@dataclass(frozen=True, slots=True)
class Who:
    """Under which names a touchpoint arrives; most carry only one of them."""

    user_id: str | None = None
    device: str | None = None
    email: str | None = None
    phone: str | None = None

    def fields(self) -> JsonObject:
        """The parts of a Segment message that say who."""
        named: JsonObject = {}
        if self.user_id:
            named["userId"] = self.user_id
        if self.device:
            named["anonymousId"] = self.device
        traits = {"email": self.email, "phone": self.phone}
        known = {name: value for name, value in traits.items() if value}
        if known:
            named["context"] = {"traits": known}
        return named


def touch(message_id: str, at: datetime, who: Who, message: Mapping[str, Any]) -> Touch:
    """The touchpoint as it will be sent; times have milliseconds, as the SDKs write them."""
    timestamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    whole = {**message, **who.fields(), "messageId": message_id, "timestamp": timestamp}
    return Touch(
        micros(at), message_id, msgspec.json.encode(whole), bool(who.user_id or who.device)
    )


def identify(traits: Mapping[str, Any]) -> JsonObject:
    """Somebody says who they are."""
    return {"type": "identify", "traits": dict(traits)}


def alias(previous_id: str) -> JsonObject:
    """The device of before and the user of now are one person."""
    return {"type": "alias", "previousId": previous_id}


def group(account_id: str, traits: Mapping[str, Any]) -> JsonObject:
    """Somebody belongs to a company or household."""
    return {"type": "group", "groupId": account_id, "traits": dict(traits)}


def page(path: str, title: str) -> JsonObject:
    """A page was looked at."""
    url = f"https://shop.example/{path}"
    return {"type": "page", "name": title, "properties": {"url": url, "title": title}}


def track(event: str, **properties: Any) -> JsonObject:
    """Something happened; `properties` say what."""
    return {"type": "track", "event": event, "properties": properties}


def order(order_id: str, paid: Decimal, category: str, pieces: int) -> JsonObject:
    """A purchase; the amount travels as a JSON number, as shops send it."""
    line = {"product_id": f"CD-{category}", "category": category, "quantity": pieces}
    return track(
        "Order Completed", order_id=order_id, total=float(paid), currency="USD", products=[line]
    )


def product(category: str, sku: str, price: Decimal) -> JsonObject:
    """A product was looked at."""
    return track(
        "Product Viewed", product_id=sku, category=category, price=float(price), currency="USD"
    )
