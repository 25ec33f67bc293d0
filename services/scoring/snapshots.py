"""What scoring reads of a profile snapshot, and the columns made of a micro-batch of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec
import numpy as np

from services.scoring.domain.arrays import Ints, SnapshotFacts

EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()


class Purchases(msgspec.Struct, frozen=True):
    """schemas.profile.Purchases, as far as it is scored."""

    orders: int = 0
    revenue: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    currency: str = "USD"
    purchase_days: int = 0
    first_day: date | None = None
    last_day: date | None = None
    repeat_revenue: Decimal = Decimal(0)
    last_order_at: str | None = None

    def net(self) -> Decimal:
        """Revenue without what was refunded."""
        return self.revenue - self.refunded


class Service(msgspec.Struct, frozen=True):
    """schemas.profile.Service, as far as journey needs it; complaints pass through as they are."""

    complaints: int = 0
    open_complaints: msgspec.Raw = msgspec.Raw(b"[]")
    nps_last: float | None = None


class Snapshot(msgspec.Struct, frozen=True):
    """schemas.profile.Profile, as far as it is scored."""

    workspace: str
    profile_id: str
    version: int
    merged_into: str | None = None
    first_seen_at: str | None = None
    last_seen_at: str | None = None
    purchases: Purchases = Purchases()
    service: Service = Service()


_DECODER: Final = msgspec.json.Decoder(Snapshot)


def decode(value: bytes) -> Snapshot:
    """One record of profiles.changed. msgspec.DecodeError when it is none."""
    return _DECODER.decode(value)


def facts_of(snapshots: Sequence[Snapshot]) -> SnapshotFacts:
    """The columns of a micro-batch, one row for each snapshot."""
    bought = [snapshot.purchases for snapshot in snapshots]
    return SnapshotFacts(
        orders=np.array([one.orders for one in bought], np.int64),
        purchase_days=np.array([one.purchase_days for one in bought], np.int64),
        first_day=_days([one.first_day for one in bought]),
        last_day=_days([one.last_day for one in bought]),
        revenue=np.array([float(one.net()) for one in bought], np.float64),
        repeat_revenue=np.array([float(one.repeat_revenue) for one in bought], np.float64),
    )


def _days(days: list[date | None]) -> Ints:
    return np.array([day.toordinal() - EPOCH_ORDINAL if day else 0 for day in days], np.int64)
