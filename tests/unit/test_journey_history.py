"""However the log is cut into batches, and however often Redis goes back: the same is said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import micros
from schemas.scores import Scores
from tests.unit.journey_builders import WHO, Known, day, scores
from tests.unit.journey_world import World
from tests.unit.test_journey_decide import Fact, histories, learned, models

OTHER = UUID("22222222-2222-4222-8222-222222222222")
END_US = micros(day(1500))
Said = set[tuple[str, str, bytes]]


def log_of(history: list[Fact], model: int, dice: Random) -> list[Scores]:
    """Scores of two customers as they stand on the topic, in the order of their own times.

    Now and then what came before is told anew under newer versions, as by a profile service that
    went back with Redis; and copies of old messages come late.
    """
    known = {WHO: Known(model=model), OTHER: Known(model=model)}
    past: dict[UUID, list[Known]] = {WHO: [], OTHER: []}
    told: list[Scores] = []
    for number, fact in enumerate(sorted(set(history), key=lambda one: (one[1], one))):
        who = dice.choice([WHO, OTHER])
        known[who] = learned(known[who], fact)
        past[who].append(known[who])
        again = past[who][-dice.randint(2, 4) :] if dice.random() < 0.2 else past[who][-1:]
        for step, view in enumerate(again):
            version = micros(day(fact[1])) + number * 100 + step
            told.append(scores(view, version + model, who=who))
        if dice.random() < 0.2:
            told.append(dice.choice(told))
    return told


def said(world: World) -> Said:
    """Everything published: a repeat in other bytes would be one more."""
    return {(one.topic, str(one.headers), one.value) for one in world.published}


def read_one_by_one(log: Sequence[Scores]) -> World:
    """Each message alone at its own time; between them every due moment when it comes."""
    world = World()
    for message in log:
        _wait(world, max(micros(message.as_of) - 1, 0))
        world.hear_at([message], micros(message.as_of))
    _wait(world, END_US)
    return world


def _wait(world: World, until_us: int) -> None:
    while world.due and min(world.due.values()) <= until_us:
        world.pass_time(min(world.due.values()))


def read_somehow(log: Sequence[Scores], dice: Random) -> World:
    """Batches of any size, taken late; Redis goes back; time passes once the log is read."""
    world, now_us = World(), 0
    earlier = [world.kept()]
    while now_us < END_US:
        now_us += round(dice.choice([1, 20, 200, 800]) * dice.random() * 86_400_000_000)
        now_us = min(max(now_us, micros(log[0].as_of)), END_US)
        later = (at for at, message in enumerate(log) if micros(message.as_of) > now_us)
        there = next(later, len(log))
        while world.offset < there and dice.random() < 0.8:
            taken = log[world.offset : min(there, world.offset + dice.randint(1, 8))]
            world.hear_at(taken, now_us)
            earlier.append(world.kept())
        if world.offset >= there and dice.random() < 0.7:
            world.pass_time(now_us)
            earlier.append(world.kept())
        if dice.random() < 0.2:
            world.throw_back(dice.choice(earlier[-6:]))
    world.hear_at(log[world.offset :], END_US)
    _wait(world, END_US)
    return world


def left_open(world: World) -> set[str]:
    """Alerts that were raised and not cleared, as a consumer who keeps ids sees it."""
    alerts = [json.loads(one.value) for one in world.published if one.topic == "alerts.raised"]
    cleared = {alert["alert_id"] for alert in alerts if alert["state"] == "cleared"}
    return {alert["alert_id"] for alert in alerts} - cleared


def open_in_state(world: World) -> int:
    return sum(alert.open for state in world.states() for alert in state.alerts)


@given(histories, models, st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_batches_and_rollbacks_change_nothing_that_is_said(
    history: list[Fact], model: int, seed: int
) -> None:
    dice = Random(seed)
    log = log_of(history, model, dice)
    expected, found = read_one_by_one(log), read_somehow(log, dice)
    assert said(found) == said(expected)
    assert len(left_open(found)) == open_in_state(found) == open_in_state(expected)
