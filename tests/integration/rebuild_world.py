"""profile on real engines in a Redis database of its own, with folds that may be broken."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from confluent_kafka import Consumer, Producer, TopicPartition

from deploy.embedded.engines import Engines
from schemas.base import to_json
from schemas.topics import ACCEPTED, PROFILES
from schemas.touchpoint import Touchpoint
from services.common import clients
from services.common.batch import CONTROL_KEY, Headers
from services.common.run import Stop
from services.common.settings import Settings
from services.common.step_service import Plan, _Worker
from services.common.workspace import Workspace
from services.common.workspace_files import load_workspaces
from services.profile.domain.event import Event
from services.profile.domain.folds.table import FOLD_OF
from services.profile.domain.part import KIND_CODES, Part
from services.profile.domain.people import people
from services.profile.outputs import Publications
from services.profile.store import unpack
from services.profile.stream import SERVICE, ProfileHandler, rules_of
from tests.reference.facts import Facts
from tests.reference.profiles import facts_of
from tests.unit.profile_builders import touchpoint

DEADLINE_S = 60.0
SALT = "rebuild"
LIVE, SHADOW = 11, 12


@dataclass
class World:
    """One workspace whose profiles live in a database of their own."""

    settings: Settings
    workspace: Workspace
    shadow: str
    topic: str = ACCEPTED.name

    def flush(self) -> None:
        """Nothing is left of both databases."""
        for url in (self.settings.redis, self.shadow):
            settings = self.settings.model_copy(update={"redis": url})
            with clients.redis_client(settings) as client:
                client.flushdb()

    @contextmanager
    def profile(self) -> Iterator[None]:
        """The service runs."""

        def handler(client: redis.Redis) -> ProfileHandler:
            return ProfileHandler(client, {self.workspace.name: self.workspace}, self.settings)

        with self.running(Plan(SERVICE, self.topic, handler, fenced=True)):
            yield

    @contextmanager
    def running(self, plan: Plan) -> Iterator[None]:
        """A service of one worker."""
        stop = Stop()
        running = _Worker(self.settings, plan, stop)
        thread = threading.Thread(target=running.run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(30)
            assert not thread.is_alive()

    def send(self, events: Sequence[Touchpoint], pause_s: float = 0) -> None:
        """Under a random key: identity crosses partitions."""
        producer = Producer({"bootstrap.servers": self.settings.kafka})
        dice = random.Random(3)
        for event in events:
            key = str(dice.random())
            if self.topic == ACCEPTED.name:
                producer.produce(self.topic, to_json(event), key)
            else:  # nothing is removed there for being old
                at_ms = round(event.received_at.timestamp() * 1_000)
                producer.produce(self.topic, to_json(event), key, timestamp=at_ms)
            if pause_s:
                producer.poll(0)
                time.sleep(pause_s)
        assert producer.flush(30) == 0

    def send_to(self, *records: tuple[int, bytes, Headers]) -> None:
        """Records of these partitions; with headers they are controls."""
        producer = Producer({"bootstrap.servers": self.settings.kafka})
        for partition, value, headers in records:
            key = CONTROL_KEY if headers else b"key"
            producer.produce(self.topic, value, key, partition=partition, headers=list(headers))
        assert producer.flush(30) == 0

    def until_read(self) -> None:
        """Until profile has read the topic to its end."""
        deadline = time.monotonic() + DEADLINE_S
        with clients.redis_client(self.settings) as client:
            while self._left(client):
                assert time.monotonic() < deadline, "profile does not read to the end"
                time.sleep(0.1)

    def _left(self, client: redis.Redis) -> int:
        left = 0
        consumer = Consumer({"bootstrap.servers": self.settings.kafka, "group.id": "ends"})
        for partition in range(self.settings.partitions):
            _, end = consumer.get_watermark_offsets(TopicPartition(self.topic, partition), 10)
            place: Any = client.get(f"p:{SERVICE}:{partition}")
            left += end - max(0, int(place.split(b":")[0]) if place else 0)
        consumer.close()
        return left

    def live(self) -> dict[frozenset[tuple[str, str]], Facts]:
        """The profiles that Redis holds, as the reference spells them."""
        found: dict[frozenset[tuple[str, str]], Facts] = {}
        rules = rules_of(self.workspace)
        show = Publications({self.workspace.name: self.workspace.currency})
        with clients.redis_client(self.settings) as client:
            for key in client.scan_iter(match=b"c:*"):
                value: Any = client.get(key)
                component = unpack(value[8:])
                for person in people(component, rules):
                    if person.id is not None:
                        found |= [facts_of(show.shown(b"", 1, component, person).value)]
        return found

    def published(self) -> dict[frozenset[tuple[str, str]], Facts]:
        """The last snapshot of each profile on the compacted topic, but for redirects."""
        last = self.last_records().values()
        alive = [one for one in last if b'"merged_into":null' in one and b'"erased"' not in one]
        return dict(facts_of(one) for one in alive)

    def last_records(self) -> dict[bytes, bytes]:
        """Profile id -> the last record on profiles.changed."""
        settings = {
            "bootstrap.servers": self.settings.kafka,
            "group.id": "reader",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
        consumer = Consumer(settings)
        partitions = range(self.settings.partitions)
        consumer.assign([TopicPartition(PROFILES.name, p, 0) for p in partitions])
        found: dict[bytes, bytes] = {}
        ended = 0
        ours = f'"workspace":"{self.workspace.name}"'.encode()
        while ended < self.settings.partitions:
            message = consumer.poll(10)
            assert message is not None
            if message.error():
                ended += 1
            elif ours in (message.value() or b""):
                found[message.key() or b""] = message.value() or b""
        consumer.close()
        return found


@contextmanager
def rebuild_world(engines: Engines, name: str, folder: Path) -> Iterator[World]:
    """The demo's rules under a name that no other test has, and nothing in both databases."""
    base = engines.redis.rsplit("/", 1)[0]
    for path in Path("deploy/workspace").glob("*.yaml"):
        said = yaml.safe_load(path.read_text())
        if path.name == "workspace.yaml":
            said["name"] = name
        (folder / path.name).write_text(yaml.safe_dump(said))
    settings = Settings(
        kafka=engines.kafka,
        redis=f"{base}/{LIVE}",
        clickhouse=engines.clickhouse,
        salt=SALT,
        workspace=folder,
        batch_events_max=100,
        session_timeout_ms=6_000,
        partitions=4,
    )
    clients.ensure_topics(settings)
    world = World(settings, load_workspaces(folder)[name], f"{base}/{SHADOW}")
    world.flush()
    yield world
    world.flush()


def environment_of(world: World) -> dict[str, str]:
    """What a command of this world needs to be told."""
    return {
        "RAPPORT_KAFKA": world.settings.kafka,
        "RAPPORT_REDIS": world.settings.redis,
        "RAPPORT_CLICKHOUSE": world.settings.clickhouse,
        "RAPPORT_SALT": SALT,
        "RAPPORT_WORKSPACE": str(world.settings.workspace),
        "RAPPORT_DEMO_WEBHOOK_SECRET": "whsec_" + "A" * 44,
    }


def rebuild(world: World, *options: str, failpoint: str = "") -> tuple[int, dict[str, Any]]:
    """The command as a process of its own: its exit status, its report."""
    environment = os.environ | environment_of(world)
    if failpoint:
        environment["RAPPORT_FAILPOINT"] = failpoint
    command = [sys.executable, "-m", "services.cli", "rebuild", "profiles", "--json", *options]
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    report = json.loads(ended.stdout) if ended.stdout.startswith("{") else {}
    assert ended.returncode in (0, 1, -signal.SIGKILL), ended.stderr
    return ended.returncode, report | {"stderr": ended.stderr}


def double_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in a fold: each order counts twice its amount."""
    ordered = KIND_CODES["order_completed"]
    right = FOLD_OF[ordered]

    def wrong(part: Part, event: Event, facts: Any) -> None:
        right(part, event, facts)
        for key, order in part.orders.items():
            if order.event == event.stamp:
                part.orders[key] = order._replace(units=order.units * 2)

    monkeypatch.setitem(FOLD_OF, ordered, wrong)


def history(workspace: str, people: int, seed: int = 7) -> list[Touchpoint]:
    """People known by several names, some of whom share a phone; shuffled, some of it twice."""
    dice = random.Random(seed)
    events = [one for person in range(people) for one in _events_of(person, dice, workspace)]
    events += dice.sample(events, k=len(events) // 10)
    dice.shuffle(events)
    return events


def _events_of(person: int, dice: random.Random, workspace: str) -> Iterator[Touchpoint]:
    names = [
        [f"anonymous_id:d{person}-1"],
        [f"user_id:u{person}", f"anonymous_id:d{person}-1"],
        [f"user_id:u{person}", f"email:p{person}@x.example"],
        [f"email:p{person}@x.example", f"phone:+4930{person // 3:06d}"],
    ]
    for number in range(8):
        facts: dict[str, Any] = dice.choice(
            [
                {"kind": "page_viewed", "category": "rock"},
                {
                    "kind": "order_completed",
                    "order_id": f"SO-{person}-{number}",
                    "total": {"amount": Decimal(dice.randrange(10_000)) / 100, "currency": "USD"},
                },
                {"kind": "identified", "traits": {"city": f"city {dice.randrange(3)}"}},
                {"kind": "complaint_received", "complaint_id": f"C-{dice.randrange(2)}"},
            ]
        )
        yield touchpoint(
            *names[number % len(names)],
            at_s=person * 13 + dice.randrange(10**6),
            message=f"{workspace}-{seed_of(workspace)}-{person}-{number}",
            workspace=workspace,
            **facts,
        )


def seed_of(workspace: str) -> str:
    """A part of the message ids that tells one test from another."""
    return workspace[-4:]
