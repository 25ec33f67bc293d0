"""The stage of the door that keeps those out who must not get in, and what is refused of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from schemas.dead_letter import REDRIVEN_HEADER
from services.common.batch import Record
from services.common.spelling import Spellings
from services.common.suppression import Hashes, Listed
from services.common.workspace import Workspace
from services.ingest.body import inflated
from services.ingest.domain.draft import Draft
from services.ingest.domain.identity import Known
from services.ingest.domain.names import PEOPLE, Suspects
from services.ingest.domain.refusal import Refusal, Suppressed
from services.ingest.letters import Passage


class Guard:
    """Knows who must not get into one workspace. Asked only while the list is not empty."""

    def __init__(self, workspace: Workspace, salt: str, listed: Listed) -> None:
        self._listed = listed
        self._hash = Hashes(salt, workspace.name).of
        self._suppressed = Suppressed(workspace.name)
        self._suspects = Suspects(workspace.identity)
        #: Kinds whose values may be listed under the spelling from before the rules.
        self._respelled = Spellings(workspace.identity).own

    def __bool__(self) -> bool:
        """Whether anybody at all is on the list."""
        return bool(self._listed.hashes)

    def __call__(self, draft: Draft) -> Draft | Suppressed:
        """As a stage, once the identifiers are known: the draft, unless one of them is listed."""
        hashes, hash_of = self._listed.hashes, self._hash
        for kind, value in draft.identifiers:
            if (hashed := hash_of(kind, value)) in hashes and self._listed.holds(hashed):
                return self._suppressed
        if draft.kind in PEOPLE and self.names_one(
            self._suspects.people_in(draft.kind, draft.properties)
        ):
            return self._suppressed
        if self._respelled and self.names_one(self._as_sent(draft)):
            return self._suppressed
        return draft

    def _as_sent(self, draft: Draft) -> Iterator[Known]:
        """What the call brings of respelled kinds, under every spelling."""
        for kind, _, value in draft.origin.names.candidates(draft.call, draft.context):
            if kind in self._respelled:
                yield from self._suspects.spelled(kind, value)
        if draft.kind in PEOPLE:  # whom it names is spelled by the rules by now
            named = {name: draft.call.get(name) for name in ("properties", "previousId")}
            yield from self._suspects.names_in(named)

    def names_one(self, names: Iterable[Known]) -> bool:
        """Whether one of these is on the list."""
        return any(self._listed.holds(self._hash(kind, value)) for kind, value in names)

    def finds_in(self, value: Any) -> bool:
        """Whether a JSON value names somebody who is on the list."""
        return self.names_one(self._suspects.names_in(value))

    def finds_in_bytes(self, raw: bytes) -> bool:
        """The same of bytes as they came: JSON, or as much of a text as can be made out."""
        plain = inflated(raw)
        text = raw if isinstance(plain, Refusal) else plain
        try:
            return self.finds_in(msgspec.json.decode(text))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self.names_one(self._suspects.names_in_text(text.decode("utf-8", "replace")))

    def finds_in_touchpoint(self, said: Mapping[str, Any]) -> bool:
        """The same of a touchpoint that was let in before: whose it is, and whom else it names."""
        properties = said.get("properties")
        kind = properties.get("kind") if isinstance(properties, dict) else None
        if self.finds_in(said.get("identifiers")):
            return True
        named = self._suspects.people_in(str(kind), properties)
        return isinstance(properties, dict) and self.names_one(named)

    def finds_in_refused(
        self, raw: bytes, refusal: Refusal, call: object, passage: Passage
    ) -> bool:
        """Whether somebody on the list is named in what a letter of this would keep."""
        return (
            self.names_one(each for name in refusal.names for each in self._suspects.spelled(*name))
            or self.finds_in(call)
            or self.finds_in(passage.way.context)
            or self.finds_in_bytes(raw)
            or (passage.record is not None and self.finds_in_record(passage.record))
        )

    def finds_in_record(self, record: Record) -> bool:
        """The same of all that is kept of a record of the log: its key and its headers too."""
        marks = [value for name, value in record.headers if name != REDRIVEN_HEADER]
        return self.finds_in_bytes(record.value) or any(
            self.names_one(self._suspects.any_kind(one.decode("utf-8", "replace")))
            or self.finds_in_bytes(one)
            for one in (record.key or b"", *marks)
        )
