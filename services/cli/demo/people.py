"""Who takes part in the demo: known customers and visitors, and how their names get misspelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from uuid import UUID

from schemas.identifier import normalised

FIRST_NAMES = (
    "Ada", "Alan", "Barbara", "Claude", "Donald", "Edsger", "Frances", "Grace", "Hedy", "Ida",
    "Jean", "John", "Karen", "Ken", "Leslie", "Linus", "Lynn", "Margaret", "Maurice", "Niklaus",
    "Peter", "Radia", "Robin", "Shafi", "Sophie", "Tim", "Vera", "Wei",
)  # fmt: skip
LAST_NAMES = (
    "Allen", "Babbage", "Conway", "Dijkstra", "Easley", "Floyd", "Goldwasser", "Hamilton",
    "Hopper", "Johnson", "Keller", "Knuth", "Lamarr", "Lamport", "Liskov", "Lovelace", "McCarthy",
    "Milner", "Naur", "Perlman", "Rhodes", "Ritchie", "Shannon", "Thompson", "Turing", "Wilkes",
    "Wirth", "Zhang",
)  # fmt: skip
MAIL_HOSTS = ("X.example", "Mail.example", "Post.Example", "music-fans.example")
CITIES = ("Chengdu", "Chicago", "London", "Lyon", "Nairobi", "Osaka", "Recife", "Toronto")

#: Visitors are numbered from here on, far above every customer.
VISITORS_FROM = 1_000_000


@dataclass(frozen=True, slots=True)
class Person:
    """One real human; `number` is the truth that identity resolution has to find."""

    number: int
    user_id: str | None
    name: str
    email: str | None
    phone: str | None
    devices: tuple[str, ...]
    city: str

    def identifiers(self) -> tuple[tuple[str, str], ...]:
        """Everything this person may be known by, in its one spelling: (kind, value)."""
        named = (("user_id", self.user_id), ("email", self.email), ("phone", self.phone))
        known = [(kind, normalised(kind, value)) for kind, value in named if value]
        return (*known, *(("anonymous_id", device) for device in self.devices))


def company_of(customer: int) -> str | None:
    """The company that a customer buys for, if for one: every 20th does, 60 companies in all."""
    return f"company-{customer // 20 % 60:02d}" if customer % 20 == 0 else None


def dice_of(seed: int, number: int, what: str) -> Random:
    """Dice of their own for each person and purpose, so that a small run tells the same stories."""
    return Random(f"{seed}/{what}/{number}")  # noqa: S311


def customer(seed: int, number: int) -> Person:
    """A known customer: one user id, one e-mail address, one phone number, up to three devices."""
    dice = dice_of(seed, number, "person")
    first, last = dice.choice(FIRST_NAMES), dice.choice(LAST_NAMES)
    devices = dice.choices((0, 1, 2, 3), weights=(50, 38, 10, 2))[0]
    return Person(
        number=number,
        user_id=f"c{number:05d}",
        name=f"{first} {last}",
        email=f"{first}.{last}{number}@{dice.choice(MAIL_HOSTS)}",
        phone=_phone(number),
        devices=tuple(_device(dice) for _ in range(devices)),
        city=dice.choice(CITIES),
    )


def visitor(seed: int, number: int) -> Person:
    """Somebody who looks around on one device and never says who they are."""
    dice = dice_of(seed, number, "person")
    return Person(VISITORS_FROM + number, None, "", None, None, (_device(dice),), "")


def _device(dice: Random) -> str:
    """An anonymous id as analytics.js makes them."""
    return str(UUID(int=dice.getrandbits(128), version=4))


def _phone(number: int) -> str:
    """A number of its own for everybody: the factor has no divisor in common with the modulus."""
    return f"+1{2_000_000_000 + number * 104_729 % 7_000_000_000}"


def misspelled_email(email: str, dice: Random) -> str:
    """The address as people type it: the case differs, and blanks slip in."""
    return dice.choice(EMAIL_HABITS)(email)


def misspelled_phone(phone: str, dice: Random) -> str:
    """The number as people write it: blanks, brackets, dashes, 00 for +."""
    return dice.choice(PHONE_HABITS)(phone)


EMAIL_HABITS: tuple[Callable[[str], str], ...] = (
    lambda email: email,
    str.lower,
    str.upper,
    lambda email: f" {email} ",
    lambda email: email.swapcase(),
)
PHONE_HABITS: tuple[Callable[[str], str], ...] = (
    lambda phone: phone,
    lambda phone: f"{phone[:2]} ({phone[2:5]}) {phone[5:8]}-{phone[8:]}",
    lambda phone: f"001 {phone[2:5]} {phone[5:8]} {phone[8:]}",
    lambda phone: f"{phone[:2]}-{phone[2:5]}-{phone[5:8]}-{phone[8:]}",
    lambda phone: f"{phone[:2]}.{phone[2:5]}.{phone[5:8]}.{phone[8:]}",
)
