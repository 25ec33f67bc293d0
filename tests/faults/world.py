"""Everything that a run left behind, read once: topics, Redis, ClickHouse, received webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
from confluent_kafka import Consumer, TopicPartition

from schemas import topics
from schemas.scores import Scores
from schemas.touchpoint import Touchpoint
from services.cli.demo.standings import states_in_redis
from services.common import clients
from services.common.batch import CONTROL_KEY
from services.common.settings import Settings
from services.journey.domain.customer import State


@dataclass
class World:
    """What is compared. Topics as (key, value, CloudEvents id) in the order of each partition."""

    accepted: list[Touchpoint] = field(default_factory=list)
    resolved: list[dict[str, Any]] = field(default_factory=list)
    snapshots: dict[str, bytes] = field(default_factory=dict)
    accounts: dict[str, bytes] = field(default_factory=dict)
    scores: list[Scores] = field(default_factory=list)
    effects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)
    webhooks: list[dict[str, Any]] = field(default_factory=list)
    stages: dict[str, str] = field(default_factory=dict)
    columns: dict[str, Any] = field(default_factory=dict)


EFFECTS = (topics.LIFECYCLE.name, topics.ALERTS.name, topics.ACTIONS.name)


def read_world(settings: Settings, receiver: str) -> World:
    """Read all of it, as a consumer of committed records does."""
    world = World()
    for key, value in _records(settings, topics.ACCEPTED.name):
        if key.startswith(CONTROL_KEY):
            continue  # an order to profile, no touchpoint
        world.accepted.append(Touchpoint.model_validate_json(value))
    for _, value in _records(settings, topics.RESOLVED.name):
        world.resolved.append(msgspec.json.decode(value))
    for key, value in _records(settings, topics.PROFILES.name):
        world.snapshots[key.decode()] = value
    for key, value in _records(settings, topics.ACCOUNTS.name):
        world.accounts[key.decode()] = value
    for _, value in _records(settings, topics.SCORES.name):
        world.scores.append(Scores.model_validate_json(value))
    for name in EFFECTS:
        world.effects[name] = [msgspec.json.decode(v) for _, v in _records(settings, name)]
    for _, value in _records(settings, topics.DEAD_LETTERS.name):
        world.dead_letters.append(msgspec.json.decode(value))
    world.webhooks = httpx.get(f"{receiver}received", timeout=60, trust_env=False).json()
    world.stages = {who: str(state.stage) for who, state in _customers(settings).items()}
    world.columns = _columns(settings)
    return world


def _records(settings: Settings, topic: str) -> Iterator[tuple[bytes, bytes]]:
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka,
            "group.id": "fault-reader",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "log_level": 2,
        }
    )
    consumer.assign([TopicPartition(topic, p, 0) for p in range(settings.partitions)])
    at_end = 0
    while at_end < settings.partitions:
        for message in consumer.consume(1_000, 0.5):
            if message.error() is not None:
                at_end += 1
            else:
                yield message.key() or b"", message.value() or b""
    consumer.close()


def unsettled(settings: Settings) -> int:
    """Customers with alerts that somebody else has yet to take over, or else are cleared."""
    return sum(_hands_over(state) for state in _customers(settings).values())


def _hands_over(state: State) -> bool:
    joined = bool(state.merged_into) and any(alert.open for alert in state.alerts)
    return joined or state.left_us > 0


def _customers(settings: Settings) -> dict[str, State]:
    """Profile id -> journey's state in Redis."""
    with clients.redis_client(settings) as client:
        return states_in_redis(client)


def _columns(settings: Settings) -> dict[str, Any]:
    """What analysts see."""
    client = clients.clickhouse_client(settings)
    ask = client.query
    customers = ask(
        "SELECT toString(profile_id), toString(revenue), orders, stage FROM rapport.customers"
    ).result_rows
    touchpoints = ask(
        "SELECT toString(event_id), toString(profile_id) FROM rapport.touchpoints_resolved"
    ).result_rows
    accounts = ask(
        "SELECT account_id, members, toString(revenue), orders FROM rapport.accounts"
    ).result_rows
    client.close()
    return {
        "accounts": {row[0]: row[1:] for row in accounts},
        "customers": {row[0]: (row[1], row[2], row[3]) for row in customers},
        "touchpoints": [tuple(row) for row in touchpoints],
    }
