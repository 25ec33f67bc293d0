"""Who somebody is: traits."""

from __future__ import annotations

from services.profile.domain.bounds import TRAITS_MAX, keep_newest
from services.profile.domain.commuting import keep_largest
from services.profile.domain.event import Event, Identified
from services.profile.domain.part import Part
from services.profile.domain.states import Said


def identified(part: Part, event: Event, facts: Identified) -> None:
    traits = part.traits
    for name, value in facts.traits.items():
        said = Said(event.at, event.stamp, event.source, bytes(value))
        known = traits.get(name)
        if known is None or said > known:
            traits[name] = said
    keep_newest(traits, TRAITS_MAX)


def join(whole: Part, part: Part) -> None:
    keep_largest(whole.traits, part.traits)


def bound(whole: Part) -> None:
    keep_newest(whole.traits, TRAITS_MAX)
