"""profiles.changed -> profiles, profile_identifiers, profile_redirects."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec
import pyarrow as pa

from services.scoring.rows.profile_sections import (
    COLUMNS,
    NO_LOYALTY,
    NO_MARKETING,
    NO_PAYMENTS,
    NO_PREFERENCES,
    NO_SALES,
    Consent,
    Loyalty,
    Marketing,
    Payments,
    Preferences,
    Quality,
    Sales,
    columns_of,
    purse,
)
from services.scoring.rows.profile_service import COMPLAINTS, Service
from services.scoring.rows.table import (
    COUNT,
    DAY,
    FLOAT,
    IDENTIFIERS,
    MOMENTS,
    MONEY,
    TEXT,
    TIME,
    Identifier,
    Moment,
    Rows,
    Table,
    Uuid,
    Version,
    money,
    pairs,
)

COUNTS: Final = pa.map_(TEXT, COUNT)
PROFILES: Final = Table.of(
    "profiles",
    workspace=TEXT,
    profile_id=TEXT,
    version=COUNT,
    updated_at=TIME,
    merged_into=TEXT,
    identifiers=IDENTIFIERS,
    refused_links=COUNT,
    traits=pa.map_(TEXT, TEXT),
    accounts=pa.list_(TEXT),
    first_seen_at=TIME,
    last_seen_at=TIME,
    events=COUNT,
    events_by_kind=COUNTS,
    events_by_channel=COUNTS,
    last_at_by_kind=MOMENTS,
    categories=COUNTS,
    orders=COUNT,
    revenue=MONEY,
    refunded=MONEY,
    currency=TEXT,
    purchase_days=COUNT,
    first_day=DAY,
    last_day=DAY,
    repeat_revenue=MONEY,
    last_order_at=TIME,
    other_currencies=pa.map_(TEXT, MONEY),
    calls=COUNT,
    call_duration_s=FLOAT,
    complaints=COUNT,
    complaints_handled=COUNT,
    open_complaints=COMPLAINTS,
    csat_answers=COUNT,
    csat_mean=FLOAT,
    nps_last=FLOAT,
    ces_mean=FLOAT,
    **COLUMNS,
)
IDENTIFIER_ROWS: Final = Table.of(
    "profile_identifiers", workspace=TEXT, kind=TEXT, value=TEXT, profile_id=TEXT, version=COUNT
)
REDIRECTS: Final = Table.of(
    "profile_redirects", workspace=TEXT, profile_id=TEXT, merged_into=TEXT, version=COUNT
)
ERASED: Final = Table.of("erased_profiles", workspace=TEXT, profile_id=TEXT, version=COUNT, at=TIME)


class Trait(msgspec.Struct, frozen=True, gc=False):
    value: Any = None


class Purchases(msgspec.Struct, frozen=True, gc=False):
    orders: int = 0
    revenue: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    currency: str = "USD"
    purchase_days: int = 0
    first_day: date | None = None
    last_day: date | None = None
    repeat_revenue: Decimal = Decimal(0)
    last_order_at: Moment | None = None
    other_currencies: dict[str, Decimal] = {}
    cancelled_orders: int = 0
    returned_orders: int = 0
    orders_with_cost: int = 0
    cost: Decimal | None = None
    margin: Decimal | None = None
    average_order: Decimal | None = None

    def columns(self) -> tuple[Any, ...]:
        return (
            self.orders,
            money(self.revenue),
            money(self.refunded),
            self.currency,
            self.purchase_days,
            self.first_day,
            self.last_day,
            money(self.repeat_revenue),
            self.last_order_at,
            purse(self.other_currencies),
        )

    def more_columns(self) -> tuple[Any, ...]:
        """What came to the table later."""
        counts = self.cancelled_orders, self.returned_orders, self.orders_with_cost
        return (*counts, money(self.cost), money(self.margin), money(self.average_order))


class Behaviour(msgspec.Struct, frozen=True, gc=False):
    events: int = 0
    by_kind: dict[str, int] = {}
    by_channel: dict[str, int] = {}
    last_at: dict[str, Moment] = {}
    categories: dict[str, int] = {}

    def columns(self) -> tuple[Any, ...]:
        return (
            self.events,
            list(self.by_kind.items()),
            list(self.by_channel.items()),
            list(self.last_at.items()),
            list(self.categories.items()),
        )


class Profile(msgspec.Struct, frozen=True, gc=False):
    """schemas.profile.Profile, as far as there are columns for it."""

    workspace: str
    profile_id: Uuid
    version: Version
    updated_at: Moment
    merged_into: Uuid | None = None
    erased: bool = False
    identifiers: list[Identifier] = []
    refused_links: int = 0
    traits: dict[str, Trait] = {}
    accounts: list[str] = []
    first_seen_at: Moment | None = None
    last_seen_at: Moment | None = None
    behaviour: Behaviour = Behaviour()
    purchases: Purchases = Purchases()
    service: Service = Service()
    payments: Payments = NO_PAYMENTS
    sales: Sales = NO_SALES
    loyalty: Loyalty = NO_LOYALTY
    marketing: Marketing = NO_MARKETING
    consent: dict[str, Consent] = {}
    preferences: Preferences = NO_PREFERENCES
    quality: Quality = Quality()

    def columns(self) -> tuple[Any, ...]:
        """In the order of the table."""
        return (
            self._who()
            + self.behaviour.columns()
            + self.purchases.columns()
            + self.service.columns()
            + self.purchases.more_columns()
            + columns_of(self.payments)
            + self.service.more_columns()
            + columns_of(self.sales)
            + columns_of(self.loyalty)
            + columns_of(self.marketing)
            + ([(purpose, one.allowed) for purpose, one in self.consent.items()],)
            + columns_of(self.preferences)
            + self.quality.columns()
        )

    def _who(self) -> tuple[Any, ...]:
        return (
            self.workspace,
            self.profile_id,
            self.version,
            self.updated_at,
            self.profile_id if self.erased else self.merged_into,
            pairs(self.identifiers),
            self.refused_links,
            [(name, as_text(trait.value)) for name, trait in self.traits.items()],
            self.accounts,
            self.first_seen_at,
            self.last_seen_at,
        )


PROFILE: Final = msgspec.json.Decoder(Profile)


def rows(value: bytes, published_ms: int) -> Rows:
    """The snapshot, and its identifiers; or the redirect of a profile that was merged away.

    Who was erased joined nobody but themselves: so no view shows them.
    """
    one = PROFILE.decode(value)
    made = [(PROFILES.name, one.columns())]
    if one.erased:
        return [*made, (ERASED.name, (one.workspace, one.profile_id, one.version, one.updated_at))]
    if one.merged_into is not None:
        redirect = (one.workspace, one.profile_id, one.merged_into, one.version)
        return [*made, (REDIRECTS.name, redirect)]
    for name in one.identifiers:
        found = (one.workspace, name.kind, name.value, one.profile_id, one.version)
        made.append((IDENTIFIER_ROWS.name, found))
    return made


def as_text(value: Any) -> str:
    """A trait's value: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
