"""profile, accounts, score, columns and decide on real engines, for workspaces of one test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import redis
import yaml
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from deploy.embedded.engines import Engines
from schemas import topics
from schemas.base import to_json
from schemas.touchpoint import Touchpoint
from services.cli.demo import drain
from services.cli.demo.drain import Backlog, Drain, Place
from services.common import clients
from services.common.batch import unpack_state
from services.common.relay import Relay
from services.common.run import Stop
from services.common.settings import Settings
from services.common.step_service import Plan, _Worker
from services.common.workspace_follow import Followed
from services.journey import stream as decide_stream
from services.journey.domain import merges
from services.journey.store import JourneyStore, state_of
from services.journey.stream import DecideHandler
from services.profile.accounts.stream import AccountsHandler
from services.profile.stream import ProfileHandler
from services.scoring import __main__ as columns_main
from services.scoring import stream as score_stream
from services.scoring.columns import Columns
from services.scoring.rows import PROCESSORS
from tests.scoring_messages import model

EXAMPLE = Path("deploy/workspace")
SALT = "control"
#: Whatever has a workspace, so that nobody forgets what is new.
TABLES = """
    SELECT name, engine FROM system.tables WHERE database = 'rapport' AND name IN
    (SELECT table FROM system.columns WHERE database = 'rapport' AND name = 'workspace')
"""
READER = {
    "group.id": "control.reader",
    "isolation.level": "read_committed",
    "enable.partition.eof": True,
}
#: Of the engines' Redis databases, one that no other test has.
DATABASE = 13
#: An alert whose complaint left waits for whoever has it now: for seconds here, not for a minute.
HASTE = {"HANDOVER_US": 2_000_000, "TOMBSTONE_US": 6_000_000, "LEFT_US": 6_000_000}
DEADLINE_S = 120.0
LOOK_AGAIN_AFTER_S = 0.2


@dataclass
class World:
    """The services run under names of their own, from where the topics end now."""

    settings: Settings
    followed: Followed
    names: Sequence[str]
    faults: list[BaseException] = field(default_factory=list)

    def send(self, events: Sequence[Touchpoint]) -> None:
        """Under the strongest identifier, as ingest does."""
        producer = Producer({"bootstrap.servers": self.settings.kafka})
        for event in events:
            strongest = event.identifiers[0]
            producer.produce(topics.ACCEPTED.name, to_json(event), strongest.value)
        assert producer.flush(30) == 0

    def publish_models(self, version: int) -> None:
        """The same model for every workspace, as of a moment (µs)."""
        producer = Producer({"bootstrap.servers": self.settings.kafka})
        for workspace in self.followed.current:
            fitted = model(workspace).model_copy(update={"version": version})
            producer.produce(topics.MODELS.name, to_json(fitted), workspace)
        assert producer.flush(30) == 0

    def come_to_rest(self, *services: str) -> None:
        """Until these services (or all) have read all there is, and nothing grows."""
        asked = [one for one in self.names if not services or one.endswith(services)]
        look, deadline = Drain(self.settings), time.monotonic() + DEADLINE_S
        now, before = Backlog(dict.fromkeys(asked, 1), {}), Backlog({}, {})
        while not now.is_empty or now != before:  # a look is no moment: two that are alike are one
            assert not self.faults, self.faults
            assert time.monotonic() < deadline, f"still on its way: {now.waiting}"
            time.sleep(LOOK_AGAIN_AFTER_S)
            seen = look.backlog()
            now, before = Backlog({name: seen.waiting[name] for name in asked}, seen.ends), now

    def records(self, *names: str) -> dict[str, list[tuple[str, dict[str, Any]]]]:
        """Topic -> (key, record) of our workspaces, in the order of each partition."""
        found: dict[str, list[tuple[str, dict[str, Any]]]] = {name: [] for name in names}
        ours = tuple(f'"workspace":"{one}"'.encode() for one in self.followed.current)
        reader = Consumer(READER | {"bootstrap.servers": self.settings.kafka})
        places = [(name, number) for name in names for number in range(self.settings.partitions)]
        reader.assign([TopicPartition(*place, 0) for place in places])
        ended = 0
        while ended < len(places):
            for message in reader.consume(5_000, 0.1):
                value, topic = message.value() or b"", message.topic() or ""
                if message.error() is not None:
                    ended += 1
                elif any(one in value for one in ours):
                    key = (message.key() or b"").decode()
                    found[topic].append((key, msgspec.json.decode(value)))
        reader.close()
        return found

    def states(self, pattern: bytes) -> list[tuple[bytes, bytes]]:
        """Keys and states in Redis, without their versions."""
        with clients.redis_client(self.settings) as client:
            keys = list(client.scan_iter(match=pattern, count=1_000))
            values: Any = client.mget(keys)
        return [(key, unpack_state(value)[1]) for key, value in zip(keys, values, strict=True)]

    def columns(self) -> dict[str, list[dict[str, Any]]]:
        """Table or view -> our rows, as an analyst sees them: of a table the newest of each."""
        ours = ", ".join(f"'{name}'" for name in self.followed.current)
        ask = f"SELECT * FROM {{}} WHERE workspace IN ({ours})"
        with clients.clickhouse_client(self.settings) as client:
            client.database = "rapport"
            found = {
                table: f"{table} FINAL" if "Replacing" in engine else table
                for table, engine in client.query(TABLES).result_rows
            }
            return {
                table: list(client.query(ask.format(of)).named_results())
                for table, of in found.items()
            }


def unsettled(world: World) -> int:
    """Customers with alerts that somebody else has yet to take over, or else are cleared."""
    states = [state_of(body) for _, body in world.states(b"j:*")]
    return sum(state.left_us > 0 or bool(state.merged_into and state.due_us) for state in states)


def partitions(settings: Settings) -> int:
    """How many each topic has, whoever made them."""
    reader = Consumer({"bootstrap.servers": settings.kafka, "group.id": "control.partitions"})
    found = len(reader.list_topics(timeout=10).topics[topics.ACCEPTED.name].partitions)
    reader.close()
    return found


def write_workspaces(folder: Path, names: Sequence[str], **more: Any) -> None:
    """The example's rules under each name; `more` is said in workspace.yaml."""
    for name in names:
        (folder / name).mkdir(parents=True)
        for rules in ("workspace", "identity", "lifecycle", "alerts"):
            said = yaml.safe_load((EXAMPLE / f"{rules}.yaml").read_text())
            said |= {"name": name, **more} if rules == "workspace" else {}
            (folder / name / f"{rules}.yaml").write_text(yaml.safe_dump(said))
        (folder / name / "sources.yaml").write_text(f"- {{name: {name}, key_hashes: []}}\n")


@contextmanager
def running(engines: Engines, folder: Path, prefix: str) -> Iterator[World]:
    """All five; in the end they stop in good order and nobody has failed."""
    base = engines.redis.rsplit("/", 1)[0]
    settings = Settings(
        kafka=engines.kafka,
        redis=f"{base}/{DATABASE}",
        clickhouse=engines.clickhouse,
        salt=SALT,
        workspace=folder,
        session_timeout_ms=6_000,
    )
    clients.ensure_topics(settings)
    settings = settings.model_copy(update={"partitions": partitions(settings)})
    steps = {f"{prefix}.{one}": topic for one, topic in STEPS.items()}
    groups = {f"{prefix}.score": (topics.PROFILES.name,), f"{prefix}.columns": tuple(PROCESSORS)}
    with ExitStack() as stack:
        client = stack.enter_context(clients.redis_client(settings))
        client.flushdb()
        stack.callback(client.flushdb)
        stack.enter_context(mock.patch.object(drain, "STEPS", steps))
        stack.enter_context(mock.patch.object(drain, "GROUPS", groups))
        for name, wait_us in HASTE.items():
            stack.enter_context(mock.patch.object(merges, name, wait_us))
        stack.enter_context(mock.patch.object(decide_stream, "LEFT_US", HASTE["LEFT_US"]))
        followed = stack.enter_context(Followed(folder))
        _begin_at_the_end(settings, client, steps, f"{prefix}.columns")
        world = World(settings, followed, (*steps, *groups))
        stop = Stop()
        works = [*_steps(world, prefix, stop), _score(world, prefix, stop, stack)]
        works.append(_columns(world, prefix, stop, stack))
        threads = [threading.Thread(target=_watched(work, world), daemon=True) for work in works]
        for thread in threads:
            thread.start()
        try:
            yield world
        finally:
            stop.set()
            for thread in threads:
                thread.join(60)
        assert not world.faults
        assert not any(thread.is_alive() for thread in threads)


#: The services that take atomic steps, and what they read.
STEPS: Mapping[str, str] = {
    "profile": topics.ACCEPTED.name,
    "accounts": topics.PROFILES.name,
    "decide": topics.SCORES.name,
}


def _watched(work: Callable[[], None], world: World) -> Callable[[], None]:
    def run() -> None:
        try:
            work()
        except BaseException as error:
            world.faults.append(error)
            raise

    return run


def _steps(world: World, prefix: str, stop: Stop) -> Iterator[Callable[[], None]]:
    settings, current = world.settings, world.followed.current

    def profile(client: redis.Redis) -> ProfileHandler:
        return ProfileHandler(client, current, settings)

    def accounts(client: redis.Redis) -> AccountsHandler:
        return AccountsHandler(client, current, settings)

    def decide(client: redis.Redis) -> DecideHandler:
        return DecideHandler(current, JourneyStore(client))

    for name, make in (("profile", profile), ("accounts", accounts)):
        plan = Plan(f"{prefix}.{name}", STEPS[name], make, fenced=True)
        yield _Worker(settings, plan, stop).run
    plan = Plan(f"{prefix}.decide", STEPS["decide"], decide, fenced=False, has_due=True)
    yield _Worker(settings, plan, stop).run


def _score(world: World, prefix: str, stop: Stop, stack: ExitStack) -> Callable[[], None]:
    stack.enter_context(mock.patch.object(score_stream, "GROUP", f"{prefix}.score"))
    worker = score_stream.assembled(world.settings, Relay(), world.followed)

    def run() -> None:
        while not stop():
            worker.step()
        worker.settle()
        worker.close()

    return run


def _columns(world: World, prefix: str, stop: Stop, stack: ExitStack) -> Callable[[], None]:
    stack.enter_context(mock.patch.object(columns_main, "GROUP", f"{prefix}.columns"))
    workers: list[Columns] = []
    worker = columns_main.assembled(world.settings, workers)

    def run() -> None:
        while not stop():
            worker.step()
        worker.finish()

    return run


def _begin_at_the_end(
    settings: Settings, client: redis.Redis, steps: Mapping[str, str], group: str
) -> None:
    """What other tests have left on the topics is not read again by all but score."""
    ends = _ends(Drain(settings))
    for service, topic in steps.items():
        for number in range(settings.partitions):
            client.set(f"p:{service}:{number}", f"{ends[topic, number]}:1")
    reader = Consumer({"bootstrap.servers": settings.kafka, "group.id": group})
    read = [TopicPartition(*place, end) for place, end in ends.items() if place[0] in PROCESSORS]
    reader.commit(offsets=read, asynchronous=False)
    reader.close()


def _ends(look: Drain) -> dict[Place, int]:
    """Topics that are new have no leaders for a moment."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            return look.ends()
        except KafkaException:
            assert time.monotonic() < deadline, "the topics have no leaders"
            time.sleep(LOOK_AGAIN_AFTER_S)
