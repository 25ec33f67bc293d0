"""What other rules would do to people is what they do once profile decides by them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import cast

import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.touchpoint import Touchpoint
from services.cli.identity.tally import Tally
from services.common.batch import Batch, Record
from services.common.workspace import Workspace
from services.profile.domain.component import Refusal
from services.profile.domain.ids import uuid_text
from services.profile.domain.people import people
from services.profile.domain.rule_change import Change, Fate, change
from services.profile.rules import rules_of
from services.profile.stream import ProfileHandler
from tests.unit.graph_builders import (
    RULES,
    asked,
    components,
    identity_histories,
    node_of,
    seen,
)
from tests.unit.profile_builders import SETTINGS, WORKSPACE, Run, fed, limited

STRICT = limited(email=1)


def changed(history: list[Touchpoint], before: Workspace, after: Workspace) -> list[Change]:
    run, rules = fed(history, 4, before), (rules_of(before), rules_of(after))
    return [change(component, *rules) for component in components(run).values()]


def regroup(run: Run, wanted: Iterable[bytes], workspace: Workspace) -> None:
    """The service starts anew with these rules and is asked to decide some components again."""
    run.handler = ProfileHandler(
        cast(redis.Redis, run.redis), {workspace.name: workspace}, SETTINGS
    )
    records = []
    for number, key in enumerate(wanted):
        value = json.dumps({"workspace": workspace.name, "component": key.hex()}).encode()
        marks = (("rapport-control", b"regroup"),)
        key_ = b"rapport-control-" + key.hex().encode()
        records.append(Record("touchpoints.accepted", 0, 10_000 + number, key_, value, marks))
    run.now_us += 1_000
    decision = run.handler.decide(Batch(records, (), run.now_us))
    run.redis.commit(decision)
    decision.committed()
    run._publish(output for those in decision.outputs.values() for output in those)


def living(run: Run) -> set[bytes]:
    """The ids on the topic that are profiles and no redirects."""
    shown = {key: json.loads(output.value) for key, output in run.topic.items()}
    return {key for key, value in shown.items() if value.get("merged_into") is None}


def test_a_lower_limit_splits_and_its_reason_is_the_limit() -> None:
    history = [seen("user_id:u0", f"email:e{n}@x.example", at_s=n) for n in range(3)]
    history += [seen(f"email:e{n}@x.example", at_s=10 + n) for n in range(3)]
    [found] = changed(history, WORKSPACE, STRICT)
    [one] = found.regroupings
    assert (one.fate, len(one.before), len(one.after)) == (Fate.SPLIT, 1, 3)
    assert one.reasons == {Refusal.LIMIT}
    assert found.refused == Counter({Refusal.LIMIT: 2})
    assert (found.gone, found.new, found.stay) == (0, 2, 0)
    assert one.before[0].kinds == {"email": 3, "user_id": 1}


def test_a_higher_limit_merges_what_it_had_kept_apart() -> None:
    history = [seen("user_id:u0", f"email:e{n}@x.example", at_s=n) for n in range(3)]
    history += [seen(f"email:e{n}@x.example", at_s=10 + n) for n in range(3)]
    [found] = changed(history, STRICT, WORKSPACE)
    [one] = found.regroupings
    assert (one.fate, len(one.before), len(one.after)) == (Fate.MERGE, 3, 1)
    assert found.allowed == Counter({Refusal.LIMIT: 2})
    assert (found.gone, found.new) == (2, 0)


def test_who_loses_an_identifier_that_no_event_counts_for_is_altered() -> None:
    history = [seen("user_id:u0", f"email:e{n}@x.example", at_s=n) for n in range(2)]
    [found] = changed(history, WORKSPACE, STRICT)
    assert found.differs
    assert [one.fate for one in found.regroupings] == [Fate.ALTERED]
    assert (found.gone, found.new) == (0, 0)


def test_what_a_person_asked_for_no_limit_undoes() -> None:
    history = [seen("user_id:u0"), seen("user_id:u1"), asked("merge", "user_id:u0", "user_id:u1")]
    [found] = changed(history, WORKSPACE, limited(user_id=1, email=1))
    assert (found.differs, found.stay, found.regroupings) == (False, 1, ())


def test_examples_name_profiles_and_kinds_and_no_value() -> None:
    history = [seen("user_id:secret", f"email:secret{n}@x.example", at_s=n) for n in range(3)]
    history += [seen(f"email:secret{n}@x.example", at_s=10 + n) for n in range(3)]
    tally = Tally()
    for one in changed(history, WORKSPACE, STRICT):
        tally.add(one)
    said = "\n".join(tally.lines()) + json.dumps(tally.as_object())
    assert "secret" not in said
    assert uuid_text(node_of("user_id:secret")) in said
    assert "1 split into 3 (regroupings: 1 by limit)" in said


@given(identity_histories(), st.sampled_from(RULES), st.sampled_from(RULES))
@settings(max_examples=150)
def test_the_plan_says_what_the_topic_shows_afterwards(
    history: list[Touchpoint], before: Workspace, after: Workspace
) -> None:
    run = fed(history, 4, before)
    rules, tally, wanted = (rules_of(before), rules_of(after)), Tally(), []
    for key, component in components(run).items():
        found = change(component, *rules)
        tally.add(found)
        if found.differs:
            wanted.append(key)
    was = living(run)
    regroup(run, wanted, after)
    now = living(run)
    assert len(was) == tally.before.total()
    assert len(was - now) == tally.gone
    assert len(now - was) == tally.new
    shown = {
        uuid_text(person.id).encode()
        for component in components(run).values()
        for person in people(component, rules[1])
        if person.id is not None
    }
    assert now == shown
    assert {one.rules for key, one in components(run).items() if key in wanted} <= {rules[1].mark}


@given(identity_histories(), st.sampled_from(RULES))
@settings(max_examples=50)
def test_the_same_rules_change_nobody(history: list[Touchpoint], workspace: Workspace) -> None:
    for found in changed(history, workspace, workspace):
        assert (found.differs, found.regroupings, found.gone, found.new) == (False, (), 0, 0)
