"""A customer brought another one (转介绍)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Properties, ShortText
from schemas.touchpoints.common import Person, Programme


class CustomerReferred(Properties):
    """A customer brought another one (转介绍): the touchpoint's person and the one named here."""

    kind: Literal["customer_referred"] = "customer_referred"
    referred: Person | None = Field(
        default=None, description="Who was brought, where the touchpoint is of who brought them."
    )
    referrer: Person | None = Field(
        default=None,
        description="Who brought them, where the touchpoint is of who was brought.",
        examples=[{"kind": "user_id", "value": "ada"}],
    )
    programme: Programme | None = None
    code: ShortText | None = Field(
        default=None, description="The code that was used.", examples=["ADA10"]
    )

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "customer_referred",
        "referred": {"kind": "email", "value": "bob@x.example"},
        "programme": "friends",
        "code": "ADA10",
    }
