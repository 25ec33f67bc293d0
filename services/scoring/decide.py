"""Records of profiles.changed → records of scores.changed: pure, a micro-batch at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from typing import Final

import msgspec

from schemas import topics
from schemas.base import NAMESPACE
from schemas.cloudevents import headers
from schemas.dead_letter import Reason
from schemas.model import Model
from services.common.batch import Output, Record
from services.common.dead_letters import dead_letter
from services.scoring.domain.reasons import reasons_of
from services.scoring.domain.score import score_batch
from services.scoring.messages import Written, as_of_us, redirect_of, scores_of
from services.scoring.snapshots import Snapshot, decode, facts_of

SERVICE: Final = "scoring.score"
#: What makes one snapshot unfit: no JSON, wrong types, numbers that no column can hold.
UNFIT: Final = (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError)

_NAMESPACE_DIGEST: Final = sha1(NAMESPACE.bytes, usedforsecurity=False)
#: RFC 9562, section 5.5: version 5 and the variant, at their places in the 128 bits.
UUID_MARKED: Final = (0xF << 76) | (0x3 << 62)
UUID_MARKS: Final = (0x5 << 76) | (0x2 << 62)

Thresholds = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """What scores stand on, by workspace: the newest models, and the thresholds of P(alive)."""

    models: Mapping[str, Model]
    thresholds: Mapping[str, Thresholds]


def decide(records: Sequence[Record], ground: Ground, now_us: int) -> list[Output]:
    """Scores of the newest snapshot of each profile in the batch; dead letters for what is none.

    `now_us` only dates the dead letters. A snapshot that can be read but not scored is found by
    scoring one by one.
    """
    newest: dict[tuple[str, str], tuple[Snapshot, Record]] = {}
    outputs: list[Output] = []
    for record in records:
        if not record.value:
            continue  # a tombstone: the compacted topic forgets a key
        try:
            snapshot = decode(record.value)
        except UNFIT as error:
            outputs.append(_refused(record, Reason.BAD_PROPERTIES, error, now_us))
            continue
        key = (snapshot.workspace, snapshot.profile_id)
        if key not in newest or newest[key][0].version <= snapshot.version:
            newest[key] = (snapshot, record)
    for workspace in dict.fromkeys(workspace for workspace, _ in newest):
        rows = [pair for key, pair in newest.items() if key[0] == workspace]
        outputs += _scored(workspace, rows, ground, now_us)
    return outputs


def _scored(
    workspace: str, rows: Sequence[tuple[Snapshot, Record]], ground: Ground, now_us: int
) -> list[Output]:
    try:
        return _outputs(workspace, [snapshot for snapshot, _ in rows], ground)
    except UNFIT as error:
        if len(rows) == 1:
            return [_refused(rows[0][1], Reason.POISON, error, now_us)]
        return [out for row in rows for out in _scored(workspace, [row], ground, now_us)]


def _outputs(workspace: str, snapshots: Sequence[Snapshot], ground: Ground) -> list[Output]:
    model = ground.models.get(workspace)
    version = model.version if model else 0
    alive = [snapshot for snapshot in snapshots if snapshot.merged_into is None]
    written = [redirect_of(one, version) for one in snapshots if one.merged_into is not None]
    if alive:
        thresholds = ground.thresholds.get(workspace, ())
        facts = facts_of(alive)
        batch = score_batch(facts, model, as_of_us(alive, version), thresholds)
        reasons = reasons_of(batch, facts, model)
        written += scores_of(alive, batch, reasons, version, thresholds)
    return [_output(workspace, one) for one in written]


def _output(workspace: str, one: Written) -> Output:
    marks = (
        *_constant_headers(workspace),
        ("ce_id", event_id(f"scores\x1f{workspace}\x1f{one.profile_id}\x1f{one.version}")),
        ("ce_time", one.as_of.encode()),
        ("ce_subject", one.profile_id.encode()),
    )
    return Output(topics.SCORES.name, one.profile_id.encode(), one.value, marks)


def event_id(cause: str) -> bytes:
    """schemas.base.derived_id of the cause as text, a third of the time: this is a hot loop."""
    digest = _NAMESPACE_DIGEST.copy()
    digest.update(cause.encode())
    number = int.from_bytes(digest.digest()[:16], "big")
    text = b"%032x" % (number & ~UUID_MARKED | UUID_MARKS)
    return b"-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


@cache
def _constant_headers(workspace: str) -> tuple[tuple[str, bytes], ...]:
    """The headers that all scores of a workspace have in common."""
    whole = headers(topics.SCORES.name, event_id="", time="", workspace=workspace, subject="")
    return tuple(pair for pair in whole if pair[0] not in ("ce_id", "ce_time", "ce_subject"))


def _refused(record: Record, reason: Reason, error: Exception, now_us: int) -> Output:
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
