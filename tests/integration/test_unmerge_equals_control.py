"""Merge then unmerge equals a control that never merged: through all services, to the columns.

The same people are told three ways in three workspaces (control_story.py). What is left is compared
whole, with names in the place of ids; what is not compared is named, with the reason, where it is
left out (control_compare.py, and here).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from deploy.embedded.engines import Engines
from schemas import topics
from schemas.scores import Scores
from services.common.workspace import Workspace
from tests.integration.control_compare import (
    ON_THE_WAY,
    TOLD,
    WHEN,
    Spelling,
    differences,
    in_journey,
    in_redis,
)
from tests.integration.control_story import RAY, SUE, Way
from tests.integration.control_story import told as told_of
from tests.integration.control_world import World, running, unsettled, write_workspaces
from tests.reference.journeys import open_alerts_of_final, stage_of_final
from tests.waiting import until

COMPACTED = (topics.PROFILES.name, topics.SCORES.name, topics.ACCOUNTS.name)
EFFECTS = (topics.LIFECYCLE.name, topics.ALERTS.name, topics.ACTIONS.name)
#: What an unmerge says itself, of whom it names: that the pair is set apart.
SAID_BY_UNMERGES = frozenset({"refused_links", "conflicts"})

Read = dict[str, Any]


@dataclass(frozen=True)
class Left:
    """What one workspace was left with. `profiles`, `stages`: in Redis, by name."""

    spelling: Spelling
    workspace: Workspace
    profiles: dict[str, Read]
    stages: dict[str, Read]
    records: dict[str, list[tuple[str, Read]]]
    columns: dict[str, list[Read]]

    def last(self, topic: str) -> dict[str, Read]:
        """What a compacted topic keeps."""
        return {self.spelling.text(key): self.spelling.of(one) for key, one in self.records[topic]}

    def rows(self, table: str, left_out: frozenset[str] = frozenset()) -> Counter[str]:
        return self.spelling.counted(self.columns[table], WHEN | left_out)

    def effects(self, topic: str) -> list[Read]:
        """Each once: what is told again by another customer counts as theirs."""
        return list({one["event_id"]: one for _, one in self.records[topic]}.values())


@pytest.fixture(scope="module")
def left(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Way, Left]]:
    folder = tmp_path_factory.mktemp("control")
    prefix = f"control{time.time_ns()}"
    names = {way: f"{prefix}-{way.value}" for way in Way}
    write_workspaces(
        folder,
        list(names.values()),
        household_traits=["street", "postal_code"],
        profiling_purpose="profiling",
    )
    with running(engines, folder, prefix) as world:
        world.publish_models(1)
        _tell(world, names)
        records, columns = world.records(*COMPACTED, *EFFECTS), world.columns()
        yield {way: _left(world, name, records, columns) for way, name in names.items()}


def _tell(world: World, names: dict[Way, str]) -> None:
    """Turn by turn; in the end a model comes, by which everybody is scored as of one moment."""
    stories = [told_of(names[way], way) for way in Way]
    for turn in zip(*(story.turns() for story in stories), strict=True):
        for events in turn:
            world.send(events)
        world.come_to_rest("profile", "accounts", "score", "decide")
    until(lambda: not unsettled(world), "alerts to be taken over")
    final = time.time_ns() // 1_000
    world.publish_models(final)
    until(lambda: _all_scored(world, final), "the scores of the last model")
    world.come_to_rest()


def _all_scored(world: World, version: int) -> bool:
    last = dict(world.records(topics.SCORES.name)[topics.SCORES.name])
    return all(one["model_version"] == version for one in last.values())


def _left(
    world: World,
    name: str,
    records: dict[str, list[tuple[str, Read]]],
    columns: dict[str, list[Read]],
) -> Left:
    def ours(one: Read) -> bool:
        return bool(one["workspace"] == name)

    return Left(
        Spelling(name),
        world.followed.current[name],
        in_redis(world, name),
        in_journey(world, name),
        {topic: [one for one in those if ours(one[1])] for topic, those in records.items()},
        {table: list(filter(ours, rows)) for table, rows in columns.items()},
    )


@pytest.fixture
def control(left: dict[Way, Left]) -> Left:
    """All the same events, and never merged."""
    return left[Way.FORESTALLED]


@pytest.fixture
def parted(left: dict[Way, Left]) -> Left:
    return left[Way.PARTED]


def test_people_were_merged_and_came_back(parted: Left, control: Left) -> None:
    """Else all that follows would say nothing."""

    def lost(of: Left) -> set[str]:
        told = [one for _, one in of.records[topics.PROFILES.name] if one["merged_into"]]
        return {of.spelling.text(one["profile_id"]) for one in told} & of.profiles.keys()

    assert len(lost(parted)) == 10
    assert lost(control) == set()


def test_profiles_are_the_same(parted: Left, control: Left) -> None:
    assert len(parted.profiles) == 20
    assert differences(parted.profiles, control.profiles) == []


@pytest.mark.parametrize("topic", COMPACTED)
def test_compacted_topics_end_alike(parted: Left, control: Left, topic: str) -> None:
    """Every key, redirects too, and all that stands under it but when it was made."""
    assert differences(parted.last(topic), control.last(topic)) == []


def test_stages_and_open_alerts_are_the_same(parted: Left, control: Left) -> None:
    assert {one["stage"] for one in parted.stages.values()} >= {"lost", "new", "growing", "mature"}
    assert sum(len(one["alerts"]) for one in parted.stages.values()) == 8
    assert differences(parted.stages, control.stages) == []


def test_what_analysts_see_is_the_same(parted: Left, control: Left) -> None:
    """Every table and view, person by person and in sums."""
    for table in parted.columns.keys() - TOLD:
        left_out = frozenset(ON_THE_WAY.get(table, ()))
        found, expected = parted.rows(table, left_out), control.rows(table, left_out)
        assert found - expected == Counter(), table
        assert expected - found == Counter(), table
    assert {"customers", "stages", "scores_now", "orders", "accounts", "redirects", "rfm_grid"} < (
        parted.columns.keys()
    )


def test_redirects_that_are_left_over_are_of_who_is_alive_again(
    parted: Left, control: Left
) -> None:
    over = parted.rows("profile_redirects") - control.rows("profile_redirects")
    assert control.rows("profile_redirects") - parted.rows("profile_redirects") == Counter()
    alive = {one["profile_id"] for one in parted.columns["customers"]}
    rows = parted.columns["profile_redirects"]
    assert sum(one["profile_id"] in alive for one in rows) == over.total() > 0


def test_who_was_never_named_together_is_the_same_but_for_what_was_said(
    left: dict[Way, Left],
) -> None:
    """Even the quality of what is known, but of the two user ids with one address: the conflict
    that a rule found is settled by an unmerge, and its alert over."""
    parted, untouched = left[Way.PARTED], left[Way.UNTOUCHED]
    for topic in COMPACTED:
        found, expected = _without(parted, topic), _without(untouched, topic)
        assert differences(found, expected) == []
    for table in (
        *("orders", "refunds", "revenue_by_month", "cohort_retention", "complaints", "rfm_grid"),
        *("complaint_rate", "accounts", "scores_now", "redirects", "profile_identifiers"),
    ):
        assert parted.rows(table) == untouched.rows(table), table
    for who in parted.stages.keys() - {RAY, SUE}:
        assert differences(parted.stages[who], untouched.stages[who]) == [], who


def _without(of: Left, topic: str) -> dict[str, Read]:
    """The end of a compacted topic without what unmerges say."""
    last = of.spelling.of(of.last(topic), WHEN | SAID_BY_UNMERGES)
    for who in (RAY, SUE):
        last.get(who, {}).pop("quality", None)
    return dict(last)


# -- what was told while they were merged ----------------------------------------------------------


def scores_by_version(of: Left) -> dict[tuple[str, int], Scores]:
    told = [one for _, one in of.records[topics.SCORES.name]]
    return {(one["profile_id"], one["version"]): Scores.model_validate(one) for one in told}


def test_every_transition_was_the_stage_of_what_was_known_then(left: dict[Way, Left]) -> None:
    """Whoever was merged went through the stages of the merged profile, and back."""
    for of in left.values():
        scores, stages = scores_by_version(of), dict[str, str | None]()
        told = of.effects(topics.LIFECYCLE.name)
        for one in sorted(told, key=lambda one: (one["scores_version"], one["decided_at"])):
            known, who = scores[one["profile_id"], one["scores_version"]], one["profile_id"]
            decided = Scores.model_validate({**known.model_dump(), "as_of": one["decided_at"]})
            assert one["to_stage"] == stage_of_final(known, decided.as_of, of.workspace)
            came_back = one["from_stage"] is None
            assert came_back or one["from_stage"] == stages[who], "a chain, until they were lost"
            stages[who] = one["to_stage"]
        for row in of.columns["stages"]:
            assert row["stage"] == stages[str(row["profile_id"])]


def test_an_alert_that_the_control_has_not_is_over(parted: Left, control: Left) -> None:
    told = parted.effects(topics.ALERTS.name)
    raised = [one for one in told if one["state"] == "raised"]
    cleared = Counter(one["alert_id"] for one in told if one["state"] == "cleared")
    assert set(cleared.values()) == {1}, "once"
    assert cleared.keys() < {one["alert_id"] for one in raised}
    still = [one for one in raised if one["alert_id"] not in cleared]
    assert Counter(map(subject, still)) == Counter(subject(one) for one in _still_open(control))


def test_every_alert_was_of_what_was_known_then(left: dict[Way, Left]) -> None:
    for of in left.values():
        scores = scores_by_version(of)
        for one in of.effects(topics.ALERTS.name):
            if one["state"] == "raised":
                known = scores[one["profile_id"], one["scores_version"]]
                at = Scores.model_validate({**known.model_dump(), "as_of": one["decided_at"]})
                expected = open_alerts_of_final(known, at.as_of, of.workspace)
                cause = one["cause"]["event_id"]
                found = (one["kind"], UUID(cause) if cause else None)
                assert found in {(alert.kind, alert.event) for alert in expected}


def test_actions_are_asked_for_once_for_each_alert_that_is_news(left: dict[Way, Left]) -> None:
    for of in left.values():
        raised = [one for one in of.effects(topics.ALERTS.name) if one["state"] == "raised"]
        wanted = Counter(one["alert_id"] for one in raised if not one["historic"])
        actions = of.effects(topics.ACTIONS.name)
        assert Counter(one["parameters"]["alert_id"] for one in actions) == wanted


def test_a_complaint_is_overdue_once_whoever_has_it_meanwhile(left: dict[Way, Left]) -> None:
    """Its alert moves with it, to the merged profile and back, and is not told anew."""
    for of in left.values():
        overdue = [o for o in of.effects(topics.ALERTS.name) if o["kind"] == "complaint_overdue"]
        told = {(one["alert_id"], *subject(one)) for one in overdue}
        assert len(told) == len({subject(one) for one in overdue}) == 7


def subject(alert: Read) -> tuple[str, str | None]:
    return alert["kind"], alert["cause"]["event_id"]


def _still_open(of: Left) -> list[Read]:
    told = of.effects(topics.ALERTS.name)
    cleared = {one["alert_id"] for one in told if one["state"] == "cleared"}
    return [one for one in told if one["alert_id"] not in cleared]
