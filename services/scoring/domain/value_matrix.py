"""What a customer has brought against what is still to come: four quadrants.

present above the median | long_tail      high_value
present below            | low_value      potential
                           future below   future above
"""

from __future__ import annotations

from typing import Final

import numpy as np

from services.scoring.domain.arrays import Floats

#: Indexed by 2 * (present above) + (future above).
QUADRANTS: Final = np.array(["low_value", "potential", "long_tail", "high_value"])


def value_segments(
    present: Floats, future: Floats, present_median: float, future_median: float
) -> list[str]:
    """The quadrant of each row; a value on the median counts as below."""
    index = 2 * (present > present_median).astype(int) + (future > future_median)
    named: list[str] = QUADRANTS[index].tolist()
    return named
