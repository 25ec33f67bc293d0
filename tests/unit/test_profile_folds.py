"""Every fold: any order and any split into parts of one person give what the reference says."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.touchpoint import Touchpoint
from schemas.touchpoints import KINDS
from services.profile.domain import bounds
from services.profile.domain.folds import table
from services.profile.domain.folds.habit import ACTED, device_of
from services.profile.domain.part import KIND_CODES
from tests.reference.fact_sections import COMPANY_ACTS
from tests.reference.profiles import profiles_of
from tests.unit import touchpoint_strategies as kinds
from tests.unit.profile_builders import SALT, START, WORKSPACE, fed, touchpoint
from tests.unit.test_profile_parts import only, shown

FAMILIES = {
    "purchases": kinds.purchases,
    "payments": kinds.payments,
    "tickets": kinds.tickets,
    "complaints": kinds.complaints,
    "voice": kinds.voice + kinds.contact,
    "marketing": kinds.marketing + kinds.consents,
    "sales": kinds.sales,
    "loyalty": kinds.loyalty,
    "browsing": kinds.browsing,
}
#: Two identifiers of one person, each with a part of its own; the link comes somewhere.
ADA = ("user_id:u0", "email:e0@x.example")


@st.composite
def lives(draw: st.DrawFn, family: str) -> list[Touchpoint]:
    """What one person does, of one family, told through two identifiers at few moments."""
    drawn = st.tuples(
        st.sampled_from(ADA),
        st.integers(0, 4),
        st.sampled_from([None, "web", "store"]),
        st.one_of(*FAMILIES[family]),
        kinds.contexts,
    )
    life = [
        touchpoint(
            who,
            at_s=moment * 43_200,
            message=f"m{number}",
            received_at=START + timedelta(days=10),
            channel=channel,
            context=context,
            facts=facts,
        )
        for number, (who, moment, channel, facts, context) in enumerate(
            draw(st.lists(drawn, min_size=8, max_size=24))
        )
    ]
    return [*life, touchpoint(*ADA, at_s=1, received_at=START + timedelta(days=11))]


@pytest.mark.parametrize("family", FAMILIES)
@given(st.data(), st.randoms(use_true_random=False), st.integers(1, 15))
@settings(max_examples=40, deadline=None)
def test_a_family_equals_the_reference_in_any_order_and_split(
    family: str, data: st.DataObject, dice: random.Random, batch: int
) -> None:
    life = data.draw(lives(family))
    shuffled = dice.sample(life, k=len(life))
    assert shown(fed(shuffled, batch)) == profiles_of(life, WORKSPACE, SALT)


def told(*facts: dict[str, Any], who: str = "user_id:u") -> list[Touchpoint]:
    """One touchpoint an hour."""
    return [
        touchpoint(who, at_s=hour * 3600, message=f"{who} {hour}", facts=one)
        for hour, one in enumerate(facts)
    ]


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


ORDER = {"kind": "order_completed", "order_id": "SO-1", "total": usd("40.00")}
CANCELLED = {"kind": "order_cancelled", "order_id": "SO-1"}
REFUNDED = {"kind": "order_refunded", "order_id": "SO-1", "total": usd("40.00")}


@pytest.mark.parametrize("turn", [1, -1])
def test_a_cancelled_order_and_its_refund_count_for_nothing(turn: int) -> None:
    kept = ORDER | {"order_id": "SO-2", "total": usd("5.00")}
    bought = only(fed(told(ORDER, CANCELLED, REFUNDED, kept)[::turn], 1))["purchases"]
    assert (bought["orders"], str(bought["revenue"])) == (1, "5.00")
    assert (bought["cancelled_orders"], str(bought["refunded"])) == (1, "0.00")


def test_a_cancellation_told_through_another_identifier_counts_once_they_are_one() -> None:
    apart = [
        *told(ORDER),
        *told(CANCELLED, who="email:a@x.example"),
    ]
    link = touchpoint("user_id:u", "email:a@x.example", at_s=9)
    assert only(fed([*apart, link], 1))["purchases"]["orders"] == 0
    parted = shown(fed(apart, 1)).values()
    assert sorted(one["purchases"]["orders"] for one in parted) == [0, 1]


def test_margin_is_of_orders_whose_every_line_has_a_cost() -> None:
    line = {"sku": "s", "quantity": "2", "cost": "7.50"}
    partly = ORDER | {"order_id": "SO-2", "lines": [line, {"sku": "t"}]}
    bought = only(fed(told(ORDER | {"lines": [line]}, partly)))["purchases"]
    assert (bought["orders_with_cost"], str(bought["cost"])) == (1, "15.00")
    assert (str(bought["margin"]), str(bought["average_order"])) == ("25.00", "40.00")


def test_what_is_overdue_is_paid_off_by_what_comes_after() -> None:
    bill = {"invoice_id": "INV-1"}
    overdue = {"kind": "payment_overdue", "amount": usd("30.00"), "days_overdue": 14, **bill}
    part = {"kind": "payment_made", "amount": usd("10.00"), **bill}
    rest = {"kind": "payment_made", "amount": usd("20.00"), **bill}
    owing = only(fed(told(part, overdue, part)))["payments"]
    assert {name: str(one) for name, one in owing["overdue"].items()} == {"USD": "20.00"}
    assert (owing["overdue_bills"], owing["paid_late"]) == (1, 0)
    paid = only(fed(told(part, overdue, part, rest)[::-1], 1))["payments"]
    assert (paid["overdue_bills"], paid["paid_late"], paid["days_late_mean"]) == (0, 1, 14)


def test_a_complaint_shows_its_step_and_its_severity_as_classified() -> None:
    case = {"complaint_id": "C-1"}
    service = only(
        fed(
            told(
                {"kind": "complaint_received", "severity": 1, "category": "delivery", **case},
                {"kind": "complaint_classified", "severity": 4, **case},
                {"kind": "complaint_investigated", **case},
            )[::-1],
            1,
        )
    )["service"]
    (waiting,) = service["open_complaints"]
    assert (waiting["severity"], waiting["category"]) == (4, "delivery")
    assert (waiting["step"], waiting["step_since"]) == ("investigated", START + timedelta(hours=2))


def test_points_are_exact_sums_beside_what_the_programme_says() -> None:
    moves = [{"kind": "points_earned", "points": "0.1"} for _ in range(3)]
    spent = {"kind": "points_redeemed", "points": "0.2", "balance": "7"}
    (programme,) = only(fed(told(*moves, spent)))["loyalty"]["programmes"]
    assert (str(programme["balance"]), str(programme["stated_balance"])) == ("0.1", "7")


def test_a_renewal_is_due_until_the_contract_is_signed_again() -> None:
    due = {"kind": "contract_renewal_due", "contract_id": "CT-1", "due_on": "2027-05-31"}
    signed = {"kind": "contract_signed", "contract_id": "CT-1"}
    (waiting,) = only(fed(told(signed, due)))["sales"]["contracts"]
    assert str(waiting["renewal_due_on"]) == "2027-05-31"
    (renewed,) = only(fed(told(signed, due, signed)))["sales"]["contracts"]
    assert renewed["renewal_due_on"] is None


def test_quality_says_what_is_missing_and_what_is_wrong() -> None:
    facts = {"kind": "identified", "traits": {"name": "Ada", "email": "ada at home"}}
    quality = only(fed(told(facts)))["quality"]
    assert quality["missing"] == ("phone", "country", "consent")
    assert (quality["invalid"], quality["validity"]) == (("trait email",), 0)
    assert quality["score"] == 60, "20 of 40 complete, 0 valid, 20 fresh, 20 without conflict"


def test_maps_of_new_sections_stay_bounded_in_any_order() -> None:
    life = [
        touchpoint(
            "user_id:u",
            at_s=number,
            message=f"{kind} {number}",
            context={"device": {"type": f"device {number}"}},
            facts=facts,
        )
        for number in range(70)
        for kind, facts in (
            ("view", {"kind": "product_viewed", "sku": f"sku {number}"}),
            ("left", {"kind": "unsubscribed", "channel": f"channel {number}"}),
            (
                "referred",
                {
                    "kind": "customer_referred",
                    "referred": {"kind": "user_id", "value": f"u{number}"},
                },
            ),
        )
    ]
    facts = only(fed(life))
    assert len(facts["preferences"]["products"]) == bounds.PRODUCTS_MAX
    assert len(facts["marketing"]["unsubscribed"]) == bounds.UNSUBSCRIBED_MAX
    assert len(facts["loyalty"]["referred"]) == bounds.REFERRED_MAX
    assert facts["loyalty"]["referrals_made"] == 70
    assert shown(fed(life[::-1], 7)) == profiles_of(life, WORKSPACE, SALT)


def test_every_kind_has_its_row_and_is_the_customers_act_or_the_companys() -> None:
    assert table.FOLDS.keys() == KINDS.keys() == KIND_CODES.keys()
    acted = {kind for kind in KINDS if KIND_CODES[kind] in ACTED}
    assert acted ^ set(COMPANY_ACTS) == KINDS.keys()


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0", "desktop"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/120.0 Mobile", "mobile"),
        ("Mozilla/5.0 (Linux; Android 14; SM-X710) Chrome/120.0", "tablet"),
        ("Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) Mobile/15E148", "tablet"),
    ],
)
def test_a_browser_says_which_device_it_is(agent: str, device: str) -> None:
    assert device_of(agent) == device
