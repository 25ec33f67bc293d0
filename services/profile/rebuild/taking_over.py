"""One unit of the live state becomes what the shadow says: state, homes, and who is shown anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from services.common.batch import VERSION_BYTES, Decision, Output, next_version
from services.profile.domain.changes import Redirect
from services.profile.outputs import Publications
from services.profile.rebuild.compare import Differing
from services.profile.rebuild.units import Id, alike
from services.profile.store import component_key, node_key, pack

#: Said of a snapshot that no event brought: what follows from it is recorded, not sent.
REBUILT: Final = b',"rebuilt":true}'


def taken_over(
    one: Differing, decision: Decision, now_us: int, publications: Publications
) -> list[Output]:
    """Add the unit's reads and writes to the decision; what is to be published of it.

    The version is newer than that of every component it had: so are all its snapshots.
    """
    unit = one.unit
    version = next_version(max((held.version for held in unit.live.values()), default=0), now_us)
    for key in unit.live.keys() | unit.shadow.keys():
        known = unit.live.get(key)
        decision.reads[component_key(key)] = known.version if known else 0
    for key, held in unit.shadow.items():
        assert held.component is not None, "the shadow was written by this code"
        rebuilt = held.component._replace(rebuilt=version)
        decision.writes[component_key(key)] = (version, pack(rebuilt))
    decision.deletes += [component_key(key) for key in unit.live.keys() - unit.shadow.keys()]
    _move_homes(one, decision)
    return [*_shown(one, version, publications), *_led(one, version, publications)]


def _move_homes(one: Differing, decision: Decision) -> None:
    """Each node to its component, or to none. A home has no version: its first bytes stand for
    one in the commit's check."""
    live, right = one.unit.live_homes, one.unit.shadow_homes
    for node in live.keys() | right.keys():
        home, wanted = live.get(node), right.get(node)
        if alike(home, wanted):
            continue
        decision.reads[node_key(node)] = int.from_bytes(home[:VERSION_BYTES], "big") if home else 0
        if wanted is None:
            decision.deletes.append(node_key(node))
        else:
            decision.plain[node_key(node)] = wanted


def _shown(one: Differing, version: int, show: Publications) -> Iterator[Output]:
    """Snapshots of the people who look otherwise than they were shown."""
    for profile, facts in one.right.snapshots.items():
        if one.live.snapshots.get(profile) != facts or profile in one.stale:
            key, component, person = one.right.persons[profile]
            rebuilt = component._replace(rebuilt=version)
            output = show.shown(component_key(key), version, rebuilt, person)
            yield _marked(output)


def _led(one: Differing, version: int, show: Publications) -> Iterator[Output]:
    """Where ids lead that are no profile's (any more): to another profile, or nowhere."""
    before = one.live.leads
    for lost, kept in one.right.leads.items():
        if lost != kept and (before.get(lost) != kept or lost in one.stale):
            yield _redirect(one, lost, kept, version, show)
    for lost in before.keys() - one.right.leads.keys():
        where = one.unit.holder(lost)
        holder = next((p for p, members in one.members() if where in members), None)
        if holder is not None:
            yield _redirect(one, lost, holder, version, show)
        elif lost in one.live.snapshots:
            _, component, _ = one.live.persons[lost]
            # nothing on the log counts for it: every reader forgets it, as somebody erased
            yield show.erased(lost, version, component.workspace, lost)


def _redirect(one: Differing, lost: Id, kept: Id, version: int, show: Publications) -> Output:
    """Of an absorbed one to the node that has its part, which leads on to the profile."""
    key, component, _ = one.right.persons[kept]
    into = one.unit.holder(lost)
    end = kept if into == lost else into
    redirect = Redirect(lost, end, was_shown=lost in one.live.snapshots)
    return _marked(show.redirected(component_key(key), version, component, redirect))


def _marked(output: Output) -> Output:
    return msgspec.structs.replace(output, value=output.value[:-1] + REBUILT)
