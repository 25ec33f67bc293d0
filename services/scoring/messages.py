"""Columns of scores written as the messages of scores.changed (schemas.scores.Scores)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.base import EPOCH
from schemas.money import MINOR_DIGITS
from services.scoring.domain.reasons import Reasons
from services.scoring.domain.score import NEVER, NO_ORDER, ChurnColumns, ClvColumns, ScoreBatch
from services.scoring.snapshots import Snapshot

NO_ORDER_MISSING: Final = dict.fromkeys(("rfm", "churn", "clv"), NO_ORDER)
_ENCODER: Final = msgspec.json.Encoder()
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """One record for scores.changed."""

    profile_id: str
    value: bytes
    version: int
    as_of: datetime


def as_of_us(snapshots: Sequence[Snapshot], model_version: int) -> NDArray[np.int64]:
    """The moment each snapshot is scored for: when it or the model was made, the later.

    Both versions are clocks in µs. So a repeated computation gives the same scores, byte by byte.
    """
    versions = np.array([snapshot.version for snapshot in snapshots], np.int64)
    return np.maximum(versions, model_version)


def scores_of(
    snapshots: Sequence[Snapshot],
    batch: ScoreBatch,
    reasons: Sequence[Reasons],
    model_version: int,
    thresholds: tuple[float, ...],
) -> list[Written]:
    """The messages of a micro-batch, in its order."""
    rfm = _rfm_rows(batch, snapshots)
    churn = _churn_rows(batch.churn, thresholds, len(snapshots))
    clv = _clv_rows(batch, snapshots)
    segments = batch.clv.value_segment if batch.clv else [None] * len(snapshots)
    gaps, high = _gaps(batch), batch.high_value.tolist()
    moments = as_of_us(snapshots, model_version).tolist()
    written = []
    for i, snapshot in enumerate(snapshots):
        buyer = snapshot.purchases.purchase_days > 0
        row = _head(snapshot, model_version, moments[i])
        row["rfm"] = rfm[i] if buyer else None
        row["churn"] = churn[i] if buyer else None
        row["clv"] = clv[i] if buyer else None
        row["value_segment"] = segments[i] if buyer else None
        row["missing"] = batch.missing if buyer else NO_ORDER_MISSING | batch.missing
        row["reasons"] = reasons[i]
        row["facts"] = _facts(snapshot, gaps[i], high[i])
        written.append(_written(row))
    return written


def redirect(snapshot: Snapshot, model_version: int) -> Written:
    """The message of a profile that joined another one: its scores are gone."""
    row = _head(snapshot, model_version, max(snapshot.version, model_version))
    return _written(row | {"merged_into": snapshot.merged_into})


def _written(row: Row) -> Written:
    return Written(row["profile_id"], _ENCODER.encode(row), row["version"], row["as_of"])


def _head(snapshot: Snapshot, model_version: int, moment_us: int) -> Row:
    return {
        "workspace": snapshot.workspace,
        "profile_id": snapshot.profile_id,
        "version": snapshot.version + model_version,
        "profile_version": snapshot.version,
        "model_version": model_version,
        "as_of": _moment(moment_us),
        "merged_into": None,
    }


def _rfm_rows(batch: ScoreBatch, snapshots: Sequence[Snapshot]) -> list[Row | None]:
    if batch.rfm is None:
        return [None] * len(snapshots)
    columns = zip(
        batch.rfm.recency.tolist(),
        batch.rfm.frequency.tolist(),
        batch.rfm.monetary.tolist(),
        batch.rfm.segment,
        batch.recency_days.tolist(),
        snapshots,
        strict=True,
    )
    return [
        {
            "recency": recency,
            "frequency": frequency,
            "monetary": monetary,
            "segment": segment,
            "recency_days": recency_days,
            "orders": snapshot.purchases.orders,
            "revenue": snapshot.purchases.net(),
        }
        for recency, frequency, monetary, segment, recency_days, snapshot in columns
    ]


def _churn_rows(
    churn: ChurnColumns | None, thresholds: tuple[float, ...], rows: int
) -> list[Row | None]:
    if churn is None:
        return [None] * rows
    columns = zip(
        churn.p_alive.tolist(), churn.one_time.tolist(), churn.alive_below_us.tolist(), strict=True
    )
    return [
        {
            "p_alive": alive,
            "churn_probability": 1.0 - alive,
            "basis": "first_gap_survival" if one_time else "bg_nbd",
            "alive_below": [
                {"threshold": threshold, "at": _moment(at)}
                for threshold, at in zip(thresholds, below, strict=True)
            ],
        }
        for alive, one_time, below in columns
    ]


def _clv_rows(batch: ScoreBatch, snapshots: Sequence[Snapshot]) -> list[Row | None]:
    clv = batch.clv
    if clv is None:
        return [None] * len(snapshots)
    columns = zip(snapshots, _gaps(batch), clv.predicted.tolist(), _expected(clv), strict=True)
    rows: list[Row | None] = []
    for snapshot, gap, predicted, (year, month, next_us) in columns:
        currency = snapshot.purchases.currency
        historic = snapshot.purchases.net()
        coming = Decimal(f"{predicted:.{MINOR_DIGITS.get(currency, 2)}f}")
        rows.append(
            {
                "historic": historic,
                "predicted_12m": coming,
                "total": historic + coming,
                "currency": currency,
                "expected_orders_12m": year,
                "expected_orders_30d": month,
                "expected_next_order_at": None if next_us == NEVER else _moment(next_us),
                "average_days_between_orders": gap,
            }
        )
    return rows


def _expected(clv: ClvColumns) -> list[tuple[float, float, int]]:
    columns = (clv.orders_12m.tolist(), clv.orders_30d.tolist(), clv.next_order_us.tolist())
    return list(zip(*columns, strict=True))


def _facts(snapshot: Snapshot, gap_days: float | None, high_value: bool) -> Row:
    bought, service = snapshot.purchases, snapshot.service
    return {
        "orders": bought.orders,
        "purchase_days": bought.purchase_days,
        "revenue": bought.net(),
        "first_seen_at": snapshot.first_seen_at,
        "last_seen_at": snapshot.last_seen_at,
        "last_order_at": bought.last_order_at,
        "average_days_between_orders": gap_days,
        "high_value": high_value,
        "complaints": service.complaints,
        "open_complaints": service.open_complaints,
        "nps_last": service.nps_last,
    }


def _gaps(batch: ScoreBatch) -> list[float | None]:
    return [None if gap != gap else gap for gap in batch.average_gap_days.tolist()]


def _moment(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)
