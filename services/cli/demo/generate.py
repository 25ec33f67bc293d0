"""Everything the demo sends, in the order it is sent, and the ledger of what must come out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from random import Random

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


@dataclass(frozen=True, slots=True)
class Replay:
    """What to send, in order, and what must come of it."""

    sends: tuple[Send, ...]
    ledger: Ledger


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
    touches = [one for person in known for one in _story(person, bought, last, seed)]
    touches += [one for person in strangers for one in visitor_story(person, last, seed)]
    touches += _shared_devices(known, last)
    dice = Random(seed)  # noqa: S311
    faults = tuple(malformed(rounds=max(2, len(known) // 1_500)))
    sends, duplicates = _as_sent(touches, faults, dice)
    truth = ledger(
        known + strangers,
        kept,
        distinct=len(touches),
        duplicates=duplicates,
        faults=faults,
    )
    return Replay(sends, truth)


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


def _as_sent(
    touches: Sequence[Touch], faults: Sequence[Malformed], dice: Random
) -> tuple[tuple[Send, ...], int]:
    """Roads chosen, duplicates and faults mixed in, by arrival: (what is sent, duplicates)."""
    arrivals: list[tuple[float, int, Send]] = []

    def arrive(at_us: float, send: Send) -> None:
        arrivals.append((at_us, len(arrivals), send))

    duplicates = 0
    for one in touches:
        road: Road = "sdk" if one.web and dice.random() < SDK_SHARE else "kafka"
        arrive(_arrival(one.at_us, dice), Send(road, one.value))
        if dice.random() < DUPLICATE_SHARE:
            duplicates += 1
            other: Road = "kafka" if dice.random() < 0.5 else road
            arrive(_arrival(one.at_us, dice) + HOUR_US, Send(other, one.value))
    first, last = min(arrivals)[0], max(arrivals)[0]
    for fault in faults:
        arrive(dice.uniform(first, last), Send(fault.road, fault.value, fault.workspace))
    arrivals.sort(key=lambda arrival: arrival[:2])
    return tuple(send for _, _, send in arrivals), duplicates


def _arrival(at_us: int, dice: Random) -> float:
    """Most arrive at once; many within two hours, out of order; some are days or weeks late."""
    chance = dice.random()
    if chance < LATE_SHARE:
        return at_us + dice.expovariate(1 / (10 * 24 * HOUR_US))
    if chance < LATE_SHARE + SHUFFLED_SHARE:
        return at_us + dice.uniform(0, 2 * HOUR_US)
    return at_us + dice.uniform(0, 5_000_000)
