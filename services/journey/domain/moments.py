"""When time alone will move a customer: P(alive) only falls between orders, so moments suffice."""

from __future__ import annotations

from typing import NamedTuple

from services.journey.domain.customer import NEVER, Facts
from services.journey.domain.rules import Rules

DAY_US = 86_400_000_000
#: Nobody waits for longer than a thousand years.
SILENCE_US_MAX = 365_000 * DAY_US


class Moments(NamedTuple):
    """From each of these on (µs), if no order comes: P(alive) is below that threshold."""

    dormant_us: int
    dormant_stays_us: int
    lost_us: int
    lost_stays_us: int
    churn_us: int


NONE = Moments(NEVER, NEVER, NEVER, NEVER, NEVER)


def moments_of(facts: Facts, rules: Rules) -> Moments:
    """The model's moments; without a model silence decides; without an order nothing is due."""
    if facts.orders == 0 or facts.last_order_us == 0:
        return NONE
    if facts.alive_below is None:
        return _by_silence(facts, rules)
    return Moments(
        _below(facts, rules.dormant_enters),
        _below(facts, rules.dormant_stays),
        _below(facts, rules.lost_enters),
        _below(facts, rules.lost_stays),
        _below(facts, rules.churn_alive_below),
    )


def _below(facts: Facts, threshold: float) -> int:
    """The moment of the threshold; where scores lack it, of the next lower one, which implies it.

    Never before the last order: nobody is silent before that.
    """
    known = facts.alive_below or {}
    moment = known.get(threshold)
    if moment is None:
        lower = [one for one in known if one < threshold]
        moment = known[max(lower)] if lower else NEVER
    return moment if moment > facts.last_order_us else facts.last_order_us


def _by_silence(facts: Facts, rules: Rules) -> Moments:
    gap_us = (facts.gap_days if facts.gap_days > 0 else rules.silent_days_default) * DAY_US
    dormant_us = _after(facts, rules.silent_gaps_dormant * gap_us)
    lost_us = _after(facts, rules.silent_gaps_lost * gap_us)
    churn_us = dormant_us if facts.orders >= 2 else NEVER
    return Moments(dormant_us, dormant_us, lost_us, lost_us, churn_us)


def _after(facts: Facts, silence_us: float) -> int:
    return facts.last_order_us + round(silence_us) if silence_us < SILENCE_US_MAX else NEVER
