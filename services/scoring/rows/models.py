"""models -> models, flat: every version that was published."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa

from schemas.model import Model, RfmBoundaries
from services.scoring.rows.table import COUNT, FLAG, FLOAT, TEXT, TIME, Rows, Table

BOUNDS: Final = pa.list_(FLOAT)

TABLE: Final = Table.of(
    "models",
    workspace=TEXT,
    version=COUNT,
    fitted_at=TIME,
    currency=TEXT,
    bg_r=FLOAT,
    bg_alpha=FLOAT,
    bg_a=FLOAT,
    bg_b=FLOAT,
    bg_log_likelihood=FLOAT,
    gg_p=FLOAT,
    gg_q=FLOAT,
    gg_gamma=FLOAT,
    rfm_recency_days=BOUNDS,
    rfm_frequency=BOUNDS,
    rfm_monetary=BOUNDS,
    first_gap_days=BOUNDS,
    median_gap_days=FLOAT,
    present_value_median=FLOAT,
    future_value_median=FLOAT,
    high_value_from=FLOAT,
    discount_rate_per_year=FLOAT,
    customers=COUNT,
    repeat_customers=COUNT,
    orders=COUNT,
    history_days=pa.int64(),
    days_since_last_order=FLOAT,
    customers_with_three_orders=COUNT,
    enough=FLAG,
    why_not=TEXT,
)


def rows(value: bytes, published_ms: int) -> Rows:
    """One row. Models are rare, so pydantic reads them."""
    one = Model.model_validate_json(value)
    row = (
        one.workspace,
        one.version,
        one.fitted_at.isoformat(),
        one.currency,
        *_parameters(one),
        *_boundaries(one.rfm),
        one.first_gap_days,
        one.median_gap_days,
        one.present_value_median,
        one.future_value_median,
        one.high_value_from,
        one.discount_rate_per_year,
        *_population(one),
    )
    return [(TABLE.name, row)]


def _parameters(model: Model) -> tuple[float | None, ...]:
    bg, gg = model.bg_nbd, model.gamma_gamma
    return (
        *((bg.r, bg.alpha, bg.a, bg.b, bg.log_likelihood) if bg else (None,) * 5),
        *((gg.p, gg.q, gg.gamma) if gg else (None,) * 3),
    )


def _boundaries(rfm: RfmBoundaries | None) -> tuple[tuple[float, ...], ...]:
    return (rfm.recency_days, rfm.frequency, rfm.monetary) if rfm else ((), (), ())


def _population(model: Model) -> tuple[Any, ...]:
    fitted_on = model.population
    return (
        fitted_on.customers,
        fitted_on.repeat_customers,
        fitted_on.orders,
        fitted_on.history_days,
        fitted_on.days_since_last_order,
        fitted_on.customers_with_three_orders,
        fitted_on.enough,
        fitted_on.why_not or "",
    )
