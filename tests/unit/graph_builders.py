"""Components as profile makes them: of events, aliases, requests, public keys, by any rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from schemas.identifier import Identifier
from schemas.touchpoint import Touchpoint
from services.common.workspace import Workspace
from services.profile.domain.component import Component
from services.profile.domain.ids import Hashes
from services.profile.store import unpack
from tests.unit.profile_builders import SALT, START, WORKSPACE, Run, limited, touchpoint

NAMES = [
    *(f"user_id:u{number}" for number in range(3)),
    *(f"email:e{number}@x.example" for number in range(3)),
    *(f"phone:+4912345{number}" for number in range(2)),
    *(f"anonymous_id:a{number}" for number in range(3)),
]
#: Every kind joins people; and rules that refuse more.
JOINING = limited()
RULES = (
    JOINING,
    WORKSPACE,
    limited(user_id=1, email=1, phone=1, anonymous_id=1),
    limited(hub_degree_max=2),
)


def node_of(name: str, workspace: str = "demo") -> bytes:
    kind, value = name.split(":", 1)
    return Hashes(SALT).node(workspace, kind, value)


def named(name: str) -> dict[str, str]:
    return dict(zip(("kind", "value"), name.split(":", 1), strict=True))


def seen(*names: str, at_s: float = 0, public: bool = False) -> Touchpoint:
    """One event that carries all of them."""
    event = touchpoint(*names, at_s=at_s, message=f"seen {names} {at_s} {public}")
    return event.model_copy(update={"public": public})


def asked(what: str, one: str, other: str, at_s: float = 0) -> Touchpoint:
    """A request of a person: what is merge or unmerge."""
    facts: dict[str, Any] = {"kind": f"profile_{what}_requested", "other": named(other)}
    return touchpoint(one, at_s=at_s, message=f"{what} {one} {other} {at_s}", **facts)


def aliased(one: str, previous: str, at_s: float = 0) -> Touchpoint:
    facts: dict[str, Any] = {"kind": "aliased", "previous": named(previous)}
    return touchpoint(one, at_s=at_s, message=f"alias {one} {previous} {at_s}", **facts)


def components(run: Run) -> dict[bytes, Component]:
    """By their id."""
    return {
        key[2:]: unpack(value[8:]) for key, value in run.redis.values.items() if key[:2] == b"c:"
    }


def component_of(run: Run, name: str) -> Component:
    node = node_of(name)
    return next(one for one in components(run).values() if node in [each.id for each in one.nodes])


@st.composite
def identity_histories(draw: st.DrawFn, most: int = 20) -> list[Touchpoint]:
    """Events of a few identifiers at few moments: together, aliased, of public keys, requests."""
    what = st.sampled_from(["seen", "seen", "seen", "public", "alias", "merge", "unmerge"])
    names = st.lists(st.sampled_from(NAMES), min_size=2, max_size=3, unique=True)
    history = []
    for number, (kind, those, moment) in enumerate(
        draw(st.lists(st.tuples(what, names, st.integers(0, 6)), min_size=1, max_size=most))
    ):
        facts: dict[str, Any] = {"kind": "page_viewed"}
        if kind == "alias":
            facts = {"kind": "aliased", "previous": named(those[1])}
        elif kind in ("merge", "unmerge"):
            facts = {"kind": f"profile_{kind}_requested", "other": named(those[1])}
        carried = those if kind in ("seen", "public") else those[:1]
        event = touchpoint(
            *carried,
            at_s=moment * 86_400,
            message=f"m{number}",
            received_at=START + timedelta(days=10, seconds=number % 3),
            **facts,
        )
        history.append(event.model_copy(update={"public": kind == "public"}))
    return history


def as_identifier(name: str) -> Identifier:
    return Identifier(**named(name))


def workspace_named(workspace: Workspace, name: str) -> Workspace:
    return workspace.model_copy(update={"name": name})
