"""The customer became a member (会员)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from schemas.base import Name, Properties
from schemas.touchpoints.common import Programme, Source, Tier


class MembershipJoined(Properties):
    """The customer became a member, of the site or of a programme (会员)."""

    kind: Literal["membership_joined"] = "membership_joined"
    programme: Programme | None = None
    tier: Tier | None = None
    member_id: Name | None = Field(
        default=None, description="The membership's number.", examples=["M-19"]
    )
    source: Source | None = None

    SAMPLE: ClassVar[dict[str, Any]] = {
        "kind": "membership_joined",
        "programme": "club",
        "tier": "silver",
        "member_id": "M-19",
        "source": "checkout",
    }
