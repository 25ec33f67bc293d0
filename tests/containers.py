"""The same three engines as containers of the official images, where a Docker engine answers."""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.embedded.engines import ADDRESS, ANSWERS, NAMES, EngineFailedError, within
from deploy.embedded.ports import HOST, free_port

PROJECT = Path(__file__).resolve().parents[1]
ANALYST = PROJECT / "deploy" / "docker" / "analyst.xml"
ANALYST_PASSWORD = "for-tests-alone"
IMAGES = {
    "kafka": "apache/kafka:4.3.1",
    "redis": "redis:8.2",
    "clickhouse": "clickhouse/clickhouse-server:26.9",
}
INSIDE = {"kafka": 29092, "redis": 6379, "clickhouse": 8123}


def docker_answers() -> bool:
    """Asks its socket with bare hands: importing the client is for those who have an engine."""
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not address.startswith("unix://"):
        return False
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(2)
        try:
            link.connect(address.removeprefix("unix://"))
            link.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b"200 OK" in link.recv(200)
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class ContainerEngines:
    """The part of deploy.embedded.engines.Engines that tests use, over containers."""

    kafka: str
    redis: str
    clickhouse: str
    ports: Mapping[str, int]
    containers: Mapping[str, Any]
    analyst_password: str = ANALYST_PASSWORD
    pids: Mapping[str, int] = field(default_factory=dict)

    def alive(self, name: str) -> bool:
        self.containers[name].reload()
        return bool(self.containers[name].get_wrapped_container().status == "running")

    def answers(self, name: str) -> bool:
        return ANSWERS[name](self.ports[name])

    def start(self, name: str) -> None:
        self.containers[name].get_wrapped_container().start()
        _wait(name, self.ports[name])

    def kill(self, name: str) -> None:
        self.containers[name].get_wrapped_container().kill()

    def pause(self, name: str) -> None:
        self.containers[name].get_wrapped_container().pause()

    def resume(self, name: str) -> None:
        self.containers[name].get_wrapped_container().unpause()

    def stop(self) -> None:
        for container in self.containers.values():
            container.stop()


def start_containers() -> ContainerEngines:
    """Start all three with the settings of docker-compose.yml; their ports stay the same."""
    ports = {name: free_port() for name in NAMES}
    containers = {name: _container(name, ports[name]) for name in NAMES}
    try:
        for container in containers.values():
            container.start()
        for name in NAMES:
            _wait(name, ports[name])
    except BaseException:
        for container in containers.values():
            container.stop()
        raise
    addresses = [ADDRESS[name].format(host=HOST, port=ports[name]) for name in NAMES]
    return ContainerEngines(addresses[0], addresses[1], addresses[2], ports, containers)


def _wait(name: str, port: int) -> None:
    if not within(90, lambda: ANSWERS[name](port)):
        raise EngineFailedError(f"{name}: its container does not answer")


def _container(name: str, port: int) -> Any:
    from testcontainers.core.container import DockerContainer

    bare = DockerContainer(IMAGES[name]).with_bind_ports(INSIDE[name], port)
    return CONFIGURED[name](bare, port)


def _kafka(container: Any, port: int) -> Any:
    return container.with_envs(
        KAFKA_NODE_ID="1",
        KAFKA_PROCESS_ROLES="broker,controller",
        KAFKA_LISTENERS="BROKER://:9092,HOST://:29092,CONTROLLER://:9093",
        KAFKA_ADVERTISED_LISTENERS=f"BROKER://localhost:9092,HOST://{HOST}:{port}",
        KAFKA_LISTENER_SECURITY_PROTOCOL_MAP="BROKER:PLAINTEXT,HOST:PLAINTEXT,CONTROLLER:PLAINTEXT",
        KAFKA_INTER_BROKER_LISTENER_NAME="BROKER",
        KAFKA_CONTROLLER_LISTENER_NAMES="CONTROLLER",
        KAFKA_CONTROLLER_QUORUM_VOTERS="1@localhost:9093",
        KAFKA_AUTO_CREATE_TOPICS_ENABLE="false",
        KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS="0",
        KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR="1",
        KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR="1",
        KAFKA_TRANSACTION_STATE_LOG_MIN_ISR="1",
    )


def _redis(container: Any, _: int) -> Any:
    flags = (
        "--appendonly yes --appendfsync always --maxmemory-policy noeviction "
        "--set-max-intset-entries 4096"
    )
    return container.with_command(["redis-server", "--save", "", *flags.split()])


def _clickhouse(container: Any, _: int) -> Any:
    return container.with_envs(
        CLICKHOUSE_SKIP_USER_SETUP="1", RAPPORT_ANALYST_PASSWORD=ANALYST_PASSWORD
    ).with_volume_mapping(str(ANALYST), "/etc/clickhouse-server/users.d/analyst.xml")


CONFIGURED: dict[str, Callable[[Any, int], Any]] = {
    "kafka": _kafka,
    "redis": _redis,
    "clickhouse": _clickhouse,
}
