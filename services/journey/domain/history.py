"""A customer by the whole sequence of messages, each at its own time: batching changes nothing.

Every message is decided on at the moment it was made (`as_of`), and moments that were due before
it come first, each at its own time. So what is said follows from the messages and the due times
alone: read again in other batches, later, by another process, it is said again in the same bytes.

What this can not make equal, since the clock decides on it: a due moment that passes by the clock
while a message from before it is still on its way for longer than GRACE_US (the pipeline before
us is late); what becomes of complaints' alerts when profiles join or part; and messages that the
compacted topic has dropped before they are read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from services.journey.domain.customer import Facts, State
from services.journey.domain.decide import Decided, Event, decide_customer
from services.journey.domain.holders import Holders
from services.journey.domain.merges import leaving_from, waiting_from
from services.journey.domain.rules import Rules

#: How long after a due moment a message that was made before it may still arrive.
GRACE_US = 5_000_000


def newer(state: State | None, messages: Iterable[Facts]) -> list[Facts]:
    """The messages that say something: each newer than the state and all messages before it.

    A new model scores old snapshots of a profile too, as long as the log holds them. Whoever knows
    a newer one learns nothing from these: they would say who is lost by orders of long ago.
    """
    known, profile = (
        (state.scores_version, state.profile_version) if state is not None else (-1, -1)
    )
    kept = []
    for facts in messages:
        if facts.version > known and facts.profile_version >= profile:
            known, profile = facts.version, facts.profile_version
            kept.append(facts)
    return kept


def heard(
    profile_id: UUID,
    state: State | None,
    messages: Sequence[Facts],
    taken_us: int,
    rules: Rules,
    holders: Holders,
) -> Decided:
    """Messages that are each newer than the one before. `taken_us`: alerts that move wait by it."""
    events: list[Event] = []
    for facts in messages:
        # a due moment may have passed by the clock before: time does not go back
        moment_us = max(facts.as_of_us, state.timed_us) if state is not None else facts.as_of_us
        state, due = waited(profile_id, state, moment_us, rules, holders)
        before = state
        state, told = decide_customer(profile_id, state, facts, moment_us, rules, holders)
        events += (*due, *told)
        if state is not None and moment_us > facts.as_of_us:
            state = state._replace(timed_us=moment_us)
        if state is not None and state.merged_into == profile_id.bytes:
            continue  # erased: nothing waits any more
        if state is not None and state.merged_into and not (before and before.merged_into):
            state = waiting_from(state, taken_us)
        elif state is not None and (state.alerts or state.left_us):
            state = leaving_from(before, state, taken_us)
    return Decided(state, tuple(events))


def waited(
    profile_id: UUID, state: State | None, until_us: int, rules: Rules, holders: Holders
) -> Decided:
    """What time alone did until then, one due moment after the other, each at its own time."""
    events: list[Event] = []
    while state is not None and not state.merged_into and 0 < state.due_us <= until_us:
        moment_us = state.due_us
        state, told = decide_customer(profile_id, state, None, moment_us, rules, holders)
        events += told
        assert state is not None, "time alone forgets nobody"
        assert not 0 < state.due_us <= moment_us, "a due moment lies in the past"
        state = state._replace(timed_us=moment_us)
    return Decided(state, tuple(events))
