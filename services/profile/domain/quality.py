"""How good what we know of a person is: from 0 to 100, from the snapshot's own facts alone.

score = 40 % completeness + 20 % validity + 20 % freshness + 20 % freedom from conflicts

completeness   the share of WANTED that is there
validity       the share of well-formed values among those whose form is known: identifiers of
               kind email and phone, traits named email, phone and birthday; 1 if there are none
freshness      1 while the newest trait is at most 90 days older than the last event, then falling
               in a straight line to 0 at 730 days; 0 without traits
conflicts      1 / (1 + refused links + words that came too late)

No clock is read: the score changes only when the profile does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from services.profile.domain.states import Consent, Said

#: What should be known of everybody: name of the fact -> identifier kinds, traits that tell it.
WANTED: Final[dict[str, tuple[frozenset[str], tuple[str, ...]]]] = {
    "user_id": (frozenset({"user_id"}), ()),
    "name": (frozenset(), ("name", "first_name", "firstName", "last_name", "lastName")),
    "email": (frozenset({"email"}), ("email",)),
    "phone": (frozenset({"phone"}), ("phone",)),
    "country": (frozenset(), ("country", "address")),
    "consent": (frozenset(), ()),
}
FRESH: Final = timedelta(days=90)
STALE: Final = timedelta(days=730)
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()./-]{5,24}")
_REMOVED: Final = b"null"


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
    identifiers: Iterable[tuple[str, str]],
    traits: Mapping[str, Said],
    consents: Mapping[str, Consent],
    last_seen: datetime,
    conflicts: int,
) -> Quality:
    """The quality of a person's facts; `identifiers`: (kind, value)."""
    named = list(identifiers)
    missing = _missing({kind for kind, _ in named}, traits, consents)
    completeness = 1000 * (len(WANTED) - len(missing)) // len(WANTED)
    validity, invalid = _validity(named, traits)
    freshness = _freshness(traits, last_seen)
    peace = 1000 // (1 + conflicts)
    score = (40 * completeness + 20 * validity + 20 * freshness + 20 * peace + 500) // 1000
    return Quality(score, completeness, validity, freshness, conflicts, missing, invalid)


def _missing(
    kinds: set[str], traits: Mapping[str, Said], consents: Mapping[str, Consent]
) -> tuple[str, ...]:
    missing = []
    for fact, (by_kind, by_trait) in WANTED.items():
        if by_kind & kinds or (fact == "consent" and consents):
            continue
        if not any(name in traits and traits[name].value != _REMOVED for name in by_trait):
            missing.append(fact)
    return tuple(missing)


def _validity(
    named: list[tuple[str, str]], traits: Mapping[str, Said]
) -> tuple[int, tuple[str, ...]]:
    """(share, what is not well-formed)."""
    checked, invalid = 0, []
    for kind, value in named:
        form = _FORMS.get(kind)
        if form is not None:
            checked += 1
            if not form(value):
                invalid.append(kind)
    for name, trait_form in _TRAIT_FORMS.items():
        said = traits.get(name)
        if said is not None and said.value != _REMOVED:
            checked += 1
            if not trait_form(_text(said.value)):
                invalid.append("trait " + name)
    if not invalid:
        return 1000, ()
    return 1000 * (checked - len(invalid)) // checked, tuple(sorted(set(invalid)))


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
