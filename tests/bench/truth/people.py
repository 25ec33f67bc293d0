"""A seeded truth: people, their households, and everything by which a shop comes to know them.

Shares are guesses of what a shop sees, on the hard side; nothing here knows the rules that are
judged by it. An identifier belongs to every person who uses it as their own: a family's tablet to
all of the family, a kiosk's or an agency's to nobody who is a customer. A hard truth has mailboxes
of families, desks of agencies and phone numbers given out again as well: what stands in the events
does not tell whose these are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final

#: (kind, value).
Key = tuple[str, str]

ACCOUNT = 0.70  # the others buy as guests, under an e-mail or a phone number
EMAILS: Final = ((1, 0.80), (2, 0.17), (3, 0.03))
PHONES: Final = ((0, 0.03), (1, 0.85), (2, 0.12))
DEVICES: Final = ((1, 0.30), (2, 0.30), (3, 0.25), (4, 0.15))  # browsers; a cleared one counts anew
IN_HOUSEHOLD = 0.40
HOUSEHOLD_SIZES: Final = ((2, 0.60), (3, 0.25), (4, 0.15))
SHARED_TABLET, FAMILY_PHONE, FAMILY_EMAIL = 0.30, 0.25, 0.05  # of households
DEVICE_SOLD = 0.01  # the next owner keeps the browser's anonymous id
PHONE_REASSIGNED = 0.005
IN_OFFICE = 0.02  # uses a computer of many: a library's, an office's, a school's
OFFICE_SIZES = (5, 50)
BY_AGENCY = 0.02  # an agency orders for them under its own e-mail and phone number
AGENCY_SIZES = (3, 300)
PEOPLE_A_KIOSK = 5_000

#: What may mislead about an identifier.
PLAIN, TABLET, FAMILY, MAILBOX, SOLD, REASSIGNED, OFFICE, AGENCY, KIOSK, TYPO, OTHERS_TYPO = (
    "plain",
    "shared tablet",
    "family phone",
    "family mailbox",
    "recycled anonymous id",
    "reassigned phone",
    "office computer",
    "agency",
    "kiosk",
    "typo",
    "typo that is somebody else's",
)


@dataclass(slots=True)
class Person:
    """One human being; `tablet` and the rest are shared with others."""

    number: int
    user: Key | None
    emails: list[Key]
    phones: list[Key]
    devices: list[Key]
    tablet: Key | None = None
    office: Key | None = None
    agency: tuple[Key, Key] | None = None


@dataclass(slots=True)
class Truth:
    """`owners`: identifier -> numbers of the people whose it is. `trouble`: what may mislead."""

    people: list[Person]
    kiosks: list[Key]
    families: list[list[Person]] = field(default_factory=list)
    owners: dict[Key, frozenset[int]] = field(default_factory=dict)
    trouble: dict[Key, str] = field(default_factory=dict)

    def own(self, key: Key, person: int, trouble: str = PLAIN) -> None:
        """The identifier is this person's (too)."""
        self.owners[key] = self.owners.get(key, frozenset()) | {person}
        if trouble != PLAIN or key not in self.trouble:
            self.trouble[key] = trouble

    def nobodys(self, key: Key, trouble: str) -> None:
        """The identifier is no customer's."""
        self.owners[key] = frozenset()
        self.trouble[key] = trouble


def truth_of(people: int, seed: int) -> Truth:
    """So many people, the same for the same seed."""
    dice = Random(seed)
    truth = _apart(people, dice)
    _households(truth, dice)
    _sold(truth, dice)
    _offices(truth, dice)
    return truth


def hard_truth_of(people: int, seed: int) -> Truth:
    """The same people, with what no rule can tell apart."""
    dice = Random(seed)
    truth = truth_of(people, seed)
    _mailboxes(truth, dice)
    _given_again(truth, dice)
    _agencies(truth, dice)
    return truth


def _apart(people: int, dice: Random) -> Truth:
    """Nobody shares anything yet, but for kiosks."""
    truth = Truth([], [("anonymous_id", f"kiosk-{one}") for one in range(people // PEOPLE_A_KIOSK)])
    for number in range(people):
        truth.people.append(_alone(number, dice))
    for person in truth.people:
        for key in ([person.user] if person.user else []) + person.emails:
            truth.own(key, person.number)
        for key in person.phones + person.devices:
            truth.own(key, person.number)
    for kiosk in truth.kiosks:
        truth.nobodys(kiosk, KIOSK)
    return truth


def _alone(number: int, dice: Random) -> Person:
    user = ("user_id", f"customer-{number}") if dice.random() < ACCOUNT else None
    emails = [
        ("email", f"{_name(number)}{'.x' * n}@mail.example") for n in range(_of(EMAILS, dice))
    ]
    phones = [("phone", phone(number * 3 + n)) for n in range(_of(PHONES, dice))]
    devices = [("anonymous_id", f"{dice.getrandbits(64):016x}") for _ in range(_of(DEVICES, dice))]
    return Person(number, user, emails, phones, devices)


def _name(number: int) -> str:
    """Names that lie close to each other, as those of people do."""
    first = ("anna", "ben", "chen", "dana", "eva", "finn", "gina", "hugo", "ines", "jan")
    last = ("schmidt", "mueller", "wang", "garcia", "rossi", "novak", "silva", "kim", "ali", "lee")
    return f"{first[number % 10]}.{last[number // 10 % 10]}{number // 100}"


def phone(number: int) -> str:
    """A phone number of its own; a tenth of all numbers of that length are somebody's."""
    return f"+4915{number * 7_919 % 3_000_017:08d}"


def _of(shares: tuple[tuple[int, float], ...], dice: Random) -> int:
    (found,) = dice.choices([one for one, _ in shares], [share for _, share in shares])
    return found


def _households(truth: Truth, dice: Random) -> None:
    """Families share a tablet, a telephone: beside their own, or instead of it."""
    members = [one for one in truth.people if dice.random() < IN_HOUSEHOLD]
    start = 0
    while start + 1 < len(members):
        family = members[start : start + _of(HOUSEHOLD_SIZES, dice)]
        start += len(family)
        truth.families.append(family)
        name = family[0].number
        if dice.random() < SHARED_TABLET:
            for one in family:
                one.tablet = ("anonymous_id", f"tablet-{name}")
                truth.own(one.tablet, one.number, TABLET)
        if dice.random() < FAMILY_PHONE:
            key = ("phone", f"+4930{name:08d}")
            for one in family:
                one.phones.insert(0, key)
                truth.own(key, one.number, FAMILY)


def _mailboxes(truth: Truth, dice: Random) -> None:
    for family in truth.families:
        if dice.random() < FAMILY_EMAIL:
            key = ("email", f"family{family[0].number}@mail.example")
            for one in family:
                one.emails.append(key)
                truth.own(key, one.number, MAILBOX)


def _sold(truth: Truth, dice: Random) -> None:
    """A browser that is sold with its cookies keeps its anonymous id."""
    for person in truth.people:
        after = dice.choice(truth.people)
        if after is not person and dice.random() < DEVICE_SOLD:
            after.devices.append(person.devices[0])
            truth.own(person.devices[0], after.number, SOLD)


def _given_again(truth: Truth, dice: Random) -> None:
    """A carrier gives a number to somebody else."""
    for person in truth.people:
        after = dice.choice(truth.people)
        if person.phones and after is not person and dice.random() < PHONE_REASSIGNED:
            after.phones.append(person.phones[-1])
            truth.own(person.phones[-1], after.number, REASSIGNED)


def _offices(truth: Truth, dice: Random) -> None:
    """Computers of many."""
    at_office = [one for one in truth.people if dice.random() < IN_OFFICE]
    for number, crowd in enumerate(_parted(at_office, OFFICE_SIZES, dice)):
        key = ("anonymous_id", f"office-{number}")
        truth.nobodys(key, OFFICE)
        for one in crowd:
            one.office = key


def _agencies(truth: Truth, dice: Random) -> None:
    """They order for many."""
    clients = [one for one in truth.people if dice.random() < BY_AGENCY]
    for number, crowd in enumerate(_parted(clients, AGENCY_SIZES, dice)):
        desk = ("email", f"desk@agency{number}.example"), ("phone", f"+4989{number:08d}")
        for key in desk:
            truth.nobodys(key, AGENCY)
        for one in crowd:
            one.agency = desk


def _parted(crowd: list[Person], sizes: tuple[int, int], dice: Random) -> list[list[Person]]:
    """Small ones often, large ones now and then."""
    dice.shuffle(crowd)
    parts, start = [], 0
    while start < len(crowd):
        size = round(sizes[0] * (sizes[1] / sizes[0]) ** dice.random())
        parts.append(crowd[start : start + size])
        start += size
    return parts
