"""The person belongs to an account, company or household."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from schemas.base import Name, Properties


class AccountLinked(Properties):
    """`account_id` names the group; `traits` describe it."""

    kind: Literal["account_linked"] = "account_linked"
    account_id: Name
    traits: dict[str, Any] = Field(default_factory=dict, max_length=500)


SAMPLE: dict[str, Any] = {
    "kind": "account_linked",
    "account_id": "acme",
    "traits": {"industry": "music"},
}
