"""How long a batch may gather records before it is decided on."""

from __future__ import annotations

from typing import Final

#: Pure latency for the few records of a quiet hour.
SHORT_S: Final = 0.05
#: Each commit, transaction and slot costs the engines milliseconds, whatever it holds. At thousands
#: of records a second three times as many in each are worth a tenth of a second.
LONG_S: Final = 0.15
MANY_RECORDS: Final = 64


def gather_s(last_records: int) -> float:
    """By how many records the last batch had."""
    return LONG_S if last_records >= MANY_RECORDS else SHORT_S
