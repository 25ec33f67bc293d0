"""Which stage of the lifecycle a customer is in, and when time alone would change it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from schemas.lifecycle import Stage
from services.journey.domain.customer import NEVER, State
from services.journey.domain.moments import Moments
from services.journey.domain.rules import Rules


class Standing(NamedTuple):
    """What the rules look at: orders, and whether P(alive) is below a threshold by now."""

    orders: int
    growing_orders: int
    mature_orders: int
    dormant: bool
    still_dormant: bool
    lost: bool
    still_lost: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """`stays` is weaker than `enters`, so that nobody flickers at the edge."""

    stage: Stage
    enters: Callable[[Standing], bool]
    stays: Callable[[Standing], bool]


def _mature(customer: Standing) -> bool:
    return customer.orders >= customer.mature_orders


def _growing(customer: Standing) -> bool:
    return customer.orders >= customer.growing_orders


def _new(customer: Standing) -> bool:
    return customer.orders >= 1


def _always(_customer: Standing) -> bool:
    return True


#: Worst first: the first rule that holds gives the stage.
RULES: Final[tuple[Rule, ...]] = (
    Rule(Stage.LOST, enters=lambda c: c.lost, stays=lambda c: c.still_lost),
    Rule(Stage.DORMANT, enters=lambda c: c.dormant, stays=lambda c: c.still_dormant),
    Rule(Stage.MATURE, enters=_mature, stays=_mature),
    Rule(Stage.GROWING, enters=_growing, stays=_growing),
    Rule(Stage.NEW, enters=_new, stays=_new),
    Rule(Stage.POTENTIAL, enters=_always, stays=_always),
)

_RANK: Final = {rule.stage: rank for rank, rule in enumerate(RULES)}
SILENT: Final = frozenset((Stage.DORMANT, Stage.LOST))


def stage_of(customer: Standing, current: Stage) -> Stage:
    """First rule that holds; the current stage and milder ones get their weaker condition.

    Milder ones too, since who was lost was dormant on the way and should not leap over it.
    """
    kept_from = _RANK[current]
    for rank, rule in enumerate(RULES):
        holds = rule.stays if rank >= kept_from else rule.enters
        if holds(customer):
            return rule.stage
    raise AssertionError("the last rule always holds")


def standing(orders: int, moments: Moments, now_us: int, rules: Rules) -> Standing:
    """How a customer stands now by new facts."""
    return Standing(
        orders,
        rules.growing_orders,
        rules.mature_orders,
        now_us >= moments.dormant_us,
        now_us >= moments.dormant_stays_us,
        now_us >= moments.lost_us,
        now_us >= moments.lost_stays_us,
    )


def stage_after(state: State, now_us: int) -> Stage:
    """The stage when nothing happened but time: it only gets worse, and never leaves by itself."""
    if now_us >= state.lost_us or state.stage is Stage.LOST:
        return Stage.LOST
    if now_us >= state.dormant_us or state.stage is Stage.DORMANT:
        return Stage.DORMANT
    return state.stage


def next_stage_moment(state: State, now_us: int) -> int:
    """The earliest moment (µs) at which time alone would change the stage, else NEVER."""
    if state.stage is Stage.LOST or state.stage is Stage.POTENTIAL:
        return NEVER
    if state.stage is Stage.DORMANT or now_us >= state.dormant_us:
        return state.lost_us if now_us < state.lost_us else NEVER
    return min(state.dormant_us, state.lost_us)
