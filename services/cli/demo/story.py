"""What one person does in the demo: purchases as they were, the rest from seeded dice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random

from schemas.base import JsonObject
from services.cli.demo import segment
from services.cli.demo.people import Person, company_of, dice_of, misspelled_email, misspelled_phone
from services.cli.demo.purchases import Purchase
from services.cli.demo.segment import Touch, Who, touch

CATEGORIES = ("blues", "classical", "electronic", "folk", "jazz", "pop", "rock", "soul")
PAGES = (
    ("", "Home"),
    ("new", "New releases"),
    ("charts", "Charts"),
    ("cds?page=2", "CDs"),
    ("help/delivery", "Delivery"),
    ("account/orders", "Your orders"),
)
ROLES = ("buyer", "approver", "listener")
COMPLAINTS = ("delivery", "damaged", "wrong item", "billing")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Scene:
    """One customer with the purchases made, the end of time, and dice of their own."""

    person: Person
    orders: tuple[tuple[datetime, Purchase], ...]
    end: datetime
    dice: Random

    @property
    def joined(self) -> datetime:
        """The first purchase."""
        return self.orders[0][0]

    def some_time(self) -> datetime:
        """Any moment from the day after the first purchase to the end (or just before it)."""
        span = self.end - self.joined - DAY
        return self.joined + max(HOUR, span * self.dice.random())

    def chance(self, probability: float) -> bool:
        """Whether something with this probability happens."""
        return self.dice.random() < probability

    def tell(self, name: str, at: datetime, who: Who, message: JsonObject) -> Touch:
        """A touchpoint of this customer; `name` is unique among them."""
        return touch(f"{self.person.user_id}-{name}", at, who, message)


def customer_story(
    person: Person, purchases: Sequence[Purchase], last: date, seed: int
) -> Iterator[Touch]:
    """Everything a known customer does until the end of the day `last`."""
    dice = dice_of(seed, person.number, "story")
    orders = tuple((_moment_of(one.day, dice), one) for one in purchases)
    end = datetime(last.year, last.month, last.day, 23, 30, tzinfo=UTC)
    scene = Scene(person, tuple(sorted(orders, key=lambda pair: pair[0])), end, dice)
    for part in STORY:
        yield from part(scene)


def _moment_of(day: date, dice: Random) -> datetime:
    """An hour of business of the day, to the millisecond."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return midnight + timedelta(milliseconds=dice.randrange(8 * 3_600_000, 22 * 3_600_000))


def signed_up(scene: Scene) -> Iterator[Touch]:
    """Looks around before login, then says who they are: the first device becomes theirs."""
    person, dice = scene.person, scene.dice
    device = person.devices[0] if person.devices else None
    at = scene.joined - MINUTE * dice.uniform(1, 20)
    if device:
        yield from _looks_around(scene, "before", at - DAY * dice.uniform(0.01, 9), device)
    traits = {
        "name": person.name,
        "email": misspelled_email(person.email or "", dice),
        "phone": misspelled_phone(person.phone or "", dice),
        "city": person.city,
    }
    who = Who(user_id=person.user_id, device=device)
    yield scene.tell("signed-up", at, who, segment.identify(traits))


def _looks_around(scene: Scene, name: str, at: datetime, device: str) -> Iterator[Touch]:
    for index in range(scene.dice.randint(1, 3)):
        seen = _something_seen(scene.dice)
        yield scene.tell(f"{name}-{index}", at + index * MINUTE, Who(device=device), seen)


def _something_seen(dice: Random) -> JsonObject:
    if dice.random() < 0.5:
        return segment.page(*dice.choice(PAGES))
    category = dice.choice(CATEGORIES)
    cents = dice.randrange(799, 2_999)
    return segment.product(category, f"CD-{category}", Decimal(cents).scaleb(-2))


def used_other_devices(scene: Scene) -> Iterator[Touch]:
    """A later device is anonymous until a login, or until an alias names it."""
    for number, device in enumerate(scene.person.devices[1:], start=1):
        at = scene.some_time()
        yield from _looks_around(scene, f"device-{number}", at, device)
        who = Who(user_id=scene.person.user_id)
        later = at + 5 * MINUTE
        if scene.chance(0.2):
            yield scene.tell(f"alias-{number}", later, who, segment.alias(device))
            continue
        login = Who(user_id=who.user_id, device=device)
        yield scene.tell(f"login-{number}", later, login, segment.identify({}))


def bought(scene: Scene) -> Iterator[Touch]:
    """Every real purchase; some are answered by a survey, a few are refunded."""
    dice, user = scene.dice, Who(user_id=scene.person.user_id)
    for number, (at, purchase) in enumerate(scene.orders):
        order_id = f"SO-{scene.person.number}-{number}"
        category = dice.choice(CATEGORIES)
        paid = segment.order(order_id, purchase.paid, category, purchase.pieces)
        yield scene.tell(f"order-{number}", at, user, paid)
        if purchase.paid > 5 and scene.chance(0.012):
            back = {"order_id": order_id, "total": 4.99, "currency": "USD", "reason": "scratched"}
            told = segment.track("Order Refunded", **back)
            yield scene.tell(f"refund-{number}", min(at + 4 * DAY, scene.end), user, told)
        if scene.chance(0.06):
            told = segment.track("Survey Answered", **_answer(dice))
            yield scene.tell(f"survey-{number}", min(at + 2 * DAY, scene.end), user, told)


def _answer(dice: Random) -> JsonObject:
    survey, low, high = dice.choice((("csat", 1, 5), ("nps", 0, 10), ("ces", 1, 7)))
    return {"survey": survey, "score": dice.randint(low, high)}


def came_back(scene: Scene) -> Iterator[Touch]:
    """Visits after login: no anonymous id needed any more."""
    for index in range(scene.dice.choices((0, 1, 2, 4), weights=(35, 30, 20, 15))[0]):
        who = Who(user_id=scene.person.user_id)
        seen = _something_seen(scene.dice)
        yield scene.tell(f"visit-{index}", scene.some_time(), who, seen)


def called(scene: Scene) -> Iterator[Touch]:
    """The call centre knows nothing but the number, written in its own way."""
    if not scene.chance(0.15):
        return
    dice = scene.dice
    who = Who(phone=misspelled_phone(scene.person.phone or "", dice))
    told = segment.track(
        "Call Completed",
        direction=dice.choice(("inbound", "outbound")),
        duration_s=dice.randint(20, 1_500),
        agent=f"a-{dice.randint(1, 30)}",
        outcome=dice.choice(("resolved", "call back", "no answer")),
    )
    yield scene.tell("call", scene.some_time(), who, told)


def complained(scene: Scene) -> Iterator[Touch]:
    """The complaint desk knows nothing but the e-mail address; most complaints get handled."""
    if scene.chance(0.05):
        at = min(scene.some_time(), scene.end - 9 * DAY)
        yield from complaint(scene, "complaint", at, handled=scene.chance(0.97))


def complaint(scene: Scene, name: str, at: datetime, *, handled: bool) -> Iterator[Touch]:
    """One complaint, and what came of it."""
    dice, who = scene.dice, Who(email=misspelled_email(scene.person.email or "", scene.dice))
    complaint_id = f"C-{scene.person.number}-{name}"
    told = segment.track(
        "Complaint Received",
        complaint_id=complaint_id,
        severity=dice.randint(1, 4),
        category=dice.choice(COMPLAINTS),
    )
    yield scene.tell(f"{name}-received", at, who, told)
    if handled:
        done = segment.track("Complaint Handled", complaint_id=complaint_id, remedy="replacement")
        later = min(at + HOUR * dice.uniform(1, 60), scene.end)
        yield scene.tell(f"{name}-handled", later, who, done)


def complained_lately(scene: Scene) -> Iterator[Touch]:
    """A complaint of this week: big spenders are the louder ones."""
    spent = sum(purchase.paid for _, purchase in scene.orders)
    if not scene.chance(0.04 if spent > 300 else 0.003):
        return
    at = scene.end - DAY * scene.dice.uniform(0.2, 5.5)
    yield from complaint(scene, "lately", at, handled=scene.chance(0.4))


def joined_a_company(scene: Scene) -> Iterator[Touch]:
    """Some buy for a company; the CRM says for which one."""
    company = company_of(scene.person.number)
    if company is None:
        return
    said = {"role": scene.dice.choice(ROLES), "industry": scene.dice.choice(CATEGORIES)}
    at = min(scene.joined + HOUR, scene.end)
    yield scene.tell("company", at, Who(user_id=scene.person.user_id), segment.group(company, said))


STORY = (
    signed_up,
    used_other_devices,
    bought,
    came_back,
    called,
    complained,
    complained_lately,
    joined_a_company,
)


def visitor_story(person: Person, last: date, seed: int) -> Iterator[Touch]:
    """Somebody looks around within the year and a half before `last`, and leaves no name."""
    dice = dice_of(seed, person.number, "story")
    at = _moment_of(last - timedelta(days=int(540 * dice.random() ** 2)), dice)
    for index in range(dice.randint(1, 4)):
        name = f"{person.devices[0]}-{index}"
        yield touch(name, at + index * MINUTE, Who(device=person.devices[0]), _something_seen(dice))
