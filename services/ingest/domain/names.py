"""Every identifier that something refused may hold, wherever it stands. Pure.

What is let in is judged by the identifiers it is known by. What is refused may not have got so far,
so here everything counts that looks like one: rather a letter too few than a person too many.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from schemas.identifier import VALUE_CHARACTERS_MAX
from schemas.touchpoints import KINDS
from services.common.spelling import Known, Spellings
from services.common.workspace import Identity
from services.ingest.domain.identity import as_text
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
_SHA256: Final = re.compile(r"\s*[0-9A-Fa-f]{64}\s*")


class Suspects:
    """Finds identifiers of one workspace's kinds in anything, each under every spelling that it is
    or was known by."""

    def __init__(self, identity: Identity) -> None:
        self._spellings = Spellings(identity)
        self._hashes = [rule.kind for rule in identity.kinds if rule.spelling.hash_of]
        #: Name of a field -> the kinds that it may hold.
        self._kinds_of: dict[str, list[str]] = {name: list(ID_KINDS) for name in IDS}
        self._types = {said: rule.kind for rule in identity.kinds for said in rule.external_types}
        for rule in identity.kinds:
            for place in (rule.kind, *rule.found_in):
                kinds = self._kinds_of.setdefault(_plain(place.rpartition(".")[2]), [])
                if rule.kind not in kinds:
                    kinds.append(rule.kind)

    def names_in(self, value: Any) -> Iterator[Known]:
        """Of a JSON value: ids under their usual names, e-mail addresses and phone numbers
        anywhere."""
        left: list[tuple[str, Any]] = [("", value)]
        while left:
            name, value = left.pop()
            if isinstance(value, dict):
                left += value.items()
                yield from self._in_pair(value)
            elif isinstance(value, list):
                left += [(name, each) for each in value]
            else:
                yield from self._of_leaf(name, value)

    def names_in_text(self, text: str) -> Iterator[Known]:
        """Of a text that is no JSON (any more): what its quoted and its plain words may be."""
        name = ""
        for found in _STRING.finditer(text):
            quoted, named, plain = found.groups()
            if named:
                name = quoted
            else:
                yield from self._of_leaf(name, quoted or plain)
                name = ""

    def any_kind(self, value: object) -> Iterator[Known]:
        """A value that nobody calls anything, such as a record's key, as each kind that it may
        be."""
        for kind in self._spellings.kinds:
            yield from self.spelled(kind, value)

    def people_in(self, kind: str, properties: Any) -> Iterator[Known]:
        """The other people that a touchpoint of this kind names: who was referred, or an alias."""
        for field in PEOPLE.get(kind, ()):
            said = properties.get(field)
            if isinstance(said, dict):
                yield from self.spelled(str(said.get("kind")), said.get("value"))

    def spelled(self, kind: str, value: object) -> Iterator[Known]:
        """Every spelling, if it is an identifier of this kind at all."""
        text = value if isinstance(value, str) else as_text(value)
        if text is not None:
            yield from self._spellings.every(kind, text)

    def _in_pair(self, said: dict[str, Any]) -> Iterator[Known]:
        """An identifier as we write it, or as Segment's externalIds do."""
        if isinstance(kind := said.get("kind"), str) and kind in self._spellings.spell:
            yield from self.spelled(kind, said.get("value"))
        if isinstance(kind := said.get("type"), str) and kind in self._types:
            yield from self.spelled(self._types[kind], said.get("id"))

    def _of_leaf(self, name: str, value: object) -> Iterator[Known]:
        for kind in self._kinds_of.get(_plain(name), ()) if name else ():
            yield from self.spelled(kind, value)
        if isinstance(value, str):
            if "@" in value:
                yield from self.spelled("email", value)
            if self._hashes and _SHA256.fullmatch(value):
                for kind in self._hashes:
                    yield from self.spelled(kind, value)
            if len(value) > VALUE_CHARACTERS_MAX or not any(map(str.isdecimal, value)):
                return
        yield from self.spelled("phone", value)


def _plain(name: str) -> str:
    return _NO_LETTERS.sub("", name.casefold())
