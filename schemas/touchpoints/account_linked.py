"""The person belongs to an account, company or household, or does not any more."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name, Properties, ShortText


class AccountLinked(Properties):
    """The person belongs to an account, company or household, or (`left`) does not any more."""

    kind: Literal["account_linked"] = "account_linked"
    account_id: Name = Field(description="Which one.", examples=["acme"])
    account_kind: Name | None = Field(
        default=None,
        description="What the account is: company (where nobody says), household or any other kind "
        "of group. The newest word counts.",
        examples=["household"],
    )
    role: ShortText | None = Field(
        default=None, description="What the person is there.", examples=["buyer"]
    )
    left: bool = Field(
        default=False, description="True: the person does not belong to it any more."
    )
    traits: dict[str, Any] = Field(
        default_factory=dict,
        max_length=500,
        description="What is said of the account: names to values.",
    )

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "account_linked",
        "account_id": "acme",
        "account_kind": "company",
        "role": "buyer",
        "left": False,
        "traits": {"industry": "music", "role": "buyer", "account_kind": "company"},
    }
