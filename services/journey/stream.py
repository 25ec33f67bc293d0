"""scores.changed and time → lifecycle.changed, alerts.raised, actions.requested"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from schemas.dead_letter import Reason
from services.common.batch import Batch, Decision, Output, Record, Undecidable, next_version
from services.common.dead_letters import dead_letter
from services.common.workspace import Workspace
from services.journey import metrics
from services.journey.domain.customer import Facts, State
from services.journey.domain.decide import Decided
from services.journey.domain.history import GRACE_US, heard, newer, waited
from services.journey.domain.holders import AlertName, Holders, name_of_alert
from services.journey.domain.merges import LEFT_US, handed_over, settled
from services.journey.domain.rules import Rules
from services.journey.domain.subjects import ABOUT, About, kinds_about
from services.journey.messages import Scores, decode, facts_of
from services.journey.publish import count, output_of
from services.journey.store import (
    ABSENT,
    JourneyStore,
    Loaded,
    LoadedHeld,
    body_of,
    held_body,
    holder_key,
    owner_of,
    state_key,
)

SERVICE: Final = "journey.decide"
COMPLAINT_KINDS: Final = kinds_about(About.COMPLAINT)
CONFLICT_KINDS: Final = kinds_about(About.CONFLICT)
DAY_US: Final = 86_400_000_000
HOUR_US: Final = 3_600_000_000
#: Redis keeps due times as doubles, exact up to here (the year 2255); later ones never come.
DUE_US_MAX: Final = 2**53 - 1


def rules_of(workspace: Workspace) -> Rules:
    """What a workspace's files ask of its journeys."""
    lifecycle, alerts = workspace.lifecycle, workspace.alerts
    hours = alerts.complaint_hours_max.items()
    return Rules(
        workspace=workspace.name,
        effects_max_age_us=round(workspace.effects_max_age_days * DAY_US),
        dormant_enters=lifecycle.dormant_enters,
        dormant_stays=lifecycle.dormant_stays,
        lost_enters=lifecycle.lost_enters,
        lost_stays=lifecycle.lost_stays,
        churn_alive_below=alerts.churn_alive_below,
        growing_orders=lifecycle.growing_orders,
        mature_orders=lifecycle.mature_orders,
        silent_gaps_dormant=lifecycle.silent_gaps_dormant,
        silent_gaps_lost=lifecycle.silent_gaps_lost,
        silent_days_default=lifecycle.silent_days_default,
        complaint_us_max={severity: round(allowed * HOUR_US) for severity, allowed in hours},
    )


@dataclass(slots=True)
class Task:
    """One customer to decide on: by the batch's messages in their order, by time, or by both."""

    partition: int
    key: bytes
    profile_id: UUID
    rules: Rules
    messages: list[Facts] = field(default_factory=list)
    due: bool = False


class DecideHandler:
    """The stateful half of journey as the atomic step calls it."""

    def __init__(self, workspaces: Mapping[str, Workspace], store: JourneyStore) -> None:
        self._rules = {name: rules_of(workspace) for name, workspace in workspaces.items()}
        self._store = store

    def prepare(self, records: Sequence[Record]) -> None:
        """Nothing: reading scores is a small part of deciding on them."""

    def decide(self, batch: Batch) -> Decision:
        """Load, decide for each customer, and say what to write and publish."""
        decision = Decision()
        tasks = self._tasks(batch, decision)
        known = self._store.load(tasks.keys())
        survivors = self._store.load(_survivor_keys(tasks.values(), known))
        held = self._store.load_holders(set(_alert_names(tasks.values(), known)))
        holders = Holders({name: one.held for name, one in held.items() if one.held is not None})
        for task in tasks.values():
            try:
                _decide_one(task, known[task.key], survivors, holders, batch.taken_at_us, decision)
            except Exception as error:
                raise Undecidable(self._records_of(task, batch.records)) from error
        _keep_holders(holders, held, batch.taken_at_us, decision)
        _forget_holders(holders, held, _erased(tasks.values()), decision)
        return decision

    def newest(self, stale: Sequence[Output]) -> list[Output]:
        """Nothing: events are facts about a moment, not snapshots that a newer one replaces."""
        return []

    def _tasks(self, batch: Batch, decision: Decision) -> dict[bytes, Task]:
        """One task for each customer."""
        tasks: dict[bytes, Task] = {}
        for record in batch.records:
            read = self._read(record)
            if isinstance(read, _Refused):
                letter = _letter(record, read, batch.taken_at_us)
                decision.outputs.setdefault(record.partition, []).append(letter)
            else:
                _add_message(tasks, record.partition, read, self._rules[read.workspace])
        for due in batch.due:
            workspace, profile_id = owner_of(due.member)
            if workspace not in self._rules:
                decision.due[due.partition, due.member] = None
                continue
            task = Task(due.partition, due.member, profile_id, self._rules[workspace])
            tasks.setdefault(due.member, task).due = True
        return tasks

    def _records_of(self, task: Task, records: Sequence[Record]) -> list[Record]:
        """The records that a task is made of."""
        read = ((record, self._read(record)) for record in records)
        return [
            record
            for record, scores in read
            if isinstance(scores, Scores)
            and state_key(scores.workspace, scores.profile_id.bytes) == task.key
        ]

    def _read(self, record: Record) -> Scores | _Refused:
        try:
            scores = decode(record.value)
        except msgspec.ValidationError as error:
            return _Refused(Reason.BAD_PROPERTIES, str(error))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _Refused(Reason.MALFORMED_JSON, str(error))
        if scores.workspace not in self._rules:
            return _Refused(Reason.UNKNOWN_WORKSPACE, f"no workspace {scores.workspace!r}")
        return scores


@dataclass(frozen=True, slots=True)
class _Refused:
    reason: Reason
    detail: str


def _letter(record: Record, refused: _Refused, now_us: int) -> Output:
    return dead_letter(
        record,
        service=SERVICE,
        workspace="unknown",
        reason=refused.reason,
        detail=refused.detail,
        now_us=now_us,
    )


def _add_message(tasks: dict[bytes, Task], partition: int, scores: Scores, rules: Rules) -> None:
    key = state_key(scores.workspace, scores.profile_id.bytes)
    task = tasks.get(key)
    if task is None:
        task = tasks[key] = Task(partition, key, scores.profile_id, rules)
    task.messages.append(facts_of(scores))


def _survivor_keys(tasks: Iterable[Task], known: Mapping[bytes, Loaded]) -> list[bytes]:
    """The profiles that due tombstones joined."""
    states = ((task, known[task.key].state) for task in tasks if task.due)
    return [
        state_key(task.rules.workspace, state.merged_into)
        for task, state in states
        if state is not None and state.merged_into
    ]


def _alert_names(tasks: Iterable[Task], known: Mapping[bytes, Loaded]) -> Iterator[AlertName]:
    """The alerts of complaints and of refused links that may be told of, or must not be."""
    for task in tasks:
        state = known[task.key].state
        named = partial(name_of_alert, task.rules.workspace, task.profile_id.bytes)
        for facts in (*task.messages, state):
            if facts is None:
                continue
            for complaint in facts.complaints:
                for kind in COMPLAINT_KINDS:
                    yield named(kind, complaint.event_id)
            for conflict in facts.conflicts:
                for kind in CONFLICT_KINDS:
                    yield named(kind, conflict.event_id)
        for alert in state.alerts if state is not None else ():
            if ABOUT[alert.kind] is not About.SILENCE:
                yield named(alert.kind, alert.subject)


def _keep_holders(
    holders: Holders, held: Mapping[AlertName, LoadedHeld], now_us: int, decision: Decision
) -> None:
    """Who holds what now. All that was asked is checked: another worker may tell of it just now."""
    for name, loaded in held.items():
        decision.reads[holder_key(name)] = loaded.version
    for name, told in holders.changed.items():
        version = next_version(held[name].version, now_us)
        decision.writes[holder_key(name)] = (version, held_body(told))


def _erased(tasks: Iterable[Task]) -> set[bytes]:
    """The profiles that are erased by the newest message of theirs."""
    return {
        task.profile_id.bytes
        for task in tasks
        if task.messages and task.messages[-1].merged_into == task.profile_id.bytes
    }


def _forget_holders(
    holders: Holders, held: Iterable[AlertName], erased: set[bytes], decision: Decision
) -> None:
    """Who was erased holds nothing any more."""
    for name in held if erased else ():
        told = holders.of(name)
        if told is not None and told.holder in erased:
            decision.deletes.append(holder_key(name))


def _decide_one(
    task: Task,
    loaded: Loaded,
    survivors: Mapping[bytes, Loaded],
    holders: Holders,
    now_us: int,
    decision: Decision,
) -> None:
    messages = newer(loaded.state, task.messages)
    metrics.SKIPPED.inc(len(task.messages) - len(messages))
    if messages:
        decided = heard(task.profile_id, loaded.state, messages, now_us, task.rules, holders)
    elif task.due:
        decided = _by_time(task, loaded.state, survivors, holders, now_us)
    else:
        return
    _keep(task, loaded, decided.state, now_us, decision)
    for event in decided.events:
        count(event)
        decision.outputs.setdefault(task.partition, []).append(output_of(event))


def _by_time(
    task: Task,
    state: State | None,
    survivors: Mapping[bytes, Loaded],
    holders: Holders,
    now_us: int,
) -> Decided:
    who, rules = task.profile_id, task.rules
    if state is not None and state.merged_into:
        survivor = survivors.get(state_key(rules.workspace, state.merged_into), ABSENT)
        return Decided(*handed_over(who, state, survivor.state, now_us, rules, holders))
    state, events = waited(who, state, now_us - GRACE_US, rules, holders)
    if state is None or not state.left_us:
        return Decided(state, events)
    state, ended = settled(who, state, now_us, rules, holders)
    return Decided(state, (*events, *ended))


def _keep(task: Task, loaded: Loaded, state: State | None, now_us: int, decision: Decision) -> None:
    """The new state, its version check, and the due time where it differs from the last one."""
    decision.reads[task.key] = loaded.version
    was_due_us, due_us = _wakes_us(loaded.state), _wakes_us(state)
    if task.due or due_us != was_due_us:
        decision.due[task.partition, task.key] = due_us or None
    if state is not None and state != loaded.state:
        decision.writes[task.key] = (next_version(loaded.version, now_us), body_of(state))


def _wakes_us(state: State | None) -> int:
    """When the step has to look again, 0: never. A message from before may arrive a bit later."""
    if state is None:
        return 0
    grace_us = 0 if state.merged_into else GRACE_US
    moments = [state.due_us + grace_us] if state.due_us else []
    if state.left_us:
        moments.append(state.left_us + LEFT_US)
    wakes_us = min(moments, default=0)
    return wakes_us if wakes_us <= DUE_US_MAX else 0
