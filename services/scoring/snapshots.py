"""What scoring reads of a profile snapshot, and the columns made of a micro-batch of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from math import isfinite
from typing import Annotated, Final

import msgspec
import numpy as np

from services.scoring.domain.arrays import Ints, SnapshotFacts
from services.scoring.shapes import Permission

EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
#: A pattern here would cost as much as all other decoding: `check` looks at a batch at once.
ProfileId = Annotated[str, msgspec.Meta(min_length=36, max_length=36)]
Currency = Annotated[str, msgspec.Meta(min_length=3, max_length=3)]
PROFILE_IDS: Final = re.compile(r"(?:[0-9a-f-]{36},)*")
CURRENCIES: Final = re.compile(r"(?:[A-Z]{3},)*")
#: Moments in µs that a date can still show: up to the year 2199.
Version = Annotated[int, msgspec.Meta(ge=0, le=7_258_032_000_000_000)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]


class Purchases(msgspec.Struct, frozen=True, gc=False):
    """schemas.profile.Purchases, as far as it is scored."""

    orders: Count = 0
    revenue: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    currency: Currency = "USD"
    purchase_days: Count = 0
    first_day: date | None = None
    last_day: date | None = None
    repeat_revenue: Decimal = Decimal(0)
    last_order_at: str | None = None

    def net(self) -> Decimal:
        """Revenue without what was refunded."""
        return self.revenue - self.refunded


class Service(msgspec.Struct, frozen=True, gc=False):
    """schemas.profile.Service, as far as journey needs it."""

    complaints: Count = 0
    open_complaints: msgspec.Raw = msgspec.Raw(b"[]")
    nps_last: float | None = None


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """schemas.profile.Profile, as far as it is scored. Moments of text pass through as they are."""

    workspace: str
    profile_id: ProfileId
    version: Version
    merged_into: ProfileId | None = None
    erased: bool = False
    first_seen_at: str | None = None
    last_seen_at: str | None = None
    purchases: Purchases = Purchases()
    service: Service = Service()
    conflicts: msgspec.Raw = msgspec.Raw(b"[]")
    rebuilt: bool = False
    rebuilt_version: int = 0
    consent: dict[str, Permission] = {}

    def refuses(self, purpose: str | None) -> bool:
        """Whether the newest word on this purpose was no; who was never asked refuses nothing."""
        said = self.consent.get(purpose) if purpose else None
        return said is not None and not said.allowed


_DECODER: Final = msgspec.json.Decoder(Snapshot)


def decode(value: bytes) -> Snapshot:
    """One record of profiles.changed. msgspec.DecodeError when it is none."""
    return _DECODER.decode(value)


def check(snapshots: Sequence[Snapshot]) -> None:
    """ValueError when an id or a currency does not look like one, or an amount has no size."""
    ids = "".join([f"{one.profile_id},{one.merged_into or one.profile_id}," for one in snapshots])
    currencies = "".join({f"{one.purchases.currency}," for one in snapshots})
    if not PROFILE_IDS.fullmatch(ids):
        raise ValueError("a profile id is no UUID")
    if not CURRENCIES.fullmatch(currencies):
        raise ValueError("a currency is no ISO 4217 code")
    if not all(map(isfinite, [one.purchases.net() for one in snapshots])):
        raise ValueError("an amount is not a finite number")


def facts_of(snapshots: Sequence[Snapshot]) -> SnapshotFacts:
    """The columns of a micro-batch, one row for each snapshot. ValueError: no finite amount."""
    bought = [snapshot.purchases for snapshot in snapshots]
    facts = SnapshotFacts(
        orders=np.array([one.orders for one in bought], np.int64),
        purchase_days=np.array([one.purchase_days for one in bought], np.int64),
        first_day=_days([one.first_day for one in bought]),
        last_day=_days([one.last_day for one in bought]),
        revenue=np.array([float(one.net()) for one in bought], np.float64),
        repeat_revenue=np.array([float(one.repeat_revenue) for one in bought], np.float64),
    )
    if not np.isfinite(facts.revenue).all() or not np.isfinite(facts.repeat_revenue).all():
        raise ValueError("an amount is not a finite number")
    return facts


def _days(days: list[date | None]) -> Ints:
    return np.array([day.toordinal() - EPOCH_ORDINAL if day else 0 for day in days], np.int64)
