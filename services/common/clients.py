"""Clients of the three engines, made from the settings; a missing one is named with its setting."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

import clickhouse_connect
import redis
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from schemas.topics import TOPICS
from services.common.settings import Settings

log = logging.getLogger(__name__)
Client = TypeVar("Client")

ENGINES_FILE = "engines.json"

#: Of a producer whose records are always flushed (a commit does that too): nobody waits for the
#: time to pass, and a partition gets all its records of a publishing in one request.
SENT_WHEN_FLUSHED: Final = {"linger.ms": 1_000}


class EngineMissing(Exception):  # noqa: N818 - it is a state of the world, not our error
    """An engine does not answer. The text names it, its address and the setting."""

    def __init__(self, engine: str, address: str, why: object) -> None:
        setting = f"RAPPORT_{engine.upper()}"
        where = address or "no address"
        super().__init__(f"{engine} does not answer at {where} ({setting}): {why}")
        self.engine = engine


class ConsumerLost(Exception):  # noqa: N818 - a state of the world
    """Kafka's client has given up on a consumer for good: only a new one reads on."""


def unless_lost(error: KafkaError) -> KafkaError:
    """The error of a message, to be said. ConsumerLost when it is the last one of this consumer.

    It comes once, then the consumer is silent for ever: another member of its group took its name
    (RAPPORT_INSTANCE), or its own request to join was sent twice, since the answer was late.
    """
    if error.fatal() or error.code() == KafkaError._FATAL:  # a message's error says fatal() = False
        raise ConsumerLost(
            f"Kafka (RAPPORT_KAFKA) has given up on this consumer, only a new one reads on; "
            f"RAPPORT_INSTANCE must be another for each process: {error.str()}"
        )
    return error


def address(settings: Settings, engine: str) -> str:
    """Where an engine is: its setting, else what `rapport up` wrote into the home folder."""
    given: str = getattr(settings, engine.lower())
    if given:
        return given
    written = settings.home / ENGINES_FILE
    try:
        return str(json.loads(written.read_text())[engine.lower()])
    except (OSError, KeyError, ValueError):
        raise EngineMissing(
            engine, "", f"RAPPORT_{engine.upper()} is not set and no `rapport up` runs"
        ) from None


def kafka_config(settings: Settings) -> dict[str, Any]:
    """What every Kafka client here starts from."""
    return {
        "bootstrap.servers": address(settings, "Kafka"),
        # 2: a broker that is away is said once, by us, not twenty times a second by librdkafka
        "log_level": 2,
        # the default of 10 s leaves a client idle that long after its broker is back
        "reconnect.backoff.max.ms": 1_000,
    }


def producer(settings: Settings, **extra: Any) -> Any:
    """An idempotent producer (acks=all) that batches and compresses."""
    return Producer(
        kafka_config(settings)
        | {
            "enable.idempotence": True,
            "acks": "all",
            "compression.type": "lz4",
            "linger.ms": 15,  # a request for each partition, whatever it brings
            "batch.num.messages": 10_000,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 200_000,
            "queue.buffering.max.kbytes": 262_144,
            "message.max.bytes": 1_000_000,
        }
        | extra
    )


def fenced(settings: Settings, group: str) -> dict[str, Any]:
    """What makes a producer transactional. Readers wait for a dead worker's open transaction, so
    it is short; and a worker with a name ends its own when it comes back."""
    return SENT_WHEN_FLUSHED | {
        "transactional.id": f"{group}-{settings.instance or time.time_ns()}",
        "transaction.timeout.ms": 20_000,
        "message.timeout.ms": 20_000,
    }


def consumer(settings: Settings, group: str, **extra: Any) -> Any:
    """A consumer that commits nothing by itself and rebalances cooperatively.

    With settings.instance it is a static member: restarted, it goes on where it was at once.
    """
    member = {"group.instance.id": f"{group}-{settings.instance}"} if settings.instance else {}
    return Consumer(
        kafka_config(settings)
        | member
        | {
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": settings.session_timeout_ms,
            "max.poll.interval.ms": max(60_000, settings.session_timeout_ms),
            "isolation.level": "read_committed",
            # a fetch costs the broker the same whatever it brings: let it gather for a moment
            "fetch.min.bytes": 131_072,
            "fetch.wait.max.ms": 100,
            "queued.max.messages.kbytes": 8_192,  # for each partition
            "fetch.message.max.bytes": 4_000_000,
        }
        | extra
    )


def redis_client(settings: Settings) -> redis.Redis:
    """A client that fails fast; retrying is left to the caller."""
    return redis.Redis.from_url(
        address(settings, "Redis"),
        socket_timeout=10,
        socket_connect_timeout=3,
        health_check_interval=0,
        protocol=2,
    )


def clickhouse_client(settings: Settings, **extra: Any) -> Any:
    """A ClickHouse client over HTTP."""
    url = urlsplit(address(settings, "ClickHouse"))
    return clickhouse_connect.get_client(
        host=url.hostname,
        port=url.port or 8123,
        username=unquote(url.username or "default"),
        password=unquote(url.password or ""),
        secure=url.scheme == "https",
        autogenerate_session_id=False,
        **extra,
    )


def ping_kafka(settings: Settings) -> None:
    """KafkaException within two seconds when no broker answers."""
    AdminClient(kafka_config(settings)).list_topics(timeout=2)


def ping_redis(settings: Settings) -> None:
    """redis.RedisError when Redis does not answer."""
    with redis_client(settings) as client:
        client.ping()


def ping_clickhouse(settings: Settings) -> None:
    """An exception when ClickHouse does not answer."""
    with clickhouse_client(settings, send_receive_timeout=3) as client:
        client.command("SELECT 1")


PINGS: dict[str, Callable[[Settings], None]] = {
    "Kafka": ping_kafka,
    "Redis": ping_redis,
    "ClickHouse": ping_clickhouse,
}


def missing(settings: Settings, engine: str) -> str | None:
    """Why an engine can not be used now, with its setting; None when it answers."""
    try:
        PINGS[engine](settings)
    except EngineMissing as error:
        return str(error)
    except Exception as error:  # every client has its own family of errors
        return str(EngineMissing(engine, printable(address(settings, engine)), error))
    return None


def wait_for(settings: Settings, *engines: str, stopped: Callable[[], bool]) -> bool:
    """Wait until all engines answer, saying now and then which does not. False when stopped."""
    said: dict[str, float] = {}
    while not stopped():
        faults = {engine: fault for engine in engines if (fault := missing(settings, engine))}
        if not faults:
            return True
        for engine, fault in faults.items():
            if time.monotonic() - said.get(engine, -60) >= 30:
                log.error("%s; waiting for it", fault)
                said[engine] = time.monotonic()
        time.sleep(0.5)
    return False


def ensure_topics(settings: Settings) -> None:
    """Create the topics of the map that are missing, with their retention and cleanup."""
    admin = AdminClient(kafka_config(settings))
    known = admin.list_topics(timeout=10).topics
    wanted = [
        NewTopic(
            topic.name,
            num_partitions=settings.partitions,
            replication_factor=settings.replication,
            config=topic.config(),
        )
        for topic in TOPICS
        if topic.name not in known
    ]
    for future in (admin.create_topics(wanted) if wanted else {}).values():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def printable(url: str) -> str:
    """An address without its password."""
    parts = urlsplit(url)
    return url.replace(f":{parts.password}@", ":***@") if parts.password else url
