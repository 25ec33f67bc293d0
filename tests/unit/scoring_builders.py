"""Populations and models that the scoring tests share."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from schemas.base import micros
from schemas.model import BgNbd, Model
from services.scoring.domain.arrays import DAY_US, Histories, Ints, SnapshotFacts
from services.scoring.domain.fit import Publication, fit
from services.scoring.domain.purchase_files import day_of, read_purchases
from services.scoring.domain.purchases import Purchases

SAMPLE = Path(__file__).parent / "data" / "cdnow_sample.txt.gz"
CALIBRATED_UNTIL = day_of("1997-09-30")
LAST_DAY = day_of("1998-06-30")
FITTED_AT = datetime(1998, 7, 1, tzinfo=UTC)
PAPER = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426, log_likelihood=-9582.4)


@cache
def sample() -> Purchases:
    """The purchase days of the CDNOW sample."""
    return read_purchases(
        gzip.decompress(SAMPLE.read_bytes()).decode().splitlines(), "cdnow-sample"
    )


@cache
def sample_model() -> Model:
    """A model of all 18 months of the sample."""
    return fit(sample(), LAST_DAY, Publication("demo", micros(FITTED_AT), FITTED_AT))


def history(x: float, t_x: float, observed: float) -> Histories:
    """One customer."""
    return Histories(np.array([x]), np.array([t_x]), np.array([observed]))


def facts_on(*rows: tuple[int, int, int, float]) -> SnapshotFacts:
    """One row for each (purchase days, first day, last day, revenue); repeat days earn alike."""
    days = np.array([row[0] for row in rows], np.int64)
    revenue = np.array([row[3] for row in rows], np.float64)
    return SnapshotFacts(
        orders=days,
        purchase_days=days,
        first_day=np.array([row[1] for row in rows], np.int64),
        last_day=np.array([row[2] for row in rows], np.int64),
        revenue=revenue,
        repeat_revenue=np.where(days > 0, revenue * (days - 1) / np.maximum(days, 1), 0.0),
    )


def as_of(rows: int, day: int = LAST_DAY + 1) -> Ints:
    """The beginning of that day for every row."""
    return np.full(rows, day * DAY_US, np.int64)


#: Purchase days, first day, last day, revenue.
CustomerRow = tuple[int, int, int, float]


@st.composite
def customers(draw: st.DrawFn) -> CustomerRow:
    """Any customer of the sample's time: (purchase days, first day, last day, revenue)."""
    first = draw(st.integers(LAST_DAY - 540, LAST_DAY))
    span = draw(st.integers(0, LAST_DAY - first))
    days = 0 if draw(st.booleans()) and span == 0 else draw(st.integers(1, span + 1))
    last = first + span if days > 1 else first
    return days, first, last, draw(st.floats(0, 1e5).map(lambda value: round(value, 2)))


parameters = st.builds(
    BgNbd,
    r=st.floats(0.05, 5),
    alpha=st.floats(0.5, 50),
    a=st.floats(0.05, 5),
    b=st.floats(0.1, 20),
    log_likelihood=st.just(0.0),
)
"""BG/NBD parameters as real populations have them."""


@st.composite
def histories(draw: st.DrawFn) -> Histories:
    """One customer with up to 300 repeat purchases in up to ten years."""
    observed = draw(st.floats(0, 520))
    x = draw(st.one_of(st.integers(0, 5), st.integers(0, 300)))
    return history(x, draw(st.floats(0, observed)) if x else 0.0, observed)
