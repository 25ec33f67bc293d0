"""What a part remembers, family by family: named tuples, so that Redis keeps them as arrays.

Stored: fields are only ever appended, with a default. Those that begin with (at, event) are words
of which the newest counts: `event` is the beginning of the event id, which decides between words
of the same moment. Money is in minor units, fractions in thousandths, days are ordinals.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

#: How often, and when at last.
Count = tuple[int, datetime]
#: Money by currency, in minor units.
Purse = dict[str, int]


class Said(NamedTuple):
    """A trait's value as JSON (`null`: removed), who said it and when."""

    at: datetime
    event: bytes
    source: str
    value: bytes


class Word(NamedTuple):
    """A name or a text of which the newest counts."""

    at: datetime
    event: bytes
    text: str


class Number(NamedTuple):
    """A number of which the newest counts."""

    at: datetime
    event: bytes
    value: int


class Amount(NamedTuple):
    """Money of which the newest counts."""

    at: datetime
    event: bytes
    units: int
    currency: str


# -- purchases -------------------------------------------------------------------------------------


class Order(NamedTuple):
    """An order in its currency's minor units. Sent again, the newest counts.

    `cost`: of all its pieces, where every line has one.
    """

    at: datetime
    event: bytes
    units: int
    currency: str
    cost: int | None = None


class Payment(NamedTuple):
    """One payment; `days_late` None: nobody said when it was due."""

    at: datetime
    event: bytes
    units: int
    currency: str
    days_late: int | None


class Overdue(NamedTuple):
    """The newest word that a bill is late: what is still to be paid, and for how many days."""

    at: datetime
    event: bytes
    units: int
    currency: str
    days: int


class Bill(NamedTuple):
    """An invoice, else an order that is paid for; `payments` sorted."""

    payments: tuple[Payment, ...] = ()
    overdue: Overdue | None = None


# -- service ---------------------------------------------------------------------------------------


class Answer(NamedTuple):
    """The answer to a survey of which only the newest counts."""

    at: datetime
    event: bytes
    score: float


class Received(NamedTuple):
    """The earliest complaint_received of a complaint; `event` is its whole event id."""

    at: datetime
    event: bytes
    severity: int
    category: str | None


class Classified(NamedTuple):
    """The newest complaint_classified; what it leaves out is as it was received."""

    at: datetime
    event: bytes
    severity: int | None
    category: str | None


class Complaint(NamedTuple):
    """What is known of a complaint: its steps, each at its newest but `received`.

    It may be handled before we hear that it was received.
    """

    received: Received | None
    handled: datetime | None
    classified: Classified | None = None
    investigated: datetime | None = None
    fed_back: datetime | None = None
    archived: datetime | None = None
    cost: Amount | None = None


class Opened(NamedTuple):
    """The newest ticket_opened of a ticket."""

    at: datetime
    event: bytes
    priority: str
    category: str | None


class Ticket(NamedTuple):
    """`first`: when we heard of it first; `step`: the code of its newest step."""

    first: datetime
    step: Number
    opened: Opened | None = None
    reopened: int = 0
    at_first_contact: Number | None = None
    cost: Amount | None = None


# -- sales -----------------------------------------------------------------------------------------


class Lead(NamedTuple):
    """`first`: when we heard of it first."""

    first: datetime
    source: Word | None = None
    owner: Word | None = None
    qualified: Number | None = None


class Deal(NamedTuple):
    """An opportunity. `outcome`: OPEN, WON or LOST; `probability` in thousandths."""

    first: datetime
    outcome: Number
    name: Word | None = None
    stage: Word | None = None
    amount: Amount | None = None
    probability: Number | None = None
    close: Number | None = None


class Signed(NamedTuple):
    """The newest contract_signed of a contract."""

    at: datetime
    event: bytes
    units: int | None
    currency: str
    ends: int | None


class Contract(NamedTuple):
    """`due`: the last day to renew it."""

    signed: Signed | None = None
    due: Number | None = None


# -- relationship and consent ----------------------------------------------------------------------


class Programme(NamedTuple):
    """How the customer stands in a loyalty programme; points in thousandths."""

    joined: datetime | None = None
    tier: Word | None = None
    earned: int = 0
    redeemed: int = 0
    balance: Number | None = None


class Consent(NamedTuple):
    """The newest word on one purpose; `event` is the whole event id: the proof."""

    at: datetime
    event: bytes
    allowed: bool
    source: str
    text_version: str | None = None
    expires: int | None = None


# -- what is long over -----------------------------------------------------------------------------


#: The few numbers that a finished case counts with; money as units and currency at the end.
Case = tuple[int | str, ...]


class PastDay(NamedTuple):
    """The orders of one UTC day in one currency: their keys (8 bytes each), units and costs.

    `costs` is empty where none is known.
    """

    keys: bytes
    units: list[int]
    costs: list[int | None]


class Past(NamedTuple):
    """History in short (history.py, compact.py).

    orders   currency -> day -> the orders of that day
    last     when the newest of these orders was made
    cases    family of cases -> key -> what the case counts with
    late     words that came too late to count: they would have changed something in here
    looked   the day on which we looked for more
    """

    orders: dict[str, dict[int, PastDay]]
    last: datetime | None
    cases: dict[int, dict[bytes, Case]]
    late: int
    looked: int
