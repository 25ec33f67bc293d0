"""Shapes of what came in → a tracking plan that all of it keeps to, with nothing personal in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from services.cli.plans.shape import Shape, merged, shape_of
from services.common.masking import masked
from services.common.plan_schema import is_plain

#: A field that was in all of fewer documents is not called required yet.
REQUIRED_FROM: Final = 20
#: An enumeration has few texts, each of them often: a rare one may be somebody's.
ENUM_FROM: Final = 100
ENUM_EACH_FROM: Final = 5
#: Digits of a whole number that may be a telephone number, an account or a card.
DIGITS_MAX: Final = 6
#: Names of fields whose values are not written into a plan, whole words of them.
PERSONAL: Final = frozenset(
    {
        "traits",
        "address",
        "age",
        "birth",
        "birthday",
        "birthdate",
        "card",
        "city",
        "customer",
        "device",
    }
    | {"dob", "email", "mail", "first", "firstname", "gender", "iban", "id", "ip", "last"}
    | {"lastname", "lat", "latitude", "lon", "lng", "longitude", "mobile", "name", "passport"}
    | {"password", "person", "phone", "postal", "postcode", "salary", "secret", "sex", "ssn"}
    | {"street", "surname", "tax", "tel", "telephone", "token", "user", "username", "vat", "zip"}
)
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

#: Event -> what its documents look like; merged like the shapes.
Seen = dict[str, Shape]


def seen_in(documents: Iterable[tuple[str, Mapping[str, Any]]]) -> Seen:
    """The shapes of (event, document)s."""
    seen: Seen = {}
    for event, document in documents:
        shape = shape_of(document)
        seen[event] = merged(seen[event], shape) if event in seen else shape
    return seen


def merged_seen(one: Seen, other: Seen) -> Seen:
    """What both have seen."""
    both = dict(one)
    for event, shape in other.items():
        both[event] = merged(both[event], shape) if event in both else shape
    return both


def inferred(seen: Seen, required_from: int = REQUIRED_FROM) -> dict[str, Any]:
    """A plan as YAML takes it, events and fields by name. Events whose name may be personal are
    left out, and so are fields."""
    events: dict[str, Any] = {}
    for event in sorted(filter(is_plain, seen)):
        events[event] = {"mode": "allow", "schema": _schema(seen[event], required_from, ())}
    return {"events": events}


def left_out(seen: Seen) -> int:
    """Events that a plan does not name, since their names may be personal."""
    return sum(not is_plain(event) for event in seen)


def _schema(shape: Shape, required_from: int, words: tuple[str, ...]) -> dict[str, Any]:
    """That of one place; `words` are those of the names on the way to it."""
    types = sorted(shape.types)
    if "number" in types:
        types = [name for name in types if name != "integer"]
    schema: dict[str, Any] = {"type": types[0] if len(types) == 1 else types}
    if "object" in types and shape.fields is not None:
        schema |= _fields(shape, required_from, words)
    if shape.items is not None:
        schema["items"] = _schema(shape.items, required_from, words)
    if PERSONAL.isdisjoint(words):
        schema |= _values(shape, types)
    return schema


def _fields(shape: Shape, required_from: int, words: tuple[str, ...]) -> dict[str, Any]:
    assert shape.fields is not None
    objects = shape.types["object"]
    plain = {name: shape.fields[name] for name in sorted(filter(is_plain, shape.fields))}
    found: dict[str, Any] = {}
    required = [name for name, each in plain.items() if sum(each.types.values()) == objects]
    if required and objects >= required_from:
        found["required"] = required
    if plain:
        found["properties"] = {
            name: _schema(each, required_from, (*words, *words_of(name)))
            for name, each in plain.items()
        }
    return found


def _values(shape: Shape, types: list[str]) -> dict[str, Any]:
    """An enumeration, where there are few texts; the range of numbers, as a comment."""
    found: dict[str, Any] = {}
    times = shape.types.get("string", 0)
    texts = shape.texts
    if texts and times >= ENUM_FROM and set(types) <= {"string", "null"} and _may_be_shown(texts):
        found["enum"] = [*sorted(texts), *([None] if "null" in types else [])]
    low, high = shape.lowest, shape.highest
    counted = shape.types.get("integer", 0) + shape.types.get("number", 0)
    if low is not None and high is not None and low < high and counted >= REQUIRED_FROM:
        limit = 10**DIGITS_MAX
        if -limit < low and high < limit:
            found["$comment"] = f"seen from {_spelled(low)} to {_spelled(high)}"
    return found


def _may_be_shown(texts: Mapping[str, int]) -> bool:
    often = min(texts.values()) >= ENUM_EACH_FROM
    return often and all(is_plain(text) and masked(text) == text for text in texts if text)


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case: firstName, first_name and FIRST NAME are alike."""
    return tuple(word.lower() for word in _WORD.findall(name))


def _spelled(number: int | float | Decimal) -> str:
    """1, 1.0 and 1.00 are alike: which of them came first says nothing."""
    return f"{Decimal(str(number)).normalize():f}"
