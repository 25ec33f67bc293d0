"""What documents look like, as a fold: in any order and any pieces it comes to the same.

Every part is a sum, a minimum, a maximum or a bounded union; a union that outgrows its bound is
given up for good, whatever came first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

#: Different texts of one field that are counted one by one; of more it is no enumeration.
TEXTS_MAX: Final = 12
TEXT_CHARACTERS_MAX: Final = 64
#: Different names in one object; one with more is a mapping by something, not a record.
NAMES_MAX: Final = 200

Number = int | float | Decimal
Texts = dict[str, int]


@dataclass(slots=True)
class Shape:
    """What stood at one place of the documents: `types` of JSON with how often, of numbers the
    range, of texts how often each (None: too many), of objects their fields (None: too many)."""

    types: dict[str, int] = field(default_factory=dict)
    lowest: Number | None = None
    highest: Number | None = None
    texts: Texts | None = field(default_factory=dict)
    fields: dict[str, Shape] | None = field(default_factory=dict)
    items: Shape | None = None


def shape_of(value: Any) -> Shape:
    """That of one value."""
    kind = type_of(value)
    shape = Shape({kind: 1})
    if kind in ("integer", "number"):
        shape.lowest = shape.highest = value
    elif kind == "string":
        shape.texts = {value: 1} if len(value) <= TEXT_CHARACTERS_MAX else None
    elif kind == "object":
        shape.fields = _bounded({name: shape_of(each) for name, each in value.items()}, NAMES_MAX)
    elif kind == "array":
        for each in value:
            found = shape_of(each)
            shape.items = found if shape.items is None else merged(shape.items, found)
    return shape


def type_of(value: Any) -> str:
    """As JSON Schema calls it. An amount is a number, also where it happens to be whole."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, (float, Decimal)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def merged(one: Shape, other: Shape) -> Shape:
    """What both have seen; neither is changed."""
    return Shape(
        types=_summed(one.types, other.types),
        lowest=_chosen(min, one.lowest, other.lowest),
        highest=_chosen(max, one.highest, other.highest),
        texts=_bounded(_summed(one.texts, other.texts), TEXTS_MAX)
        if one.texts is not None and other.texts is not None
        else None,
        fields=_bounded(_joined(one.fields, other.fields), NAMES_MAX)
        if one.fields is not None and other.fields is not None
        else None,
        items=_both(one.items, other.items),
    )


def _both(one: Shape | None, other: Shape | None) -> Shape | None:
    if one is None or other is None:
        return one or other
    return merged(one, other)


def _joined(one: dict[str, Shape], other: dict[str, Shape]) -> dict[str, Shape]:
    joined = dict(one)
    for name, shape in other.items():
        joined[name] = merged(joined[name], shape) if name in joined else shape
    return joined


def _summed(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    total = dict(one)
    for name, times in other.items():
        total[name] = total.get(name, 0) + times
    return total


def _bounded(found: dict[str, Any], most: int) -> dict[str, Any] | None:
    return found if len(found) <= most else None


def _chosen(choose: Any, one: Number | None, other: Number | None) -> Number | None:
    if one is None or other is None:
        return one if other is None else other
    chosen: Number = choose(one, other)
    return chosen
