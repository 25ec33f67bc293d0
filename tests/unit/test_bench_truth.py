"""The bench of who is who: its truth is the same for the same seed, and its judge counts pairs."""

from __future__ import annotations

from itertools import islice

from services.common.workspace_files import load_workspaces
from tests.bench.stage import PROJECT
from tests.bench.truth.events import Happening, happenings, moments, written
from tests.bench.truth.graph import graph_of
from tests.bench.truth.judge import Seen, judge
from tests.bench.truth.people import TABLET, Person, Truth, hard_truth_of, truth_of

ADA, BEN = ("user_id", "ada"), ("user_id", "ben")
MAIL, TAB = ("email", "a@x.example"), ("anonymous_id", "tablet")


def small_truth() -> Truth:
    """Ada and Ben share a tablet; the e-mail address is Ada's."""
    people = [Person(0, ADA, [MAIL], [], []), Person(1, BEN, [], [], [])]
    truth = Truth(people, [])
    for key, owner in ((ADA, 0), (MAIL, 0), (BEN, 1)):
        truth.own(key, owner)
    for owner in (0, 1):
        truth.own(TAB, owner, TABLET)
    return truth


def seen(*events: Happening) -> Seen:
    noted = Seen()
    for event in events:
        noted.note(event)
    return noted


EVENTS = (Happening(0, (ADA, MAIL), "order", False), Happening(1, (BEN, TAB), "visit", True))


def test_a_pair_is_right_when_some_person_owns_both() -> None:
    found = judge([[ADA, MAIL, TAB], [BEN]], small_truth(), seen(*EVENTS))
    assert (found.right, found.false) == (3, 0)
    assert (found.found, found.true) == (1, 1)
    joined = judge([[ADA, MAIL, TAB, BEN]], small_truth(), seen(*EVENTS))
    assert (joined.right, joined.false) == (4, 2)
    assert joined.false_by == {TABLET: 2}


def test_a_pair_that_own_events_connect_and_no_group_holds_is_missed() -> None:
    found = judge([[ADA], [MAIL], [BEN, TAB]], small_truth(), seen(*EVENTS))
    assert (found.found, found.true, found.recall) == (0, 1, 0.0)


def test_a_pair_in_two_groups_counts_once() -> None:
    found = judge([[ADA, MAIL], [MAIL, ADA]], small_truth(), seen(*EVENTS))
    assert found.right == 1


def test_the_same_seed_gives_the_same_truth_and_another_one_another() -> None:
    def told(seed: int) -> list[Happening]:
        return list(islice(happenings(truth_of(200, seed), 500, seed), 500))

    assert told(1) == told(1)
    assert told(1) != told(2)
    assert hard_truth_of(200, 1).owners.keys() > truth_of(200, 1).owners.keys()


def test_hardly_any_pair_of_a_small_truth_is_false() -> None:
    """The whole way of the bench; its figures are those of a million events."""
    truth, noted = truth_of(500, 3), Seen()
    workspace = load_workspaces(PROJECT / "deploy" / "workspace")["demo"]
    records = []
    for number, (at, event) in enumerate(
        zip(moments(4_000), happenings(truth, 4_000, 3), strict=True)
    ):
        noted.note(event)
        records.append(written(number, at, event, workspace.name))
    found = judge(graph_of(records, workspace).groups(), truth, noted)
    assert found.precision > 0.99
    assert found.recall > 0.85
