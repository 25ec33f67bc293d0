"""One transition of a customer's lifecycle, with its cause."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal
from uuid import UUID

from schemas.base import Message, Moment, Name


class Stage(StrEnum):
    """The six stages 潜在客户 新客户 成长期 成熟期 休眠 流失."""

    POTENTIAL = "potential"
    NEW = "new"
    GROWING = "growing"
    MATURE = "mature"
    DORMANT = "dormant"
    LOST = "lost"


class Cause(Message):
    """Why something happened: an event, time alone, or a new model. `detail` is for people."""

    type: Literal["event", "time", "model", "merge"]
    detail: str
    event_id: UUID | None = None


class LifecycleChanged(Message):
    """Topic lifecycle.changed. `at` is when it became true. `decided_at`
    is the time of the scores, or the due moment, that it was decided on: the same when repeated.

    `won_back` marks the return from dormant or lost. `historic`: its cause is older than the
    workspace's `effects_max_age_days`, or was learned from news that old; it is recorded, not sent
    to anybody.
    """

    workspace: Name
    profile_id: UUID
    event_id: UUID
    from_stage: Stage | None
    to_stage: Stage
    won_back: bool = False
    at: Moment
    decided_at: Moment
    cause: Cause
    scores_version: int
    historic: bool = False
