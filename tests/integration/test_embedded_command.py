"""`rapport up`, `down`, `status`, `doctor`: what a person or a script may rely on."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis import Redis

from deploy.embedded.engines import Engines
from tests.waiting import until

PROJECT = Path(__file__).resolve().parents[2]


class Rapport:
    """The command in a home of its own. Kafka is the session's, as it is slow to start."""

    def __init__(self, home: Path, kafka: str) -> None:
        self.environment = {
            **{name: value for name, value in os.environ.items() if "RAPPORT" not in name},
            "RAPPORT_HOME": str(home),
            "RAPPORT_KAFKA": kafka,
            "RAPPORT_WORKSPACE": str(PROJECT / "deploy" / "workspace"),
            "PYTHONPATH": str(PROJECT),
        }
        self.home = home

    def run(self, *words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "services.cli", *words],
            env={**self.environment, **settings},
            cwd=self.home.parent,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def json(self, *words: str, **settings: str) -> Any:
        return json.loads(self.run(*words, "--json", **settings).stdout)

    def processes(self) -> list[int]:
        """Everything that was started for this home and still runs."""
        found = []
        for process in psutil.process_iter():
            try:
                here = process.environ().get("RAPPORT_HOME") == str(self.home)
                if here or Path(process.cwd()).is_relative_to(self.home):  # Redis hides the first
                    found.append(process.pid)
            except psutil.Error:
                continue
        return found


@pytest.fixture
def rapport(tmp_path: Path, embedded: Engines) -> Iterator[Rapport]:
    command = Rapport(tmp_path / "home", embedded.kafka)
    yield command
    command.run("down")
    assert command.processes() == []


def test_up_starts_and_down_leaves_nothing_and_data_stays(rapport: Rapport) -> None:
    first = rapport.json("up", "--detach")
    assert first["ready"]
    with Redis.from_url(first["engines"]["redis"]["address"]) as redis:
        redis.set("name", "kept")
    assert len(rapport.processes()) == 3  # the supervisor, Redis, ClickHouse
    assert set(rapport.json("down")["stopped"]) == {"redis", "clickhouse"}
    assert rapport.processes() == []
    assert rapport.run("status").returncode == 3
    again = rapport.json("up", "--detach")
    assert again["engines"]["redis"]["address"] == first["engines"]["redis"]["address"]
    with Redis.from_url(again["engines"]["redis"]["address"]) as redis:
        assert redis.get("name") == b"kept"


def test_a_named_engine_is_used_and_not_started(rapport: Rapport, embedded: Engines) -> None:
    kafka = rapport.json("up", "--detach")["engines"]["kafka"]
    assert kafka["address"] == embedded.kafka
    assert kafka["answers"]
    assert (kafka["embedded"], kafka["pid"]) == (False, None)


def test_a_second_up_is_harmless(rapport: Rapport) -> None:
    first = rapport.json("up", "--detach")
    for words in (("up", "--detach"), ("up",)):
        second = rapport.json(*words)
        assert second["supervisor"] == first["supervisor"]
        assert second["engines"]["redis"]["pid"] == first["engines"]["redis"]["pid"]


def test_a_crashed_engine_is_reported_and_started_again(rapport: Rapport) -> None:
    redis = rapport.json("up", "--detach")["engines"]["redis"]
    os.kill(redis["pid"], signal.SIGKILL)
    until(lambda: rapport.json("status")["engines"]["redis"]["restarts"] == 1)
    until(lambda: bool(rapport.json("status")["ready"]))
    after = rapport.json("status")["engines"]["redis"]
    assert after["address"] == redis["address"]
    assert after["pid"] != redis["pid"]
    assert after["last_crash"]
    assert "redis: crashed" in (rapport.home / "log" / "supervisor.log").read_text()


def test_a_killed_supervisor_is_succeeded_by_the_next_up(rapport: Rapport) -> None:
    first = rapport.json("up", "--detach")
    os.kill(first["supervisor"]["pid"], signal.SIGKILL)
    until(lambda: rapport.json("status")["supervisor"]["pid"] is None)
    second = rapport.json("up", "--detach")
    assert second["supervisor"]["pid"] not in (None, first["supervisor"]["pid"])
    assert second["engines"]["redis"]["pid"] == first["engines"]["redis"]["pid"]


def test_down_ends_what_a_killed_supervisor_left(rapport: Rapport) -> None:
    first = rapport.json("up", "--detach")
    os.kill(first["supervisor"]["pid"], signal.SIGKILL)
    assert set(rapport.json("down")["stopped"]) == {"redis", "clickhouse"}
    assert rapport.processes() == []


def test_down_ends_even_a_paused_engine(rapport: Rapport) -> None:
    redis = rapport.json("up", "--detach")["engines"]["redis"]
    os.kill(redis["pid"], signal.SIGSTOP)
    rapport.run("down")
    assert rapport.processes() == []


def test_a_mark_of_a_dead_process_never_leads_to_a_foreign_one(rapport: Rapport) -> None:
    """The pid was given to somebody else meanwhile: it is not ours to end."""
    run = rapport.home / "run"
    run.mkdir(parents=True)
    (run / "redis.json").write_text(json.dumps({"pid": os.getpid(), "birth": "b/1", "port": 1}))
    assert rapport.json("down")["stopped"] == {}


def test_up_in_the_foreground_ends_with_its_engines(rapport: Rapport) -> None:
    foreground = subprocess.Popen(
        [sys.executable, "-m", "services.cli", "up"],
        env=rapport.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: bool(rapport.json("status")["ready"]))
    foreground.send_signal(signal.SIGINT)
    assert foreground.wait(60) == 0
    assert rapport.processes() == []


def test_a_fixed_port_that_is_taken_names_its_holder(rapport: Rapport) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        ended = rapport.run("up", "--detach", RAPPORT_REDIS_PORT=port)
    assert ended.returncode == 1
    assert f"port {port} is held by pid {os.getpid()}" in ended.stderr
    assert "RAPPORT_REDIS_PORT" in ended.stderr
    assert rapport.processes() == []


def test_a_remembered_port_that_is_taken_is_replaced(rapport: Rapport) -> None:
    first = rapport.json("up", "--detach")["engines"]["redis"]["address"]
    rapport.run("down")
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", int(first.split(":")[2].split("/")[0])))
        holder.listen()
        second = rapport.json("up", "--detach")
    assert second["ready"]
    assert second["engines"]["redis"]["address"] != first


def test_a_fixed_port_is_used(rapport: Rapport) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    seen = rapport.json("up", "--detach", RAPPORT_REDIS_PORT=str(port))
    assert seen["engines"]["redis"]["address"] == f"redis://127.0.0.1:{port}/0"


def test_the_analysts_password_can_be_chosen(rapport: Rapport) -> None:
    seen = rapport.json("up", "--detach", RAPPORT_ANALYST_PASSWORD="chosen")
    kept = Path(seen["analyst"]["password_file"])
    assert kept.read_text() == "chosen"
    assert kept.stat().st_mode & 0o077 == 0


def test_doctor_says_which_setting_points_at_what_does_not_answer(rapport: Rapport) -> None:
    ended = rapport.run("doctor", "--json", RAPPORT_REDIS="redis://:secret@127.0.0.1:1/0")
    assert ended.returncode == 1
    checks = {check["name"]: check for check in json.loads(ended.stdout)["checks"]}
    assert checks["Kafka"]["ok"]
    assert not checks["Redis"]["ok"]
    assert checks["Redis"]["setting"] == "RAPPORT_REDIS"
    assert "RAPPORT_REDIS" in checks["Redis"]["says"]
    assert "secret" not in ended.stdout


def test_doctor_prints_every_setting_with_its_source(rapport: Rapport) -> None:
    settings = {row["variable"]: row for row in rapport.json("doctor")["settings"]}
    assert settings["RAPPORT_HOME"]["from"] == "environment"
    assert settings["RAPPORT_LOG_LEVEL"]["from"] == "default"
    assert all(row["means"] for row in settings.values())
