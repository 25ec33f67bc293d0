"""Everything the demo sends, in the order it is sent, and the ledger of what must come out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random

from schemas.base import micros
from services.cli.demo import segment
from services.cli.demo.ledger import Ledger, ledger
from services.cli.demo.malformed import Malformed, Road, malformed
from services.cli.demo.people import Person, customer, visitor
from services.cli.demo.purchases import (
    Purchase,
    by_customer,
    moved_to_end_on,
    of_some_customers,
)
from services.cli.demo.segment import Touch, Who, touch
from services.cli.demo.story import customer_story, visitor_story

SEED = 1997
#: Of what could come from a web page, this share is sent by the SDK over HTTP.
SDK_SHARE = 0.15
DUPLICATE_SHARE = 0.025
LATE_SHARE = 0.06
SHUFFLED_SHARE = 0.2
VISITORS_PER_CUSTOMER = 0.17
HOUR_US = 3_600_000_000
#: Of these last days people are told by webhooks.
DAYS_TOLD = 6
#: Each so many customers, one uses the device of another: the second login must not merge them.
CUSTOMERS_PER_SHARED_DEVICE = 400


@dataclass(frozen=True, slots=True)
class Send:
    """One message on its road: raw bytes for Kafka and raw HTTP, a call of the SDK for `sdk`.

    `workspace`: named by the Kafka header of this name, if at all; there is only one in the demo.
    """

    road: Road
    value: bytes
    workspace: str = ""


#: When it arrives (µs), a number that tells equal moments apart, and the message.
Parcel = tuple[float, int, Send]


@dataclass(frozen=True, slots=True)
class Replay:
    """What to send, in order, and what must come of it.

    `rounds`: the last days. In a round nobody has more than one touchpoint, so that what is told
    of them does not depend on what happens to be read together.
    """

    history: tuple[Send, ...]
    rounds: tuple[tuple[Send, ...], ...]
    ledger: Ledger

    @property
    def sends(self) -> tuple[Send, ...]:
        """Everything, in order."""
        return sum(self.rounds, self.history)


def lately(last: date) -> datetime:
    """From when on touchpoints come in rounds: of what was before, nobody is to be told.

    An hour of the night, at which hardly anything happens.
    """
    return datetime(last.year, last.month, last.day, 23, tzinfo=UTC) - timedelta(days=DAYS_TOLD)


def generate(
    purchases: Sequence[Purchase], last: date, *, customers: int | None = None, seed: int = SEED
) -> Replay:
    """The demo of the given purchases, ending on the day `last`. The same seed, the same replay."""
    kept = moved_to_end_on(purchases, last)
    if customers is not None:
        kept = of_some_customers(kept, customers)
    bought = by_customer(kept)
    known = [customer(seed, number) for number in bought]
    strangers = [visitor(seed, number) for number in range(int(len(known) * VISITORS_PER_CUSTOMER))]
    told = [(person.number, one) for person in known for one in _story(person, bought, last, seed)]
    told += [(one.number, touch) for one in strangers for touch in visitor_story(one, last, seed)]
    guests = _shared_devices(known, last)
    faults = tuple(malformed(rounds=max(2, len(known) // 1_500)))
    mail = Mail(Random(seed), micros(lately(last)))  # noqa: S311
    for number, one in told:
        mail.post(number, one)
    mail.scatter(faults)
    mail.post_last(guests)
    truth = ledger(
        known + strangers,
        kept,
        distinct=len(told) + len(guests),
        duplicates=mail.duplicates,
        faults=faults,
    )
    return Replay(mail.history(), mail.rounds(), truth)


def _story(
    person: Person, bought: dict[int, list[Purchase]], last: date, seed: int
) -> Iterator[Touch]:
    return customer_story(person, bought[person.number], last, seed)


def _shared_devices(known: Sequence[Person], last: date) -> list[Touch]:
    """Somebody logs in on a device that already is somebody else's: nobody may be merged by it."""
    evening = datetime(last.year, last.month, last.day, 22, 45, tzinfo=UTC)
    owners = [person for person in known if person.devices][::CUSTOMERS_PER_SHARED_DEVICE]
    guests = known[1::CUSTOMERS_PER_SHARED_DEVICE]
    told = []
    for owner, guest in zip(owners, guests, strict=False):
        if owner is not guest:
            who = Who(user_id=guest.user_id, device=owner.devices[0])
            name = f"{guest.user_id}-guest"
            told.append(touch(name, evening, who, segment.identify({})))
    return told


class Mail:
    """Chooses roads, mixes duplicates and faults in, and puts all of it in order of arrival."""

    def __init__(self, dice: Random, lately_us: int) -> None:
        self._dice = dice
        self._lately_us = lately_us
        self._history: list[Parcel] = []
        self._lately: list[tuple[int, list[Parcel]]] = []
        self._last: list[Parcel] = []
        self._posted = 0
        self.duplicates = 0

    def post(self, person: int, one: Touch) -> None:
        """A touchpoint of this person."""
        parcels = self._parcels(one)
        if one.at_us < self._lately_us:
            self._history += parcels
        else:
            self._lately.append((person, parcels))

    def post_last(self, touches: Iterable[Touch]) -> None:
        """What is about several people: after everything else."""
        for one in touches:
            self._last += self._parcels(one)

    def scatter(self, faults: Iterable[Malformed]) -> None:
        """Faults, at any moment of the history."""
        first, last = min(self._history)[0], max(self._history)[0]
        for fault in faults:
            send = Send(fault.road, fault.value, fault.workspace)
            self._history.append(self._parcel(self._dice.uniform(first, last), send))

    def history(self) -> tuple[Send, ...]:
        """What is sent at once."""
        return _in_order(self._history)

    def rounds(self) -> tuple[tuple[Send, ...], ...]:
        """The first touchpoint of everybody, then everybody's second, and so on."""
        turns: Counter[int] = Counter()
        found: list[list[Parcel]] = []
        for person, parcels in sorted(self._lately, key=lambda one: one[1][0]):
            if turns[person] == len(found):
                found.append([])
            found[turns[person]] += parcels
            turns[person] += 1
        return tuple(map(_in_order, filter(None, (*found, self._last))))

    def _parcels(self, one: Touch) -> list[Parcel]:
        """The touchpoint, and maybe the same once more, later and by another road."""
        road: Road = "sdk" if one.web and self._dice.random() < SDK_SHARE else "kafka"
        parcels = [self._parcel(self._arrival(one.at_us), Send(road, one.value))]
        if self._dice.random() < DUPLICATE_SHARE:
            self.duplicates += 1
            other: Road = "kafka" if self._dice.random() < 0.5 else road
            arrival = self._arrival(one.at_us) + HOUR_US
            parcels.append(self._parcel(arrival, Send(other, one.value)))
        return parcels

    def _parcel(self, at_us: float, send: Send) -> Parcel:
        self._posted += 1
        return at_us, self._posted, send

    def _arrival(self, at_us: int) -> float:
        """Most arrive at once; many within two hours, out of order; some are days or weeks late."""
        dice = self._dice
        chance = dice.random()
        if chance < LATE_SHARE:
            return at_us + dice.expovariate(1 / (10 * 24 * HOUR_US))
        if chance < LATE_SHARE + SHUFFLED_SHARE:
            return at_us + dice.uniform(0, 2 * HOUR_US)
        return at_us + dice.uniform(0, 5_000_000)


def _in_order(parcels: Iterable[Parcel]) -> tuple[Send, ...]:
    return tuple(send for _, _, send in sorted(parcels, key=lambda parcel: parcel[:2]))
