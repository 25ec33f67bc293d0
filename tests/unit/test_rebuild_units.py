"""A spoilt state becomes what the log says, whatever is wrong: in Redis and on the topic."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, cast

import msgspec
import redis
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from schemas.base import to_json
from schemas.touchpoint import Touchpoint
from services.common.batch import Decision, Output, pack_state, unpack_state
from services.profile.domain.component import Component
from services.profile.domain.ids import Hashes, uuid_bytes
from services.profile.outputs import Publications
from services.profile.rebuild.compare import Differing
from services.profile.rebuild.differences import Faces, differences, faces_of
from services.profile.rebuild.taking_over import taken_over
from services.profile.rebuild.units import Id, Side, Unit, led_to, units_of
from services.profile.store import pack, unpack
from services.profile.stream import rules_of
from tests.unit.profile_builders import (
    NAMES,
    SALT,
    WORKSPACE,
    Run,
    fed,
    histories,
    limited,
    touchpoint,
)
from tests.unit.test_profile_erased import erase

RULES: Final = {"demo": rules_of(WORKSPACE)}
SHOW: Final = Publications({"demo": WORKSPACE.currency})

Spoil = Callable[[dict[bytes, bytes], random.Random], None]


def _keys(values: dict[bytes, bytes], prefix: bytes) -> list[bytes]:
    return sorted(key for key in values if key.startswith(prefix))


def _lose_component(values: dict[bytes, bytes], dice: random.Random) -> None:
    del values[dice.choice(_keys(values, b"c:"))]


def _lose_home(values: dict[bytes, bytes], dice: random.Random) -> None:
    del values[dice.choice(_keys(values, b"n:"))]


def _wrong_home(values: dict[bytes, bytes], dice: random.Random) -> None:
    values[dice.choice(_keys(values, b"n:"))] = dice.choice(_keys(values, b"c:"))[2:]


def _lead_nowhere(values: dict[bytes, bytes], dice: random.Random) -> None:
    values[dice.choice(_keys(values, b"n:"))] = b"\1" * 16


def _cut(values: dict[bytes, bytes], dice: random.Random) -> None:
    key = dice.choice(_keys(values, b"c:"))
    values[key] = values[key][: dice.randrange(8, len(values[key]))]


def _changed(
    values: dict[bytes, bytes], dice: random.Random, change: Callable[[Component], None]
) -> None:
    """One component that can be read is another one under its version."""
    key = dice.choice(_keys(values, b"c:"))
    version, body = unpack_state(values[key])
    with suppress(msgspec.DecodeError):
        component = unpack(body)
        change(component)
        values[key] = pack_state(version, pack(component))


def _forget_events(values: dict[bytes, bytes], dice: random.Random) -> None:
    def change(component: Component) -> None:
        place = dice.randrange(len(component.nodes))
        component.nodes[place] = component.nodes[place]._replace(part=None)

    _changed(values, dice, change)


def _lose_link(values: dict[bytes, bytes], dice: random.Random) -> None:
    def change(component: Component) -> None:
        if component.links:
            del component.links[dice.randrange(len(component.links))]

    _changed(values, dice, change)


def _double(values: dict[bytes, bytes], dice: random.Random) -> None:
    """A component stands under a second id as well."""
    key = dice.choice(_keys(values, b"c:"))
    values[b"c:" + b"\2" * 16] = values[key]


SPOILS: Final[Sequence[Spoil]] = (
    _lose_component,
    _lose_home,
    _wrong_home,
    _lead_nowhere,
    _cut,
    _forget_events,
    _lose_link,
    _double,
)


def sides(live: Run, shadow: Run) -> tuple[Side, Side]:
    return Side(cast(redis.Redis, live.redis)), Side(cast(redis.Redis, shadow.redis))


def all_ids(live: Run, shadow: Run) -> set[Id]:
    """As the look-out finds them in a real Redis."""
    values = live.redis.values
    found = {key[2:] for run in (live, shadow) for key in _keys(run.redis.values, b"c:")}
    return found | {key[2:] for key in _keys(values, b"n:") if not _is_home(values, key)}


def _is_home(values: dict[bytes, bytes], key: bytes) -> bool:
    there = led_to(values[key])
    return there is None or b"c:" + there in values or b"n:" + there in values


def differing(live: Run, shadow: Run) -> list[Differing]:
    units = units_of(*sides(live, shadow), all_ids(live, shadow))
    return [_differing(unit) for unit in units if not unit.is_same()]


def _differing(unit: Unit) -> Differing:
    known, right = faces_of(unit.live, RULES, SHOW), faces_of(unit.shadow, RULES, SHOW)
    return Differing(unit, known, right, differences(known, right))


def rebuild(live: Run, shadow: Run) -> list[Output]:
    """Everything that differs taken over in one commit, with all checks of the script."""
    decision, outputs = Decision(), list[Output]()
    live.now_us += 1_000
    for one in differing(live, shadow):
        outputs += taken_over(one, decision, live.now_us, SHOW)
    live.redis.commit(decision)
    for output in outputs:
        newest = live.topic.get(output.key)
        assert newest is None or newest.version < output.version
        live.topic[output.key] = output
    return outputs


def faces(run: Run) -> Faces:
    side = Side(cast(redis.Redis, run.redis))
    units = units_of(side, side, {key[2:] for key in _keys(run.redis.values, b"c:")})
    whole = Faces()
    for unit in units:
        found = faces_of(unit.live, RULES, SHOW)
        whole.snapshots |= found.snapshots
        whole.leads |= found.leads
    return whole


def shown(run: Run) -> dict[Id, Any]:
    """Profile id -> what its last record on the topic says: facts, another profile, or nothing."""
    found: dict[Id, Any] = {}
    for key, output in run.topic.items():
        said = msgspec.json.decode(output.value)
        for name in ("version", "updated_at", "rebuilt", "rebuilt_version"):
            said.pop(name, None)
        merged = said.get("merged_into")
        found[uuid_bytes(key.decode())] = (
            None if said.get("erased") else uuid_bytes(merged) if merged else said
        )
    return found


@given(histories(), st.integers(0, 2**32), st.lists(st.sampled_from(SPOILS), max_size=3))
@examples(max_examples=200)
def test_whatever_is_wrong_with_a_state_it_becomes_what_the_log_says(
    history: list[Touchpoint], seed: int, spoils: Sequence[Spoil]
) -> None:
    dice = random.Random(seed)
    live = fed(history, batch=3)
    shadow = fed(dice.sample(history, k=len(history)), batch=7)
    assert differing(live, shadow) == []
    for spoil in spoils:
        if _keys(live.redis.values, b"c:") and _keys(live.redis.values, b"n:"):
            spoil(live.redis.values, dice)
    rebuild(live, shadow)
    assert differing(live, shadow) == []
    right = faces(shadow)
    assert faces(live).snapshots == right.snapshots
    said = shown(live)
    for profile, facts in right.snapshots.items():
        assert said[profile] == facts
    for lost, kept in right.leads.items():
        assert lost == kept or said.get(lost, kept) == kept
    assert live.take(*history) == [], "the messages are remembered as before"


def test_who_is_right_is_not_written_and_not_published() -> None:
    history = [touchpoint("user_id:u1", "email:a@x.example", at_s=one) for one in range(3)]
    live, shadow = fed(history), fed(history[::-1], batch=1)
    before = dict(live.redis.values)
    assert rebuild(live, shadow) == []
    assert live.redis.values == before


def test_a_profile_that_rests_on_nothing_in_the_log_is_forgotten_by_every_reader() -> None:
    history = [touchpoint("user_id:u1", at_s=1), touchpoint("user_id:u2", at_s=2)]
    live, shadow = fed(history), fed(history[:1])
    (output,) = rebuild(live, shadow)
    assert msgspec.json.decode(output.value)["erased"] is True
    assert differing(live, shadow) == []


def test_a_profile_that_joined_another_one_leads_there() -> None:
    """The live state never saw the event that makes one person of the two."""
    apart = [touchpoint("user_id:u1", at_s=1), touchpoint("email:a@x.example", at_s=2)]
    together = touchpoint("user_id:u1", "email:a@x.example", at_s=3)
    live, shadow = fed(apart), fed([*apart, together])
    outputs = rebuild(live, shadow)
    merged = [msgspec.json.decode(one.value).get("merged_into") for one in outputs]
    assert len(outputs) == 2
    assert sum(one is not None for one in merged) == 1


def test_what_a_rebuild_brings_says_so() -> None:
    history = [touchpoint("user_id:u1", at_s=one) for one in range(2)]
    live, shadow = fed(history[:1]), fed(history)
    (output,) = rebuild(live, shadow)
    assert msgspec.json.decode(output.value)["rebuilt"] is True


def test_people_shown_by_other_rules_are_shown_anew_where_they_are_mended() -> None:
    """The live people look by the rules in force as they should, and were shown by others."""
    history = [
        touchpoint("user_id:u1", "email:a@x.example", at_s=1),
        touchpoint("user_id:u1", "email:b@x.example", at_s=2),
    ]
    strict = limited(email=1)
    live = Run(strict)
    live.take(*history)
    shadow = fed(history)
    units = units_of(*sides(live, shadow), all_ids(live, shadow))
    assert all(unit.is_same() for unit in units), "rules change through `identity apply`"


def _names_one(one: Touchpoint) -> bool:
    """Nobody else by its identifiers, and nobody by its facts."""
    return len(one.identifiers) == 1 and not {"previous", "other"} & one.properties.model_fields_set


@given(histories(), st.integers(0, 2**32), st.sampled_from(NAMES), st.integers(0, 25))
@examples(max_examples=60)
def test_who_was_erased_stays_erased_whenever_that_is_read(
    history: list[Touchpoint], seed: int, name: str, place: int
) -> None:
    """Partitions are read side by side: the order to erase comes earlier or later than it came.

    What names others beside the erased is dropped when it comes later, and so may be on the way.
    """
    dice = random.Random(seed)
    value = name.split(":", 1)[1].encode()
    history = [one for one in history if value not in to_json(one) or _names_one(one)]
    live = fed(history, batch=3)
    erase(live, name)
    shadow, shuffled = Run(), dice.sample(history, k=len(history))
    shadow.take(*shuffled[:place])
    erase(shadow, name)
    shadow.take(*shuffled[place:])
    assert differing(live, shadow) == []
    forgetful = fed(history, batch=4)
    for unit in units_of(*sides(live, forgetful), all_ids(live, forgetful)):
        assert unit.is_same() or unit.would_bring_back()


def test_who_was_erased_stays_erased_when_the_log_tells_of_it_no_more() -> None:
    """Their marks are in the live state alone, or of another moment than those of the shadow."""
    bob = [touchpoint("user_id:bob", at_s=9)]
    live = fed([touchpoint("user_id:ada", "email:ada@x.example"), *bob], batch=1)
    erase(live, "user_id:ada", "email:ada@x.example")
    before = dict(live.redis.values)
    assert rebuild(live, fed(bob)) == []
    assert live.redis.values == before
    later = fed([touchpoint("user_id:ada"), *bob])
    later.now_us += 60_000_000
    erase(later, "user_id:ada", "email:ada@x.example")
    assert rebuild(live, later) == []
    assert live.redis.values == before
    assert live.take(touchpoint("user_id:ada", at_s=99)) == []


def test_an_absorbed_id_leads_to_whom_it_hangs_on_which_an_unmerge_may_part_from_the_profile() -> (
    None
):
    visits = [touchpoint(f"anonymous_id:v{one}", at_s=100 + one) for one in range(150)]
    history = [touchpoint("user_id:ada", at_s=1), touchpoint("user_id:bob", at_s=2)]
    asked = touchpoint("user_id:ada", kind="profile_merge_requested", other="user_id:bob", at_s=3)
    logins = [
        touchpoint("user_id:bob", f"anonymous_id:v{one}", at_s=500 + one) for one in range(150)
    ]
    live, shadow = fed([*visits, *history]), fed([*visits, *history, asked, *logins])
    rebuild(live, shadow)
    absorbed = {
        key[2:] for key, home in shadow.redis.values.items() if key[:2] == b"n:" and len(home) > 16
    }
    assert len(absorbed) >= 49
    ends = {shown(live)[one] for one in absorbed}
    assert ends == {Hashes(SALT).node("demo", "user_id", "bob")}
