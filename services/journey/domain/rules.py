"""What a workspace asks of its journeys, in the units that decisions use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """Thresholds of P(alive), counts of orders, silences in days, time-outs in µs.

    `complaint_us_max` has no entry for a severity that has no deadline.
    """

    workspace: str
    effects_max_age_us: int
    dormant_enters: float
    dormant_stays: float
    lost_enters: float
    lost_stays: float
    churn_alive_below: float
    growing_orders: int
    mature_orders: int
    silent_gaps_dormant: float
    silent_gaps_lost: float
    silent_days_default: float
    complaint_us_max: Mapping[int, int]
