"""Erasures among partitions: a rebuild ends as the live state did, however both were read."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import micros, to_json
from schemas.profile import Profile
from schemas.touchpoint import Touchpoint
from services.common.batch import CONTROL_HEADER, Batch, Headers, Record, Undecidable
from services.common.poison import pieces
from services.common.staged_log import Stage, StagedLog
from services.profile.rebuild.units import units_of
from tests.unit.profile_builders import NAMES, START, Run, histories, touchpoint
from tests.unit.test_profile_erased import living, node, person_of, without_version
from tests.unit.test_rebuild_units import sides

PARTITIONS: Final = 3
#: Histories are received within a few seconds of this moment.
RECEIVED: Final = START + timedelta(days=10)
#: A rebuild is made long after all that it reads.
LATER: Final = RECEIVED + timedelta(days=100)
#: (name that is erased, after how many events, let in again after how many more or never)
Erasure = tuple[str, int, int | None]


class Partitions:
    """A log of some partitions that is read as far as it is told, side by side in any order."""

    def __init__(self, logs: Sequence[Sequence[Record]], dice: random.Random) -> None:
        self._logs = logs
        self._dice = dice
        self._at: dict[int, int] = {}
        self._until: Mapping[int, int] = {}

    def read_until(self, until: Mapping[int, int]) -> None:
        assert all(end >= self._until.get(one, 0) for one, end in until.items()), "never less"
        self._until = until

    def behind(self) -> int:
        return sum(max(0, self._until.get(one, 0) - at) for one, at in self._at.items())

    def begins(self) -> Mapping[int, int]:
        return dict(self._at)

    def take(self, timeout_s: float) -> list[Record]:
        taken: list[Record] = []
        for one in self._dice.sample(sorted(self._at), k=len(self._at)):
            end = max(self._at[one], self._until.get(one, 0))
            upto = self._dice.randint(self._at[one], end)
            taken += self._logs[one][self._at[one] : upto]
            self._at[one] = upto
        return taken

    def has_more(self) -> bool:
        return False

    def take_ahead(self) -> list[Record]:
        return []

    def assigned(self) -> Mapping[int, int]:
        return dict.fromkeys(range(PARTITIONS), 1)

    def at_end(self) -> frozenset[int]:
        return frozenset()

    def seek(self, partition: int, offset: int | None) -> int:
        self._at[partition] = offset or 0
        return self._at[partition]


class Reader(Run):
    """Decides on batches of such a log; `noted` as the commit's script would."""

    def __init__(self) -> None:
        super().__init__()
        self.read = dict.fromkeys(range(PARTITIONS), 0)
        self.noted: dict[bytes, Stage] = {}

    def carry(self, records: Sequence[Record]) -> None:
        if not records:
            return
        self.now_us += 1_000
        try:
            decision = self.handler.decide(Batch(records, (), self.now_us))
        except Undecidable:  # as the step does it
            for part, _ in pieces(records, (), self._fails):
                self.carry(part)
            return
        self.redis.commit(decision)
        decision.committed()
        self._publish([one for those in decision.outputs.values() for one in those])
        before = dict(self.read)
        for record in records:
            assert record.offset == self.read[record.partition], "in order, and none left out"
            self.read[record.partition] += 1
        for name in decision.notes:
            self.noted.setdefault(name, Stage(before, dict(self.read)))

    def _fails(self, records: Sequence[Record], _due: object) -> bool:
        try:
            self.handler.decide(Batch(records, (), self.now_us))
        except Undecidable:
            return True
        return False


@dataclass
class World:
    """The live side. `cuts`: positions that it has passed."""

    dice: random.Random
    live: Reader = field(default_factory=Reader)
    logs: list[list[Record]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    cuts: list[dict[int, int]] = field(default_factory=list)

    def append(self, value: bytes, headers: Headers = (), partition: int | None = None) -> None:
        place = self.dice.randrange(PARTITIONS) if partition is None else partition
        log = self.logs[place]
        log.append(Record("touchpoints.accepted", place, len(log), b"key", value, headers))

    def order(self, name: str, number: int, names: Iterable[str], **more: Any) -> None:
        """A control record about them, on the partition of its erasure."""
        nodes = [node(one).hex() for one in names]
        body = {"workspace": "demo", "erasure_id": f"e{number}", "nodes": nodes} | more
        headers = ((CONTROL_HEADER, name.encode()),)
        self.append(msgspec.json.encode(body), headers, number % PARTITIONS)

    def go_on(self) -> None:
        """A worker takes a batch of some partitions."""
        records: list[Record] = []
        for one, log in enumerate(self.logs):
            at = self.live.read[one]
            records += log[at : at + self.dice.choice((0, 0, 1, 2, 5))]
        self.live.carry(records)
        self.cuts.append(dict(self.live.read))

    def is_behind(self) -> bool:
        return any(self.live.read[one] < len(log) for one, log in enumerate(self.logs))


def lived(history: Sequence[Touchpoint], erasures: Sequence[Erasure], dice: random.Random) -> World:
    """The history came, people were erased in between and some let in again; all is read."""
    world = World(dice)
    due: dict[int, list[tuple[str, int, list[str]]]] = {}
    for place, one in enumerate([*history, None]):
        for name, number, names in due.pop(place, []):
            at = RECEIVED + timedelta(seconds=1)
            world.order(name, number, names, **{"from": micros(at)})
        for number, (name, after, lifted) in enumerate(erasures):
            if after == place or (one is None and after > place):
                names = person_of(world.live, name) or [name]
                others = [node(other).hex() for other in NAMES if other not in names]
                world.order("erase", number, names, naming=others)
                if lifted is not None:
                    due.setdefault(min(place + 1 + lifted, len(history)), []).append(
                        ("lift", number, names)
                    )
        if one is not None:
            world.append(to_json(one))
        if dice.random() < 0.5:
            world.go_on()
    while world.is_behind():
        world.go_on()
    return world


def read_again(world: World, dice: random.Random, stages: Iterable[Stage]) -> Reader:
    """A shadow filled in other batches; now and then it is killed, and goes on from its place."""
    shadow = Reader()
    shadow.now_us = micros(LATER)
    staged = list(stages)
    for until in [
        *sorted(dice.sample(world.cuts, k=min(2, len(world.cuts))), key=_read),
        ends(world),
    ]:
        log = StagedLog(Partitions(world.logs, dice))
        for partition, offset in shadow.read.items():
            log.seek(partition, offset)
        log.read_until(until, staged)
        while log.behind():
            shadow.carry(log.take(0))
        assert shadow.read == until
    return shadow


def ends(world: World) -> dict[int, int]:
    return {one: len(log) for one, log in enumerate(world.logs)}


def _read(cut: Mapping[int, int]) -> int:
    return sum(cut.values())


def same(live: Run, shadow: Run) -> bool:
    """Whether every unit is what it should be, and every key that says who was erased."""
    keys = [*live.redis.values, *shadow.redis.values]
    ids = {key[2:] for key in keys if key[:2] in (b"c:", b"n:")}
    return all(unit.is_same() for unit in units_of(*sides(live, shadow), ids))


erasures = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(0, 25), st.none() | st.integers(0, 8)),
    max_size=3,
    unique_by=lambda one: one[0],
)


@given(histories(), erasures, st.integers(0, 2**32))
@settings(max_examples=250)
def test_a_rebuild_ends_as_the_live_state_however_partitions_are_read(
    history: list[Touchpoint], erasures: list[Erasure], seed: int
) -> None:
    dice = random.Random(seed)
    world = lived(history, erasures, dice)
    shadow = read_again(world, dice, world.live.noted.values())
    assert same(world.live, shadow)
    assert faces(living(shadow)) == faces(living(world.live))


def faces(profiles: Mapping[str, Profile]) -> dict[str, dict[str, Any]]:
    return {id: without_version(one) for id, one in profiles.items()}


def test_since_when_somebody_counts_again_is_compared() -> None:
    readers: list[Reader] = []
    for from_us in (1, 2):
        one = World(random.Random(1))
        one.order("erase", 0, ["user_id:ada"])
        one.live.carry(one.logs[0])
        one.order("lift", 0, ["user_id:ada"], **{"from": from_us})
        one.append(to_json(touchpoint("user_id:ada")), partition=0)
        one.live.carry(one.logs[0][1:])
        assert person_of(one.live, "user_id:ada")
        readers.append(one.live)
    assert not same(*readers)


def test_who_is_erased_and_let_in_within_one_batch_is_there_again() -> None:
    """As when all of the log is read again."""
    world = World(random.Random(1))
    world.append(to_json(touchpoint("user_id:ada", received_at=RECEIVED)), partition=0)
    world.order("erase", 0, ["user_id:ada"])
    world.order("lift", 0, ["user_id:ada"], **{"from": micros(RECEIVED) + 1})
    world.append(to_json(touchpoint("user_id:ada", received_at=LATER)), partition=0)
    world.live.carry(world.logs[0])
    (ada,) = living(world.live).values()
    assert ada.behaviour.events == 1


offsets = st.dictionaries(st.integers(0, PARTITIONS), st.integers(0, 12))


@given(st.lists(st.builds(Stage, offsets, offsets), max_size=5), st.integers(0, 2**32))
def test_stages_that_contradict_each_other_hold_nothing_up(stages: list[Stage], seed: int) -> None:
    """Redis fell back, and what was decided before was decided anew in another order."""
    dice = random.Random(seed)
    world = World(dice)
    for _ in range(30):
        world.append(b"")
    log = StagedLog(Partitions(world.logs, dice))
    for partition in range(PARTITIONS):
        log.seek(partition, None)
    log.read_until(ends(world), stages)
    read: list[Record] = []
    for _ in range(1_000):
        read += log.take(0)
    assert log.behind() == 0
    assert sorted((one.partition, one.offset) for one in read) == [
        (one.partition, one.offset) for records in world.logs for one in records
    ]
