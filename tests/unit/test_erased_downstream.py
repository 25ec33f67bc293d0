"""Whoever reads profiles and scores forgets the erased, and nothing late brings them back."""

from __future__ import annotations

import json
from types import SimpleNamespace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from schemas import topics
from schemas.base import derived_id, micros, to_json
from schemas.profile import Profile
from schemas.scores import Scores
from services.journey.store import HOLDER_PREFIX, state_key
from services.scoring.decide import Asked, Ground, decide
from services.scoring.erased import Erased
from services.scoring.rows import PROCESSORS
from tests.columns_messages import ADA, MESSAGES, NOON, PUBLISHED_MS
from tests.scoring_messages import Message, model, profile_id, published, snapshot
from tests.unit.journey_builders import WHO, Known, day, scores, with_orders
from tests.unit.journey_world import World

COMPLAINED = Known(complaints=(("C-1", day(0), 4),), orders=(day(0),), high_value=True)
GROUND = Ground({"demo": model()}, {"demo": Asked((0.5,))})


def erased(version: int, who: UUID = WHO) -> Scores:
    blank = scores(Known(), version, who=who)
    return Scores(
        workspace="demo",
        profile_id=who,
        version=blank.version,
        profile_version=blank.profile_version,
        as_of=blank.as_of,
        erased=True,
    )


# -- score -----------------------------------------------------------------------------------------


def scored(*values: bytes) -> list[Scores]:
    outputs = decide([Message(0, at, value) for at, value in enumerate(values)], GROUND, 0)
    return [Scores.model_validate_json(output.value) for output in outputs]


def gone(number: int, version: int) -> bytes:
    id, now = profile_id(number), NOON
    one = Profile(workspace="demo", profile_id=id, version=version, updated_at=now, erased=True)
    return to_json(one)


def test_scores_of_the_erased_say_nothing_but_that() -> None:
    living = published(snapshot(0, version=5))
    (one,) = scored(gone(0, micros(NOON) * 2))
    assert (one.erased, one.rfm, one.clv, one.facts.orders) == (True, None, None, 0)
    assert one.profile_id == profile_id(0)
    for order in ((living, gone(0, micros(NOON) * 2)), (gone(0, micros(NOON) * 2), living)):
        assert [each.erased for each in scored(*order)] == [True]


def test_erased_merged_and_living_people_go_through_one_batch() -> None:
    found = scored(published(snapshot(1)), gone(0, micros(NOON)), published(snapshot(2)))
    assert {one.profile_id: one.erased for one in found} == {
        profile_id(0): True,
        profile_id(1): False,
        profile_id(2): False,
    }


# -- journey ---------------------------------------------------------------------------------------


def test_journey_keeps_only_versions_of_the_erased_and_tells_nobody() -> None:
    world = World()
    world.hear(scores(COMPLAINED, micros(day(0.1))), at=0.1)
    assert world.open_alerts()
    assert any(key.startswith(HOLDER_PREFIX) for key in world.store.values)
    told = len(world.published)
    world.hear(erased(micros(day(0.2))), at=0.2)
    assert len(world.published) == told
    assert world.due == {}
    assert list(world.store.values) == [state_key("demo", WHO.bytes)]
    (state,) = world.states()
    assert (state.orders, state.complaints, state.alerts) == (0, (), ())
    assert b"C-1" not in world.store.values[state_key("demo", WHO.bytes)]


def test_late_scores_and_time_do_not_bring_the_erased_back() -> None:
    world = World()
    world.hear(scores(COMPLAINED, micros(day(0.1))), at=0.1)
    world.hear(erased(micros(day(0.2))), at=0.2)
    kept = dict(world.store.values)
    world.hear(scores(COMPLAINED, micros(day(0.15))), at=0.3)
    world.pass_time(micros(day(400)))
    assert world.store.values == kept


@given(st.lists(st.integers(1, 3), max_size=3))
def test_in_any_batches_the_erased_end_alike(cuts: list[int]) -> None:
    messages = [scores(COMPLAINED, micros(day(at / 10))) for at in range(1, 4)]
    messages.append(erased(micros(day(0.5))))
    world, left = World(), list(messages)
    for cut in cuts:
        world.hear(*left[:cut], at=1)
        left = left[cut:]
    world.hear(*left, at=1)
    assert world.due == {}
    assert [state.orders for state in world.states()] == [0]


def test_who_comes_anew_is_told_of_under_ids_that_were_never_used() -> None:
    world = World()
    world.hear(scores(with_orders(0), micros(day(0.1))), at=0.1)
    world.hear(erased(micros(day(0.2))), at=0.2)
    world.hear(scores(with_orders(0), micros(day(0.3))), at=0.3)
    ids = [json.loads(one.value)["event_id"] for one in world.published]
    assert len(ids) == len(set(ids)) == 2


# -- columns ---------------------------------------------------------------------------------------


def rows_of(topic: str, sample: str) -> list[tuple[str, tuple[object, ...]]]:
    return list(PROCESSORS[topic](to_json(MESSAGES[topic, sample]), PUBLISHED_MS))


def test_rows_of_the_erased_that_are_read_again_are_left_out_in_every_table() -> None:
    known = Erased()
    years = 400 * 365 * 86_400_000_000
    known.load(SimpleNamespace(query=lambda _: SimpleNamespace(result_rows=[(ADA, years)])))
    hidden = {
        table
        for topic, sample in MESSAGES
        for table, row in rows_of(topic, sample)
        if known.hides(table, row)
    }
    assert hidden >= {"touchpoints", "profiles", "profile_identifiers", "scores", "lifecycle"}
    assert hidden >= {"alerts", "actions"}


def test_rows_of_others_and_newer_ones_are_not_left_out() -> None:
    known = Erased()
    rows = rows_of(topics.PROFILES.name, "live")
    assert not any(known.hides(table, row) for table, row in rows)
    known.load(SimpleNamespace(query=lambda _: SimpleNamespace(result_rows=[(derived_id("x"), 9)])))
    assert not any(known.hides(table, row) for table, row in rows)
    known.load(SimpleNamespace(query=lambda _: SimpleNamespace(result_rows=[(ADA, 1)])))
    assert not any(known.hides(table, row) for table, row in rows), "they came back since"


def test_the_word_that_somebody_is_erased_hides_what_is_read_behind_it() -> None:
    known, row = Erased(), ("demo", str(ADA), 400 * 365 * 86_400_000_000, str(NOON))
    assert not known.hides("erased_profiles", row)
    assert all(known.hides(table, one) for table, one in rows_of(topics.PROFILES.name, "live"))


def test_views_show_nobody_who_is_erased() -> None:
    (profile, row), (table, _) = rows_of(topics.PROFILES.name, "erased")
    assert (profile, table) == ("profiles", "erased_profiles")
    assert row[1] == row[4], "joined nobody but themselves"
