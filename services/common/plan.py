"""A tracking plan: what the events of a source must look like, and what becomes of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from schemas.touchpoints import KINDS
from services.common.plan_schema import Schema, SchemaError, compiled
from services.common.workspace_parts import Part, broken

#: What becomes of an event that is not as planned. All three publish the violation; allow lets
#: the event in, the others keep it as a dead letter.
Mode = Literal["allow", "quarantine", "block"]
#: `ignore`: what is not in the plan is not looked at.
Unplanned = Literal["ignore", "allow", "quarantine", "block"]
#: Kinds with traits: what the sender says of a person or an account.
WITH_TRAITS: Final = frozenset({"identified", "account_linked"})


def as_kind(name: str) -> str:
    """An event's name in the spelling of kinds."""
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def can_be_planned(kind: str, name: str) -> bool:
    """Whether a plan can name an event: a custom one that is called like a kind it can not."""
    return kind != "custom" or as_kind(name) not in KINDS


class Event(Part):
    """One event. `schema`: JSON Schema (draft 2020-12) of its properties, as they are published;
    `traits`: that of its traits, where it has some."""

    mode: Mode = "allow"
    schema_: Schema = Field(default_factory=dict, alias="schema")
    traits: Schema = Field(default_factory=dict)

    @model_validator(mode="after")
    def _schemas_are_right(self) -> Self:
        for field, schema in (("schema", self.schema_), ("traits", self.traits)):
            try:
                compiled(schema)
            except SchemaError as error:
                raise broken((field, *error.place), error.what, error.mend) from None
        return self

    def whole(self) -> Schema:
        """The schema of all that is checked; traits are properties too."""
        if not self.traits:
            return self.schema_
        of_traits = {"required": ["traits"], "properties": {"traits": self.traits}}
        return {"allOf": [self.schema_, of_traits]} if self.schema_ else of_traits


class Plan(Part):
    """One file of the folder `plans`, named after it. `sources`: those it is for; none: all that
    no other plan names. `events`: by kind, or by the name of a custom event."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    sources: tuple[str, ...] = ()
    unplanned: Unplanned = "ignore"
    events: Mapping[str, Event] = Field(default_factory=dict, max_length=2_000)

    @model_validator(mode="after")
    def _events_are_named_as_they_are_published(self) -> Self:
        for name, event in self.events.items():
            kind = as_kind(name)
            if kind == "custom":
                raise broken(("events", name), "names no event", "write the name that senders use")
            if kind in KINDS and kind != name:
                what, mend = f"is the kind {kind!r} in another spelling", f"write `{kind}`"
                raise broken(("events", name), what, mend)
            if event.traits and name not in WITH_TRAITS:
                where = " and ".join(sorted(WITH_TRAITS))
                what = "is for an event without traits"
                raise broken(("events", name, "traits"), what, f"only {where} have them")
        return self
