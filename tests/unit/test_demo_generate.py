"""The demo's generator: real purchases, seeded mess, and a ledger that is exact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from schemas.identifier import normalised
from services.cli.demo.generate import Replay, Send, generate, lately
from services.cli.demo.ledger import identity_errors
from services.cli.demo.people import customer
from services.cli.demo.purchases import moved_to_end_on, read_purchases

LAST = date(2026, 5, 4)


@pytest.fixture(scope="module")
def replay() -> Replay:
    return generate(read_purchases(), LAST, customers=300)


def messages(sends: Iterable[Send]) -> list[dict[str, Any]]:
    """Everything that is a message at all (faults are not always JSON objects)."""
    found = []
    for send in sends:
        try:
            message = msgspec.json.decode(send.value)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            continue
        if isinstance(message, dict) and not str(message.get("messageId")).startswith("malformed"):
            found.append(message)
    return [message for message in found if "deep" not in message]


def test_the_purchases_are_the_published_ones() -> None:
    purchases = read_purchases()
    assert len(purchases) == 69_659
    assert len({purchase.customer for purchase in purchases}) == 23_570
    assert sum(purchase.paid for purchase in purchases) == Decimal("2500315.63")


def test_moving_in_time_ends_on_the_given_day_and_keeps_every_gap() -> None:
    purchases = read_purchases()
    moved = moved_to_end_on(purchases, LAST)
    assert max(purchase.day for purchase in moved) == LAST
    assert (
        len({after.day - before.day for before, after in zip(purchases, moved, strict=True)}) == 1
    )


def test_the_same_seed_gives_the_same_replay(replay: Replay) -> None:
    assert generate(read_purchases(), LAST, customers=300) == replay


def test_the_ledger_accounts_for_everything_sent(replay: Replay) -> None:
    books = replay.ledger
    assert len(replay.sends) == books.sent
    told = Counter(message["messageId"] for message in messages(replay.sends))
    assert len(told) == books.distinct
    assert sum(told.values()) == books.distinct + books.duplicates
    assert books.duplicates > 0
    assert len(books.refused) >= 10


def test_every_purchase_is_told_exactly_once_apart_from_duplicates(replay: Replay) -> None:
    orders = {
        message["messageId"]: Decimal(str(message["properties"]["total"]))
        for message in messages(replay.sends)
        if message.get("event") == "Order Completed"
    }
    assert len(orders) == replay.ledger.purchases
    assert sum(orders.values()) == replay.ledger.revenue


def test_who_belongs_to_a_company_says_so_once_and_its_books_are_those_of_its_members(
    replay: Replay,
) -> None:
    groups = [one for one in messages(replay.sends) if one["type"] == "group"]
    told = {one["messageId"]: (one["groupId"], one["userId"]) for one in groups}
    companies = replay.ledger.companies
    assert Counter(company for company, _ in told.values()) == {
        name: one.members for name, one in companies.items()
    }
    members = {user: company for company, user in told.values()}
    spent: Counter[str] = Counter()
    orders = [one for one in messages(replay.sends) if one.get("event") == "Order Completed"]
    for order in {one["messageId"]: one for one in orders}.values():
        if company := members.get(order["userId"]):
            spent[company] += Decimal(str(order["properties"]["total"]))  # type: ignore[assignment]
    assert spent == {name: one.revenue for name, one in companies.items()}


def test_nothing_happens_after_the_last_day(replay: Replay) -> None:
    midnight = datetime(2026, 5, 5, tzinfo=UTC)
    times = [datetime.fromisoformat(message["timestamp"]) for message in messages(replay.sends)]
    assert max(times) < midnight


def test_in_a_round_nobody_has_more_than_one_touchpoint(replay: Replay) -> None:
    """All names of a person lead to them: what is read together says nothing new on the way."""
    owners = replay.ledger.owners
    assert len(replay.rounds) > 2
    for sends in replay.rounds:
        told = {one["messageId"]: one for one in messages(sends)}
        people = Counter(owners[min(names_in(one))] for one in told.values())
        assert set(people.values()) == {1}


def test_the_rounds_hold_what_people_are_told_of_and_the_history_nothing_of_it(
    replay: Replay,
) -> None:
    since = lately(LAST)
    old = messages(replay.history)
    new = [message for sends in replay.rounds for message in messages(sends)]
    assert max(datetime.fromisoformat(message["timestamp"]) for message in old) < since
    assert min(datetime.fromisoformat(message["timestamp"]) for message in new) >= since
    assert len(old) > 10 * len(new) > 100


def names_in(message: dict[str, Any]) -> set[tuple[str, str]]:
    traits = {**message.get("traits", {}), **message.get("context", {}).get("traits", {})}
    said = {
        "user_id": message.get("userId"),
        "anonymous_id": message.get("anonymousId"),
        "email": traits.get("email"),
        "phone": traits.get("phone"),
    }
    return {(kind, normalised(kind, value)) for kind, value in said.items() if value}


def test_links_lead_from_every_identifier_to_its_owner(replay: Replay) -> None:
    """A plain union of everything named together gives the truth, but for shared devices."""
    owners = replay.ledger.owners
    linked: dict[tuple[str, str], set[int]] = {}
    for message in messages(replay.sends):
        people = {owners[name] for name in names_in(message)}
        if message["type"] == "alias":
            people.add(owners["anonymous_id", message["previousId"]])
        for name in names_in(message):
            linked.setdefault(name, set()).update(people)
    assert set(linked) == set(owners)
    mixed = [name for name, people in linked.items() if people != {owners[name]}]
    assert {kind for kind, _ in mixed} <= {"anonymous_id", "user_id"}
    assert len(mixed) <= 2


def test_some_touchpoints_carry_nothing_but_a_phone_number_or_an_address(replay: Replay) -> None:
    alone = Counter(
        name[0]
        for message in messages(replay.sends)
        if message["type"] == "track"
        for name in names_in(message)
        if len(names_in(message)) == 1
    )
    assert alone["phone"] > 10
    assert alone["email"] > 10


def test_all_people_have_identifiers_of_their_own() -> None:
    names = [name for number in range(1, 2_000) for name in customer(7, number).identifiers()]
    assert len(names) == len(set(names))


def test_identity_errors_finds_a_split_a_mix_a_stranger_and_a_gap() -> None:
    a, b, c = ("user_id", "a"), ("email", "a@x"), ("user_id", "b")
    owners = {a: 1, b: 1, c: 2}
    assert identity_errors(owners, [(a, "p"), (b, "p"), (c, "q")]) == []
    assert len(identity_errors(owners, [(a, "p"), (b, "q"), (c, "r")])) == 1
    assert len(identity_errors(owners, [(a, "p"), (b, "p"), (c, "p")])) == 1
    assert len(identity_errors(owners, [(a, "p"), (b, "p")])) == 1
    stranger = (("phone", "1"), "p")
    assert len(identity_errors(owners, [(a, "p"), (b, "p"), (c, "q"), stranger])) == 1
    assert len(identity_errors(owners, [(a, "p"), (a, "q"), (b, "p"), (c, "q")])) >= 1
