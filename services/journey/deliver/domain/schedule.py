"""When a delivery is tried again, and when it is given up.

Source: Standard Webhooks, specification 1.0, "Deliverability and reliability".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

HOUR_S: Final = 3_600
DAY_MS: Final = 86_400_000
#: Seconds from one attempt to the next; the first attempt is made at once.
DELAYS_S: Final = (
    5,
    5 * 60,
    30 * 60,
    2 * HOUR_S,
    5 * HOUR_S,
    10 * HOUR_S,
    14 * HOUR_S,
    20 * HOUR_S,
    24 * HOUR_S,
)
ATTEMPTS_MAX: Final = 1 + len(DELAYS_S)
#: So much longer than planned at most, so that deliveries that failed together come back apart.
JITTER_PART: Final = 0.2
RETRY_AFTER_MS_MAX: Final = DAY_MS
FAILING_DAYS_MAX: Final = 5
TIMEOUT_S: Final = 20.0
#: A claim that was not finished for so long belongs to a worker that died.
LEASE_MS: Final = 30_000


@dataclass(frozen=True, slots=True)
class Timing:
    """The schedule, multiplied by `scale` (1 except in tests)."""

    scale: float = 1.0
    timeout_s: float = TIMEOUT_S

    @property
    def lease_ms(self) -> int:
        return max(2_000, int(LEASE_MS * min(1.0, self.scale)))

    @property
    def failing_ms_max(self) -> int:
        """An endpoint without a success for so long is disabled."""
        return int(FAILING_DAYS_MAX * DAY_MS * self.scale)

    def next_attempt_ms(
        self, failures: int, now_ms: int, *, dice: float, retry_after_ms: int = 0
    ) -> int:
        """The moment of the next attempt after so many failures (1 or more).

        `dice` is in [0, 1). The receiver's Retry-After can move it later, never earlier. After
        the last attempt it is now: what is due then is the dead letter.
        """
        if is_last(failures):
            return now_ms
        planned_ms = DELAYS_S[failures - 1] * 1_000 * self.scale * (1 + JITTER_PART * dice)
        return now_ms + max(int(planned_ms), min(retry_after_ms, RETRY_AFTER_MS_MAX))


def is_last(failures: int) -> bool:
    """Whether there is no attempt after so many failures."""
    return failures >= ATTEMPTS_MAX


def retry_after_ms(header: str | None, now: datetime) -> int:
    """Milliseconds that a Retry-After header asks for (RFC 9110, 10.2.3); 0 if it says nothing."""
    if header is None:
        return 0
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:12]) * 1_000, RETRY_AFTER_MS_MAX)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    wait_ms = int((moment - now).total_seconds() * 1_000)
    return min(max(0, wait_ms), RETRY_AFTER_MS_MAX)
