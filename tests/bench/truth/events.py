"""What these people do, as ingest would write it to the log: JSON touchpoints in time order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Final, NamedTuple
from uuid import UUID

from tests.bench.truth.people import OTHERS_TYPO, TYPO, Key, Person, Truth

BEGINS: Final = datetime(2026, 1, 1, tzinfo=UTC)
DAYS: Final = 180
TYPED_WRONG = 0.02  # of what an agent or a cashier types
HITS_SOMEBODY = 0.05  # of what is typed wrong: it is somebody else's
AT_TABLET, AT_OFFICE, AT_KIOSK = 0.30, 0.15, 0.004  # of the visits of who has one
VIA_AGENCY = 0.30  # of the orders of its clients
SIGNED_IN, GUEST_TELLS = 0.35, 0.12  # of visits: the browser says who it is

#: How often: a visit by browser, a newsletter opened, an order, a call or a visit to a shop.
WAYS: Final = ("visit", "newsletter", "order", "desk")
SHARES: Final = (0.62, 0.06, 0.20, 0.12)


class Happening(NamedTuple):
    """One event: who did it, under which identifiers (the strongest first), by a public key?"""

    person: int
    keys: tuple[Key, ...]
    way: str
    public: bool


def happenings(truth: Truth, events: int, seed: int) -> Iterator[Happening]:
    """In time order; people who come often come by the same roads as others."""
    dice = Random(seed + 1)
    actors = list(accumulate(dice.paretovariate(2.0) for _ in truth.people))
    ways = list(accumulate(SHARES))
    for _ in range(events):
        (person,) = dice.choices(truth.people, cum_weights=actors)
        (way,) = dice.choices(WAYS, cum_weights=ways)
        keys = _KEYS[way](truth, person, dice)
        yield Happening(person.number, keys, way, way in ("visit", "newsletter"))


def _visit(truth: Truth, person: Person, dice: Random) -> tuple[Key, ...]:
    device = _device(truth, person, dice)
    if person.user and dice.random() < SIGNED_IN:
        said = (person.user, person.emails[0]) if dice.random() < 0.3 else (person.user,)
        return (*said, device)
    if not person.user and dice.random() < GUEST_TELLS:
        return dice.choice(person.emails), device
    return (device,)


def _device(truth: Truth, person: Person, dice: Random) -> Key:
    if truth.kiosks and dice.random() < AT_KIOSK:
        return dice.choice(truth.kiosks)
    if person.office and dice.random() < AT_OFFICE:
        return person.office
    if person.tablet and dice.random() < AT_TABLET:
        return person.tablet
    return dice.choice(person.devices)


def _newsletter(truth: Truth, person: Person, dice: Random) -> tuple[Key, ...]:
    return dice.choice(person.emails), dice.choice(person.devices)


def _order(truth: Truth, person: Person, dice: Random) -> tuple[Key, ...]:
    """From the shop's server: the account if there is one, with what stands in the form."""
    email, phone = dice.choice(person.emails), _phone(person, dice)
    if person.agency and dice.random() < VIA_AGENCY:
        if dice.random() < 0.5:
            email = person.agency[0]
        else:
            phone = person.agency[1]
    return _strongest_first([person.user, email, phone])


def _desk(truth: Truth, person: Person, dice: Random) -> tuple[Key, ...]:
    """An agent or a cashier: the caller's number, and what is asked and typed."""
    phone = _phone(person, dice)
    email = _typed(truth, person, dice.choice(person.emails), dice)
    if phone is None:
        return (email,)
    if dice.random() < 0.4:
        return (phone,)
    phone = _typed(truth, person, phone, dice)
    if person.user and dice.random() < 0.4:
        return person.user, phone
    return email, phone


def _phone(person: Person, dice: Random) -> Key | None:
    return dice.choice(person.phones) if person.phones else None


def _typed(truth: Truth, person: Person, key: Key, dice: Random) -> Key:
    """As it is, or with one letter or digit wrong; some of these are somebody else's."""
    if dice.random() >= TYPED_WRONG:
        return key
    kind, value = key
    if dice.random() < HITS_SOMEBODY:
        other = dice.choice(truth.people)
        theirs = other.emails if kind == "email" else other.phones
        if theirs and other is not person:
            truth.trouble[theirs[0]] = OTHERS_TYPO
            return theirs[0]
    place = dice.randrange(3, value.index("@") if "@" in value else len(value))
    letters = "abcdefghijklmnopqrstuvwxyz" if kind == "email" else "0123456789"
    wrong = kind, value[:place] + dice.choice(letters) + value[place + 1 :]
    if wrong not in truth.owners:
        truth.own(wrong, person.number, TYPO)
    return wrong


def _strongest_first(keys: list[Key | None]) -> tuple[Key, ...]:
    return tuple(key for key in keys if key is not None)


_KEYS: Final = {"visit": _visit, "newsletter": _newsletter, "order": _order, "desk": _desk}


def moments(events: int) -> Iterator[str]:
    """When each of so many events occurred, evenly over the time, as ingest writes it."""
    pause = timedelta(days=DAYS) / events
    for number in range(events):
        yield (BEGINS + number * pause).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def written(number: int, at: str, event: Happening, workspace: str) -> bytes:
    """The event's record in touchpoints.accepted."""
    names = ",".join(f'{{"kind":"{kind}","value":"{value}"}}' for kind, value in event.keys)
    public = ',"public":true' if event.public else ""
    facts = _PROPERTIES[event.way]
    facts = facts % number if event.way == "order" else facts
    # numbers spread by a multiplier: a hash would take a third of the whole time
    event_id = UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) & ((1 << 128) - 1))
    return (
        f'{{"workspace":"{workspace}","source":"{event.way}","event_id":"{event_id}",'
        f'"message_id":"m{number}","occurred_at":"{at}","received_at":"{at}",'
        f'"identifiers":[{names}]{public},"properties":{facts}}}'
    ).encode()


_PROPERTIES: Final = {
    "visit": '{"kind":"page_viewed"}',
    "newsletter": '{"kind":"page_viewed"}',
    "order": '{"kind":"order_completed","order_id":"SO-%d","total":'
    '{"amount":"29.33","currency":"USD"}}',
    "desk": '{"kind":"call_completed","duration_s":60}',
}
