"""The chain that is given for one person is real, is a way, and is made of links that joined."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.touchpoint import Touchpoint
from services.common.workspace import Workspace
from services.profile.domain.component import FORBIDDEN, Component, Refusal
from services.profile.domain.people import people
from services.profile.domain.ties import SAYS, Tie
from services.profile.domain.why import Answer, Why, apart_between, whole, why
from services.profile.rules import rules_of
from tests.unit.graph_builders import (
    JOINING,
    NAMES,
    RULES,
    aliased,
    asked,
    component_of,
    components,
    identity_histories,
    node_of,
    seen,
)
from tests.unit.profile_builders import WORKSPACE, fed, limited

U0, U1, E0, E1, A0, A1 = (
    "user_id:u0",
    "user_id:u1",
    "email:e0@x.example",
    "email:e1@x.example",
    "anonymous_id:a0",
    "anonymous_id:a1",
)


def told(history: list[Touchpoint], one: str, other: str, workspace: Workspace = JOINING) -> Why:
    run = fed(history, 5, workspace)
    found = {id(each): each for each in (component_of(run, one), component_of(run, other))}
    ordered = list({tuple(n.id for n in each.nodes): each for each in found.values()}.values())
    return why(ordered, rules_of(workspace), node_of(one), node_of(other))


def names_of(chain: tuple[Tie, ...]) -> list[str]:
    ends = [chain[0].one, *(tie.other for tie in chain)]
    return [f"{end.kind}:{end.value}" for end in ends]


def test_the_chain_goes_from_the_one_to_the_other_with_event_time_and_rule() -> None:
    first, second = seen(U0, A0, at_s=1), aliased(U0, E0, at_s=2)
    found = told([first, second], E0, A0)
    assert found.answer is Answer.ONE
    assert names_of(found.chain) == [E0, U0, A0]
    assert [tie.event for tie in found.chain] == [second.event_id.bytes, first.event_id.bytes]
    assert [tie.says for tie in found.chain] == ["aliased", "seen together"]
    assert [tie.at for tie in found.chain] == [second.occurred_at, first.occurred_at]
    assert found.profiles[0] == found.profiles[1] == node_of(U0)


def test_the_shortest_way_is_told_and_of_several_the_earliest() -> None:
    long = [seen(U0, A0, at_s=1), seen(U0, A1, at_s=2)]
    around = [seen(E0, A0, at_s=3), seen(E0, A1, at_s=4)]
    assert names_of(told([*long, *around], A0, A1).chain) == [A0, U0, A1]
    assert names_of(told([*long, aliased(A0, A1, at_s=9)], A0, A1).chain) == [A0, A1]


def test_a_link_that_a_limit_would_refuse_alone_is_no_reason() -> None:
    history = [seen(U0), seen(U1), asked("merge", U0, U1, at_s=5), seen(U0, U1, at_s=6)]
    assert [tie.says for tie in told(history, U0, U1).chain] == ["merge requested"]
    history = [seen(U0, A0, at_s=1), asked("merge", U0, U1, at_s=5), seen(A0, U1, at_s=6)]
    assert names_of(told(history, A0, U1).chain) == [A0, U1]


def test_a_limit_is_the_reason_with_what_there_would_be_too_many_of() -> None:
    found = told([seen(U0, A0, at_s=1), seen(U1, A0, at_s=2)], U0, U1)
    assert found.answer is Answer.REFUSED
    assert names_of(found.chain) == [U0, A0, U1]
    assert [tie.refused for tie in found.chain] == [None, Refusal.LIMIT]
    assert "2 user_id (at most 1)" in found.chain[1].because
    assert found.profiles[0] != found.profiles[1]


def test_who_was_set_apart_is_told_with_the_event_that_asked_for_it() -> None:
    word = asked("unmerge", U0, E0, at_s=5)
    found = told([seen(U0, E0, at_s=1), word], U0, E0)
    assert found.answer is Answer.REFUSED
    assert [(tie.says, tie.refused) for tie in found.chain] == [("set apart", Refusal.SET_APART)]
    assert found.chain[0].event == word.event_id.bytes


def test_a_link_that_is_refused_because_others_were_set_apart_names_these() -> None:
    word = asked("unmerge", U0, E0, at_s=5)
    history = [seen(U0, A0, at_s=1), seen(E0, A1, at_s=2), word, seen(A0, A1, at_s=3)]
    found = told(history, A0, A1)
    assert [tie.refused for tie in found.chain] == [Refusal.SET_APART]
    assert [tie.event for tie in found.apart] == [word.event_id.bytes]


def test_a_request_to_merge_is_a_link_like_another() -> None:
    found = told([seen(U0), seen(U1), asked("merge", U0, U1, at_s=5)], U0, U1)
    assert (found.answer, found.chain[0].says) == (Answer.ONE, "merge requested")


def test_a_public_key_is_told_and_joins_no_two_known_people() -> None:
    found = told([seen(U0), seen(E0), seen(U0, E0, at_s=5, public=True)], U0, E0)
    assert [(tie.public, tie.refused) for tie in found.chain] == [(True, Refusal.PUBLIC_KEY)]


def test_a_hub_is_the_reason_across_components() -> None:
    kiosk = limited(hub_degree_max=2)
    history = [seen(f"user_id:u{n}", A0, at_s=n) for n in range(6)]
    found = told(history, "user_id:u0", "user_id:u5", kiosk)
    assert {tie.refused for tie in found.chain} == {Refusal.HUB}
    assert "(anonymous_id at most 2 and user_id at most 2)" in found.chain[0].because


def test_what_only_attaches_is_told_as_such() -> None:
    found = told([seen(U0, A0, at_s=1), seen(U1, A0, at_s=2)], U0, U1, WORKSPACE)
    assert [tie.refused for tie in found.chain] == [None, Refusal.WEAK]
    assert "only attaches" in found.chain[1].because


def test_nothing_ties_strangers() -> None:
    found = told([seen(U0), seen(U1)], U0, U1)
    assert (found.answer, found.chain) == (Answer.NOTHING, ())


def test_the_words_between_two_people_are_found_before_a_merge_is_asked_for() -> None:
    word = asked("unmerge", U0, E0, at_s=5)
    run = fed([seen(U0, A0, at_s=1), seen(U0, E0, at_s=2), word], 5, JOINING)
    component = component_of(run, U0)
    found = apart_between([component], rules_of(JOINING), node_of(A0), node_of(E0))
    assert [tie.event for tie in found] == [word.event_id.bytes]


def test_all_of_one_person_hangs_together_and_what_was_refused_is_beside_it() -> None:
    run = fed([seen(U0, A0, at_s=1), seen(U0, E0, at_s=2), seen(U1, A0, at_s=3)], 5, JOINING)
    found = whole(component_of(run, U0), rules_of(JOINING), node_of(A0))
    assert [f"{end.kind}:{end.value}" for end in found.identifiers] == [A0, U0, E0]
    assert [tie.refused for tie in found.refused] == [Refusal.LIMIT]


# -- on any components -----------------------------------------------------------------------------


def pairs_of(
    run_components: dict[bytes, Component], workspace: Workspace
) -> list[tuple[bytes, ...]]:
    """Every two nodes of one person."""
    return [
        (component.nodes[a].id, component.nodes[b].id)
        for component in run_components.values()
        for person in people(component, rules_of(workspace))
        for a in person.places
        for b in person.places
        if a != b
    ]


def links_of(component: Component, chain: tuple[Tie, ...]) -> list[int]:
    """The place in the component of each link of a chain; an error where it is none of them."""
    ids = [node.id for node in component.nodes]
    places = []
    for tie in chain:
        ends = {ids.index(tie.one.node), ids.index(tie.other.node)}
        [place] = [
            place
            for place, link in enumerate(component.links)
            if {link.a, link.b} == ends
            and (link.event, link.at) == (tie.event, tie.at)
            and SAYS.get(link.rule) == tie.says
        ]
        places.append(place)
    return places


def only(component: Component, nodes: set[bytes], links: list[int]) -> Component:
    """The part of a component that a chain is."""
    kept = [place for place, node in enumerate(component.nodes) if node.id in nodes]
    now = {place: number for number, place in enumerate(kept)}
    return component._replace(
        nodes=[component.nodes[place] for place in kept],
        links=[
            link._replace(a=now[link.a], b=now[link.b])
            for link in (component.links[place] for place in links)
        ],
        loose=[],
        apart=(),
    )


@given(identity_histories(), st.sampled_from(RULES))
@settings(max_examples=150)
def test_whoever_is_one_has_a_chain_that_alone_makes_them_one(
    history: list[Touchpoint], workspace: Workspace
) -> None:
    run, rules = components(fed(history, 4, workspace)), rules_of(workspace)
    home = {node.id: each for each in run.values() for node in each.nodes}
    for one, other in pairs_of(run, workspace):
        component = home[one]
        found = why([component], rules, one, other)
        assert found.answer is Answer.ONE
        ends = [found.chain[0].one.node, *(tie.other.node for tie in found.chain)]
        assert (ends[0], ends[-1]) == (one, other)
        assert all(before.other == after.one for before, after in pairwise(found.chain))
        assert len(set(ends)) == len(ends), "a way goes nowhere twice"
        assert not any(tie.refused for tie in found.chain)
        links = links_of(component, found.chain)
        assert all(component.links[place].rule != FORBIDDEN for place in links)
        alone = only(component, set(ends), links)
        assert len(people(alone, rules)) == 1, "these links alone make them one"


@given(identity_histories(), st.sampled_from(RULES))
@settings(max_examples=150)
def test_whoever_is_not_one_has_a_refused_link_on_the_way_or_no_way(
    history: list[Touchpoint], workspace: Workspace
) -> None:
    run, rules = components(fed(history, 4, workspace)), rules_of(workspace)
    home = {node.id: each for each in run.values() for node in each.nodes}
    one_person = set(pairs_of(run, workspace))
    known = [node for node in map(node_of, NAMES) if node in home]
    for one in known:
        for other in known:
            if one == other or (one, other) in one_person:
                continue
            both = [home[one]] if home[one] is home[other] else [home[one], home[other]]
            found = why(both, rules, one, other)
            if found.answer is Answer.NOTHING:
                continue
            assert found.answer is Answer.REFUSED
            refused = [tie for tie in found.chain if tie.refused]
            assert refused
            assert all(tie.because for tie in refused)
            ends = (found.chain[0].one.node, found.chain[-1].other.node)
            assert ends == (one, other)


@given(identity_histories(), st.sampled_from(RULES))
@settings(max_examples=60)
def test_a_whole_person_is_told_of_each_identifier_once(
    history: list[Touchpoint], workspace: Workspace
) -> None:
    run, rules = components(fed(history, 4, workspace)), rules_of(workspace)
    for component in run.values():
        for person in people(component, rules):
            members = {component.nodes[place].id for place in person.places}
            found = whole(component, rules, component.nodes[person.places[0]].id)
            assert found.profile == person.id
            assert {end.node for end in found.identifiers} == members
            assert len(found.identifiers) == len(members) == len(found.ties) + 1


@pytest.mark.parametrize("batch", [1, 7])
def test_the_answer_does_not_depend_on_how_events_came(batch: int) -> None:
    history = [seen(U0, A0, at_s=1), seen(E0, A1, at_s=2), seen(U0, E0, at_s=3)]
    answers = []
    for events in (history, history[::-1]):
        run = fed(events, batch, JOINING)
        component = component_of(run, U0)
        answers.append(why([component], rules_of(JOINING), node_of(A0), node_of(A1)))
    assert answers[0] == answers[1]
