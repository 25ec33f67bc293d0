"""How good what we know of a person is: from 0 to 100, from the snapshot's own facts alone.

score = 40 % completeness + 20 % validity + 20 % freshness + 20 % freedom from conflicts

completeness   the share of WANTED that is there
validity       the share of well-formed values among those whose form is known: identifiers of
               kind email and phone, traits named email, phone and birthday; 1 if there are none
freshness      1 while the newest trait is at most 90 days older than the last event, then falling
               in a straight line to 0 at 730 days; 0 without traits
conflicts      1 / (1 + refused links but those of pairs that somebody set apart, which are settled,
               + words that came too late)

No clock is read: the score changes only when the profile does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from services.profile.domain.states import Consent, Said

#: What should be known of everybody: name of the fact -> identifier kinds, traits that tell it.
WANTED: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "user_id": (frozenset({"user_id"}), frozenset()),
    "name": (
        frozenset(),
        frozenset({"name", "first_name", "firstName", "last_name", "lastName"}),
    ),
    "email": (frozenset({"email"}), frozenset({"email"})),
    "phone": (frozenset({"phone"}), frozenset({"phone"})),
    "country": (frozenset(), frozenset({"country", "address"})),
    "consent": (frozenset(), frozenset()),
}
_NOTHING: Final[frozenset[str]] = frozenset()
FRESH: Final = timedelta(days=90)
STALE: Final = timedelta(days=730)
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()./-]{5,24}")
_REMOVED: Final = b"null"


class Named(Protocol):
    """An identifier."""

    kind: str
    value: str


class Quality(NamedTuple):
    """Parts in thousandths, the score from 0 to 100."""

    score: int
    completeness: int
    validity: int
    freshness: int
    conflicts: int
    missing: tuple[str, ...]
    invalid: tuple[str, ...]


def quality(
    identifiers: Sequence[Named],
    traits: Mapping[str, Said],
    consents: Mapping[str, Consent],
    last_seen: datetime,
    conflicts: int,
) -> Quality:
    """The quality of a person's facts."""
    kinds = frozenset([one.kind for one in identifiers])
    told = _told(traits) if traits else _NOTHING
    checked, invalid = 0, list[str]()
    if not kinds.isdisjoint(_FORMS):
        checked, invalid = _checked(identifiers)
    if not told.isdisjoint(_TRAIT_FORMS):
        checked += _check_traits(traits, told, invalid)
    return _rated(
        _missing(kinds, told, bool(consents)),
        checked,
        tuple(invalid),
        _freshness(traits, last_seen) if traits else 0,
        conflicts,
    )


def _told(traits: Mapping[str, Said]) -> frozenset[str]:
    """The traits that matter here and were not removed."""
    return frozenset([name for name in traits.keys() & _ASKED if traits[name].value != _REMOVED])


@lru_cache(1_024)
def _missing(kinds: frozenset[str], told: frozenset[str], consented: bool) -> tuple[str, ...]:
    return tuple(
        fact
        for fact, (by_kind, by_trait) in WANTED.items()
        if not (by_kind & kinds or by_trait & told or (fact == "consent" and consented))
    )


def _checked(identifiers: Sequence[Named]) -> tuple[int, list[str]]:
    """(how many have a form, the kinds of those that do not have it)."""
    checked, invalid = 0, []
    for one in identifiers:
        form = _FORMS.get(one.kind)
        if form is not None:
            checked += 1
            if not form(one.value):
                invalid.append(one.kind)
    return checked, invalid


def _check_traits(traits: Mapping[str, Said], told: frozenset[str], invalid: list[str]) -> int:
    """How many of the traits have a form; those that do not have it are added to `invalid`."""
    checked = 0
    for name, form in _TRAIT_FORMS.items():
        if name in told:
            checked += 1
            if not form(_text(traits[name].value)):
                invalid.append("trait " + name)
    return checked


@lru_cache(16_384)
def _rated(
    missing: tuple[str, ...],
    checked: int,
    invalid: tuple[str, ...],
    freshness: int,
    conflicts: int,
) -> Quality:
    completeness = 1000 * (len(WANTED) - len(missing)) // len(WANTED)
    validity = 1000 * (checked - len(invalid)) // checked if invalid else 1000
    peace = 1000 // (1 + conflicts)
    score = (40 * completeness + 20 * validity + 20 * freshness + 20 * peace + 500) // 1000
    wrong = tuple(sorted(set(invalid)))
    return Quality(score, completeness, validity, freshness, conflicts, missing, wrong)


def _freshness(traits: Mapping[str, Said], last_seen: datetime) -> int:
    newest = max((said.at for said in traits.values() if said.value != _REMOVED), default=None)
    if newest is None:
        return 0
    age = last_seen - newest
    if age <= FRESH:
        return 1000
    return max(0, 1000 * (STALE - age) // (STALE - FRESH))


def _text(value: bytes) -> str:
    told: Any = msgspec.json.decode(value)
    return told if isinstance(told, str) else str(told)


@lru_cache(16_384)
def _is_email(value: str) -> bool:
    return _EMAIL.fullmatch(value) is not None


@lru_cache(16_384)
def _is_phone(value: str) -> bool:
    return _PHONE.fullmatch(value) is not None


def _is_day(value: str) -> bool:
    try:
        date.fromisoformat(value[:10])
    except ValueError:
        return False
    return True


_FORMS: Final[dict[str, Callable[[str], bool]]] = {"email": _is_email, "phone": _is_phone}
_TRAIT_FORMS: Final[dict[str, Callable[[str], bool]]] = {
    "email": _is_email,
    "phone": _is_phone,
    "birthday": _is_day,
}
_ASKED: Final = frozenset(_TRAIT_FORMS).union(*(by_trait for _, by_trait in WANTED.values()))
