"""Messages of profiles.changed → records of scores.changed: pure, many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from schemas import topics
from schemas.base import NAMESPACE
from schemas.cloudevents import source_of
from schemas.dead_letter import Reason
from schemas.model import Model
from services.common.batch import Output, Record
from services.common.dead_letters import dead_letter
from services.scoring.domain.reasons import reasons_of
from services.scoring.domain.score import score_batch
from services.scoring.messages import (
    NO_ORDER_MISSING,
    REFUSED_PROFILING,
    Written,
    as_of_us,
    erasures_of,
    facts_only,
    redirects_of,
    scores_of,
)
from services.scoring.snapshots import Snapshot, check, decode, facts_of

SERVICE: Final = "scoring.score"
#: What makes one snapshot unfit: no JSON, wrong types, numbers that no column can hold.
UNFIT: Final = (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError)

#: RFC 9562, section 5.5: the digit of the variant replaces two bits of the hash.
VARIANTS: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}

#: Rows that are computed together: their columns fit into the processor's cache.
SCORED_MAX: Final = 2_000

Thresholds = tuple[float, ...]


class Message(Protocol):
    """confluent_kafka.Message: only of what is refused more is looked at than the value."""

    def error(self) -> Any: ...
    def topic(self) -> str | None: ...
    def partition(self) -> int: ...
    def offset(self) -> int: ...
    def key(self) -> bytes | None: ...
    def value(self) -> bytes | None: ...
    def headers(self) -> Sequence[tuple[str, bytes]] | None: ...


#: The newest snapshot of a profile, and where it came from.
Row = tuple[Snapshot, Message]


class Asked(NamedTuple):
    """What a workspace asks of its scores: when P(alive) falls below which thresholds, and what
    purpose of consent (None: no) somebody refuses who must not be scored."""

    thresholds: Thresholds = ()
    profiling: str | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What scores stand on, by workspace: the newest models, and what is asked."""

    models: Mapping[str, Model]
    asked: Mapping[str, Asked]


NOTHING_ASKED: Final = Asked()


def decide(messages: Sequence[Message], ground: Ground, now_us: int) -> list[Output]:
    """Scores of the newest snapshot of each profile among them; dead letters for what is none.

    Where some of a profile's were made by a rebuild, and others by events, the last of each go
    before it: what follows from the ones is sent, from the others not. `now_us` only dates the
    dead letters.
    """
    newest: dict[tuple[str, str], Row] = {}
    skipped: list[Row] = []
    outputs: list[Output] = []
    for message in messages:
        value = message.value()
        if not value:
            continue  # a tombstone: the compacted topic forgets a key
        try:
            snapshot = decode(value)
        except UNFIT as error:
            outputs.append(_refused(message, Reason.BAD_PROPERTIES, error, now_us))
            continue
        key = (snapshot.workspace, snapshot.profile_id)
        known = newest.get(key)
        if known is None or known[0].version <= snapshot.version:
            if known is not None and known[0].rebuilt != snapshot.rebuilt:
                skipped.append(known)
            newest[key] = (snapshot, message)
        elif known[0].rebuilt != snapshot.rebuilt:
            skipped.append((snapshot, message))
    for row in sorted(skipped, key=_version):  # hardly ever
        outputs += _scored(row[0].workspace, [row], ground, now_us)
    for workspace in dict.fromkeys(workspace for workspace, _ in newest):
        rows = [row for key, row in newest.items() if key[0] == workspace]
        for start in range(0, len(rows), SCORED_MAX):
            outputs += _scored(workspace, rows[start : start + SCORED_MAX], ground, now_us)
    return outputs


def _version(row: Row) -> int:
    return row[0].version


def _scored(workspace: str, rows: Sequence[Row], ground: Ground, now_us: int) -> list[Output]:
    """All at once; when that fails, the unfit one is found by halving, and the rest is scored."""
    try:
        return _outputs(workspace, [snapshot for snapshot, _ in rows], ground)
    except UNFIT as error:
        if len(rows) == 1:
            return [_refused(rows[0][1], Reason.POISON, error, now_us)]
    middle = len(rows) // 2
    halves = rows[:middle], rows[middle:]
    return [out for half in halves for out in _scored(workspace, half, ground, now_us)]


def _outputs(workspace: str, snapshots: Sequence[Snapshot], ground: Ground) -> list[Output]:
    model = ground.models.get(workspace)
    version = model.version if model else 0
    check(snapshots)
    erased = [one for one in snapshots if one.erased]
    merged = [one for one in snapshots if one.merged_into is not None and not one.erased]
    alive = [one for one in snapshots if one.merged_into is None and not one.erased]
    thresholds, profiling = ground.asked.get(workspace, NOTHING_ASKED)
    unscored = [one for one in alive if one.refuses(profiling)]
    scored = [one for one in alive if not one.refuses(profiling)] if unscored else alive
    customers = [one for one in scored if one.purchases.purchase_days > 0]
    visitors = [one for one in scored if one.purchases.purchase_days == 0]
    facts = facts_of(customers)
    batch = score_batch(facts, model, as_of_us(customers, version), thresholds)
    written = [
        *erasures_of(erased, version),
        *redirects_of(merged, version),
        *facts_only(visitors, NO_ORDER_MISSING | batch.missing, version),
        *facts_only(unscored, dict.fromkeys(NO_ORDER_MISSING, REFUSED_PROFILING), version),
        *scores_of(customers, batch, reasons_of(batch, facts, model), version, thresholds),
    ]
    source, ids = source_of(workspace), EventIds(f"scores\x1f{workspace}\x1f")
    return [_output(source, ids, one) for one in written]


def _output(source: bytes, ids: EventIds, one: Written) -> Output:
    key = one.profile_id.encode()
    return Output(
        topics.SCORES.name,
        key,
        one.value,
        event_id=ids.of(f"{one.profile_id}\x1f{one.version}"),
        source=source,
        time=one.as_of.encode(),
        subject=key,
    )


class EventIds:
    """schemas.base.derived_id of causes that begin alike, a sixth of the time: a hot loop."""

    def __init__(self, beginning: str) -> None:
        self._begun = sha1(NAMESPACE.bytes + beginning.encode(), usedforsecurity=False)

    def of(self, rest: str) -> bytes:
        """The UUID as text."""
        digest = self._begun.copy()
        digest.update(rest.encode())
        text = digest.hexdigest()
        variant = VARIANTS[text[16]]
        return (
            f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}".encode()
        )


def _refused(message: Message, reason: Reason, error: Exception, now_us: int) -> Output:
    record = Record(
        topic=message.topic() or "",
        partition=message.partition(),
        offset=message.offset(),
        key=message.key(),
        value=message.value() or b"",
        headers=tuple(message.headers() or ()),
    )
    return dead_letter(
        record,
        service=SERVICE,
        workspace=_workspace_of(record),
        reason=reason,
        detail=f"not scored: {error}",
        now_us=now_us,
    )


def _workspace_of(record: Record) -> str:
    source = dict(record.headers).get("ce_source", b"").decode(errors="replace")
    return source.removeprefix("rapport/")[:200] or "unknown"
