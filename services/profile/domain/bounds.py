"""What is kept of open-ended maps, chosen so that the choice does not depend on arrival order."""

from __future__ import annotations

from typing import Final, TypeVar
from zlib import crc32

from services.profile.domain.part import Said

Value = TypeVar("Value")

CATEGORIES_MAX: Final = 50
CHANNELS_MAX: Final = 20
ACCOUNTS_MAX: Final = 50
TRAITS_MAX: Final = 200
CATEGORY_CHARACTERS_MAX: Final = 100


def lot(name: str) -> tuple[int, str]:
    """A fixed rank of a name. Whoever is among the first of all was always among the first."""
    return crc32(name.encode()), name


def keep_counts(counts: dict[str, Value], most: int) -> None:
    """Keep the names of the lowest lots. Their counts are exact: they were never left out."""
    while len(counts) > most:
        del counts[max(counts, key=lot)]


def keep_newest(traits: dict[str, Said]) -> None:
    """Keep the traits that were said last: an old one left out would be left out again."""
    while len(traits) > TRAITS_MAX:
        del traits[min(traits, key=lambda name: (traits[name][:2], name))]
