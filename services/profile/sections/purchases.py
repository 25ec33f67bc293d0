"""Purchases and payments."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache

import msgspec

from services.profile.domain.folds.payment import standing
from services.profile.domain.folds.purchase import refunds
from services.profile.domain.history import BILLS
from services.profile.domain.part import KIND_CODES, PAID, Part
from services.profile.domain.purchases import Bought, bought
from services.profile.domain.states import Purse
from services.profile.sections.spelling import money, money_mean, purse

_PAYMENT_MADE = KIND_CODES["payment_made"]


class Purchases(msgspec.Struct, gc=False, omit_defaults=True):
    orders: int
    revenue: str
    refunded: str
    currency: str
    purchase_days: int
    first_day: date | None
    last_day: date | None
    repeat_revenue: str
    last_order_at: datetime | None
    other_currencies: dict[str, str]
    cancelled_orders: int = 0
    returned_orders: int = 0
    orders_with_cost: int = 0
    cost: str | None = None
    margin: str | None = None
    average_order: str | None = None
    average_days_between_orders: float | None = None


class Payments(msgspec.Struct, gc=False, omit_defaults=True):
    payments: int = 0
    paid: dict[str, str] = {}
    bills: int = 0
    paid_on_time: int = 0
    paid_late: int = 0
    days_late_mean: float | None = None
    overdue_bills: int = 0
    overdue: dict[str, str] = {}


def purchases(part: Part, currency: str) -> Purchases:
    refunded = 0
    if part.refunds or part.refunds_of:
        refunded = refunds(part).get(currency, 0)
    if not (part.orders or part.past):
        shown = _no_purchases(refunded, currency)
        if not (part.cancelled or part.returned):
            return shown
        shown = msgspec.structs.replace(shown)
    else:
        shown = _bought(bought(part, currency), refunded, currency)
    shown.cancelled_orders = len(part.cancelled)
    shown.returned_orders = len(part.returned)
    return shown


def _bought(total: Bought, refunded: int, currency: str) -> Purchases:
    shown = Purchases(
        total.orders,
        money(total.units, currency),
        money(refunded, currency),
        currency,
        total.days,
        total.first_day,
        total.last_day,
        money(total.repeat_units, currency),
        total.last_order,
        purse(total.others) if total.others else {},
    )
    if total.own:
        shown.average_order = money_mean(total.units, total.own, currency)
    if total.with_cost:
        shown.orders_with_cost = total.with_cost
        shown.cost = money(total.cost, currency)
        shown.margin = money(total.costed_units - total.cost, currency)
    if total.first_day is not None and total.last_day is not None and total.days > 1:
        span = (total.last_day - total.first_day).days
        shown.average_days_between_orders = span / (total.days - 1)
    return shown


@lru_cache
def _no_purchases(refunded: int, currency: str) -> Purchases:
    nothing = money(0, currency)
    return Purchases(
        0, nothing, money(refunded, currency), currency, 0, None, None, nothing, None, {}
    )


def payments(part: Part) -> Payments | msgspec.UnsetType:
    past = part.past[0].cases.get(BILLS, {}) if part.past else {}
    if not (part.bills or past):
        return msgspec.UNSET
    made = part.kinds.get(_PAYMENT_MADE)
    shown = Payments(made[0] if made else 0, purse(part.money.get(PAID, {})))
    shown.bills = len(part.bills) + len(past)
    days = [int(case[0]) for case in past.values() if int(case[0]) >= 0]
    shown.paid_late = sum(late > 0 for late in days)
    shown.paid_on_time = len(days) - shown.paid_late
    overdue: Purse = {}
    for bill in part.bills.values():
        stands = standing(bill)
        if stands.days is not None:
            days.append(stands.days)
        if not stands.paid:
            shown.overdue_bills += 1
            overdue[stands.currency] = overdue.get(stands.currency, 0) + stands.units
        elif stands.days is not None:
            shown.paid_late += stands.days > 0
            shown.paid_on_time += stands.days == 0
    shown.overdue = purse(overdue)
    late = [one for one in days if one > 0]
    if late:
        shown.days_late_mean = sum(late) / len(late)
    return shown
