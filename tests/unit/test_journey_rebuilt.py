"""What a rebuild of profiles finds is recorded, and nobody is bothered with it."""

from __future__ import annotations

from schemas.action import ActionRequested
from schemas.base import derived_id, micros
from services.journey.domain.decide import Decided, decide_customer
from services.journey.domain.holders import Holders
from tests.unit.journey_builders import RULES, WHO, Known, day, facts, scores

NOW = micros(day(30))


def decided(*, rebuilt: bool) -> Decided:
    """A complaint of yesterday that nobody knew of, of a customer of high value."""
    complaint = (str(derived_id("complaint", 1)), day(29), 4)
    known = Known(orders=(day(28),), complaints=(complaint,), high_value=True, last_seen=day(29))
    message = scores(known, NOW).model_copy(update={"rebuilt": rebuilt})
    return decide_customer(WHO, None, facts(message), NOW, RULES, Holders())


def test_effects_of_a_rebuild_are_recorded_not_sent() -> None:
    quiet, loud = decided(rebuilt=True).events, decided(rebuilt=False).events
    assert any(isinstance(one, ActionRequested) for one in loud)
    assert not any(one.historic for one in loud)
    assert not any(isinstance(one, ActionRequested) for one in quiet)
    assert {one.event_id for one in quiet} < {one.event_id for one in loud}
    assert all(one.historic for one in quiet)
