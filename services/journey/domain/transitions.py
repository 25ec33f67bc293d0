"""A change of stage as an event: when it became true, why, and an id that its cause derives."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from schemas.base import derived_id, from_micros
from schemas.lifecycle import Cause, LifecycleChanged, Stage
from services.journey.domain.customer import State
from services.journey.domain.lifecycle import SILENT
from services.journey.domain.rules import Rules

#: The way through the lifecycle; a return from silence is the one step back that is expected.
PROGRESS: Final = tuple(Stage)


def entered(before: State | None, known: State, now_us: int, oldest_us: int) -> State:
    """`known` (already in its new stage) with when and how it got there.

    What became true before `oldest_us` is recorded only.
    """
    at_us = became_true_us(known, now_us)
    known = known._replace(since_us=at_us, quiet=at_us < oldest_us)
    return known if before is None else _numbered(before, known)


def remained(before: State, known: State, now_us: int, oldest_us: int) -> State:
    """`known` in the stage it was in before. An older silence may have become a later one."""
    known = _numbered(before, known)
    if known.stage in SILENT and known.last_order_us != before.last_order_us:
        since_us = became_true_us(known, now_us)
        return known._replace(since_us=since_us, quiet=since_us < oldest_us)
    return known._replace(since_us=before.since_us, quiet=before.quiet)


def became_true_us(known: State, now_us: int) -> int:
    """When the stage became true: the crossing for silence, else the order (or the first visit)."""
    if known.stage is Stage.LOST:
        return min(known.lost_us, now_us)
    if known.stage is Stage.DORMANT:
        return min(known.dormant_us, now_us)
    return known.last_order_us or known.since_us


def _numbered(before: State, known: State) -> State:
    """`known` with what tells its ids from all that came before.

    Within one revision the last order never becomes an older one and a stage comes again only
    by a return, so every silence begins once and ends once. What breaks that begins another.
    """
    if _taken_back(before, known):
        return known._replace(ended_us=0, revision=before.revision + 1)
    if before.stage in SILENT and known.stage not in SILENT:
        return known._replace(ended_us=before.last_order_us)
    return known


def _taken_back(before: State, known: State) -> bool:
    """Whether an order went away, or the stage went backwards for another reason than a return."""
    newer = known.last_order_us > before.last_order_us
    returned = newer and before.stage in SILENT
    backwards = PROGRESS.index(known.stage) < PROGRESS.index(before.stage)
    return known.last_order_us < before.last_order_us or (backwards and not returned)


def won_back(before: State | None, known: State) -> bool:
    """Whether an order really ended a silence.

    A late message of an older order, or the next piece of a backfill, ends none: the order must
    come after the silence began, and be the next one unless we watched the silence ourselves.
    """
    if before is None or before.stage not in SILENT or known.stage in SILENT:
        return False
    next_order = known.purchase_days == before.purchase_days + 1 or not before.quiet
    return next_order and known.last_order_us >= before.since_us


def cause_of(before: State | None, known: State) -> Cause:
    """Why the stage changed: an order, time alone, or a new estimate."""
    same_orders = before is not None and (
        (before.last_order_us, before.purchase_days, before.orders)
        == (known.last_order_us, known.purchase_days, known.orders)
    )
    if before is not None and same_orders and not _was_due(before, known):
        return Cause(type="model", detail=f"a new estimate makes the customer {known.stage}")
    if known.stage in SILENT:
        return Cause(type="time", detail=_silence(known))
    return Cause(type="event", detail=_activity(known))


def _was_due(before: State, known: State) -> bool:
    """Whether the moment was known before: then only the clock has moved."""
    if known.stage is Stage.LOST:
        return before.lost_us == known.lost_us
    return known.stage is Stage.DORMANT and before.dormant_us == known.dormant_us


def _silence(known: State) -> str:
    last = from_micros(known.last_order_us).date()
    how = "P(alive) fell below the threshold" if known.modelled else "longer than the own rhythm"
    return f"no order since {last}: {how}"


def _activity(known: State) -> str:
    if known.orders == 0:
        return "seen, no order yet"
    return f"{known.orders} orders, the last on {from_micros(known.last_order_us).date()}"


def transition(
    profile_id: UUID, before: State | None, known: State, now_us: int, cause: Cause, rules: Rules
) -> LifecycleChanged:
    """The event. Its id follows from the silence that began or ended, not from when it was seen."""
    silence_us = known.last_order_us if known.stage in SILENT else known.ended_us
    return LifecycleChanged(
        workspace=rules.workspace,
        profile_id=profile_id,
        event_id=derived_id(
            "lifecycle", rules.workspace, profile_id, known.stage, silence_us, known.revision
        ),
        from_stage=before.stage if before else None,
        to_stage=known.stage,
        won_back=won_back(before, known),
        at=from_micros(known.since_us),
        decided_at=from_micros(now_us),
        cause=cause,
        scores_version=known.scores_version,
        historic=known.quiet,
    )
