"""scores.changed -> scores, flat."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
import pyarrow as pa

from services.scoring.rows.table import (
    COUNT,
    FLAG,
    FLOAT,
    MONEY,
    TEXT,
    TIME,
    Moment,
    Rows,
    Table,
    Uuid,
    Version,
    money,
)

TABLE: Final = Table.of(
    "scores",
    workspace=TEXT,
    profile_id=TEXT,
    version=COUNT,
    profile_version=COUNT,
    model_version=COUNT,
    as_of=TIME,
    merged_into=TEXT,
    value_segment=TEXT,
    high_value=FLAG,
    missing=pa.map_(TEXT, TEXT),
    reasons=pa.map_(TEXT, pa.list_(TEXT)),
    recency=pa.uint8(),
    frequency=pa.uint8(),
    monetary=pa.uint8(),
    segment=TEXT,
    recency_days=FLOAT,
    p_alive=FLOAT,
    churn_probability=FLOAT,
    churn_basis=TEXT,
    alive_below=pa.list_(pa.struct([("threshold", FLOAT), ("at", TIME)])),
    clv_historic=MONEY,
    clv_predicted_12m=MONEY,
    clv_total=MONEY,
    clv_currency=TEXT,
    expected_orders_12m=FLOAT,
    expected_orders_30d=FLOAT,
    expected_next_order_at=TIME,
    average_days_between_orders=FLOAT,
)


class Rfm(msgspec.Struct, frozen=True, gc=False):
    recency: int
    frequency: int
    monetary: int
    segment: str
    recency_days: float


class AliveBelow(msgspec.Struct, frozen=True, gc=False):
    threshold: float
    at: datetime


class Churn(msgspec.Struct, frozen=True, gc=False):
    p_alive: float
    churn_probability: float
    basis: str
    alive_below: list[AliveBelow] = []


class Clv(msgspec.Struct, frozen=True, gc=False):
    historic: Decimal
    predicted_12m: Decimal
    total: Decimal
    currency: str
    expected_orders_12m: float
    expected_orders_30d: float
    expected_next_order_at: Moment | None = None


class Facts(msgspec.Struct, frozen=True, gc=False):
    high_value: bool = False
    average_days_between_orders: float | None = None


class Scores(msgspec.Struct, frozen=True, gc=False):
    """schemas.scores.Scores, as far as there are columns for it."""

    workspace: str
    profile_id: Uuid
    version: Version
    profile_version: Version
    as_of: Moment
    model_version: Version = 0
    merged_into: Uuid | None = None
    erased: bool = False
    rfm: Rfm | None = None
    churn: Churn | None = None
    clv: Clv | None = None
    value_segment: str | None = None
    missing: dict[str, str] = {}
    reasons: dict[str, list[str]] = {}
    facts: Facts = Facts()


SCORES: Final = msgspec.json.Decoder(Scores)


def rows(value: bytes, published_ms: int) -> Rows:
    """One row; a score that is missing is null, and `missing` says why.

    Who was erased joined nobody but themselves: so no view shows them.
    """
    one = SCORES.decode(value)
    row = (
        one.workspace,
        one.profile_id,
        one.version,
        one.profile_version,
        one.model_version,
        one.as_of,
        one.profile_id if one.erased else one.merged_into,
        one.value_segment or "",
        one.facts.high_value,
        list(one.missing.items()),
        list(one.reasons.items()),
        *_rfm(one.rfm),
        *_churn(one.churn),
        *_clv(one.clv),
        one.facts.average_days_between_orders,
    )
    return [(TABLE.name, row)]


def _rfm(rfm: Rfm | None) -> tuple[Any, ...]:
    if rfm is None:
        return None, None, None, "", None
    return rfm.recency, rfm.frequency, rfm.monetary, rfm.segment, rfm.recency_days


def _churn(churn: Churn | None) -> tuple[Any, ...]:
    if churn is None:
        return None, None, "", []
    below = [(one.threshold, one.at) for one in churn.alive_below]
    return churn.p_alive, churn.churn_probability, churn.basis, below


def _clv(clv: Clv | None) -> tuple[Any, ...]:
    if clv is None:
        return None, None, None, "", None, None, None
    return (
        money(clv.historic),
        money(clv.predicted_12m),
        money(clv.total),
        clv.currency,
        clv.expected_orders_12m,
        clv.expected_orders_30d,
        clv.expected_next_order_at,
    )
