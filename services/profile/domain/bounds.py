"""What is kept of open-ended maps, chosen so that the choice does not depend on arrival order."""

from __future__ import annotations

from typing import Any, Final, TypeVar
from zlib import crc32

Value = TypeVar("Value")
Newest = TypeVar("Newest", bound=tuple[Any, ...])

CATEGORIES_MAX: Final = 50
CHANNELS_MAX: Final = 20
ACCOUNTS_MAX: Final = 50
TRAITS_MAX: Final = 200
CONSENTS_MAX: Final = 200
PRODUCTS_MAX: Final = 20
DEVICES_MAX: Final = 10
REFERRED_MAX: Final = 50
UNSUBSCRIBED_MAX: Final = 50
CATEGORY_CHARACTERS_MAX: Final = 100


def lot(name: str) -> tuple[int, str]:
    """A fixed rank of a name. Whoever is among the first of all was always among the first."""
    return crc32(name.encode()), name


def keep_counts(counts: dict[str, Value], most: int) -> None:
    """Keep the names of the lowest lots. Their counts are exact: they were never left out."""
    while len(counts) > most:
        del counts[max(counts, key=lot)]


def keep_names(names: set[str], most: int) -> None:
    """As keep_counts, for a set."""
    while len(names) > most:
        names.remove(max(names, key=lot))


def keep_newest(said: dict[str, Newest], most: int) -> None:
    """Keep what was said last: an old word left out would be left out again."""
    while len(said) > most:
        del said[min(said, key=lambda name: (said[name][:2], name))]
