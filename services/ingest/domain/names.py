"""Every identifier that something refused may hold, wherever it stands. Pure.

What is let in is judged by the identifiers it is known by. What is refused may not have got so far,
so here everything counts that looks like one: rather a letter too few than a person too many.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from schemas.identifier import IDENTIFIER_KINDS, VALUE_CHARACTERS_MAX, normalised
from schemas.touchpoints import KINDS
from services.ingest.domain.identity import Known, as_text
from services.ingest.domain.shapes import fields_of_people

#: Names (without case and what is no letter) of what senders call the ids of people.
IDS: Final = frozenset(
    {"userid", "anonymousid", "previousid", "distinctid", "anondistinctid", "deviceid", "alias"}
)
ID_KINDS: Final = ("user_id", "anonymous_id")
#: Kind of touchpoint -> its fields that name another person.
PEOPLE: Final = {
    kind: fields for kind, model in KINDS.items() if (fields := fields_of_people(model))
}

_NO_LETTERS: Final = re.compile(r"[^a-z]+")
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.){1,500})"(\s*:)?|([^\s"\'<>()\[\]{},;:=&]{1,500})')


def names_in(value: Any) -> Iterator[Known]:
    """Of a JSON value: ids under their usual names, e-mail addresses and phone numbers anywhere."""
    left: list[tuple[str, Any]] = [("", value)]
    while left:
        name, value = left.pop()
        if isinstance(value, dict):
            left += value.items()
            if (kind := value.get("kind")) in IDENTIFIER_KINDS:
                yield from spelled(str(kind), value.get("value"))
        elif isinstance(value, list):
            left += [(name, each) for each in value]
        else:
            yield from _of_leaf(name, value)


def names_in_text(text: str) -> Iterator[Known]:
    """Of a text that is no JSON (any more): what its quoted and its plain words may be."""
    name = ""
    for found in _STRING.finditer(text):
        quoted, named, plain = found.groups()
        if named:
            name = quoted
        else:
            yield from _of_leaf(name, quoted or plain)
            name = ""


def any_kind(value: object) -> Iterator[Known]:
    """A value that nobody calls anything, such as a record's key, as each kind that it may be."""
    for kind in IDENTIFIER_KINDS:
        yield from spelled(kind, value)


def people_in(kind: str, properties: Any) -> Iterator[Known]:
    """The other people that a touchpoint of this kind names: who was referred, or an alias."""
    for field in PEOPLE.get(kind, ()):
        said = properties.get(field)
        if isinstance(said, dict):
            yield from spelled(str(said.get("kind")), said.get("value"))


def _of_leaf(name: str, value: object) -> Iterator[Known]:
    if name and _NO_LETTERS.sub("", name.casefold()) in IDS:
        for kind in ID_KINDS:
            yield from spelled(kind, value)
    if isinstance(value, str):
        if "@" in value:
            yield from spelled("email", value)
        if len(value) > VALUE_CHARACTERS_MAX or not any(map(str.isdecimal, value)):
            return
    yield from spelled("phone", value)


def spelled(kind: str, value: object) -> Iterator[Known]:
    """The one spelling, if it is an identifier of this kind at all."""
    text = value if isinstance(value, str) else as_text(value)
    if text is None:
        return
    try:
        clean = normalised(kind, text)
        clean.encode()  # a row in a wrong encoding holds what is no text
    except ValueError:
        return
    yield kind, clean
