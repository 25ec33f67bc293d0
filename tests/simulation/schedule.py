"""One seeded schedule: workers, kills, pauses, rebalances, outages; then the claims are checked."""

from __future__ import annotations

import json
from base64 import b64decode
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from random import Random
from typing import Any

from services.common.batch import Batch, Decision, Output, Record, next_version
from services.common.ports import Observer, Parts, PublishFailed, StoreGone
from services.common.step import Step
from tests.simulation.fakes import FakeLog, FakePublisher, FakeStore, Rules, World
from tests.simulation.scheduler import Worker

PARTITIONS, PROFILES, EVENTS, OPERATIONS = 3, 4, 24, 260
TIMER_US = 150


class Inline(Executor):
    """Runs what is submitted at once: kills fall between any two operations all the same."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Folding:
    """Folds message ids into profiles (a comma-separated list), one timer for each profile.

    `poison`: the events that no decision can be made on.
    """

    def __init__(self, store: FakeStore, poison: frozenset[int]) -> None:
        self._store = store
        self._poison = poison

    def prepare(self, records: Sequence[Record]) -> None:
        """Nothing."""

    def decide(self, batch: Batch) -> Decision:
        if any(int(record.value) in self._poison for record in batch.records):
            raise ValueError("poison")
        fresh = self._without_duplicates(batch)
        keys = {record.key or b"" for record in fresh} | {due.member for due in batch.due}
        loaded = self._store.load(sorted(keys))
        decision = Decision()
        folded = {key: body.split(b",") if body else [] for key, (_, body) in loaded.items()}
        for record in fresh:
            key = record.key or b""
            if not folded[key]:
                decision.due[record.partition, key] = batch.taken_at_us + TIMER_US
            folded[key].append(record.value)
            decision.remembered.setdefault(b"ids", []).append(int(record.value))
            outputs = decision.outputs.setdefault(record.partition, [])
            outputs.append(Output("resolved", record.value, record.value))
        for due in batch.due:
            if b"timer" not in folded[due.member]:
                folded[due.member].append(b"timer")
            outputs = decision.outputs.setdefault(due.partition, [])
            outputs.append(Output("timers", due.member, b""))
        places = {r.key or b"": r.partition for r in fresh} | {
            due.member: due.partition for due in batch.due
        }
        for key, partition in places.items():
            version = loaded[key][0]
            after = next_version(version, batch.taken_at_us)
            body = b",".join(folded[key])
            decision.reads[key] = version
            decision.writes[key] = (after, body)
            snapshot = Output("profiles", key, body, watch=key, version=after)
            decision.outputs.setdefault(partition, []).append(snapshot)
        return decision

    def newest(self, stale: Sequence[Output]) -> list[Output]:
        keys = sorted({output.watch or b"" for output in stale})
        loaded = self._store.load(keys)
        return [
            Output("profiles", key, body, watch=key, version=version)
            for key, (version, body) in loaded.items()
            if version
        ]

    def _without_duplicates(self, batch: Batch) -> list[Record]:
        known = self._store.known(b"ids", [int(record.value) for record in batch.records])
        fresh = []
        for record in batch.records:
            if int(record.value) not in known:
                known.add(int(record.value))
                fresh.append(record)
        return fresh


def run(seed: int, rules: Rules) -> list[str]:
    """Play one schedule; what went wrong (empty: every claim holds)."""
    return _Schedule(seed, rules).play()


class _Schedule:
    def __init__(self, seed: int, rules: Rules) -> None:
        self.dice = Random(seed)
        self.world = World(self.dice, PARTITIONS, rules)
        self.workers: dict[str, Worker] = {}
        self.paused: set[str] = set()
        self.born = 0
        self.rollbacks = self.dice.random() < 0.15
        poisonous = self.dice.randint(1, 3) if self.dice.random() < 0.5 else 0
        self.poison = frozenset(self.dice.sample(range(EVENTS), poisonous))
        self._fill_log()

    def play(self) -> list[str]:
        for _ in range(2):
            self._start()
        try:
            for _ in range(OPERATIONS):
                self._act()
            self._recover()
        finally:
            for worker in self.workers.values():
                worker.kill()
        faults = [repr(w.fault) for w in self.workers.values() if w.fault is not None]
        return faults or self._broken_claims()

    def _fill_log(self) -> None:
        for number in range(EVENTS):
            key = b"p%d" % self.dice.randrange(PROFILES)
            self._append(key, b"%d" % number)
            if self.dice.random() < 0.15:
                self._append(key, b"%d" % number)  # a duplicate, on any partition

    def _append(self, key: bytes, value: bytes) -> None:
        partition = self.dice.randrange(PARTITIONS)
        records = self.world.log[partition]
        records.append(Record("in", partition, len(records), key, value))

    def _act(self) -> None:
        self.world.now_us += self.dice.randint(0, 10)
        chance = self.dice.random()
        awake = [w for name, w in self.workers.items() if name not in self.paused and not w.dead]
        if chance < 0.90 and awake:
            self.dice.choice(awake).advance()
        elif chance < 0.92 and awake:
            self._kill(self.dice.choice(awake))
        elif chance < 0.94 and awake:
            self.paused.add(self.dice.choice(awake).name)
        elif chance < 0.95:
            self._wake()
        elif chance < 0.97:
            self._rebalance()
        elif chance < 0.98 and len(awake) < 3:
            self._start()
        elif chance < 0.99 and self.world.late:
            self.world.topic.append(self.world.late.pop())
        elif self.rollbacks and chance > 0.997:
            self.world.roll_back()

    def _kill(self, worker: Worker) -> None:
        worker.kill()
        del self.workers[worker.name]

    def _wake(self) -> None:
        if self.paused:
            self.paused.discard(self.dice.choice(sorted(self.paused)))

    def _start(self) -> Worker:
        self.born += 1
        worker = Worker(f"w{self.born}", self._main)
        self.workers[worker.name] = worker
        self._rebalance()
        return worker

    def _rebalance(self) -> None:
        members = [name for name in self.workers if name not in self.paused]
        if members:
            self.world.assign({p: self.dice.choice(members) for p in range(PARTITIONS)})

    def _main(self, worker: Worker) -> None:
        log = FakeLog(self.world, worker)
        store = FakeStore(self.world, worker)
        skew_us = self.dice.randint(-100, 100)
        step = Step(
            Parts(
                service="sim",
                log=log,
                store=store,
                publisher=FakePublisher(self.world, worker, log),
                handler=Folding(store, self.poison),
                relay=Inline(),
                now_us=lambda: self.world.now_us + skew_us,
                observer=Observer(),
                verify_every_us=200,
            )
        )
        while True:
            try:
                step.run_once()
            except (StoreGone, PublishFailed):
                step.reset()
                log.poll()

    def _recover(self) -> None:
        """One worker, a new or an old one, gets all partitions and time to finish."""
        survivors = [name for name, worker in self.workers.items() if not worker.dead]
        last_name = self.dice.choice([*survivors, ""])
        for worker in list(self.workers.values()):
            if worker.name != last_name:
                self._kill(worker)
        self.paused.clear()
        self.world.topic += self.world.late
        self.world.late.clear()
        self.world.calm = True
        last = self.workers.get(last_name) or self._start()
        self._rebalance()
        for _ in range(1_500):
            self.world.now_us += 5
            last.advance()
            if last.dead or self._finished():
                return

    def _finished(self) -> bool:
        kept = self.world.kept
        return not kept.due and all(
            (place := kept.places.get(p)) is not None
            and place.offset == len(records)
            and not place.slot
            for p, records in self.world.log.items()
            if records
        )

    def _broken_claims(self) -> list[str]:
        kept, broken = self.world.kept, []
        if not self._finished():
            broken.append("not everything was read, published and freed")
        folded = Counter(i for _, body in kept.state.values() for i in body.split(b","))
        timers = folded.pop(b"timer", 0)
        if timers != len(kept.state):
            broken.append(f"{timers} timers for {len(kept.state)} profiles")
        wanted = {b"%d" % number for number in range(EVENTS) if number not in self.poison}
        if folded.keys() != wanted:
            broken.append(f"lost {wanted - folded.keys()}")
        if doubled := [i for i, times in folded.items() if times > 1]:
            broken.append(f"folded twice {doubled}")
        published = {output.value for output in self.world.topic if output.topic == "resolved"}
        if published != wanted:
            broken.append(f"never published {wanted - published}")
        letters = [output for output in self.world.topic if output.topic == "dead_letters"]
        kept_aside = {int(b64decode(json.loads(one.value)["original"])) for one in letters}
        if kept_aside != self.poison:
            broken.append(f"dead letters {kept_aside} of poison {self.poison}")
        last = {o.key: o.value for o in self.world.topic if o.topic == "profiles"}
        newest = {key: body for key, (_, body) in kept.state.items()}
        if self.world.rules.fence and last != newest:
            broken.append("the last record of a profile is not its newest")
        return broken
