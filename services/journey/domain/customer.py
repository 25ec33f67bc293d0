"""One customer as journey knows them: the facts of a message, and the state that is remembered.

Named tuples, because a state is stored as a bare array and ten thousand are made each second.
Moments are µs since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from schemas.alert import AlertKind
from schemas.lifecycle import Stage

#: A moment that does not come.
NEVER: Final = 2**63 - 1


class Complaint(NamedTuple):
    """A complaint that was received and not handled. `event_id`: 16 bytes, its cause."""

    event_id: bytes
    received_us: int
    severity: int
    complaint_id: str


class Conflict(NamedTuple):
    """A link of two people that was refused. `event_id`: 16 bytes, of the event that said it."""

    event_id: bytes
    at_us: int
    reason: str
    kinds: tuple[str, ...]


class Permission(NamedTuple):
    """The newest word on a purpose of consent, which holds until that moment."""

    purpose: str
    allowed: bool
    until_us: int = NEVER


class KnownAlert(NamedTuple):
    """An alert that was raised; kind and subject name it, and what it is about still stands.

    `historic`: it was recorded only, so its clearing is recorded only as well.
    `open` False: another estimate withdrew it; raised again, it is another alert (`times`).
    `left`: its complaint is not here any more, and it is not known yet who has it.
    `revision`: of the state in which a silence was told of; 0 with a complaint, which any profile
    may tell of.
    """

    kind: AlertKind
    subject: bytes
    severity: int
    historic: bool
    times: int = 1
    open: bool = True
    revision: int = 0
    left: bool = False


class Facts(NamedTuple):
    """What one Scores message says.

    `last_seen_us`: the newest touchpoint; 0: not known.
    `alive_below`: threshold -> moment from which P(alive) is below it; None without a model.
    `merged_into`: 16 bytes of the surviving profile, else empty; the profile's own: it was erased.
    `rebuilt`: what is new was found by a rebuild, not said by an event.
    `rebuilt_us`: the profile version, a moment, that was made by a rebuild last.
    """

    version: int
    profile_version: int
    as_of_us: int
    merged_into: bytes = b""
    orders: int = 0
    purchase_days: int = 0
    first_seen_us: int = 0
    last_seen_us: int = 0
    last_order_us: int = 0
    gap_days: float = 0.0
    high_value: bool = False
    complaints_received: int = 0
    complaints: tuple[Complaint, ...] = ()
    alive_below: Mapping[float, int] | None = None
    conflicts: tuple[Conflict, ...] = ()
    rebuilt: bool = False
    consents: tuple[Permission, ...] = ()
    rebuilt_us: int = 0


class State(NamedTuple):
    """What is remembered of one customer between decisions.

    quiet         whether the latest transition was recorded only
    gap_days      own average days between orders; with last_order_us and purchase_days: the basis
    modelled      whether a model (not silence) gave the moments below
    dormant_us    when time alone makes the customer dormant; likewise lost_us and churn_us
    due_us        the next moment at which time alone would change something; 0: there is none
    ended_us      last order before the silence that the latest return of this revision ended, or 0
    revision      how often the last order or the stage was taken back
    merged_into   16 bytes of the surviving profile: then this is a tombstone since merged_us; the
                  profile's own: it was erased, and all that is left are versions
    left_us       by the clock: when a complaint with an open alert left last, while that waits
    timed_us      the due moment decided on last, where it is later than the scores; else 0

    Fields that are mostly as by default stand last: a stored state ends where only those follow.
    """

    scores_version: int
    profile_version: int
    stage: Stage = Stage.POTENTIAL
    since_us: int = 0
    quiet: bool = False
    orders: int = 0
    purchase_days: int = 0
    last_order_us: int = 0
    gap_days: float = 0.0
    high_value: bool = False
    modelled: bool = False
    dormant_us: int = NEVER
    lost_us: int = NEVER
    churn_us: int = NEVER
    due_us: int = 0
    ended_us: int = 0
    revision: int = 0
    complaints_received: int = 0
    complaints: tuple[Complaint, ...] = ()
    alerts: tuple[KnownAlert, ...] = ()
    merged_into: bytes = b""
    merged_us: int = 0
    left_us: int = 0
    timed_us: int = 0
    conflicts: tuple[Conflict, ...] = ()
    consents: tuple[Permission, ...] = ()


def same_basis(state: State, facts: Facts) -> bool:
    """Whether no purchase day was added or removed: then only a model can have moved P(alive)."""
    return (
        state.last_order_us == facts.last_order_us
        and state.purchase_days == facts.purchase_days
        and state.gap_days == facts.gap_days
    )
