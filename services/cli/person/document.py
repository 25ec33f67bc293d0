"""The sections of an export, each a stream of JSON values: memory stays flat."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Final, TextIO
from uuid import UUID

import msgspec
import redis

from services.cli.person import in_columns
from services.cli.person.about import About
from services.cli.person.deliveries import deliveries
from services.cli.person.on_topics import hits
from services.cli.person.whom import Whom, text_of
from services.common.audit_log import records
from services.common.settings import Settings
from services.common.suppression_log import entries
from services.common.workspace import Workspace
from services.ingest.domain.names import PEOPLE
from services.journey.store import state_key, state_of
from services.profile.domain import component as rules
from services.profile.snapshot import snapshot

#: Names of the rules that make links, by their number in the state.
RULES: Final = {
    rules.TOGETHER: "together",
    rules.ALIASED: "aliased",
    rules.FORBIDDEN: "forbidden",
    rules.TOGETHER_PUBLIC: "together (public key)",
    rules.ALIASED_PUBLIC: "aliased (public key)",
    rules.REQUESTED: "requested",
    rules.REQUESTED_PUBLIC: "requested (public key)",
    rules.PARTED_PUBLIC: "parted (public key)",
    rules.PARTED: "parted",
}
_encode = msgspec.json.Encoder().encode


class Document:
    """Writes the person; `count` says how many values each section had."""

    def __init__(
        self,
        settings: Settings,
        workspace: Workspace,
        client: redis.Redis,
        whom: Whom,
        about: About,
    ) -> None:
        self._settings = settings
        self._workspace = workspace
        self._redis: Any = client
        self._whom = whom
        self._about = about
        self.count: dict[str, int] = {}

    def write(self, out: TextIO, who: str, at: datetime) -> None:
        """The whole document. NotRead, redis.RedisError, ClickHouseError."""
        out.write("{")
        self._values(out, who, at)
        for name, values in self._lists().items():
            out.write(f',\n"{name}":[')
            self.count[name] = _listed(out, values())
            out.write("]")
        out.write(',\n"tables":{')
        for number, (table, rows) in enumerate(self._tables()):
            out.write(f'{"," if number else ""}\n"{table}":[')
            self.count[table] = _listed(out, rows)
            out.write("]")
        out.write("\n}}\n")

    def _values(self, out: TextIO, who: str, at: datetime) -> None:
        whom = self._whom
        said = {
            "workspace": whom.workspace,
            "exported_at": at,
            "by": who,
            "profile_id": text_of(whom.profile) if whom.profile else None,
            "profile_ids": [text_of(name.node) for name in whom.names],
            "identifiers": [{"kind": name.kind, "value": name.value} for name in whom.names],
            "profile": self._snapshot(),
            "journey": self._journey(),
        }
        out.write(",\n".join(f'"{name}":{_encode(value).decode()}' for name, value in said.items()))

    def _snapshot(self) -> msgspec.Raw | None:
        whom = self._whom
        if whom.profile is None:
            return None
        shown = snapshot(whom.component, whom.person, whom.version, self._workspace.currency)
        return msgspec.Raw(shown)

    def _journey(self) -> dict[str, Any] | None:
        if self._whom.profile is None:
            return None
        value = self._redis.get(state_key(self._whom.workspace, self._whom.profile))
        return state_of(value[8:])._asdict() if value else None

    def _lists(self) -> dict[str, Callable[[], Iterable[bytes]]]:
        return {
            "links": self._links,
            "parts": self._parts,
            "suppressions": self._suppressions,
            "topics": self._topics,
            "deliveries": self._deliveries,
            "audit": self._audit,
        }

    def _links(self) -> Iterator[bytes]:
        nodes, theirs = self._whom.component.nodes, set(self._whom.person.places)
        for link in self._whom.component.links:
            if link.a in theirs and link.b in theirs:
                ends = [f"{rules.kind_name(nodes[at].kind)}:{nodes[at].value}" for at in link[:2]]
                yield _encode(
                    {
                        "identifiers": ends,
                        "rule": RULES[link.rule],
                        "event_id": UUID(bytes=link.event),
                        "at": link.at,
                    }
                )

    def _parts(self) -> Iterator[bytes]:
        for place in self._whom.person.places:
            node = self._whom.component.nodes[place]
            if node.part is not None:
                name = f"{rules.kind_name(node.kind)}:{node.value}"
                yield _encode({"identifier": name, "part": node.part._asdict()})

    def _suppressions(self) -> Iterator[bytes]:
        for hashed, entry in entries(self._settings).items():
            if entry is not None and self._about.has_hash(hashed):
                yield entry.model_dump_json().encode()

    def _topics(self) -> Iterator[bytes]:
        for hit in hits(self._settings, self._about):
            record = hit.record
            yield _encode(
                {
                    "topic": record.topic,
                    "partition": record.partition,
                    "offset": record.offset,
                    "published_at": datetime.fromtimestamp(hit.published_ms / 1_000, UTC),
                    "value": _as_json(record.value),
                }
            )

    def _deliveries(self) -> Iterator[bytes]:
        for one in deliveries(self._redis, self._about):
            yield _encode(
                {
                    "endpoint": one.endpoint,
                    "id": one.id.decode(),
                    "given_up": one.kept == "dead",
                    "body": msgspec.Raw(one.job.body),
                }
            )

    def _audit(self) -> Iterator[bytes]:
        for one in records(self._settings):
            if one.record is not None and one.record.subject in self._about.profiles:
                yield one.record.model_dump_json(exclude={"follows"}).encode()

    def _tables(self) -> Iterator[tuple[str, Iterable[bytes]]]:
        profiles = sorted(self._about.profiles)
        names = {(name.kind, name.value) for name in self._whom.names}
        workspace = self._whom.workspace
        with closing(in_columns.columns_client(self._settings)) as client:
            events = in_columns.naming(client, workspace, names)
            events |= in_columns.telling_of(client, workspace, self._about, list(PEOPLE)).keys()
            events |= in_columns.events_of(client, profiles)
            yield "touchpoints", in_columns.rows(client, "touchpoints", "event_id", sorted(events))
            for table in in_columns.tables_with(client, "profile_id"):
                if table != "touchpoints":
                    yield table, in_columns.rows(client, table, "profile_id", profiles)
            letters = list(in_columns.letters(client, workspace, self._about))
            yield "dead_letters", in_columns.rows(client, "dead_letters", "event_id", letters)
            violated = in_columns.rows(client, "violations", "touchpoint_id", sorted(events))
            yield "violations", violated


def _listed(out: TextIO, values: Iterable[bytes]) -> int:
    count = 0
    for count, value in enumerate(values, 1):
        out.write(f"{',' if count > 1 else ''}\n{value.decode()}")
    return count


def _as_json(value: bytes) -> Any:
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return b64encode(value).decode()
