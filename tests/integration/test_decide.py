"""journey decide on a real Kafka and a real Redis: scores and time in, stages and alerts out."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from deploy.embedded.engines import Engines
from schemas.base import derived_id, micros, to_json
from schemas.scores import Scores
from services.common import clients
from services.common.run import Stop
from services.common.settings import Settings
from services.common.step_service import Plan, _Worker
from services.common.workspace import Workspace
from services.journey.store import JourneyStore, state_key
from services.journey.stream import DecideHandler
from tests import waiting
from tests.reference.journeys import open_alerts_of_final, stage_of_final
from tests.unit.journey_builders import WORKSPACE, Known, scores

until = partial(waiting.until, within_s=40.0)

PARTITIONS = 4
OUTPUTS = ("lifecycle.changed", "alerts.raised", "actions.requested", "dead_letters")


@dataclass
class Place:
    """A topic of scores and a workspace that no other test has."""

    settings: Settings
    topic: str
    workspace: Workspace

    def send(self, *messages: Scores | bytes, key: UUID | None = None) -> None:
        """Under their own keys, or all under one: then in one partition."""
        producer = Producer({"bootstrap.servers": self.settings.kafka})
        for message in messages:
            if isinstance(message, bytes):
                producer.produce(self.topic, message, b"?")
            else:
                named = message.model_copy(update={"workspace": self.workspace.name})
                producer.produce(self.topic, to_json(named), str(key or message.profile_id))
        assert producer.flush(20) == 0

    @contextmanager
    def deciding(self) -> Iterator[None]:
        stop = Stop()
        made = [self.workspace]

        def renewed() -> bool:
            before, made[0] = made[0], self.workspace
            return made[0] is not before

        plan = Plan(self.topic, self.topic, self._handler, False, True, renewed)
        running = _Worker(self.settings, plan, stop)
        thread = threading.Thread(target=running.run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(30)
            assert not thread.is_alive()

    def _handler(self, client: redis.Redis) -> DecideHandler:
        return DecideHandler({self.workspace.name: self.workspace}, JourneyStore(client))

    def versions(self, profiles: list[UUID]) -> list[int]:
        """The scores version that each profile was last decided on."""
        with redis.Redis.from_url(self.settings.redis) as client:
            keys = [state_key(self.workspace.name, profile.bytes) for profile in profiles]
            known = JourneyStore(client).load(keys)
        states = [known[key].state for key in keys]
        return [state.scores_version if state else 0 for state in states]

    def overdue(self) -> int:
        """How many customers time should have moved by now."""
        now_us = micros(datetime.now(UTC))
        with redis.Redis.from_url(self.settings.redis) as client:
            waiting = [
                client.zcount(f"t:{self.topic}:{partition}", "-inf", now_us)
                for partition in range(PARTITIONS)
            ]
        return sum(map(int, waiting))

    def published(self) -> dict[str, list[dict[str, Any]]]:
        """Everything this workspace has told so far, by topic; dead letters by source topic."""
        found: dict[str, list[dict[str, Any]]] = {topic: [] for topic in OUTPUTS}
        for topic in OUTPUTS:
            for value in _all_of(self.settings, topic):
                event = json.loads(value)
                if self.workspace.name == event["workspace"] or event.get("topic") == self.topic:
                    found[topic].append(event)
        return found


def _all_of(settings: Settings, topic: str) -> Iterator[bytes]:
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka,
            "group.id": "reader",
            "enable.partition.eof": True,
        }
    )
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    at_end = 0
    while at_end < len(partitions):
        message = consumer.poll(10)
        assert message is not None
        if message.error():
            at_end += 1
        else:
            yield message.value() or b""
    consumer.close()


@pytest.fixture
def place(engines: Engines, prefix: str) -> Place:
    settings = Settings(
        kafka=engines.kafka,
        redis=engines.redis,
        clickhouse=engines.clickhouse,
        batch_events_max=50,
        session_timeout_ms=6000,
    )
    clients.ensure_topics(settings)
    admin = AdminClient({"bootstrap.servers": engines.kafka})
    for future in admin.create_topics([NewTopic(f"{prefix}.in", PARTITIONS, 1)]).values():
        future.result()
    workspace = WORKSPACE.model_copy(update={"name": prefix})
    return Place(settings, f"{prefix}.in", workspace)


def person(dice: Random, now: datetime) -> list[Known]:
    """Three views of somebody whose silences and complaints lie days away from any threshold."""
    number, received_at = f"C-{uuid4()}", now - timedelta(days=dice.choice([0.1, 9]))
    complaints = ((number, received_at, 2),) if dice.random() < 0.5 else ()
    return [
        Known(
            orders=tuple(
                now - timedelta(days=dice.choice([1, 5, 100, 300]))
                for _ in range(dice.choice([0, 1, 2, 6]))
            ),
            complaints=complaints,
            handled=frozenset({number} if dice.random() < 0.3 else ()),
            high_value=dice.random() < 0.5,
        )
        for _ in range(3)
    ]


def test_stages_and_alerts_are_those_of_the_last_scores(place: Place) -> None:
    dice, now = Random(7), datetime.now(UTC)
    people = {uuid4(): person(dice, now) for _ in range(120)}
    told = [
        scores(known, number + 1, who=who)
        for who, knowns in people.items()
        for number, known in enumerate(knowns)
    ]
    dice.shuffle(told)
    half = len(told) // 2
    place.send(*told[:half], b"not JSON", *told[:20])
    with place.deciding():
        until(lambda: all(place.versions([one.profile_id for one in told[:half]])))
    place.send(*told[half:], *told[:20])
    with place.deciding(), place.deciding():
        until(lambda: set(place.versions(list(people))) == {3} and not place.overdue())
    published = place.published()
    _compare(place, [scores(knowns[-1], 3, who=who) for who, knowns in people.items()], published)
    assert [letter["reason"] for letter in published["dead_letters"]] == ["malformed_json"]


def _compare(place: Place, final: list[Scores], published: dict[str, list[dict[str, Any]]]) -> None:
    now = datetime.now(UTC)
    stage = {event["profile_id"]: event["to_stage"] for event in published["lifecycle.changed"]}
    alerts = {event["alert_id"]: event for event in published["alerts.raised"]}
    still_open = {
        (event["kind"], event["profile_id"], event["cause"]["event_id"])
        for event in alerts.values()
        if event["state"] == "raised"
    }
    expected = {
        (alert.kind, str(alert.profile_id), str(alert.event) if alert.event else None)
        for one in final
        for alert in open_alerts_of_final(one, now, place.workspace)
    }
    assert stage == {
        str(one.profile_id): stage_of_final(one, now, place.workspace) for one in final
    }
    assert still_open == expected
    for topic in ("lifecycle.changed", "alerts.raised", "actions.requested"):
        ids = [event["event_id"] for event in published[topic]]
        assert len(ids) == len(set(ids))


def test_time_alone_moves_a_customer_once(place: Place) -> None:
    who, version = uuid4(), micros(datetime.now(UTC))
    ordered = Known(orders=(datetime.now(UTC) - timedelta(days=1),))
    known = scores(ordered, version, who=who)
    assert known.churn is not None
    soon = datetime.now(UTC) + timedelta(seconds=4)
    moments = {0.55: soon, 0.50: soon, 0.40: soon, 0.20: soon, 0.10: soon + timedelta(seconds=2)}
    below = tuple(
        one.model_copy(update={"at": moments[one.threshold]}) for one in known.churn.alive_below
    )
    churn = known.churn.model_copy(update={"alive_below": below})
    place.send(known.model_copy(update={"churn": churn}))
    with place.deciding():
        until(lambda: len(place.published()["lifecycle.changed"]) == 3)
    published = place.published()
    assert [event["to_stage"] for event in published["lifecycle.changed"]] == [
        "new",
        "dormant",
        "lost",
    ]
    assert [event["cause"]["type"] for event in published["lifecycle.changed"]] == [
        "event",
        "time",
        "time",
    ]
    assert [event["kind"] for event in published["alerts.raised"]] == ["churn_risk"]
    assert [event["action"] for event in published["actions.requested"]] == ["open_task"]
    with redis.Redis.from_url(place.settings.redis) as client:
        assert client.keys(f"t:{place.topic}:*") == []


def test_other_rules_count_from_the_next_scores_on(place: Place) -> None:
    """Who was decided on before stays as it is until something is heard of it."""
    ada, bob, now = uuid4(), uuid4(), datetime.now(UTC)
    twice = Known(orders=(now - timedelta(days=2), now - timedelta(days=1)))
    place.send(scores(twice, 1, who=ada), scores(twice, 1, who=bob))
    with place.deciding():
        until(lambda: place.versions([ada, bob]) == [1, 1])
        lifecycle = place.workspace.lifecycle.model_copy(update={"growing_orders": 3})
        place.workspace = place.workspace.model_copy(update={"lifecycle": lifecycle})
        time.sleep(0.5)
        place.send(scores(twice, 2, who=bob))
        until(lambda: place.versions([ada, bob]) == [1, 2])
    told = [
        (event["profile_id"], event["to_stage"]) for event in place.published()["lifecycle.changed"]
    ]
    assert sorted(told) == sorted([(str(ada), "growing"), (str(bob), "growing"), (str(bob), "new")])


def test_what_became_due_while_nobody_ran_is_told_afterwards(place: Place) -> None:
    who = uuid4()
    received_at = datetime.now(UTC) - timedelta(hours=24) + timedelta(seconds=6)
    known = Known(complaints=((f"C-{who}", received_at, 4),))
    place.send(scores(known, 5, who=who))
    with place.deciding():
        until(lambda: place.versions([who]) == [5])
    assert place.published()["alerts.raised"] == []
    time.sleep(6)
    with place.deciding():
        until(lambda: len(place.published()["alerts.raised"]) == 1)
    (alert,) = place.published()["alerts.raised"]
    assert alert["kind"] == "complaint_overdue"
    assert alert["cause"]["event_id"] == str(derived_id("complaint", f"C-{who}"))
    place.send(scores(replace(known, handled=frozenset({f"C-{who}"})), 6, who=who))
    with place.deciding():
        until(lambda: len(place.published()["alerts.raised"]) == 2)
    assert place.published()["alerts.raised"][-1]["state"] == "cleared"


def test_what_became_due_waits_until_the_log_is_read(place: Place) -> None:
    """The complaint was handled in time; that we were away, and that others wait, is no alert."""
    who, now = uuid4(), datetime.now(UTC)
    received_at = now - timedelta(hours=24) + timedelta(seconds=6)
    known, version = Known(complaints=((f"C-{who}", received_at, 4),)), micros(now)
    place.send(scores(known, version, who=who))
    with place.deciding():
        until(lambda: place.versions([who]) == [version])
    others = [scores(Known(), version, who=uuid4()) for _ in range(400)]
    handled = replace(known, handled=frozenset({f"C-{who}"}))
    place.send(*others, scores(handled, version + 1, who=who), key=who)
    time.sleep(max(0.0, 12 - (datetime.now(UTC) - now).total_seconds()))
    with place.deciding():
        until(lambda: place.versions([who]) == [version + 1])
    assert place.published()["alerts.raised"] == []
