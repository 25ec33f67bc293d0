"""Everything that reads what others send, each as a function of bytes; nothing of it may raise.

What comes out is held to what the topics promise: a touchpoint, or a dead letter whose reason is
not our own mistake. Imports no fuzzer, so that a test can send the seeds through all of it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from schemas.base import YEAR_MAX, YEAR_MIN, to_json
from schemas.dead_letter import REDRIVEN_HEADER, DeadLetter, Reason, Redriven, Way
from schemas.touchpoint import Touchpoint
from schemas.violation import Violation
from services.common.batch import Record
from services.common.masking import masked
from services.common.plan import Plan
from services.common.workspace import Identity, RowMapping
from services.common.workspace_files import load_workspaces
from services.ingest.again import judged_again
from services.ingest.arrival import Unread
from services.ingest.body import BODY_BYTES_MAX, inflated
from services.ingest.domain.clock import moment_of
from services.ingest.domain.identity import Names
from services.ingest.domain.ids import Router
from services.ingest.domain.mapped import Mapper
from services.ingest.domain.refusal import Refusal
from services.ingest.door import Arrival, Door
from services.ingest.foreign import Foreign
from services.ingest.keys import Doors, basic_user
from services.ingest.letters import Place, Verdict
from services.ingest.paths import ENDPOINTS
from services.ingest.reading import call_in
from services.ingest.row_files import FileProblem, NumberedRow, open_rows
from services.ingest.rows import judged
from services.ingest.way import redriven_of
from tests.fuzz import mending, workspaces
from tests.fuzz import parquet as files
from tests.fuzz.rules import IDENTITY, MAPPINGS, PLAN, SEEDS

SALT: Final = "fuzz salt"
NOW: Final = datetime(2026, 3, 4, 5, 6, 7, 800_000, tzinfo=UTC)
LETTER: Final = UUID(int=7)
ROWS: Final = Path("build/fuzz/rows")

mappings = {name: RowMapping.model_validate(said) for name, said in MAPPINGS.items()}
workspace = load_workspaces(Path("deploy/workspace"))["demo"].model_copy(
    update={"mappings": mappings, "plans": (Plan.model_validate(PLAN),)}
)
doors = Doors({workspace.name: workspace}, SALT)
door = Door(workspace, "web", SALT)
foreign = Foreign(workspace)
mappers = [Mapper(name, mapping) for name, mapping in mappings.items()]
names = Names(workspace.identity)
ruled = workspace.model_copy(update={"identity": Identity.model_validate(IDENTITY)})
ruled_names = Names(ruled.identity)
ruled_door = Door(ruled, "web", SALT, public=True)
router = Router(SALT, workspace.name)


def hold(verdicts: Iterable[Verdict]) -> None:
    """What is published is what its schema says, and none of it is our mistake."""
    for verdict in verdicts:
        if verdict.kind is None:
            letter = DeadLetter.model_validate_json(verdict.output.value)
            assert letter.reason is verdict.reason is not Reason.POISON, letter.detail
        else:
            touchpoint = Touchpoint.model_validate_json(verdict.output.value)
            assert touchpoint.occurred_at <= touchpoint.received_at
        if verdict.violated is not None:
            Violation.model_validate_json(verdict.violated.output.value)


def request(path: str, body: bytes) -> None:
    """A request's body, plain or gzip, as the API takes it."""
    endpoint = ENDPOINTS[path]
    plain = inflated(body)
    calls: Any = plain if isinstance(plain, Refusal) else endpoint.read(plain)
    if isinstance(calls, Refusal):
        arrival = Arrival(NOW, endpoint.call_type, translate=endpoint.translate)
        hold([door.refuse_request(body, Unread(calls, arrival, path), cut=False)])
        return
    arrival = Arrival(NOW, endpoint.call_type, calls.sent_at, calls.context, endpoint.translate)
    hold(door.admit([bytes(raw) for raw in calls.raws], arrival))


def packed_request(body: bytes) -> None:
    """The same in gzip: whole, cut off, and with one byte flipped."""
    packed = gzip.compress(body, 1, mtime=0)
    place = len(body) * 7 % len(packed)
    flipped = packed[:place] + bytes([packed[place] ^ 16]) + packed[place + 1 :]
    for one in (packed, packed[:place], flipped, packed + body):
        plain = inflated(one)
        assert isinstance(plain, Refusal) or len(plain) <= BODY_BYTES_MAX
    request("/v1/batch", packed)


def authorization(data: bytes) -> None:
    """The header of a request, as it is and as base64 of HTTP Basic."""
    for header in (data, b"Basic " + data):
        key = basic_user(header)
        doors.opened_by(key)
    doors.opened_by(data.decode("utf-8", "surrogateescape"))


def record(data: bytes, *headers: tuple[str, bytes]) -> None:
    """A record of touchpoints.inbound, understood by the mappings and let in."""
    key, _, value = data.rpartition(b"\0")
    place = Place(Record("touchpoints.inbound", 0, 7, key or None, value, headers), NOW)
    calls = foreign.calls(place.record)
    raws = [one for one in calls if not isinstance(one, Refusal)]
    refused = [one for one in calls if isinstance(one, Refusal)]
    hold(door.admit(raws, Arrival(NOW), [place] * len(raws)))
    hold(door.refuse(value, one, NOW, place.record) for one in refused)


def binary_event(data: bytes) -> None:
    """A CloudEvent in binary mode: its attributes a line each, then its data."""
    lines, _, value = data.partition(b"\n\n")
    pairs = (line.partition(b": ") for line in lines.split(b"\n"))
    headers = [(name.decode("latin-1"), said) for name, _, said in pairs]
    record(value, ("ce_specversion", b"1.0"), *headers)


def row(data: bytes) -> None:
    """A row of JSON by every mapping."""
    found = call_in(data)
    content = found if isinstance(found, (dict, Refusal)) else {}
    for mapper in mappers:
        hold(judged([NumberedRow(1, content, data)], mapper, door, NOW, "rows.jsonl"))


def row_file(ending: str, data: bytes) -> None:
    """A file of rows. What is no file of that kind is told as a whole (ValueError: FileProblem)."""
    ROWS.mkdir(parents=True, exist_ok=True)
    path = ROWS / f"rows{ending}"
    path.write_bytes(data)
    mapper = mappers[0]
    try:
        with open_rows(path, mapper.name, mapper.mapping) as rows:
            for batch in rows.batches(0):
                hold(judged(batch, mapper, door, NOW, path.name))
    except FileProblem:
        return


def parquet(data: bytes) -> None:
    """A whole Parquet file of columns of any type."""
    try:
        spec = json.loads(data)
    except (ValueError, RecursionError):
        return
    row_file(".parquet", files.whole(spec))


def damaged_parquet(data: bytes) -> None:
    """One whose pages and footer are not what they were."""
    row_file(".parquet", files.damaged(data))


def packed_rows(data: bytes) -> None:
    """CSV and JSON lines in gzip: whole, and cut off or flipped on the way."""
    packed = gzip.compress(data, 1, mtime=0)
    place = len(data) * 7 % len(packed)
    for ending in (".csv.gz", ".jsonl.gz"):
        for one in (packed, packed[:place], packed[:place] + b"\0" + packed[place + 1 :]):
            row_file(ending, one)


def identifier(data: bytes) -> None:
    """A name of somebody: its one spelling stays as it is when it is read again."""
    text = data.decode("utf-8", "replace")
    for known in (names, ruled_names):
        for kind in known.spellings.kinds:
            for value in (text, _number(text)):
                clean = known.cleaned(kind, value)
                if not isinstance(clean, Refusal):
                    assert known.cleaned(kind, clean) == clean
                    key = router.key(kind, clean)
                    assert key == f"{int(key, 16):032x}"
    masked(text)


def external(data: bytes) -> None:
    """A call of a public key whose context, traits and properties are anything, by every rule."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return
    for call in (
        {"type": "identify", "context": said, "traits": said},
        {"type": "track", "event": "x", "context": {"externalIds": said}, "properties": said},
        {"type": "track", "event": "customer_referred", "properties": {"referred": said}},
    ):
        raw = json.dumps(call | {"userId": "u", "messageId": "m"}).encode()
        hold(ruled_door.admit([raw], Arrival(NOW)))


def moment(data: bytes) -> None:
    """A time, as calls say it and as columns do."""
    text = data.decode("utf-8", "replace")
    found = moment_of(text)
    if found is not None:
        assert found.tzinfo is UTC
        assert YEAR_MIN - 1 <= found.year <= YEAR_MAX + 1
    call = {"type": "track", "event": "x", "userId": "u", "messageId": "m"}
    for times in ({"timestamp": text}, {"originalTimestamp": text, "sentAt": text[::-1]}):
        hold(door.admit([json.dumps(call | times).encode()], Arrival(NOW, sent_at=text)))
    for mapper in mappers:
        columns = dict.fromkeys(mapper.mapping.columns(), text)
        hold(judged([NumberedRow(1, columns, b"")], mapper, door, NOW, "rows.csv"))


def planned(data: bytes) -> None:
    """The properties of an event that the plan names, in each of its modes."""
    try:
        properties = json.loads(data)
    except (ValueError, RecursionError):
        return
    for name in ("Wishlist Shared", "Blocked One", "Order Completed", "Nobody planned this"):
        call = {"type": "track", "event": name, "userId": "u", "properties": properties}
        hold(door.admit([json.dumps(call).encode()], Arrival(NOW)))


def redriven(data: bytes) -> None:
    """A letter that comes again: its header is read, and its bytes go the way they had come."""
    header, _, value = data.partition(b"\n\n")
    record = Record("touchpoints.inbound", 0, 7, None, value, ((REDRIVEN_HEADER, header),))
    found = redriven_of(record)
    if found is None:
        dialect = (None, "posthog", "unheard of")[len(data) % 3]
        way = Way(received_at=NOW, content_id="c", dialect=dialect, sent_at="2026-01-01")
        found = Redriven(letter=LETTER, source="web", way=way)
    else:
        assert Redriven.model_validate_json(to_json(found)) == found
        if found.way.dialect not in (None, "posthog"):
            return  # refused as poison on purpose: another version knows it
    verdicts = judged_again(doors, Place(record, NOW), found)
    if found.way.dialect != "unheard of":
        hold(verdicts)


def _number(text: str) -> object:
    """What JSON would make a number of, or a list."""
    try:
        return float(text) if len(text) < 400 else [text]
    except ValueError:
        return [text]


#: The first byte of an input says which of them the rest goes to.
ENTRIES: Final[dict[str, Callable[[bytes], None]]] = {
    "batch": partial(request, "/v1/batch"),
    "track": partial(request, "/v1/track"),
    "identify": partial(request, "/v1/identify"),
    "page": partial(request, "/v1/page"),
    "screen": partial(request, "/v1/screen"),
    "group": partial(request, "/v1/group"),
    "alias": partial(request, "/v1/alias"),
    "posthog": partial(request, "/batch"),
    "gzip": packed_request,
    "authorization": authorization,
    "structured": record,
    "binary": binary_event,
    "debezium": record,
    "row": row,
    "csv": partial(row_file, ".csv"),
    "jsonl": partial(row_file, ".jsonl"),
    "packed_rows": packed_rows,
    "parquet": parquet,
    "damaged_parquet": damaged_parquet,
    "identifier": identifier,
    "moment": moment,
    "planned": planned,
    "redriven": redriven,
    "rule": lambda data: mending.rule(data, ROWS, doors),
    "mended": lambda data: mending.mended(data, ROWS, doors),
    "by_hand": lambda data: mending.by_hand(data, doors),
    "between": lambda data: mending.between(data, doors),
    "plan": lambda data: hold(workspaces.plan(data, workspace, SALT)),
    "mapping": lambda data: hold(workspaces.mapping(data, door)),
    "external": external,
}
NAMES: Final = tuple(ENTRIES)


def one(data: bytes) -> None:
    """One input of the fuzzer."""
    if data:
        ENTRIES[NAMES[data[0] % len(NAMES)]](data[1:])


def corpus() -> dict[str, bytes]:
    """Name of a file -> what the fuzzer begins with: every seed at its entry."""
    return {
        f"{name}-{number}": bytes([NAMES.index(name)]) + seed
        for name, seeds in SEEDS.items()
        for number, seed in enumerate(seeds)
    }
