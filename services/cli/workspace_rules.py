"""What a changed identity rule means for who is one person, in words."""

from __future__ import annotations

from typing import Any, Final

from schemas.identifier import IDENTIFIER_KINDS

#: What was linked stays; the links of a person are judged again when something of theirs arrives.
LATER: Final = (
    "links are judged by it when something new of their people arrives; `rapport identity plan` "
    "shows who would merge or split"
)
ANEW: Final = (
    "it is spelled so from now on: who is known by the former spelling only is somebody else until "
    "`rapport rebuild profiles`; suppressions hold under both"
)


def means_of_rule(place: tuple[str, ...], before: Any, after: Any) -> str:
    """Of a place below identity: (default_region,), (kinds, crm_id, limit)..."""
    match place:
        case ("kinds", _) if before is None:
            return "it is found in what arrives from now on, and links people"
        case ("kinds", kind) if after is None and kind in IDENTIFIER_KINDS:
            return "it is still found, as the weakest, and no rule of its own holds"
        case ("kinds", _) if after is None:
            return "it is not looked for any more; what it linked stays"
        case ("order",):
            return "what arrives counts for the identifier of its that is first in this order"
        case ("default_region",) | ("kinds", _, "spelling", *_):
            return ANEW
        case ("kinds", _, "blocked" | "blocked_patterns"):
            return f"such values name nobody and link nobody; {LATER}"
        case ("kinds", _, "found_in" | "external_ids"):
            return "it is looked for there from now on"
        case ("kinds", _, "known"):
            return "whether a public key may join such people, and allow in their name"
    return LATER
