"""The identity rules of a workspace (identity.yaml): kinds of identifiers, strongest first."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from services.common.workspace_parts import Part, different

#: Makes nobody known where its rule does not say otherwise.
ANONYMOUS: Final = "anonymous_id"

#: Two letters of ISO 3166.
Region = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class HashOf(Part):
    """An identifier that is the hash of another kind's: whoever brings that one brings this too."""

    kind: str
    with_: Literal["sha256"] = Field(default="sha256", alias="with")


class Spelling(Part):
    """How values of a kind are spelled, so that equal means equal.

    `format`: where it is not said, the kinds `email` and `phone` are of theirs and all others are
    texts. `region`: whose national phone numbers are understood (else `Identity.default_region`).
    """

    format: Literal["text", "email", "phone"] | None = None
    trim: bool = True
    case: Literal["keep", "fold"] = "keep"
    region: Region | None = None
    hash_of: HashOf | None = None


class IdentifierRule(Part):
    """What one kind of identifier may do.

    `limit`: how many one person may have; with `window_days` only those count that were first
    linked within so many days before the link that is judged. `known`: whether it makes a person
    known (None: as every kind does but anonymous_id). `blocked`: values that name nobody;
    `blocked_patterns`: regular expressions of such. `found_in`: further places of it in a call;
    `external_ids`: its types in Segment's context.externalIds.
    """

    kind: str
    limit: int = Field(ge=1)
    window_days: float | None = Field(default=None, gt=0)
    known: bool | None = None
    blocked: tuple[str, ...] = ()
    blocked_patterns: tuple[str, ...] = ()
    spelling: Spelling = Spelling()
    found_in: tuple[str, ...] = ()
    external_ids: tuple[str, ...] = ()

    @property
    def makes_known(self) -> bool:
        """Whether a person with such an identifier is known."""
        return self.kind != ANONYMOUS if self.known is None else self.known


class Identity(Part):
    """Strongest kind first. A node with more than `hub_degree_max` neighbours stops linking.

    `default_region`: whose national phone numbers are understood; None: digits stay as they are.
    """

    kinds: tuple[IdentifierRule, ...]
    hub_degree_max: int = Field(default=200, ge=2)
    default_region: Region | None = None

    @field_validator("kinds")
    @classmethod
    def _each_kind_is_itself(cls, kinds: tuple[IdentifierRule, ...]) -> tuple[IdentifierRule, ...]:
        different("kind", ([rule.kind] for rule in kinds))
        return kinds
