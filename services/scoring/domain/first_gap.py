"""The churn signal of one-time buyers: how many who came back had taken this long or longer.

BG/NBD says P(alive) = 1 for everybody with one purchase day, however long ago. So for them we
read the survival curve of the first gap between purchases among the repeat buyers of the fitted
population, kept as 21 quantiles (0, 5, ... 100 %). It never reaches zero: silence longer than
any gap ever seen still counts as one in n + 1 (rule of succession).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from services.scoring.domain.arrays import Floats

QUANTILES: Final = 21
TIE_DAYS: Final = 1e-4
SHARES: Final = np.linspace(0.0, 1.0, QUANTILES)


def quantiles_of(gap_days: Floats) -> tuple[float, ...]:
    """The 21 quantiles of the first gaps, days; empty without any gap.

    Equal ones are parted by seconds, so that the curve can be inverted.
    """
    if len(gap_days) == 0:
        return ()
    quantiles = np.quantile(gap_days, SHARES)
    steps = np.arange(QUANTILES) * TIE_DAYS
    return tuple(float(day) for day in np.maximum.accumulate(quantiles - steps) + steps)


def survival(quantile_days: tuple[float, ...], repeat_customers: int, days: Floats) -> Floats:
    """Share of first gaps longer than `days`, in (0, 1], falling."""
    gaps = _strictly_ascending(quantile_days)
    return 1.0 - np.interp(days, gaps, _lost_shares(repeat_customers), left=0.0)


def days_until(quantile_days: tuple[float, ...], repeat_customers: int, share: Floats) -> Floats:
    """The inverse: days after the first purchase at which survival falls to `share`.

    Infinity where it never falls so low.
    """
    lost = _lost_shares(repeat_customers)
    days = np.interp(1.0 - share, lost, _strictly_ascending(quantile_days))
    return np.where(1.0 - share > lost[-1], np.inf, days)


def _lost_shares(repeat_customers: int) -> Floats:
    lost: Floats = SHARES * (repeat_customers / (repeat_customers + 1.0))
    return lost


def _strictly_ascending(quantile_days: tuple[float, ...]) -> Floats:
    """Whatever a model holds, interpolation needs a strictly ascending axis."""
    parted: Floats = np.asarray(quantile_days) + np.arange(len(quantile_days)) * 1e-9
    return parted
