"""The person belongs to an account, company or household."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name, Properties, ShortText


class AccountLinked(Properties):
    """The person belongs to an account, company or household."""

    kind: Literal["account_linked"] = "account_linked"
    account_id: Name = Field(description="Which one.", examples=["acme"])
    role: ShortText | None = Field(
        default=None, description="What the person is there.", examples=["buyer"]
    )
    traits: dict[str, Any] = Field(
        default_factory=dict,
        max_length=500,
        description="What is said of the account: names to values.",
    )

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "account_linked",
        "account_id": "acme",
        "role": "buyer",
        "traits": {"industry": "music", "role": "buyer"},
    }
