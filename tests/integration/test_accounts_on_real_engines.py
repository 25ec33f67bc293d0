"""accounts as a service on a real Kafka and a real Redis: workers come and go, nothing is lost."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from deploy.embedded.engines import Engines
from schemas.account import Account
from schemas.profile import Profile
from schemas.topics import ACCOUNTS
from schemas.touchpoint import Touchpoint
from services.common import clients
from services.common.run import Stop
from services.common.settings import Settings
from services.common.step_service import Plan, _Worker
from services.common.workspace import Workspace
from services.profile.accounts.stream import AccountsHandler
from tests import waiting
from tests.reference.accounts import accounts_of, facts_of_account
from tests.unit.profile_builders import WORKSPACE, fed, touchpoint

until = partial(waiting.until, within_s=60.0)
PARTITIONS, PEOPLE = 4, 120


@pytest.fixture
def settings(engines: Engines) -> Settings:
    return Settings(
        kafka=engines.kafka,
        redis=engines.redis,
        salt="integration",
        batch_events_max=60,
        session_timeout_ms=6000,
    )


@pytest.fixture
def topic(settings: Settings, prefix: str) -> str:
    """Snapshots of this test alone."""
    clients.ensure_topics(settings)
    admin = AdminClient({"bootstrap.servers": settings.kafka})
    name = f"{prefix}.profiles"
    for made in admin.create_topics([NewTopic(name, PARTITIONS)]).values():
        made.result(20)
    return name


def history(workspace: str) -> list[Touchpoint]:
    """People of five companies and of households of three; some leave, some turn out to be one."""
    dice = random.Random(5)
    events: list[Touchpoint] = []

    def tell(*names: str, **facts: Any) -> None:
        number = len(events)
        about: dict[str, Any] = {
            "at_s": dice.randrange(10**6),
            "workspace": workspace,
            "message": f"m{number}",
        }
        events.append(touchpoint(*names, **about, **facts))

    for one in range(PEOPLE):
        who, mail = f"user_id:u{one}", f"email:p{one}@x.example"
        company, house = f"company-{dice.randrange(5)}", f"house-{one // 3}"
        tell(who, kind="account_linked", account_id=company, role=dice.choice(["buyer", "user"]),
             traits={"size": dice.randrange(99)})  # fmt: skip
        tell(mail, kind="account_linked", account_id=house, account_kind="household")
        for order in range(dice.randrange(4)):
            total = {"amount": Decimal(dice.randrange(10_000)) / 100, "currency": "USD"}
            tell(who, kind="order_completed", order_id=f"SO-{one}-{order}", total=total)
        tell(who, kind="survey_answered", survey="nps", score=dice.randrange(11))
        if one % 3:
            tell(who, mail)
        if one % 4 == 0:
            tell(who, kind="account_linked", account_id=company, left=True)
    dice.shuffle(events)
    return events


@contextmanager
def worker(settings: Settings, workspace: Workspace, topic: str) -> Iterator[None]:
    stop = Stop()

    def handler(client: redis.Redis) -> AccountsHandler:
        return AccountsHandler(client, {workspace.name: workspace}, settings, leaf_max=8)

    running = _Worker(settings, Plan(f"accounts-{topic}", topic, handler, fenced=True), stop)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def send(settings: Settings, topic: str, records: list[tuple[bytes, bytes]]) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka})
    for key, value in records:
        producer.produce(topic, value, key)
    assert producer.flush(30) == 0


def done(settings: Settings, topic: str) -> int:
    """Records that are committed."""
    with clients.redis_client(settings) as client:
        places: list[Any] = client.mget([f"p:accounts-{topic}:{p}" for p in range(PARTITIONS)])
    return sum(int(place.split(b":")[0]) for place in places if place)


def published(settings: Settings, workspace: str) -> dict[bytes, Account]:
    """The last record of each key of the workspace on accounts.changed."""
    reader = {"group.id": "reader", "isolation.level": "read_committed"}
    consumer = Consumer(
        {"bootstrap.servers": settings.kafka, "enable.partition.eof": True, **reader}
    )
    consumer.assign([TopicPartition(ACCOUNTS.name, p, 0) for p in range(settings.partitions)])
    found: dict[bytes, Account] = {}
    ended = 0
    while ended < settings.partitions:
        message = consumer.poll(10)
        assert message is not None
        if message.error():
            ended += 1
        elif f'"workspace":"{workspace}"'.encode() in (message.value() or b""):
            found[message.key() or b""] = Account.model_validate_json(message.value() or b"")
    consumer.close()
    return found


def test_workers_that_come_and_go_agree_with_the_reference(
    settings: Settings, topic: str, prefix: str
) -> None:
    workspace = WORKSPACE.model_copy(update={"name": prefix})
    run = fed(history(prefix), 25, workspace)
    records = [(one.key, one.value) for one in run.outputs if one.topic == "profiles.changed"]
    half = len(records) // 2
    with ExitStack() as workers:
        with worker(settings, workspace, topic):
            workers.enter_context(worker(settings, workspace, topic))
            send(settings, topic, records[:half])
            until(lambda: done(settings, topic) >= half // 2)
        workers.enter_context(worker(settings, workspace, topic))
        # a tenth of what is long done comes again before the rest
        send(settings, topic, records[: half // 10] + records[half:])
        wanted = len(records) + half // 10
        until(lambda: done(settings, topic) >= wanted)
    newest = [Profile.model_validate_json(one.value) for one in run.topic.values()]
    shown = [one for one in published(settings, prefix).values() if not one.gone]
    facts = {one.account_id: facts_of_account(one) for one in shown}
    expected = accounts_of(newest, "USD", listed_max=8)
    assert len(expected) > 40
    assert facts == expected
