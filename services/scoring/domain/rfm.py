"""Recency, frequency, monetary: ranks 1 to 5 by the population's quintiles, and named segments."""

from __future__ import annotations

from typing import Final

import numpy as np

from schemas.model import RfmBoundaries
from services.scoring.domain.arrays import Bools, Floats, Ints

QUINTILES: Final = (0.2, 0.4, 0.6, 0.8)
PROSPECTS: Final = "prospects"

#: The segment of each (recency, frequency, monetary), written out: one line for a recency and a
#: frequency, its five letters for monetary 1 to 5.
SEGMENTS: Final = {
    "C": "champions",
    "L": "loyal",
    "A": "active",
    "N": "new",
    "P": "promising",
    "T": "needs_attention",
    "R": "at_risk",
    "V": "previously_loyal",
    "O": "almost_lost",
    "D": "dormant",
}
TABLE: Final = {
    (5, 5): "LLCCC", (5, 4): "LLCCC", (5, 3): "AAAAA", (5, 2): "AAAAA", (5, 1): "NNNNN",
    (4, 5): "LLLCC", (4, 4): "LLLCC", (4, 3): "AAAAA", (4, 2): "AAAAA", (4, 1): "PPPPP",
    (3, 5): "LLLLL", (3, 4): "TTLLL", (3, 3): "TTTTT", (3, 2): "TTTTT", (3, 1): "OOOTT",
    (2, 5): "RRRRR", (2, 4): "RRRRR", (2, 3): "RRRRR", (2, 2): "OORRR", (2, 1): "OOOOO",
    (1, 5): "VVVVV", (1, 4): "VVVVV", (1, 3): "DDDVV", (1, 2): "DDDDD", (1, 1): "DDDDD",
}  # fmt: skip


def segment_of(recency: int, frequency: int, monetary: int) -> str:
    """The named segment of one combination of ranks."""
    return SEGMENTS[TABLE[recency, frequency][monetary - 1]]


_NAMES: Final = np.array(
    [segment_of(r, f, m) for r in range(1, 6) for f in range(1, 6) for m in range(1, 6)]
)


def ranks(boundaries: tuple[float, ...], values: Floats) -> Ints:
    """1 to 5, growing with the value; a value on a boundary belongs to the lower fifth."""
    return np.searchsorted(np.asarray(boundaries), values, side="left").astype(np.int64) + 1


def recency_ranks(boundaries: RfmBoundaries, recency_days: Floats) -> Ints:
    """1 to 5, where 5 is the most recent."""
    return 6 - ranks(boundaries.recency_days, recency_days)


def segments(recency: Ints, frequency: Ints, monetary: Ints, customers: Bools) -> list[str]:
    """The named segment of each row; who never ordered is a prospect."""
    index = (recency - 1) * 25 + (frequency - 1) * 5 + (monetary - 1)
    named: list[str] = np.where(customers, _NAMES[index], PROSPECTS).tolist()
    return named


def boundaries_of(recency_days: Floats, frequency: Floats, monetary: Floats) -> RfmBoundaries:
    """The quintile boundaries of a population of customers, each ascending."""
    return RfmBoundaries(
        recency_days=_quintiles(recency_days),
        frequency=_quintiles(frequency),
        monetary=_quintiles(monetary),
    )


def _quintiles(values: Floats) -> tuple[float, float, float, float]:
    first, second, third, fourth = (
        round(float(value), 6) for value in np.quantile(values, QUINTILES)
    )
    return first, second, third, fourth
