"""The steps that wait until the last copy is gone: Redis's file, then what Kafka still holds."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Final

import redis

from schemas import topics
from schemas.erasure import Erasure, ErasureState
from services.cli.erase.desk import CanNot, Desk
from services.cli.erase.erasures import advanced, published
from services.cli.erase.receipts import HASHES, redis_receipt, topic_receipts
from services.cli.person import in_columns
from services.cli.person.about import About
from services.cli.person.on_topics import LOOKED_THROUGH, hits
from services.common import slot
from services.common.batch import Record
from services.common.topic_log import topic_log

S = ErasureState
REWRITTEN_WITHIN_S: Final = 600.0
LOOK_AGAIN_S: Final = 0.2
#: Kafka removes files of which the time has come not to the second.
REMOVED_WITHIN_S: Final = 3.0


def rewrite_log(desk: Desk, erasure: Erasure) -> Erasure:
    """Wait until no outbox slot holds them, then have Redis write its append-only file anew."""
    about = desk.about(erasure)
    deadline = time.monotonic() + REWRITTEN_WITHIN_S
    slots = len(_slots_about(desk, about))
    while _slots_about(desk, about):
        if time.monotonic() > deadline:
            raise CanNot("outbox slots still hold them; do the services run, with Kafka?")
        time.sleep(LOOK_AGAIN_S)
    _rewrite(desk.redis, deadline)
    replicas = int(desk.redis.info("replication").get("connected_slaves", 0))
    why = f"{replicas} replicas: run BGREWRITEAOF on each" if replicas else ""
    told = [
        redis_receipt("o: (outbox slots)", slots, "published, then freed"),
        redis_receipt("append-only file", 1, "written anew", why),
    ]
    return advanced(erasure, S.LOG_REWRITTEN, told)


def _slots_about(desk: Desk, about: About) -> list[bytes]:
    found = []
    for key in desk.redis.scan_iter(match=b"o:*", count=1_000):
        value: Any = desk.redis.get(key)
        outputs = slot.unpack(value or b"")
        if any(about.body(one.key) or about.body(one.value) for one in outputs):
            found.append(key)
    return found


def _rewrite(client: redis.Redis, deadline: float) -> None:
    """Returns when the new file is in place. CanNot."""
    if not client.info("persistence")["aof_enabled"]:
        return
    _until_idle(client, deadline)
    client.bgrewriteaof()
    _until_idle(client, deadline)
    if client.info("persistence")["aof_last_bgrewrite_status"] != "ok":
        raise CanNot("Redis could not write its append-only file anew; see its log")


def _until_idle(client: redis.Redis, deadline: float) -> None:
    while True:
        told: Any = client.info("persistence")
        if not told["aof_rewrite_in_progress"] and not told.get("aof_rewrite_scheduled"):
            return
        if time.monotonic() > deadline:
            raise CanNot("Redis is still writing its append-only file anew")
        time.sleep(LOOK_AGAIN_S)


def wait_for_horizon(desk: Desk, erasure: Erasure) -> Erasure:
    """Count what the topics still hold, and say until when."""
    counted: Counter[str] = Counter()
    newest: dict[str, int] = {}
    for hit in hits(desk.settings, desk.about(erasure)):
        counted[hit.record.topic] += 1
        newest[hit.record.topic] = max(hit.published_ms, newest.get(hit.record.topic, 0))
    erased_at = erasure.erased_at or datetime.now(UTC)
    horizons = desk.kafka.horizons()
    told = [*topic_receipts(LOOKED_THROUGH, counted, newest, horizons, erased_at), *HASHES]
    waiting = advanced(erasure, S.WAITING, told)
    moments = [one.expires_at for one in waiting.receipt if one.expires_at is not None]
    return waiting.model_copy(update={"expires_at": max(moments, default=None)})


def complete(desk: Desk, erasure: Erasure) -> Erasure:
    """Once the horizon is over: look whether all is gone.

    A quiet partition of a compacted topic is never compacted, since only the next record closes
    its file: so the word that they are erased is published again.
    """
    erasure = wait_for_horizon(desk, erasure)  # the topics' settings may be others by now
    now = datetime.now(UTC)
    if erasure.expires_at is not None and now < erasure.expires_at:
        return erasure
    about = desk.about(erasure)
    publish_again(desk, about)
    deadline = time.monotonic() + desk.readers.wait_s
    while any(True for _ in hits(desk.settings, about)) or _has_old_parts(desk, erasure):
        if time.monotonic() > deadline:
            return wait_for_horizon(desk, erasure)
        time.sleep(LOOK_AGAIN_S * 5)
    time.sleep(desk.kafka.files_go_within_s() + REMOVED_WITHIN_S)
    told = [
        one.model_copy(update={"done": f"{one.done}: gone", "expires_at": None})
        for one in erasure.receipt
        if one.expires_at is not None
    ]
    return advanced(erasure, S.COMPLETE, told, expires_at=None, completed_at=now)


def _has_old_parts(desk: Desk, erasure: Erasure) -> bool:
    tables = [one.place for one in erasure.receipt if one.store == "clickhouse" and one.found]
    at = erasure.columns_deleted_at
    if not tables or at is None:
        return False
    with in_columns.columns_client(desk.settings) as client:
        return bool(in_columns.old_parts(client, tables, at))


def publish_again(desk: Desk, about: About) -> None:
    """The newest record of each id on the compacted topics, as it is: readers know its version."""
    newest: dict[tuple[str, bytes | None], Record] = {}
    for topic in (topics.PROFILES, topics.SCORES):
        with closing(topic_log(desk.settings, topic.name)) as source:
            for message in source.to_the_end():
                if (message.key() or b"").decode() in about.profiles and message.value():
                    marks = tuple(message.headers() or ())
                    newest[topic.name, message.key()] = Record(
                        topic.name, 0, 0, message.key(), message.value(), marks
                    )
    published(desk.producer, *newest.values())
