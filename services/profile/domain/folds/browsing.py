"""Browsing: which categories and products the customer is drawn to."""

from __future__ import annotations

from collections.abc import Sequence

from services.profile.domain.bounds import (
    CATEGORIES_MAX,
    CATEGORY_CHARACTERS_MAX,
    PRODUCTS_MAX,
    keep_counts,
)
from services.profile.domain.event import Event
from services.profile.domain.folds.facts import Facts, Line
from services.profile.domain.part import Part


class Paged(Facts, gc=False):
    category: str | None = None


class Viewed(Facts, gc=False):
    sku: str
    category: str | None = None


class Carted(Facts, gc=False):
    """`lines`: the whole cart; what was put in or taken out counts, not what lies there."""

    sku: str | None = None
    category: str | None = None


def paged(part: Part, event: Event, facts: Paged) -> None:
    count_category(part, facts.category)


def viewed(part: Part, event: Event, facts: Viewed | Carted) -> None:
    count_category(part, facts.category)
    count_product(part, facts.sku)


def count_lines(part: Part, lines: Sequence[Line]) -> None:
    """Each line of an order draws to its category and product once more."""
    for line in lines:
        count_category(part, line.category)
        count_product(part, line.sku)


def count_category(part: Part, category: str | None) -> None:
    if category:
        _count(part.categories, category[:CATEGORY_CHARACTERS_MAX], CATEGORIES_MAX)


def count_product(part: Part, sku: str | None) -> None:
    if sku:
        _count(part.products, sku[:CATEGORY_CHARACTERS_MAX], PRODUCTS_MAX)


def _count(counts: dict[str, int], name: str, most: int) -> None:
    times = counts.get(name, 0)
    counts[name] = times + 1
    if not times:
        keep_counts(counts, most)


def join(whole: Part, part: Part) -> None:
    """Sums; the bounds are kept once all parts are in."""
    for name, times in part.categories.items():
        whole.categories[name] = whole.categories.get(name, 0) + times
    for name, times in part.products.items():
        whole.products[name] = whole.products.get(name, 0) + times


def bound(whole: Part) -> None:
    keep_counts(whole.categories, CATEGORIES_MAX)
    keep_counts(whole.products, PRODUCTS_MAX)
