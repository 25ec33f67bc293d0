"""A public key stands in a web page: who reads it joins no two known people, by no way."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.touchpoint import Touchpoint
from services.common.workspace import Workspace
from tests.reference.profiles import profiles_of
from tests.unit.profile_builders import SALT, WORKSPACE, Run, fed, histories, limited, touchpoint
from tests.unit.test_identity_requests import living, names_of

MAIL, USER, DEVICE = "email:victim@x.example", "user_id:u", "anonymous_id:device"
WORKSPACES = (WORKSPACE, limited(), limited(user_id=1, email=1), limited(hub_degree_max=2))


def known_together(run: Run) -> set[frozenset[tuple[str, str]]]:
    """Pairs of identifiers that make somebody known, of one person."""
    found = set()
    for person in living(run):
        known = [key for key in person if key[0] != "anonymous_id"]
        found |= {frozenset((one, other)) for one in known for other in known if one != other}
    return found


@given(histories(), st.sampled_from(WORKSPACES), st.integers(1, 9))
@settings(max_examples=150, deadline=None)
def test_whoever_is_one_known_person_is_it_without_what_public_keys_say(
    history: list[Touchpoint], workspace: Workspace, batch: int
) -> None:
    trusted = [one for one in history if not one.public]
    everything = known_together(fed(history, batch, workspace))
    visits = [_alone(one) for one in history if one.public]
    without = known_together(fed([*trusted, *visits], batch, workspace))
    assert everything <= without


def _alone(event: Touchpoint) -> Touchpoint:
    """The visit of somebody, that says nothing of anybody else."""
    name = f"{event.identifiers[0].kind}:{event.identifiers[0].value}"
    return touchpoint(name, message=event.message_id, received_at=event.received_at)


@pytest.mark.parametrize("workspace", WORKSPACES[:2])
@pytest.mark.parametrize("claimed_at_s", [1, 100, 1_000])
def test_a_device_that_is_claimed_is_whose_a_server_says_whenever_that_is_to_have_been(
    workspace: Workspace, claimed_at_s: int
) -> None:
    """`occurred_at` is the word of who sends it: an older one takes nothing and joins nobody."""
    history = [
        touchpoint(MAIL, DEVICE, at_s=claimed_at_s, public=True, message="claim"),
        touchpoint(USER, DEVICE, at_s=100, message="server"),
        touchpoint(MAIL, at_s=101),
    ]
    for order in (history, history[::-1]):
        for batch in (1, 3):
            people = living(fed(order, batch, workspace))
            assert people == profiles_of(history, workspace, SALT)
            assert names_of(people) == {frozenset({"u", "device"}), frozenset({"victim@x.example"})}
