"""The suppression list on a real Kafka: by the command in, at every door out, over restarts."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from typer.testing import CliRunner

from deploy.embedded.engines import Engines
from schemas import topics
from schemas.base import to_json
from schemas.dead_letter import REDRIVEN_HEADER, Redriven, Way
from services.cli.__main__ import app
from tests.integration.test_ingest import Ingest, new_ingest, running
from tests.unit.ingest_builders import NOW
from tests.waiting import until

RUN = CliRunner()
SALT = "test salt"
#: All that may hold something of an event that came by a door.
KEPT = (
    topics.ACCEPTED.name,
    topics.DEAD_LETTERS.name,
    topics.VIOLATIONS.name,
    topics.SUPPRESSIONS.name,
)
MAPPING = {
    "call": "track",
    "event": "Row Seen",
    "user_id": "customer",
    "time": "at",
    "properties": {"row": "number"},
}


@dataclass
class Desk:
    """The command beside a running ingest."""

    ingest: Ingest
    environment: dict[str, str]

    def suppress(self, *arguments: str) -> dict[str, Any]:
        done = RUN.invoke(app("suppress"), ["suppress", *arguments, "--json"], env=self.environment)
        assert done.exit_code == 0, done.output
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
        return said

    def size(self, name: str = "rapport_ingest_suppressions") -> float:
        """Of the list, as ingest has it."""
        lines = httpx.get(f"{self.ingest.url}/metrics", timeout=5).text.splitlines()
        [size] = [line.split()[-1] for line in lines if line.startswith(f"{name} ")]
        return float(size)

    def follows(self, *arguments: str) -> None:
        """Change the list, and wait until ingest has it."""
        size = self.size()
        self.suppress(*arguments)
        until(lambda: self.size() != size, "ingest to follow the list")


@pytest.fixture(scope="module")
def desk(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    (folder / "workspace" / "mappings").mkdir(parents=True)
    for path in Path("deploy/workspace").glob("*.yaml"):
        (folder / "workspace" / path.name).write_bytes(path.read_bytes())
    (folder / "workspace" / "mappings" / "orders.yaml").write_text(yaml.safe_dump(MAPPING))
    environment = {
        "RAPPORT_KAFKA": engines.kafka,
        "RAPPORT_SALT": SALT,
        "RAPPORT_HOME": str(folder / "home"),
        "RAPPORT_WORKSPACE": str(folder / "workspace"),
    }
    with running(engines.kafka, folder) as ingest:
        yield Desk(ingest, environment)


def everything(kafka: str, topic: str) -> list[bytes]:
    """Key, value and headers of each record of the topic, as bytes."""
    told = {"group.id": "raw", "enable.partition.eof": True, "fetch.wait.max.ms": 10}
    with closing(Consumer({"bootstrap.servers": kafka} | told)) as consumer:
        numbers = consumer.list_topics(topic, 30).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers])
        records, left = [], set(numbers)
        while left:
            for each in consumer.consume(500, 0.05):
                if each.error() is not None:
                    left.discard(each.partition())
                else:
                    records.append(repr((each.key(), each.value(), each.headers())).encode())
    return records


def arrived(kafka: str, topic: str, secret: str) -> list[bytes]:
    """The records of the topic that hold it, in plain or in base64 (at any of three places)."""
    shifted = [b64encode(b" " * shift + secret.encode())[4:-4] for shift in range(3)]
    forms = [secret.encode(), *shifted]
    return [one for one in everything(kafka, topic) if any(form in one for form in forms)]


def traces(kafka: str, secret: str) -> list[bytes]:
    """What the topics hold of somebody who must be in none of them."""
    return [one for topic in KEPT for one in arrived(kafka, topic, secret)]


def sent_by_every_door(desk: Desk, user: str, mark: str, folder: Path) -> None:
    """The same person by HTTP, by the inbound topic, in a file, and as a letter sent again; each
    once as a good call and once as a bad one."""
    good = {"type": "track", "event": "Asked", "userId": user}
    bad = good | {"timestamp": "soon"}
    for number, call in enumerate((good, bad)):
        answer = desk.ingest.send("track", call | {"messageId": f"{mark}-http-{number}"})
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    producer = Producer({"bootstrap.servers": desk.ingest.kafka})
    for number, call in enumerate((good, bad)):
        value = json.dumps(call | {"messageId": f"{mark}-log-{number}"}).encode()
        producer.produce(topics.INBOUND.name, value)
        way = Way(received_at=NOW, content_id="c", message_id=f"{mark}-again-{number}")
        redriven = Redriven(letter="00000000-0000-5000-8000-000000000001", source="web", way=way)
        marks: list[tuple[str, str | bytes | None]] = [(REDRIVEN_HEADER, to_json(redriven))]
        producer.produce(topics.INBOUND.name, json.dumps(call).encode(), headers=marks)
    last = good | {"userId": "somebody else", "messageId": f"{mark}-last"}
    for partition in range(4):  # behind all of them, wherever they are
        producer.produce(topics.INBOUND.name, json.dumps(last).encode(), partition=partition)
    producer.flush(30)
    file = folder / f"{mark}.csv"
    rows = (f"{mark}-1,{user},2026-01-01", f"{mark}-2,{user},soon", f"{mark}-3,else,2026-01-01")
    file.write_text("\n".join(("number,customer,at", *rows)))
    done = RUN.invoke(
        app("import"), ["import", str(file), "--mapping", "orders", "--json"], env=desk.environment
    )
    assert done.exit_code == 0, done.output
    kafka = desk.ingest.kafka
    until(lambda: len(arrived(kafka, topics.ACCEPTED.name, f"{mark}-last")) == 4, "the last ones")
    assert len(arrived(kafka, topics.ACCEPTED.name, f"{mark}-3")) == 1


def test_nothing_of_who_is_on_the_list_comes_in_by_any_door(
    desk: Desk, prefix: str, tmp_path: Path
) -> None:
    user = f"ada-{prefix}"
    desk.follows("add", "user_id", user, "--reason", "erased")
    sent_by_every_door(desk, user, f"{prefix}-a", tmp_path)
    assert traces(desk.ingest.kafka, user) == []
    assert user not in desk.ingest.log.read_text()

    checked = desk.suppress("check", "user_id", user)
    assert (checked["suppressed"], checked["reason"]) == (True, "erased")
    desk.follows("remove", "user_id", user)
    assert desk.suppress("check", "user_id", user)["suppressed"] is False
    sent_by_every_door(desk, user, f"{prefix}-b", tmp_path)
    let_in = arrived(desk.ingest.kafka, topics.ACCEPTED.name, user)
    refused = arrived(desk.ingest.kafka, topics.DEAD_LETTERS.name, user)
    assert (len(let_in), len(refused)) == (4, 4)


def test_a_file_is_suppressed_whole_or_not_at_all(desk: Desk, prefix: str, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"kind,value\nemail,{prefix}@X.example\nphone,12\n")
    command = ["suppress", "add", "--file", str(file)]
    wrong = RUN.invoke(app("suppress"), command, env=desk.environment)
    assert (wrong.exit_code, "people.csv:3: phone is not" in wrong.output) == (2, True)
    assert desk.suppress("check", "email", f"{prefix}@x.example")["suppressed"] is False
    file.write_text(f"kind,value\nemail,{prefix}@X.example\nuser_id,{prefix}\n")
    size = desk.size()
    assert desk.suppress("add", "--file", str(file), "--until", "2199-01-01")["suppressed"] == 2
    until(lambda: desk.size() == size + 2, "ingest to follow the list")
    listed = RUN.invoke(app("suppress"), ["suppress", "list"], env=desk.environment)
    assert (prefix in listed.output, "2199-01-01" in listed.output) == (False, True)


def test_after_a_restart_the_list_holds_from_the_first_request_on(
    desk: Desk, engines: Engines, tmp_path: Path, prefix: str
) -> None:
    """Calls are sent from the moment the port is open: none is let in before the list is read."""
    user = f"bob-{prefix}"
    desk.follows("add", "user_id", user)
    again = new_ingest(engines.kafka, tmp_path).start()
    call = {"event": "Asked", "userId": user, "messageId": prefix}
    try:
        until(lambda: taken(again, call), "a call to be answered 200")
    finally:
        assert again.stop() == 0, again.log.read_text()
    assert traces(engines.kafka, user) == []


def taken(ingest: Ingest, call: dict[str, Any]) -> bool:
    try:
        return ingest.send("track", call).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_list_of_another_salt_is_noticed_at_start(
    desk: Desk, engines: Engines, tmp_path: Path, prefix: str
) -> None:
    other = {**desk.environment, "RAPPORT_SALT": "the former salt"}
    there = Desk(desk.ingest, other)
    name = "rapport_ingest_suppressions_of_other_salts"
    added = there.suppress("add", "user_id", prefix)
    until(lambda: desk.size(name) == 1, "ingest to notice it")
    assert "made under another RAPPORT_SALT" in desk.ingest.log.read_text()
    doctor = RUN.invoke(app("doctor"), ["doctor", "--json"], env=desk.environment)
    [said] = [one for one in json.loads(doctor.stdout)["checks"] if one["name"] == "suppressions"]
    assert (said["ok"], "another salt" in said["says"]) == (False, True)
    desk.suppress("remove", "--hash", added["hashes"][0])
    until(lambda: desk.size(name) == 0, "it to be gone")
