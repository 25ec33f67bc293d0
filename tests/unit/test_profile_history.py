"""History in short: no figure changes by it, whenever it happens; late words are counted."""

from __future__ import annotations

import sys
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.touchpoint import Touchpoint
from schemas.touchpoints import FAMILIES, KINDS, SAMPLES
from services.profile.domain import compact
from services.profile.domain.part import Part, new_part
from services.profile.store import pack, unpack
from tests.reference.profiles import profiles_of
from tests.unit import touchpoint_strategies as kinds
from tests.unit.profile_builders import SALT, START, WORKSPACE, Run, fed, touchpoint
from tests.unit.test_profile_parts import only, shown

SHORT = WORKSPACE.model_copy(update={"profile_history_days": 30})
ADA = ("user_id:u0", "email:e0@x.example", "phone:+49123450")
#: Each era is history once the next one begins.
ERA = timedelta(days=100)
#: Cases of one era are not spoken of in another: that would be too late. Orders may be.
CASES = ("ticket_id", "complaint_id", "opportunity_id", "invoice_id")
OLD_KINDS = st.one_of(
    *kinds.purchases, *kinds.payments, *kinds.tickets, *kinds.complaints, *kinds.sales
)


def at_era(
    era: int, moment: int, who: str, message: str, facts: dict[str, Any], said_once: bool
) -> Touchpoint:
    """A touchpoint some hours into an era, with cases of its own.

    `said_once`: an order always comes to the same amount.
    """
    facts = facts | {name: f"{facts[name]} of {era}" for name in CASES if name in facts}
    if "total" in facts and said_once:
        facts = facts | {"total": {"amount": facts["order_id"] + "9", "currency": "USD"}}
        facts = facts | {"lines": ()}
    if facts["kind"].startswith("payment") and "invoice_id" not in facts:
        facts = facts | {"invoice_id": f"{message} of {era}"}
    return touchpoint(
        who,
        at_s=(era * ERA).total_seconds() + moment * 21_600,
        message=message,
        received_at=START,
        facts=facts,
    )


@st.composite
def eras(draw: st.DrawFn, facts: Any, linked: int) -> list[list[Touchpoint]]:
    """Three eras of one person, known to be one by that era at last; then somebody looks in."""
    told = [
        [
            at_era(era, moment, who, f"m{era} {number}", said, linked > 0)
            for number, (who, moment, said) in enumerate(
                draw(
                    st.lists(
                        st.tuples(st.sampled_from(ADA), st.integers(0, 6), facts),
                        min_size=4,
                        max_size=12,
                    )
                )
            )
        ]
        for era in range(3)
    ]
    link = touchpoint(*ADA, at_s=1, message="link", received_at=START)
    told[draw(st.integers(0, linked))].append(link)
    last = [at_era(4, 0, who, f"last {who}", {"kind": "page_viewed"}, False) for who in ADA]
    return [*told, last]


@given(eras(OLD_KINDS, linked=0), st.integers(1, 20), st.sampled_from([1, 3]))
@settings(max_examples=60, deadline=None)
def test_no_figure_changes_whenever_history_is_shortened(
    life: list[list[Touchpoint]], batch: int, least: int
) -> None:
    assert_the_same(life, batch, least)


@given(eras(st.one_of(*kinds.purchases), linked=2), st.integers(1, 20), st.sampled_from([1, 3]))
@settings(max_examples=60, deadline=None)
def test_orders_stay_exact_whoever_turns_out_to_be_one_person_later(
    life: list[list[Touchpoint]], batch: int, least: int
) -> None:
    assert_the_same(life, batch, least)


def assert_the_same(life: list[list[Touchpoint]], batch: int, least: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compact, "THINGS_MIN", least)
        run = lived(life, batch)
    assert shown(run) == profiles_of([one for era in life for one in era], SHORT, SALT)


def lived(life: list[list[Touchpoint]], batch: int) -> Run:
    """Each era as it comes; the last day of an era is long ago when the next one begins."""
    run = Run(SHORT)
    for number, era in enumerate(life):
        begins = START + number * ERA + timedelta(days=3)
        run.now_us = max(run.now_us, int(begins.timestamp()) * 1_000_000)
        for start in range(0, len(era), batch):
            run.take(*era[start : start + batch])
    return run


def orders(number: int, every: timedelta) -> list[Touchpoint]:
    """So many orders, and a view long after."""
    return [
        touchpoint(
            "user_id:u",
            at_s=one * every.total_seconds(),
            message=f"order {one}",
            received_at=START,
            kind="order_completed",
            order_id=f"SO-{one}",
            total={"amount": str(Decimal(one % 7000) / 100 + 1), "currency": "USD"},
        )
        for one in range(number)
    ]


def later(days: float, message: str, **facts: Any) -> Touchpoint:
    return touchpoint(
        "user_id:u",
        at_s=days * 86_400,
        message=message,
        received_at=START,
        facts={"kind": "page_viewed"} | facts,
    )


def part_of(run: Run) -> Part:
    (body,) = [value for key, value in run.redis.values.items() if key[:2] == b"c:"]
    (node,) = unpack(body[8:]).nodes
    assert node.part is not None
    return node.part


def short_of(history: list[Touchpoint], *after: Touchpoint) -> Run:
    """The history, then a look long after, then what comes next."""
    run = fed(history, 500, SHORT)
    run.now_us += 4_000 * 86_400 * 1_000_000
    run.take(later(3_999, "look"))
    for one in after:
        run.take(one)
    return run


def test_a_customer_with_ten_thousand_orders_shrinks_and_shows_the_same() -> None:
    history = orders(10_000, timedelta(hours=6))
    whole = fed([*history, later(3_999, "look")], 2_000)
    long, short = part_of(whole), part_of(short_of(history))
    assert len(short.orders) <= 4, "only the newest day's"
    before, after = (len(msgspec.msgpack.encode(part)) for part in (long, short))
    sys.stdout.write(f"10,000 orders: {before:,} bytes, in short {after:,}\n")
    assert after < before / 2
    assert only(short_of(history)) == only(whole)


TICKET = {"kind": "ticket_closed", "ticket_id": "T-1"}


def tickets(number: int) -> list[Touchpoint]:
    return [
        later(one, f"ticket {one}", kind="ticket_closed", ticket_id=f"T-{one}")
        for one in range(number)
    ]


def test_a_word_on_a_case_that_is_long_over_is_refused_and_counted() -> None:
    reopened = later(4_000, "again", kind="ticket_reopened", ticket_id="T-1")
    facts = only(short_of(tickets(9), reopened))
    assert (facts["service"]["tickets"], facts["service"]["open_tickets"]) == (9, ())
    assert (facts["quality"]["late"], facts["quality"]["conflicts"]) == (1, 1)


@pytest.mark.parametrize(
    ("amount", "hour", "late", "revenue"),
    [
        ("2.00", 1, 0, "19.04"),  # of the same day, and as it was
        ("9.00", 1, 1, "19.04"),  # of the same day, but another amount: too late
        ("9.00", -30, 0, "19.04"),  # an earlier word than the one that counts
        ("9.00", 30, 0, "26.04"),  # a later one
    ],
)
def test_an_order_that_comes_again_is_known_by_its_key(
    amount: str, hour: int, late: int, revenue: str
) -> None:
    history = orders(16, timedelta(days=2))
    first = {"kind": "order_completed", "order_id": "SO-again"}
    history.append(later(5, "first", **first, total={"amount": "2.00", "currency": "USD"}))
    again = later(5 + hour / 24, "second", **first, total={"amount": amount, "currency": "USD"})
    facts = only(short_of(history, again))
    assert (facts["purchases"]["orders"], facts["quality"]["late"]) == (17, late)
    assert str(facts["purchases"]["revenue"]) == str(Decimal(revenue) + Decimal("0.16"))


@pytest.mark.parametrize(("amount", "late"), [("1.03", 0), ("5.00", 1)])
def test_an_order_told_by_two_senders_counts_once_though_one_of_them_was_shortened(
    amount: str, late: int
) -> None:
    """They turn out to be one person later. Of two amounts of one day the shortened one counts."""
    other = touchpoint(
        "email:e@x.example",
        at_s=3 * 2 * 86_400,
        received_at=START,
        kind="order_completed",
        order_id="SO-3",
        total={"amount": amount, "currency": "USD"},
    )
    link = touchpoint("user_id:u", "email:e@x.example", at_s=3_999 * 86_400, received_at=START)
    facts = only(short_of([*orders(16, timedelta(days=2)), other], link))
    plain = only(fed([*orders(16, timedelta(days=2)), later(3_999, "look"), link]))
    assert facts["purchases"] == plain["purchases"]
    assert facts["quality"]["late"] == late


def test_of_two_words_of_one_day_the_later_counts_though_the_earlier_is_old() -> None:
    told = {"kind": "order_completed", "order_id": "SO-two", "received_at": START}
    day = 5 * 86_400
    words = [
        touchpoint("user_id:u", at_s=day, total={"amount": "9", "currency": "USD"}, **told),
        touchpoint(
            "email:e@x.example", at_s=day + 60, total={"amount": "2", "currency": "USD"}, **told
        ),
        touchpoint("user_id:u", "email:e@x.example", at_s=1, received_at=START),
    ]
    history = [*orders(16, timedelta(days=2)), *words]
    assert only(short_of(history)) == only(fed([*history, later(3_999, "look")]))


def test_the_last_order_is_known_though_old_ones_come_later_and_the_newest_is_cancelled() -> None:
    history = orders(16, timedelta(days=2))
    older = [
        later(
            -20 + number,
            f"older {number}",
            kind="order_completed",
            order_id=f"older {number}",
            total={"amount": "1", "currency": "USD"},
        )
        for number in range(9)
    ]
    run = short_of(history, *older)
    run.now_us += 2 * 86_400 * 1_000_000
    run.take(later(4_001, "look again"))
    run.take(later(4_002, "cancel", kind="order_cancelled", order_id="SO-15"))
    part = part_of(run)
    assert not part.orders, "all is in short, and the newest one was called off"
    last = only(run)["purchases"]["last_order_at"]
    assert last == START + timedelta(days=28)


def test_a_cancellation_takes_an_order_out_of_history() -> None:
    history = orders(16, timedelta(days=2))
    word = later(4_000, "cancel", kind="order_cancelled", order_id="SO-3")
    plain = [*history, later(3_999, "look"), word]
    assert only(short_of(history, word)) == only(fed(plain))


def test_a_history_that_is_being_brought_in_is_left_as_it_is() -> None:
    run = fed(orders(50, timedelta(days=1)), 50, SHORT)
    run.now_us += 29 * 86_400 * 1_000_000
    run.take(later(29, "look"))
    assert part_of(run).past == []


def test_parts_of_before_there_were_these_sections_are_read_with_them_empty() -> None:
    run = fed(orders(3, timedelta(days=1)))
    (body,) = [value[8:] for key, value in run.redis.values.items() if key[:2] == b"c:"]
    component: Any = msgspec.msgpack.decode(body)
    component[1][0][3] = component[1][0][3][:11]
    component[1][0][3][10] = ["acme"]  # a set, when it was no more than that
    component[1][0][3][5] = {key: one[:4] for key, one in component[1][0][3][5].items()}
    read = unpack(msgspec.msgpack.encode(component)).nodes[0].part
    assert read is not None
    empty = new_part(START, START)
    assert read[11:] == empty[11:]
    assert read.accounts["acme"].since == START
    assert {one.cost for one in read.orders.values()} == {None}
    assert pack(unpack(body)) == body


def test_a_customer_with_nearly_every_kind_of_touchpoint_takes_two_kilobytes() -> None:
    samples = [SAMPLES[kind] for kind in KINDS if KINDS[kind] not in FAMILIES["lead and sales"]]
    life = [
        touchpoint(
            ADA[number % 2],
            at_s=number * 3_600,
            message=f"m{number}",
            channel="web",
            facts=facts,
        )
        for number, facts in enumerate(
            [*samples, *({**SAMPLES["order_completed"], "order_id": f"SO-{n}"} for n in range(5))]
        )
        if facts["kind"] not in ("aliased", "profile_merge_requested", "profile_unmerge_requested")
    ]
    run = fed([*life, touchpoint(*ADA)])
    (body,) = [value for key, value in run.redis.values.items() if key[:2] == b"c:"]
    sys.stdout.write(f"{len(life)} touchpoints of all kinds but sales: {len(body):,} bytes\n")
    assert len(body) < 2_300
