"""Control records: what changes profiles without being a touchpoint of a sender."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
import redis

from schemas.base import to_json
from schemas.dead_letter import Reason
from services.common.batch import CONTROL_KEY, Batch, Output, Record
from services.common.workspace import Workspace
from services.profile.domain.ids import Hashes
from services.profile.stream import ProfileHandler
from tests.reference.profiles import facts_of
from tests.unit.profile_builders import SALT, SETTINGS, Run, fed, limited, touchpoint

ONE_USER, TWO_USERS = limited(user_id=1), limited(user_id=2)
BOTH = [
    touchpoint("user_id:ada", "email:x@x.example"),
    touchpoint("user_id:bob", "email:x@x.example", at_s=1),
]


def node(name: str) -> bytes:
    return Hashes(SALT).node("demo", *name.split(":", 1))


def control(name: str, body: Any, *beside: Any) -> list[Record]:
    """A batch: touchpoints, and the control before them."""
    value = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = (("ce_id", b"x"), ("rapport-control", name.encode()))
    ordered = Record("touchpoints.accepted", 0, 1_000, CONTROL_KEY, value, headers)
    others = [
        Record("touchpoints.accepted", 1, 1_000 + place, b"key", to_json(one))
        for place, one in enumerate(beside)
    ]
    return [ordered, *others]


def taken(run: Run, records: list[Record]) -> list[Output]:
    run.now_us += 1_000
    decision = run.handler.decide(Batch(records, (), run.now_us))
    run.redis.commit(decision)
    decision.committed()
    outputs = [one for those in decision.outputs.values() for one in those]
    run._publish(outputs)
    return outputs


def by(run: Run, workspace: Workspace) -> Run:
    client = cast(redis.Redis, run.redis)
    run.handler = ProfileHandler(client, {workspace.name: workspace}, SETTINGS)
    return run


def people(run: Run) -> dict[Any, Any]:
    shown = (one.value for one in run.topic.values() if b'"merged_into":null' in one.value)
    return dict(facts_of(value) for value in shown)


def regroup(name: str = "email:x@x.example", **body: Any) -> list[Record]:
    return control("regroup", {"workspace": "demo", "component": node(name).hex()} | body)


@pytest.mark.parametrize(("before", "after"), [(ONE_USER, TWO_USERS), (TWO_USERS, ONE_USER)])
def test_a_component_is_regrouped_by_the_rules_in_force_as_if_they_had_always_been(
    before: Workspace, after: Workspace
) -> None:
    run = by(fed(BOTH, workspace=before), after)
    outputs = taken(run, regroup())
    assert people(run) == people(fed(BOTH, workspace=after))
    assert {one.topic for one in outputs} == {"profiles.changed"}
    again = taken(run, regroup())
    assert again == [], "a plan that is applied twice changes nothing the second time"


def test_a_regroup_beside_touchpoints_of_the_same_people_is_one_change() -> None:
    run = by(fed(BOTH, workspace=ONE_USER), TWO_USERS)
    visit = touchpoint("user_id:ada", at_s=9)
    taken(run, [*regroup(), *control("regroup", {"workspace": "demo"}, visit)[1:]])
    assert people(run) == people(fed([*BOTH, visit], workspace=TWO_USERS))


def test_blocked_values_stop_joining_those_whom_they_joined_when_they_are_regrouped() -> None:
    run = fed(BOTH, workspace=TWO_USERS)
    assert len(people(run)) == 1
    kinds = tuple(
        rule.model_copy(update={"blocked_patterns": (r"^x@",) if rule.kind == "email" else ()})
        for rule in TWO_USERS.identity.kinds
    )
    identity = TWO_USERS.identity.model_copy(update={"kinds": kinds})
    taken(by(run, TWO_USERS.model_copy(update={"identity": identity})), regroup())
    assert {frozenset(one) for one in people(run)} == {
        frozenset({("user_id", "ada")}),
        frozenset({("user_id", "bob")}),
    }
    for person in people(run).values():
        assert [one["reason"] for one in person["conflicts"]] == ["blocked"]


@pytest.mark.parametrize(
    ("records", "reason", "says"),
    [
        (control("regrup", {"workspace": "demo"}), Reason.UNKNOWN_TYPE, "known are"),
        (control("regroup", b"{"), Reason.MALFORMED_JSON, "regroup"),
        (control("regroup", b"[]"), Reason.MALFORMED_JSON, "object"),
        (regroup(workspace="elsewhere"), Reason.UNKNOWN_WORKSPACE, "elsewhere"),
        (regroup(workspace=["demo"]), Reason.UNKNOWN_WORKSPACE, "demo"),
        (regroup(component="what"), Reason.BAD_PROPERTIES, "component"),
        (regroup(component=7), Reason.BAD_PROPERTIES, "regroup"),
        (control("regroup", {"workspace": "demo"}), Reason.BAD_PROPERTIES, "component"),
    ],
)
def test_an_order_that_is_not_understood_is_a_dead_letter_that_says_why(
    records: list[Record], reason: Reason, says: str
) -> None:
    [output] = taken(fed(BOTH), records)
    letter = json.loads(output.value)
    assert (letter["reason"], output.topic) == (reason, "dead_letters")
    assert says in letter["detail"]


def test_a_component_that_is_not_there_or_of_another_workspace_is_left_alone() -> None:
    run = fed(BOTH)
    assert taken(run, regroup("user_id:nobody")) == []
    assert run.redis.values.keys() == fed(BOTH).redis.values.keys()
