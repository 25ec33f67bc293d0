"""What the profile API is asked (schemas/profile_api.py: what it answers)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from schemas.base import Moment, Name
from schemas.lifecycle import Stage

PAGE_MAX: Final = 200
PAGE_DEFAULT: Final = 50
TRAITS_ASKED_MAX: Final = 10

Cursor = Annotated[
    str, Field(max_length=4_000, description="The next page is asked for with it; null: the end")
]


class Asked(BaseModel):
    """What a request says. An unknown field is an error, since it is a typing error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AskedIdentifier(Asked):
    """An identifier in any spelling that the workspace understands."""

    kind: Annotated[str, Field(min_length=1, max_length=100, examples=["email"])]
    value: Annotated[str, Field(min_length=1, examples=["Ada@x.example"])]


class Search(Asked):
    """All that is given must hold."""

    identifier: AskedIdentifier | None = Field(
        default=None, description="Exactly this one, in any spelling"
    )
    identifier_prefix: AskedIdentifier | None = Field(
        default=None,
        description="One that begins like this, as it is stored; needs profile:pii",
    )
    traits: Annotated[dict[Name, Name], Field(max_length=TRAITS_ASKED_MAX)] = Field(
        default_factory=dict,
        description="Name to value, text as it is and anything else as JSON; personal ones need "
        "profile:pii",
        examples=[{"city": "London"}],
    )
    segment: Name | None = Field(default=None, description="Of RFM", examples=["champions"])
    value_segment: Name | None = Field(default=None, examples=["high_value"])
    stage: Stage | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT
    cursor: Cursor | None = None


class AskedAccount(Asked):
    """An account by its name, or a household by what its people have in common."""

    account_id: Annotated[str, Field(min_length=1, max_length=200, examples=["acme"])] | None = None
    household: Annotated[dict[Name, Any], Field(max_length=10)] = Field(
        default_factory=dict,
        description="The workspace's household_traits and their values, in any spelling; "
        "personal ones need profile:pii",
    )


class MembersAsked(Asked):
    """Which part of an account's members is wanted."""

    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT
    cursor: Cursor | None = None


class PairAsked(Asked):
    """Two identifiers."""

    one: AskedIdentifier
    other: AskedIdentifier


class MergeAsked(PairAsked):
    """Somebody says that two identifiers are one person, or are two."""

    reason: Annotated[str, Field(max_length=500)] | None = None
    requested_by: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Who asked for it; without it the key's name"
    )


class TimelineAsked(Asked):
    """Which part of a timeline is wanted."""

    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT
    cursor: Cursor | None = None
    kind: Annotated[
        list[Name], Field(max_length=100, description="Only these kinds; may be repeated")
    ] = []
    since: Moment | None = Field(default=None, description="Occurred then or later")
    until: Moment | None = Field(default=None, description="Occurred before")


class FeedStart(StrEnum):
    """Where a stream begins that goes on from nothing."""

    NOW = "now"
    BEGINNING = "beginning"


class FeedShows(StrEnum):
    """What comes with each change."""

    IDS = "ids"
    PROFILE = "profile"


class ChangesAsked(Asked):
    """Where a stream begins and what it shows."""

    cursor: Annotated[str, Field(min_length=1, max_length=8_000)] | None = Field(
        default=None, description="Behind which change to go on; Last-Event-ID says the same"
    )
    start: FeedStart = Field(
        default=FeedStart.NOW,
        description="Without a cursor: from now on, or with the newest of every profile first",
    )
    include: FeedShows = Field(
        default=FeedShows.IDS,
        description="`profile`: the whole snapshot with each change; needs profile:read",
    )
