"""Engines that drop and compact within seconds, all services, and what their files hold."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import lz4.block
import lz4.frame
import pytest
import redis
import zstandard
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from typer.testing import CliRunner

from deploy.embedded import kafka
from deploy.embedded import redis as redis_server
from deploy.embedded.engines import Engines, start_engines
from schemas import topics
from schemas.topics import TOPICS
from services.cli.__main__ import app
from services.cli.person import in_columns
from services.cli.services import Services, start_services
from services.common.settings import Settings
from services.common.topic_log import topic_log
from services.journey.deliver.job import unpack
from services.journey.deliver.keys import keys

SALT: Final = "erasure test"
RUN = CliRunner()
HASTY = """\
log.retention.check.interval.ms=500
log.cleaner.backoff.ms=500
log.segment.delete.delay.ms=500
"""
#: The port of discard: what is to be sent there waits, for the next attempt.
NOBODY_LISTENS: Final = "http://127.0.0.1:9/"
#: Longer than any compressed slot of a test.
SLOT_MAX: Final = 8_000_000
#: What a topic is set to so that its horizon is seconds away.
SHORT: Final = {"segment.ms": "500", "file.delete.delay.ms": "500"}
DELETED: Final = {"retention.ms": "1000"}
COMPACTED: Final = {"max.compaction.lag.ms": "500", "min.compaction.lag.ms": "0"}
PARTS: Final = {
    "old_parts_lifetime": 1,
    "cleanup_delay_period": 1,
    "max_cleanup_delay_period": 2,
    "cleanup_delay_period_random_add": 0,
}


@dataclass
class ErasureWorld:
    """A home of its own: nobody else's data is in its files."""

    home: Path
    engines: Engines
    services: Services
    environment: dict[str, str]

    def send(self, calls: Sequence[dict[str, Any]]) -> None:
        """Segment calls, each answered 200."""
        for start in range(0, len(calls), 500):
            answer = httpx.post(
                f"{self.services.http}/v1/batch",
                auth=("demo-write-key", ""),
                json={"batch": calls[start : start + 500]},
                timeout=30,
                trust_env=False,
            )
            assert answer.json() == {"success": True}, answer.text

    def rapport(self, *arguments: str) -> Any:
        """A command's result."""
        return RUN.invoke(app(arguments[0]), list(arguments), env=self.environment)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        done = self.rapport("query", sql, "--json")
        assert done.exit_code == 0, done.output
        return [json.loads(line) for line in done.stdout.splitlines()]

    def hasten_columns(self) -> None:
        """From now on ClickHouse removes parts that were rewritten within seconds."""
        told = ", ".join(f"{name} = {value}" for name, value in PARTS.items())
        with in_columns.columns_client(Settings(clickhouse=self.engines.clickhouse)) as client:
            for table in (*in_columns.tables_with(client, "profile_id"), "dead_letters"):
                client.command(f"ALTER TABLE {table} MODIFY SETTING {told}")

    def hasten_topics(self) -> None:
        """From now on topics forget within seconds."""
        admin: Any = AdminClient({"bootstrap.servers": self.engines.kafka})
        changes = [
            ConfigResource(
                ResourceType.TOPIC,
                topic.name,
                incremental_configs=[
                    ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
                    for key, value in (
                        SHORT | (COMPACTED if topic.retention_ms is None else DELETED)
                    ).items()
                ],
            )
            for topic in TOPICS
            if topic.name not in ("audit", "erasures", "suppressions")
        ]
        for future in admin.incremental_alter_configs(changes).values():
            future.result(10)


@contextmanager
def erasure_world(home: Path) -> Iterator[ErasureWorld]:
    """Engines and services of their own; ended in good order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kafka, "PROPERTIES", kafka.PROPERTIES + HASTY)
        # else what Redis writes anew is packed in a way that the scan does not read
        plain, packed = ["--rdbcompression", "no"], redis_server.command
        patch.setattr(redis_server, "command", lambda home, port: [*packed(home, port), *plain])
        engines = start_engines(home)
    settings = Settings(salt=SALT, partitions=2, http_port=0, profile_api_port=0)
    environment = {
        "RAPPORT_SALT": SALT,
        "RAPPORT_PARTITIONS": "2",
        "RAPPORT_HOME": str(home),
        "RAPPORT_DEMO_WEBHOOK_URL": NOBODY_LISTENS,
        "RAPPORT_WEBHOOK_ALLOW_PRIVATE": "true",
        "RAPPORT_DEMO_WEBHOOK_SECRET": "whsec_" + "A" * 44,
    }
    services = start_services(home, engines, settings, environment=environment)
    try:
        services.wait_until_ready()
        yield ErasureWorld(home, engines, services, environment)
    finally:
        services.stop()
        engines.stop()


def found_in_files(home: Path, texts: Sequence[str]) -> dict[str, set[str]]:
    """Text -> the files it stands in, also where these are compressed."""
    found: dict[str, set[str]] = {text: set() for text in texts}
    for path in home.rglob("*"):
        if path.is_file() and not path.is_symlink():
            try:
                raw = path.read_bytes()
            except OSError:  # it went while we looked
                continue
            for piece in (raw, *unpacked(path, raw)):
                for text in texts:
                    if text.encode() in piece:
                        found[text].add(str(path.relative_to(home)))
    return found


def unpacked(path: Path, raw: bytes) -> Iterator[bytes]:
    """What is compressed in a file of Kafka, ClickHouse or Redis."""
    if path.suffix in (".log", ".deleted") and "kafka" in path.parts:
        yield from batches(raw)
    elif path.suffix == ".bin":
        yield from blocks(raw)
    elif "redis" in path.parts:
        yield from slots(raw)


def batches(raw: bytes) -> Iterator[bytes]:
    """The records of a segment. Source: Kafka protocol, record batch of magic 2."""
    at = 0
    while at + 61 <= len(raw):
        (length,) = struct.unpack_from(">i", raw, at + 8)
        if length <= 0:
            return
        (attributes,) = struct.unpack_from(">h", raw, at + 21)
        records = raw[at + 61 : at + 12 + length]
        if attributes & 7 == 3:
            yield lz4.frame.decompress(records)
        else:
            assert attributes & 7 == 0, "a compression that this scan does not know"
        at += 12 + length


def blocks(raw: bytes) -> Iterator[bytes]:
    """The blocks of a column. Source: ClickHouse, CompressedReadBufferBase."""
    at = 0
    while at + 25 <= len(raw):
        method, size, plain = struct.unpack_from("<BII", raw, at + 16)
        body = raw[at + 25 : at + 16 + size]
        if len(body) < size - 9:  # its file is being written: of parts that are looked through, too
            return
        if method == 0x82:
            yield lz4.block.decompress(body, uncompressed_size=plain)
        elif method == 0x90:
            yield zstandard.ZstdDecompressor().decompress(body, max_output_size=plain)
        elif method != 0x02:  # several codecs in a row are not used for text
            return
        at += 16 + size


def waiting_for(world: ErasureWorld, profiles: Iterable[bytes]) -> int:
    """Webhooks that wait for their next attempt and are about one of these."""
    client: Any = redis.Redis.from_url(world.engines.redis)
    jobs = [value for _, value in client.hscan_iter(keys("demo/automation", ["job"])[0])]
    client.close()
    bodies = [unpack(one).body for one in jobs]
    return sum(any(profile in body for profile in profiles) for body in bodies)


def snapshots(world: ErasureWorld) -> dict[bytes, bytes]:
    """The newest record of each profile id."""
    source = topic_log(Settings(kafka=world.engines.kafka, home=world.home), topics.PROFILES.name)
    try:
        return {one.key(): one.value() for one in source.to_the_end()}
    finally:
        source.close()


def has_read_all(world: ErasureWorld, client: redis.Redis) -> bool:
    source = topic_log(Settings(kafka=world.engines.kafka, home=world.home), topics.ACCEPTED.name)
    try:
        ends: dict[int, int] = {}
        for message in source.to_the_end():
            ends[message.partition()] = message.offset() + 1
    finally:
        source.close()
    places: list[Any] = [client.get(f"p:profile:{number}") for number in ends]
    return all(
        place is not None and int(place.split(b":")[0]) >= end
        for place, end in zip(places, ends.values(), strict=True)
    )


def slots(raw: bytes) -> Iterator[bytes]:
    """Outbox slots in Redis's file. Source: RFC 8878, a frame begins with its magic number."""
    view, at = memoryview(raw), raw.find(zstandard.FRAME_HEADER)
    while at >= 0:
        with suppress(zstandard.ZstdError):  # four bytes that are something else
            yield zstandard.ZstdDecompressor().decompressobj().decompress(view[at : at + SLOT_MAX])
        at = raw.find(zstandard.FRAME_HEADER, at + 4)
