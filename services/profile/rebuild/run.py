"""The rebuild whole: fill the shadow, compare, and, unless it was only asked, take over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import redis
from confluent_kafka.admin import AdminClient

from schemas.topics import ACCEPTED
from services.common import clients
from services.common.kafka_publisher import PlainPublisher
from services.common.log_up_to import LogUpTo
from services.common.ports import Observer, Parts
from services.common.redis_store import RedisStore
from services.common.relay import Relay
from services.common.settings import Settings
from services.common.staged_log import Stage
from services.common.step import Step
from services.common.workspace import Workspace
from services.profile.outputs import Publications
from services.profile.rebuild.beginning import Beginning, beginning_of
from services.profile.rebuild.compare import Comparing
from services.profile.rebuild.decided import Decided, told_of_erasures
from services.profile.rebuild.differences import Tally
from services.profile.rebuild.lock import Lock
from services.profile.rebuild.lookout import Lookout, all_ids
from services.profile.rebuild.remembered import copy_remembered
from services.profile.rebuild.shadow import Shadow, claim, mark_of
from services.profile.rebuild.switch import TRIES_MAX, Switch
from services.profile.stream import ProfileHandler, rules_of

SERVICE: Final = "rebuild"

#: Told the phase, how much of it is done, and of how much (0: not known).
Watch = Callable[[str, int, int], None]


class Cut(Exception):  # noqa: N818 - a state of the world
    """The log no longer begins at the beginning."""

    def __init__(self, beginning: Beginning) -> None:
        super().__init__("the log no longer begins at the beginning")
        self.beginning = beginning


@dataclass(slots=True)
class Result:
    """`left`: components that changed too often to be written; `poisoned`: records that this code
    can not decide on (they are dead letters of profile as well)."""

    tally: Tally = field(default_factory=Tally)
    events: int = 0
    went_on: bool = False
    written: int = 0
    published: int = 0
    left: int = 0
    poisoned: int = 0
    beginning: Beginning | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """`shadow`: the URL of the database that holds it. `newer_only`: with a log that no longer
    begins at the beginning, who began later is rebuilt and who is older stays as they are."""

    shadow: str
    dry_run: bool = False
    fresh: bool = False
    newer_only: bool = False


class Rebuild:
    """Opened, everything is checked and nothing is written yet."""

    def __init__(
        self,
        settings: Settings,
        workspaces: Mapping[str, Workspace],
        wanted: Wanted,
        opened: Opened,
        watch: Watch,
    ) -> None:
        self._settings, self._wanted, self._watch = settings, wanted, watch
        self._live, self._other, self._lock = opened.live, opened.shadow, opened.lock
        self._beginning = opened.beginning
        self._handler = ProfileHandler(opened.live, workspaces, settings)
        self._show = Publications({name: one.currency for name, one in workspaces.items()})
        log = LogUpTo(opened.consumer, ACCEPTED.name, settings.batch_events_max, opened.partitions)
        self._went_on = claim(opened.shadow, opened.mark, fresh=wanted.fresh)
        decided = Decided(opened.live, opened.told)
        self._shadow = Shadow(opened.shadow, log, workspaces, settings, decided.stages)
        self._comparing = Comparing(
            opened.live,
            (opened.shadow, self._shadow),
            opened.partitions,
            ({name: rules_of(one) for name, one in workspaces.items()}, self._show),
            opened.beginning.whole_since,
        )

    def run(self) -> Result:
        """LogGone, StoreGone, PublishFailed, redis.RedisError: run it again, it goes on."""
        result = Result(went_on=self._went_on, beginning=self._beginning)
        result.events = self._fill()
        if self._wanted.dry_run:
            self._look(result)
        else:
            self._take_over(result)
        result.poisoned = self._shadow.poisoned
        return result

    def _fill(self) -> int:
        """Read as far as the live state has; how many events that were."""
        first: list[int] = []

        def watch(left: int) -> None:
            first[:] = first or [left]
            self._lock.renew()
            self._watch("reading the log", first[0] - left, first[0])

        self._shadow.follow(self._comparing.until(), watch)
        return first[0] if first else 0

    def _look(self, result: Result) -> None:
        """Only compare. What moves is looked at again, some more times."""
        again: list[bytes] = []
        lookout = Lookout(all_ids(self._live, self._other), lambda: _taken(again))
        tries = 0
        while records := lookout.take(0):
            compared = self._comparing.compare([record.value for record in records])
            result.tally.add(compared.same)
            for one in compared.differing:
                result.tally.note(one.found)
            tries += bool(compared.moved)
            if tries < TRIES_MAX:
                again += compared.moved
            else:
                result.left += len(compared.moved)
            self._tell(lookout)

    def _take_over(self, result: Result) -> None:
        copy_remembered(self._other, self._live)
        switch = Switch(self._comparing, self._handler, self._show)
        lookout = Lookout(all_ids(self._live, self._other), switch.taken_again)
        make = self._producer
        step = Step(
            Parts(
                service=SERVICE,
                log=lookout,
                store=RedisStore(self._live, SERVICE, replicas=self._settings.replicas_acked),
                publisher=PlainPublisher(make),
                handler=switch,
                relay=Relay(),
                now_us=lambda: time.time_ns() // 1_000,
                observer=Observer(),
            )
        )
        while step.run_once():
            self._tell(lookout)
        step.settle()  # what was sent is acknowledged, compared, and its slot free
        copy_remembered(self._other, self._live)
        result.tally, result.left = switch.tally, len(switch.left)
        result.written, result.published = switch.written, switch.published

    def _producer(self) -> Any:
        plain = clients.SENT_WHEN_FLUSHED | {"message.timeout.ms": 30_000}
        return clients.producer(self._settings, **plain)

    def _tell(self, lookout: Lookout) -> None:
        self._lock.renew()
        self._watch("comparing", lookout.looked_at, 0)


def _taken(again: list[bytes]) -> list[bytes]:
    taken, again[:] = list(again), []
    return taken


@dataclass(frozen=True, slots=True)
class Opened:
    """What the rebuild works on. `told`: where erasures took effect, as their topic says."""

    live: redis.Redis
    shadow: redis.Redis
    consumer: Any
    partitions: int
    beginning: Beginning
    mark: bytes
    lock: Lock
    told: Mapping[bytes, Stage]


@contextmanager
def opened(
    settings: Settings, workspaces: Mapping[str, Workspace], wanted: Wanted
) -> Iterator[Opened]:
    """Connected and locked. Locked, Cut, NotOurs; LogGone, NotRead, RedisError: nobody answers."""
    with ExitStack() as stack:
        live = stack.enter_context(clients.redis_client(settings))
        other = settings.model_copy(update={"redis": wanted.shadow})
        shadow = stack.enter_context(clients.redis_client(other))
        own = {"auto.offset.reset": "error", "fetch.min.bytes": 1}
        consumer = clients.consumer(settings, "rapport-rebuild", **own)
        stack.callback(consumer.close)
        known = AdminClient(clients.kafka_config(settings)).list_topics(ACCEPTED.name, 30)
        partitions = len(known.topics[ACCEPTED.name].partitions)
        beginning = beginning_of(consumer, ACCEPTED.name, partitions)
        if not beginning.is_whole() and not wanted.newer_only:
            raise Cut(beginning)
        lock = Lock(live)
        lock.take()
        stack.callback(lock.leave)
        mark = mark_of(workspaces, settings.salt, str(known.cluster_id))
        told = told_of_erasures(settings)
        yield Opened(live, shadow, consumer, partitions, beginning, mark, lock, told)
