"""How one workspace spells identifiers: one way for what is let in, suppressed or looked up."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any, Final

from schemas.identifier import (
    FORMATS,
    IDENTIFIER_KINDS,
    normalised,
    phone_digits,
    text,
    untrimmed,
)
from services.common.identity_rules import IdentifierRule, Identity

#: (kind, value), in its one spelling.
Known = tuple[str, str]
Spell = Callable[[str], str]
#: (kind, value) -> the one spelling, with the kind filled in.
OfKind = partial[str]

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_DIALLED: Final = re.compile(r"\+?[0-9]{6,17}")
NUMBERS_KEPT: Final = 65_536


class Spellings:
    """The kinds of a workspace, strongest first, and the one spelling of each.

    `spell`: kind -> what spells a value of it (ValueError says what is wrong, not the value).
    `hashes`: kind -> the kinds that are hashes of it, with what makes them. `blocked`: kind ->
    values, casefolded, that name nobody.
    """

    def __init__(self, identity: Identity) -> None:
        rules = {rule.kind: rule for rule in identity.kinds}
        built_in = (kind for kind in IDENTIFIER_KINDS if kind not in rules)
        self.kinds: tuple[str, ...] = (*rules, *built_in)
        self.spell: Mapping[str, OfKind] = {
            kind: _spell(kind, rules.get(kind), identity.default_region) for kind in self.kinds
        }
        self.hashes: dict[str, list[tuple[str, Spell]]] = {}
        for rule in identity.kinds:
            if (said := rule.spelling.hash_of) is not None:
                self.hashes.setdefault(said.kind, []).append((rule.kind, hashed))
        #: Kinds that are not spelled as they are where nothing is said.
        self.own: frozenset[str] = frozenset(
            kind for kind, spell in self.spell.items() if spell.func is not _plain(kind).func
        )

        self.blocked: Mapping[str, frozenset[str]] = self._blocked(identity)

    def _blocked(self, identity: Identity) -> dict[str, frozenset[str]]:
        """As they are written and as they are spelled, also as somebody's quoted text; of hashes
        those of what is blocked too."""
        found: dict[str, set[str]] = {rule.kind: set(rule.blocked) for rule in identity.kinds}
        for rule in identity.kinds:
            for value in rule.blocked:
                for kind, spelled in self.every(rule.kind, value):
                    found[kind].add(spelled)
        return {
            kind: frozenset(
                f"{quote}{value.casefold()}{quote}" for value in values for quote in ("", '"', "'")
            )
            for kind, values in found.items()
        }

    def normalised(self, kind: str, value: str) -> str:
        """The one spelling. ValueError says what is wrong, or that there is no such kind."""
        spell = self.spell.get(kind)
        if spell is None:
            raise ValueError(f"kind is none of {', '.join(self.kinds)}: {kind[:100]!r}")
        return spell(value)

    def names(self, kind: str, value: str) -> tuple[Known, ...]:
        """The identifier in its one spelling, then its hashes. ValueError as `normalised`."""
        clean = self.normalised(kind, value)
        derived = ((other, make(clean)) for other, make in self.hashes.get(kind, ()))
        return ((kind, clean), *derived)

    def every(self, kind: str, value: str) -> tuple[Known, ...]:
        """Under what it is known here, and was before the workspace had rules of its own; nothing
        where it is no such identifier."""
        found: dict[Known, None] = {}
        with suppress(ValueError):
            found |= dict.fromkeys(self.names(kind, value))
        if kind in self.own:
            with suppress(ValueError):
                found[kind, normalised(kind, value)] = None
        return tuple(found)


def hashed(value: str) -> str:
    """SHA-256 in small hexadecimal digits."""
    return sha256(value.encode()).hexdigest()


#: The hash of nothing, which programs send for nobody.
HASHED_NOTHING: Final = hashed("")


def _plain(kind: str) -> OfKind:
    return partial(FORMATS.get(kind, text), kind)


def _spell(kind: str, rule: IdentifierRule | None, region: str | None) -> OfKind:
    if rule is None:
        return _plain(kind)
    said = rule.spelling
    if said.hash_of is not None:
        return partial(_digest, kind)
    if rule.format == "phone" and (where := said.region or region):
        return partial(_in_e164, where, kind)
    if rule.format != "text":
        return partial(FORMATS[rule.format], kind)
    spelled = text if said.trim else untrimmed
    return partial(_folded, spelled, kind) if said.case == "fold" else partial(spelled, kind)


def _folded(spelled: Callable[[str, str], str], kind: str, value: str) -> str:
    clean = spelled(kind, value)
    if clean.isascii():
        return clean.lower()
    # again: a folded text may be longer
    return spelled(kind, unicodedata.normalize("NFKC", clean.casefold()))


def _digest(kind: str, value: str) -> str:
    clean = value.strip().lower()
    if not _SHA256.fullmatch(clean):
        raise ValueError(f"{kind} is no SHA-256, which has 64 hexadecimal digits")
    if clean == HASHED_NOTHING:
        raise ValueError(f"{kind} is the hash of nothing, it names nobody")
    return clean


def _in_e164(region: str, kind: str, value: str) -> str:
    digits = phone_digits(kind, value)
    if not _DIALLED.fullmatch(digits):
        raise ValueError(f"{kind} is not 6 to 17 digits, with an optional + in front")
    found = _e164(region, digits)
    if found is None:
        raise ValueError(f"{kind} is no number that can be called from {region}")
    return found


@lru_cache(maxsize=NUMBERS_KEPT)
def _e164(region: str, digits: str) -> str | None:
    """The number with its country. Whoever writes a + has said which; what is written without one
    must be a whole number of the region, since a missing area code would make one of many people.
    """
    import phonenumbers as numbers  # large tables: only where a region is said

    spelled, valid = digits, digits.startswith("+")
    while True:  # "+44 (0)0 97946-0000" has two of the zeros of which reading takes one
        try:
            number = numbers.parse(spelled, region)
        except numbers.NumberParseException:
            return None
        valid = valid or numbers.is_valid_number(number)
        if not valid or not _is_whole(number):
            return None
        read, spelled = spelled, numbers.format_number(number, numbers.PhoneNumberFormat.E164)
        if spelled == read:
            return spelled


def _is_whole(number: Any) -> bool:
    import phonenumbers as numbers

    possible = numbers.is_possible_number_with_reason(number)
    return bool(possible == numbers.ValidationResult.IS_POSSIBLE)


#: Of a workspace that says nothing.
PLAIN: Final = Spellings(Identity(kinds=()))
