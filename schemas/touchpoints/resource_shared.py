"""The customer passed something on: a product, a cart, an article."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Properties, ShortText
from schemas.touchpoints.common import Network, Person, Reach, Text, Url


class ResourceShared(Properties):
    """The customer passed something on: a product, a cart, an article."""

    kind: Literal["resource_shared"] = "resource_shared"
    resource: ShortText | None = Field(
        default=None, description="What was shared.", examples=["CD-1997"]
    )
    url: Url | None = None
    network: Network | None = None
    text: Text | None = None
    reach: Reach | None = None
    recipient: Person | None = Field(default=None, description="Who got it, if one person did.")

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "resource_shared",
        "resource": "CD-1997",
        "url": "https://shop.example/cds/1997",
        "network": "email",
        "text": "listen to this",
        "reach": 1,
        "recipient": {"kind": "email", "value": "bob@x.example"},
    }
