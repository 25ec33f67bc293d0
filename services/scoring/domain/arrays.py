"""The columns that scoring computes with: one row for each snapshot of a micro-batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DAY_US: Final = 86_400_000_000
DAYS_PER_WEEK: Final = 7.0


@dataclass(frozen=True, slots=True)
class SnapshotFacts:
    """The sufficient statistics of n profiles, all of length n.

    Days count from 1970-01-01 (UTC) and mean nothing where `purchase_days` is 0. Money is in the
    workspace's currency: `revenue` net of refunds, `repeat_revenue` that of all purchase days but
    the first.
    """

    orders: Ints
    purchase_days: Ints
    first_day: Ints
    last_day: Ints
    revenue: Floats
    repeat_revenue: Floats

    def __len__(self) -> int:
        return len(self.orders)

    def rows(self, chosen: Bools | Ints | slice) -> SnapshotFacts:
        """The same columns for some of the rows."""
        return SnapshotFacts(
            orders=self.orders[chosen],
            purchase_days=self.purchase_days[chosen],
            first_day=self.first_day[chosen],
            last_day=self.last_day[chosen],
            revenue=self.revenue[chosen],
            repeat_revenue=self.repeat_revenue[chosen],
        )


@dataclass(frozen=True, slots=True)
class Histories:
    """(x, t_x, T) of BG/NBD: repeat purchase days, weeks to the last one, weeks observed."""

    x: Floats
    t_x: Floats
    observed: Floats

    def rows(self, chosen: Bools | Ints | slice) -> Histories:
        """The same columns for some of the rows."""
        return Histories(self.x[chosen], self.t_x[chosen], self.observed[chosen])


def histories(facts: SnapshotFacts, as_of_us: Ints) -> Histories:
    """The histories as of a moment of each row; nobody has bought after it (T >= t_x)."""
    x = np.maximum(facts.purchase_days - 1, 0).astype(np.float64)
    t_x = np.where(x > 0, (facts.last_day - facts.first_day) / DAYS_PER_WEEK, 0.0)
    observed = (as_of_us - facts.first_day * DAY_US) / (DAY_US * DAYS_PER_WEEK)
    return Histories(x, t_x, np.maximum(observed, t_x))
