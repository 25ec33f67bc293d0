"""Handlers say which records a decision failed on, so that the poisonous one is found at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from schemas.base import to_json
from services.common.batch import Batch, Record, Undecidable
from services.journey.domain.history import heard
from services.profile.decode import Arrival, Refusal
from services.profile.domain.folds import table
from services.profile.domain.folds.purchase import Ordered
from services.profile.domain.part import KIND_CODES
from services.profile.naming import Naming
from services.profile.outputs import Publications
from tests.unit.journey_builders import scores, with_orders
from tests.unit.journey_world import World
from tests.unit.profile_builders import Run, touchpoint

ORDER = {
    "kind": "order_completed",
    "order_id": "1",
    "total": {"amount": "29.33", "currency": "USD"},
}
VIEW = {"kind": "page_viewed"}


class BugError(Exception):
    pass


def failing(where: Callable[..., bool]) -> Callable[..., Any]:
    """Something that fails where it is told to, and else does nothing."""

    def fail(*arguments: Any) -> None:
        if where(*arguments):
            raise BugError

    return fail


def suspected(decide: Callable[[], object]) -> list[int]:
    """The offsets of the suspects."""
    with pytest.raises(Undecidable) as raised:
        decide()
    assert isinstance(raised.value.__cause__, BugError)
    return [record.offset for record in raised.value.suspects]


def profile_batch() -> Callable[[], object]:
    """Six touchpoints of three people; the orders (1 and 4) are a's and b's."""
    people = (("a", VIEW), ("a", ORDER), ("b", VIEW), ("a", VIEW), ("b", ORDER), ("c", VIEW))
    run = Run()
    return lambda: run.take(*(touchpoint(f"user_id:{who}", **kind) for who, kind in people))


def test_profile_names_the_record_whose_identifiers_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    name = Naming._name

    def fail(naming: Naming, arrival: Arrival) -> Arrival | Refusal:
        if isinstance(arrival.event.facts, Ordered):
            raise BugError
        return name(naming, arrival)

    monkeypatch.setattr(Naming, "_name", fail)
    assert suspected(profile_batch()) == [1]


def test_profile_names_the_record_whose_fold_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        table.FOLD_OF, KIND_CODES["order_completed"], failing(lambda part, event, facts: True)
    )
    assert suspected(profile_batch()) == [1]


def test_profile_names_all_records_of_somebody_who_can_not_be_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def is_b(_self: object, _state: bytes, _version: int, component: Any, _person: object) -> bool:
        return str(component.nodes[0].value) == "b"

    shown = Publications.shown

    def fail(*arguments: Any) -> Any:
        failing(is_b)(*arguments)
        return shown(*arguments)

    monkeypatch.setattr(Publications, "shown", fail)
    assert suspected(profile_batch()) == [2, 4]


def test_journey_names_all_records_of_whom_it_can_not_decide_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = UUID("22222222-2222-4222-8222-222222222222")
    mine, others = scores(with_orders(0), 10), scores(with_orders(0), 11)
    values = [
        others.model_copy(update={"profile_id": other}),
        mine,
        others.model_copy(update={"profile_id": other, "version": 12}),
    ]
    records = [Record("scores.changed", 0, n, b"k", to_json(one)) for n, one in enumerate(values)]

    def fail(profile_id: UUID, *more: Any) -> Any:
        if profile_id == other:
            raise BugError
        return heard(profile_id, *more)

    monkeypatch.setattr("services.journey.stream.heard", fail)
    assert suspected(lambda: World().handler.decide(Batch(records, (), 1))) == [0, 2]
