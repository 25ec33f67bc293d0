"""The identity rules of a workspace (identity.yaml): kinds of identifiers, strongest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from schemas.identifier import FORMATS, IDENTIFIER_KINDS, KIND
from services.common.plan_schema import SchemaError
from services.common.text_patterns import compiled_pattern
from services.common.workspace_parts import Part, Place, broken, different

#: Makes nobody known where its rule does not say otherwise.
ANONYMOUS: Final = "anonymous_id"

#: Where every call may bring the kinds that are built in, besides userId and anonymousId.
BUILT_IN_PLACES: Final = {
    "email": ("traits.email", "properties.email"),
    "phone": tuple(
        f"{root}.{name}"
        for root in ("traits", "properties")
        for name in ("phone", "phone_number", "mobile")
    ),
}
#: Objects of a call that may hold identifiers; of the context those that are read of a batch too.
ROOTS: Final = (
    *("traits", "properties"),
    *("context.device", "context.app", "context.page", "context.campaign"),
)
PARTS_MAX: Final = 8


def _known_region(region: str) -> str:
    """One that phone numbers are known of: two letters of ISO 3166, such as GB."""
    from phonenumbers import SUPPORTED_REGIONS  # large tables: only where a region is said

    if region not in SUPPORTED_REGIONS:
        alike = get_close_matches(region.upper(), SUPPORTED_REGIONS, 1)
        mend = f"did you mean {alike[0]}?" if alike else "write two letters of ISO 3166, such as GB"
        raise broken((), f"is {region!r}, no region that phone numbers are known of", mend)
    return region


Region = Annotated[str, AfterValidator(_known_region)]


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
    known (None: as every kind does but anonymous_id). `joins_known`: whether an event that
    brings it may join two people who both have an identifier of a kind that may; else it attaches
    to one of them. `hub_degree_max`: with more neighbours one of this kind stops linking (None:
    as the identity's). `blocked`: values that name nobody;
    `blocked_patterns`: regular expressions that are found in such. `found_in`: further places of
    it in a call; `external_ids`: its types in Segment's context.externalIds (else its own name,
    for a kind that is not built in).
    """

    kind: str
    limit: int = Field(ge=1)
    window_days: float | None = Field(default=None, gt=0, le=36_500)
    known: bool | None = None
    joins_known: bool = True
    hub_degree_max: int | None = Field(default=None, ge=2)
    blocked: tuple[str, ...] = ()
    blocked_patterns: tuple[str, ...] = ()
    spelling: Spelling = Spelling()
    found_in: tuple[str, ...] = ()
    external_ids: tuple[str, ...] = ()

    @field_validator("kind")
    @classmethod
    def _a_name(cls, kind: str) -> str:
        if not KIND.fullmatch(kind):
            mend = "write small letters, digits and _, a letter first, such as crm_id"
            raise broken((), f"is {kind[:60]!r}, no name of a kind", mend)
        return kind

    @field_validator("blocked_patterns")
    @classmethod
    def _can_be_matched(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        """In linear time, whatever somebody sends."""
        for place, pattern in enumerate(patterns):
            try:
                compiled_pattern([pattern])
            except SchemaError as error:
                what = f"is {pattern!r}, which is no regular expression that can be matched here"
                raise broken(place, what, error.mend) from None
        return patterns

    @field_validator("found_in")
    @classmethod
    def _are_places(cls, places: tuple[str, ...]) -> tuple[str, ...]:
        for number, place in enumerate(places):
            root = next((root for root in ROOTS if place.startswith(f"{root}.")), None)
            parts = place.removeprefix(f"{root}.").split(".")
            if root is None or not all(parts) or len(parts) > PARTS_MAX:
                mend = f"begin it with one of {', '.join(f'{root}.' for root in ROOTS)}"
                raise broken(number, f"is {place!r}, no place that is looked into", mend)
        return places

    @model_validator(mode="after")
    def _spelled_in_one_way(self) -> Self:
        """A format has its own rules, a hash too, and two kinds are of theirs for everybody."""
        said = self.spelling
        if said.hash_of is not None:
            if said.model_fields_set - {"hash_of"} or self.kind in IDENTIFIER_KINDS:
                what = "stands beside other rules, and a hash is spelled as a hash"
                raise broken(("spelling", "hash_of"), what, "give it a kind and a spelling alone")
            return self
        if self.kind in FORMATS and said.format not in (None, self.kind):
            what = f"is {said.format}, and the kind {self.kind} is of its own everywhere"
            raise broken(("spelling", "format"), what, "take it out, or name another kind")
        if said.region is not None and self.format != "phone":
            what = f"is {said.region}, and only phone numbers are of a region"
            raise broken(("spelling", "region"), what, "take it out, or let `format` be phone")
        if self.kind in IDENTIFIER_KINDS and not said.trim:
            what = f"is false, and the kind {self.kind} is trimmed everywhere"
            raise broken(("spelling", "trim"), what, "take it out, or name another kind")
        for field in {"trim", "case"} & said.model_fields_set:
            if self.format != "text":
                what = f"stands there, and the format {self.format} is spelled in one way"
                raise broken(("spelling", field), what, "take it out")
        return self

    def blocked_by_pattern(self) -> Callable[[str], bool]:
        """Whether one of the patterns is found in a value. There is one at least."""
        return compiled_pattern(self.blocked_patterns)

    @property
    def format(self) -> str:
        """text, email or phone."""
        own = self.kind if self.kind in FORMATS else "text"
        return self.spelling.format or own

    @property
    def makes_known(self) -> bool:
        """Whether a person with such an identifier is known."""
        return self.kind != ANONYMOUS if self.known is None else self.known

    @property
    def places(self) -> tuple[str, ...]:
        """Where in a call it may stand."""
        return (*BUILT_IN_PLACES.get(self.kind, ()), *self.found_in)

    @property
    def external_types(self) -> tuple[str, ...]:
        """Its types in context.externalIds."""
        own = () if self.kind in IDENTIFIER_KINDS else (self.kind,)
        return self.external_ids or own


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

    @model_validator(mode="after")
    def _a_hash_is_of_a_kind(self) -> Self:
        rules = {rule.kind: rule for rule in self.kinds}
        for number, rule in enumerate(self.kinds):
            if (hashed := rule.spelling.hash_of) is None:
                continue
            field = ("kinds", number, "spelling", "hash_of", "kind")
            plain = [kind for kind, one in rules.items() if one.spelling.hash_of is None]
            mend = f"known are {', '.join(plain)}"
            if hashed.kind not in rules:
                raise broken(field, f"is {hashed.kind[:60]!r}, which is no kind here", mend)
            if hashed.kind not in plain:
                raise broken(field, f"is {hashed.kind!r}, which is a hash itself", mend)
        return self

    @model_validator(mode="after")
    def _a_place_is_of_one_kind(self) -> Self:
        owners = {place: kind for kind, places in BUILT_IN_PLACES.items() for place in places}
        types: dict[str, str] = {}
        for number, rule in enumerate(self.kinds):
            for said, known, field in _named(number, rule, owners, types):
                if known.setdefault(said, rule.kind) != rule.kind:
                    what = f"is {said!r}, where {known[said]} is found"
                    raise broken(field, what, "let one kind have it")
        return self


def _named(
    number: int, rule: IdentifierRule, places: dict[str, str], types: dict[str, str]
) -> Iterator[tuple[str, dict[str, str], Place]]:
    """(place or type, the owners of such, where it stands in the file)."""
    for at, place in enumerate(rule.found_in):
        yield place, places, ("kinds", number, "found_in", at)
    for at, said in enumerate(rule.external_types):
        yield said, types, ("kinds", number, *(("external_ids", at) if rule.external_ids else ()))
