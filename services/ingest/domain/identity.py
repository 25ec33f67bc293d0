"""Under which names a call knows its person: cleaned, unblocked, strongest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from schemas.dead_letter import Reason
from schemas.identifier import IDENTIFIER_KINDS
from services.common.spelling import Known as Known
from services.common.spelling import Spell, Spellings
from services.common.workspace import IdentifierRule, Identity
from services.ingest.domain.refusal import Refusal

Call = dict[str, Any]
Notes = dict[str, Any]
#: (kind, field, value as it was sent).
Candidate = tuple[str, str, object]
Clean = Callable[[object], str | Refusal]

#: As many as schemas.touchpoint takes.
IDENTIFIERS_MAX: Final = 20
DROPPED_NOTED_MAX: Final = 20
#: Segment's name of the list, and RudderStack's.
EXTERNAL: Final = ("externalIds", "externalId")
OF_PEOPLE: Final = (None, "users", "user")

_DESCRIBED: Final = (("email", ("email",)), ("phone", ("phone", "phone_number", "mobile")))
_TELLING: Final = frozenset(name for _, names in _DESCRIBED for name in names)


class Names:
    """The identity rules of one workspace, ready to be held against calls."""

    def __init__(self, identity: Identity) -> None:
        self.spellings = Spellings(identity)
        rules = {rule.kind: rule for rule in identity.kinds}
        blocked = self.spellings.blocked
        self._clean: Mapping[str, Clean] = {
            kind: _cleaner(kind, spell, blocked.get(kind, frozenset()), _pattern(rules.get(kind)))
            for kind, spell in self.spellings.spell.items()
        }
        self._ranks = {kind: rank for rank, kind in enumerate(self.spellings.kinds)}
        self._places = [
            (rule.kind, place, *_split(place)) for rule in identity.kinds for place in rule.found_in
        ]
        self._types = {said: rule.kind for rule in identity.kinds for said in rule.external_types}
        self._declares = bool(self._places or self._types)
        #: Nothing is found but what calls bring by themselves, in their order.
        self._plain = self.spellings.kinds == IDENTIFIER_KINDS and not self._declares

    def cleaned(self, kind: str, value: object) -> str | Refusal:
        """The one spelling of an identifier of a kind that there is, or why it is none."""
        return self._clean[kind](value)

    def of(self, call: Call, context: Call, notes: Notes) -> tuple[Known, ...] | Refusal:
        """The call's identifiers.

        A blocked or malformed one is dropped and noted where another remains; else it is refused.
        """
        found: list[Known] = []
        dropped: list[tuple[str, str, str]] = []
        clean_of, candidates = self._clean, _candidates(call, _describing(call, context))
        if self._declares:
            candidates += self._declared(call, context)
        for kind, field, value in candidates:
            clean = clean_of[kind](value)
            if not isinstance(clean, str):
                dropped.append((kind, field, clean.detail))
            elif (kind, clean) not in found:
                found.append((kind, clean))
        if not found:
            return _nobody(dropped)
        if not self._plain:
            found = self._ranked(found, dropped)
        if dropped:
            notes["identifiers_dropped"] = [
                {"kind": kind, "field": field, "why": why}
                for kind, field, why in dropped[:DROPPED_NOTED_MAX]
            ]
        return tuple(found)

    def candidates(self, call: Call, context: Call) -> list[Candidate]:
        """All that a call brings. Nulls and empty texts are not there at all."""
        return _candidates(call, _describing(call, context)) + self._declared(call, context)

    def _ranked(self, found: Iterable[Known], dropped: list[tuple[str, str, str]]) -> list[Known]:
        """With hashes, by the order of the rules, not more than a touchpoint takes."""
        hashes = self.spellings.hashes
        whole = dict.fromkeys(found)
        for kind, value in tuple(whole):
            for other, make in hashes.get(kind, ()):
                whole[other, make(value)] = None
        ranked = sorted(whole, key=lambda known: self._ranks[known[0]])
        for kind, _ in ranked[IDENTIFIERS_MAX:]:
            dropped.append((kind, "", f"an event has at most {IDENTIFIERS_MAX} identifiers"))
        return ranked[:IDENTIFIERS_MAX]

    def _declared(self, call: Call, context: Call) -> list[Candidate]:
        """What the rules find beside userId, anonymousId, e-mail and phone."""
        return [*self._placed(call, context), *self._external(context)]

    def _placed(self, call: Call, context: Call) -> Iterator[Candidate]:
        for kind, place, root, path in self._places:
            for top in _tops(root, call, context):
                if (value := _at(top, path)) is not None and value != "":
                    yield kind, place, value

    def _external(self, context: Call) -> Iterator[Candidate]:
        for name in EXTERNAL:
            listed = context.get(name)
            for each in listed if isinstance(listed, list) else ():
                if not isinstance(each, dict) or not isinstance(said := each.get("type"), str):
                    continue
                kind = self._types.get(said)
                if kind is None or each.get("collection") not in OF_PEOPLE:
                    continue
                if (value := each.get("id")) is not None and value != "":
                    yield kind, f"context.{name}", value


def as_text(value: object) -> str | None:
    """Databases number their users: whole numbers are ids too; true and false are not."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value) if isinstance(value, int) and abs(value) < 10**30 else None


def _pattern(rule: IdentifierRule | None) -> Callable[[str], bool] | None:
    return rule.blocked_by_pattern() if rule and rule.blocked_patterns else None


def _cleaner(
    kind: str,
    spell: Spell,
    blocked: frozenset[str],
    is_patterned: Callable[[str], bool] | None,
) -> Clean:
    """What cleans values of a kind.

    Besides what the workspace blocks, zeros and dashes alone name nobody (as at Segment), in
    quotation marks or not (as at PostHog).
    """
    nobody = Refusal(Reason.BAD_IDENTIFIER, f"{kind} is a blocked value, it names nobody")
    untold = Refusal(Reason.BAD_IDENTIFIER, f"{kind} is neither a text nor a whole number")

    def cleaned(value: object) -> str | Refusal:
        text = value if isinstance(value, str) else as_text(value)
        if text is None:
            return untold
        try:
            clean = spell(text)
        except ValueError as error:
            return Refusal(Reason.BAD_IDENTIFIER, str(error)[:300])
        folded = clean.casefold()
        if folded in blocked or not folded.strip("0-\"'"):
            return nobody
        if is_patterned is not None and is_patterned(clean):
            return nobody
        return clean

    return cleaned


def _describing(call: Call, context: Call) -> tuple[Call, ...]:
    """The objects that may hold the person's e-mail or phone.

    A group's traits describe the account, so they do not name the person.
    """
    of_context = context.get("traits")
    own = None
    if (said := call["type"]) == "identify":
        own = call.get("traits")
    elif said != "group":
        own = call.get("properties")
    return tuple([each for each in (own, of_context) if each and isinstance(each, dict)])


def _candidates(call: Call, described_by: tuple[Call, ...]) -> list[Candidate]:
    """(kind, field, value) of the kinds that are built in, strongest first."""
    found: list[Candidate] = []
    if (value := call.get("userId")) is not None and value != "":
        found.append(("user_id", "userId", value))
    telling = [described for described in described_by if not _TELLING.isdisjoint(described)]
    for kind, names in _DESCRIBED if telling else ():
        for described in telling:
            for name in names:
                if (value := described.get(name)) is not None and value != "":
                    found.append((kind, name, value))
    if (value := call.get("anonymousId")) is not None and value != "":
        found.append(("anonymous_id", "anonymousId", value))
    return found


def _split(place: str) -> tuple[str, tuple[str, ...]]:
    """(root, names below it): context.device.id is below the context's device."""
    parts = place.split(".")
    roots = 2 if parts[0] == "context" else 1
    return ".".join(parts[:roots]), tuple(parts[roots:])


def _tops(root: str, call: Call, context: Call) -> tuple[Any, ...]:
    """The objects that a root means in a call."""
    said = call["type"]
    if root == "traits":
        return (call.get("traits") if said == "identify" else None, context.get("traits"))
    if root == "properties":
        return () if said in ("identify", "group") else (call.get("properties"),)
    return (context.get(root.removeprefix("context.")),)


def _at(top: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        top = top.get(name) if isinstance(top, dict) else None
    return top


def _nobody(dropped: list[tuple[str, str, str]]) -> Refusal:
    if not dropped:
        detail = "no userId, anonymousId, e-mail or phone"
        return Refusal(Reason.NO_IDENTIFIER, detail, "userId")
    why = "; ".join(detail for _, _, detail in dropped[:5])
    return Refusal(Reason.BAD_IDENTIFIER, why, dropped[0][1])
