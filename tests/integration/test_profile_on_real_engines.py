"""profile as a service on a real Kafka and a real Redis: two workers, kills excluded."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition

from deploy.embedded.engines import Engines
from schemas.base import to_json
from schemas.touchpoint import Touchpoint
from services.common import clients
from services.common.batch import Batch, Record, pack_state
from services.common.run import Stop
from services.common.settings import Settings
from services.common.step_service import Plan, _Worker
from services.common.workspace import Workspace
from services.common.workspace_files import load_workspaces
from services.profile.store import ProfileStore
from services.profile.stream import ProfileHandler
from tests.reference.profiles import facts_of, profiles_of
from tests.unit.profile_builders import START, touchpoint

SALT = "integration"
PEOPLE = 150


@pytest.fixture
def settings(engines: Engines) -> Settings:
    return Settings(
        kafka=engines.kafka,
        redis=engines.redis,
        clickhouse=engines.clickhouse,
        salt=SALT,
        batch_events_max=100,
        session_timeout_ms=6000,
    )


@pytest.fixture
def workspace(prefix: str) -> Workspace:
    """The demo's rules under a name that no other test has."""
    demo = load_workspaces(Path("deploy/workspace"))["demo"]
    return demo.model_copy(update={"name": prefix})


@contextmanager
def worker(settings: Settings, workspace: Workspace) -> Iterator[None]:
    stop = Stop()

    def handler(client: redis.Redis) -> ProfileHandler:
        return ProfileHandler(client, {workspace.name: workspace}, settings)

    plan = Plan(f"profile-{workspace.name}", "touchpoints.accepted", handler, fenced=True)
    running = _Worker(settings, plan, stop)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def history(workspace: str) -> list[Touchpoint]:
    """People on two devices, known by several names; shuffled, a tenth of it sent twice."""
    dice = random.Random(7)
    events = [
        event for person in range(PEOPLE) for event in one_persons_events(person, dice, workspace)
    ]
    doubled = events + dice.sample(events, k=len(events) // 10)
    dice.shuffle(doubled)
    return doubled


def one_persons_events(person: int, dice: random.Random, workspace: str) -> Iterator[Touchpoint]:
    names = [
        [f"anonymous_id:d{person}-1"],
        [f"anonymous_id:d{person}-1", f"user_id:u{person}"],
        [f"anonymous_id:d{person}-2", f"user_id:u{person}"],
        [f"user_id:u{person}", f"email:p{person}@x.example"],
        [f"email:p{person}@x.example"],
        [f"anonymous_id:d{person}-2"],
    ]
    for number in range(12):
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
                {"kind": "complaint_handled", "complaint_id": f"C-{dice.randrange(2)}"},
            ]
        )
        at_s = person * 13 + dice.randrange(10**6)
        yield touchpoint(
            *names[number % len(names)],
            at_s=at_s,
            message=f"{workspace}-{person}-{number}",
            workspace=workspace,
            received_at=START + timedelta(days=20, seconds=number),
            **facts,
        )


def send(settings: Settings, events: list[Touchpoint]) -> None:
    """Under a random key: identity crosses partitions."""
    producer = Producer({"bootstrap.servers": settings.kafka})
    dice = random.Random(3)
    for event in events:
        producer.produce("touchpoints.accepted", to_json(event), str(dice.random()))
    assert producer.flush(30) == 0


def published(settings: Settings, topic: str, workspace: str) -> list[tuple[bytes, bytes]]:
    """Committed records of a workspace, in the order of each partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka,
            "group.id": "reader",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, p, 0) for p in range(settings.partitions)])
    found, ended = [], 0
    while ended < settings.partitions:
        message = consumer.poll(10)
        assert message is not None
        if message.error():
            ended += 1
        elif f'"workspace":"{workspace}"'.encode() in (message.value() or b""):
            found.append((message.key() or b"", message.value() or b""))
    consumer.close()
    return found


def until_resolved(settings: Settings, workspace: str, distinct: int) -> None:
    deadline = time.monotonic() + 60
    while len(published(settings, "touchpoints.resolved", workspace)) < distinct:
        assert time.monotonic() < deadline, "events are missing"
        time.sleep(0.3)


def test_two_workers_agree_with_the_reference_when_identity_crosses_partitions(
    settings: Settings, workspace: Workspace
) -> None:
    clients.ensure_topics(settings)
    events = history(workspace.name)
    distinct = len({event.message_id for event in events})
    with ExitStack() as workers:
        workers.enter_context(worker(settings, workspace))
        send(settings, events[: len(events) // 2])
        workers.enter_context(worker(settings, workspace))
        send(settings, events[len(events) // 2 :])
        until_resolved(settings, workspace.name, distinct)
    resolved = published(settings, "touchpoints.resolved", workspace.name)
    assert len({value for _, value in resolved}) == distinct
    last = dict(published(settings, "profiles.changed", workspace.name))
    living = dict(facts_of(one) for one in last.values() if b'"merged_into":null' in one)
    assert len(living) == PEOPLE
    assert living == profiles_of(events, workspace, SALT)


def test_message_ids_are_found_in_their_week_and_its_neighbours(
    settings: Settings, prefix: str
) -> None:
    client = clients.redis_client(settings)
    store = ProfileStore(client, 4)
    messages = [-(2**63), -1, 0, 1, 2**63 - 1]
    for bucket, ids in store.bucketed(messages[1:]).items():
        client.sadd(store.message_set(prefix, 7, bucket), *ids)
    for week in (6, 7, 8):
        assert store.known(prefix, week, store.bucketed(messages)) == set(messages[1:])
    assert store.known(prefix, 9, store.bucketed(messages)) == set()
    client.close()


def test_a_profile_takes_at_most_1500_bytes_of_redis(
    settings: Settings, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three identifiers, three orders, five traits, some visits; keys of nodes included."""
    client = clients.redis_client(settings)
    handler = ProfileHandler(client, {workspace.name: workspace}, settings)
    records = [
        Record("touchpoints.accepted", 0, offset, None, to_json(event))
        for offset, event in enumerate(average(workspace.name))
    ]
    decision = handler.decide(Batch(records, (), 1_767_600_000_000_000))
    used = 0
    values = {key: pack_state(*state) for key, state in decision.writes.items()} | decision.plain
    for key, value in values.items():
        client.set(key, value)
        used += int(client.memory_usage(key, samples=0) or 0)
    client.delete(*values)
    client.close()
    with capsys.disabled():
        print(f" {used / 100:.0f} bytes of Redis a profile")  # noqa: T201
    assert used / 100 <= 1500


def average(workspace: str) -> Iterator[Touchpoint]:
    traits = {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "city": "London",
        "country": "GB",
        "newsletter": True,
    }
    for person in range(100):
        who = [f"user_id:customer-{person}", f"email:customer{person}@mail.example"]
        visitor = f"anonymous_id:0f8fad5b-d9cd-469f-a165-70867728{person:04d}"
        about = {"workspace": workspace}
        for number in range(5):
            yield touchpoint(visitor, at_s=number * 100 + person, channel="web", **about)
        yield touchpoint(who[0], visitor, at_s=600 + person, channel="web", **about)
        yield touchpoint(*who, at_s=700 + person, kind="identified", traits=traits, **about)
        for number in range(3):
            yield touchpoint(
                who[0],
                at_s=number * 86_400 * 30 + person,
                kind="order_completed",
                order_id=f"SO-{person}-{number}",
                total={"amount": "29.33", "currency": "USD"},
                lines=[{"sku": "CD-1", "category": "rock"}],
                channel="web",
                **about,
            )
