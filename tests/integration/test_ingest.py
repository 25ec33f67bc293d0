"""ingest as a process, with a real Kafka: real HTTP, the real SDK, inbound records, outages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from segment.analytics.client import Client

from deploy.embedded.engines import Engines
from deploy.embedded.ports import free_port
from schemas.touchpoints import KINDS
from services.common.batch import CONTROL_KEY
from tests.contract.test_ingest_contract import call_for
from tests.waiting import until

KEY = "demo-write-key"
PATIENCE_S = 60


@dataclass
class Ingest:
    """A running `python -m services.ingest`."""

    kafka: str
    url: str
    environment: dict[str, str]
    log: Path
    program: tuple[str, ...] = ("-m", "services.ingest")
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> Ingest:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program], env=self.environment, stderr=log
            )
        return self

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def ready(self) -> bool:
        return is_ready(self.url)

    def send(self, path: str, body: object) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.post(f"{self.url}/v1/{path}", content=content, auth=(KEY, ""), timeout=30)


def is_ready(url: str) -> bool:
    """Whether /readyz says so, on the port of the API or on that of the process's health."""
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def new_ingest(kafka: str, folder: Path) -> Ingest:
    port = free_port()
    environment = os.environ | {
        "RAPPORT_KAFKA": kafka,
        "RAPPORT_HTTP_PORT": str(port),
        "RAPPORT_HEALTH_PORT": "0",
        "RAPPORT_SALT": "test salt",
        "RAPPORT_HOME": str(folder / "no-engines"),
    }
    return Ingest(kafka, f"http://127.0.0.1:{port}", environment, folder / "ingest.log")


@contextmanager
def running(kafka: str, folder: Path, **settings: str) -> Iterator[Ingest]:
    """One that is ready, with these settings; in the end it stops in good order."""
    ingest = new_ingest(kafka, folder)
    ingest.environment |= settings
    ingest.start()
    try:
        until(ingest.ready, "ingest to be ready")
        yield ingest
    except BaseException:
        ingest.process.kill()
        ingest.process.wait(PATIENCE_S)
        raise
    assert ingest.stop() == 0, ingest.log.read_text()


@pytest.fixture(scope="module")
def ingest(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingest]:
    with running(engines.kafka, tmp_path_factory.mktemp("ingest")) as one:
        yield one


def is_control(message: Any) -> bool:
    """Whether it is an order to profile, which shares the topic of touchpoints."""
    return (message.key() or b"").startswith(CONTROL_KEY)


def read_json(message: Any) -> Any:
    """None: other tests send what is none."""
    try:
        return json.loads(message.value() or b"null")
    except ValueError:
        return None


def found(
    kafka: str, topic: str, wanted: Callable[[dict[str, Any]], bool], count: int
) -> list[Any]:
    """The first `count` values of the topic that are wanted."""
    settings = {
        "bootstrap.servers": kafka,
        "group.id": f"t{uuid4().hex}",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
    values: list[Any] = []
    with closing(Consumer(settings)) as consumer:
        consumer.subscribe([topic])
        deadline = time.monotonic() + PATIENCE_S
        while len(values) < count:
            assert time.monotonic() < deadline, f"{len(values)} of {count} found in {topic}"
            messages = [each for each in consumer.consume(500, 0.5) if each.error() is None]
            read = [read_json(each) for each in messages if not is_control(each)]
            values += [value for value in read if isinstance(value, dict) and wanted(value)]
    return values


def all_of(kafka: str, topic: str) -> list[dict[str, Any]]:
    """All values of the topic but control records, from its beginning to its end of now."""
    with closing(Consumer({"bootstrap.servers": kafka, "group.id": f"t{uuid4().hex}"})) as consumer:
        numbers = consumer.list_topics(topic, PATIENCE_S).topics[topic].partitions
        places = {number: TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers}
        ends = {
            number: end
            for number, place in places.items()
            if (end := consumer.get_watermark_offsets(place, PATIENCE_S)[1]) > 0
        }
        consumer.assign([places[number] for number in ends])
        values: list[dict[str, Any]] = []
        deadline = time.monotonic() + PATIENCE_S
        while ends:
            assert time.monotonic() < deadline, f"{topic} is not read to its end"
            for each in consumer.consume(500, 0.5):
                assert each.error() is None
                if not is_control(each):
                    values.append(json.loads(each.value() or b""))
            for place in consumer.position([places[number] for number in ends]):
                if place.offset >= ends[place.partition]:
                    del ends[place.partition]
    return values


def of_messages(prefix: str) -> Callable[[dict[str, Any]], bool]:
    return lambda value: str(value.get("message_id")).startswith(prefix)


def quotes(text: str) -> Callable[[dict[str, Any]], bool]:
    return lambda letter: text.encode() in b64decode(letter["original"])


def test_what_the_real_sdk_sends_is_in_the_log_once_it_is_flushed(
    ingest: Ingest, prefix: str
) -> None:
    errors: list[Any] = []
    client = Client(KEY, host=ingest.url, gzip=True, on_error=lambda *all: errors.append(all))
    for number in range(250):
        properties = {"order_id": f"{prefix}-{number}", "total": number + 0.25}
        client.track("u1", "Order Completed", properties, message_id=f"{prefix}-{number}")
    client.identify("u1", {"email": "Ada@X.example"}, message_id=f"{prefix}-who")
    client.flush()
    client.join()
    assert errors == []
    values = found(ingest.kafka, "touchpoints.accepted", of_messages(prefix), 251)
    assert {value["message_id"] for value in values} == {
        f"{prefix}-{name}" for name in (*range(250), "who")
    }
    [who] = [value for value in values if value["message_id"] == f"{prefix}-who"]
    assert {"kind": "email", "value": "ada@x.example"} in who["identifiers"]


def test_every_sample_can_be_sent_and_arrives(ingest: Ingest, prefix: str) -> None:
    calls = [call_for(kind) | {"messageId": f"{prefix}-{kind}"} for kind in KINDS]
    assert ingest.send("batch", {"batch": calls}).json() == {"success": True}
    values = found(ingest.kafka, "touchpoints.accepted", of_messages(prefix), len(KINDS))
    kinds = {value["message_id"]: value["properties"]["kind"] for value in values}
    assert kinds == {f"{prefix}-{kind}": kind for kind in KINDS}


def test_what_comes_by_kafka_is_validated_in_the_same_way(ingest: Ingest, prefix: str) -> None:
    producer = Producer({"bootstrap.servers": ingest.kafka})
    good = {"type": "track", "event": "Called", "userId": "u", "messageId": f"{prefix}-good"}
    bad = good | {"userId": None, "messageId": f"{prefix}-bad"}
    nobody = good | {"messageId": f"{prefix}-nobody"}
    producer.produce("touchpoints.inbound", json.dumps(good).encode())
    producer.produce("touchpoints.inbound", json.dumps(bad).encode())
    producer.produce(
        "touchpoints.inbound", json.dumps(nobody).encode(), headers=[("workspace", b"unheard of")]
    )
    producer.produce("touchpoints.inbound", b"{" + prefix.encode())
    producer.flush(30)
    [value] = found(ingest.kafka, "touchpoints.accepted", of_messages(prefix), 1)
    assert value["source"] == "inbound"
    mine = found(ingest.kafka, "dead_letters", quotes(prefix), 3)
    assert all(each["source"] == "inbound" for each in mine)
    reasons = sorted(each["reason"] for each in mine)
    assert reasons == ["malformed_json", "no_identifier", "unknown_workspace"]
    assert all(each["topic"] == "touchpoints.inbound" for each in mine)


def test_bad_input_over_real_http_is_never_a_5xx(ingest: Ingest) -> None:
    for body in (b"", b"{", b"\xff", b"[" * 1_000, b"x" * 600_000, b'{"event":"x"}'):
        assert ingest.send("track", body).status_code in (200, 400)
    until(ingest.ready, "ingest to be ready still")


def test_sigterm_finishes_what_is_in_flight(engines: Engines, tmp_path: Path, prefix: str) -> None:
    running = new_ingest(engines.kafka, tmp_path).start()
    calls = [call_for("custom") | {"messageId": f"{prefix}-{number}"} for number in range(500)]
    try:
        until(running.ready, "ingest to be ready")
        # a 503 while the machine is busy is sent again, as every SDK does; the ids stay the same
        until(lambda: running.send("batch", {"batch": calls}).status_code == 200, "the answer 200")
    finally:
        assert running.stop() == 0
    assert len(found(engines.kafka, "touchpoints.accepted", of_messages(prefix), 500)) == 500


def test_a_missing_kafka_is_named_with_its_setting_and_answered_with_503(tmp_path: Path) -> None:
    running = new_ingest(f"127.0.0.1:{free_port()}", tmp_path).start()
    try:
        until(lambda: "RAPPORT_KAFKA" in running.log.read_text(), "the log to name the setting")
        answer = httpx.get(f"{running.url}/readyz")
        assert (answer.status_code, "RAPPORT_KAFKA" in answer.text) == (503, True)
        answer = running.send("track", call_for("custom"))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json().keys() == {"code", "message"}
    finally:
        assert running.stop() == 0


def named(event: str) -> Callable[[dict[str, Any]], bool]:
    return lambda value: value["properties"].get("name") == event


def killed_at(failpoint: str, kafka: str, folder: Path) -> Ingest:
    """An ingest that will get SIGKILL when it passes the failpoint."""
    doomed = new_ingest(kafka, folder)
    doomed.environment |= {"RAPPORT_FAILPOINT": failpoint, "RAPPORT_SESSION_TIMEOUT_MS": "6000"}
    doomed.start()
    until(doomed.ready, "ingest to be ready")
    return doomed


def test_a_request_that_lost_its_answer_is_sent_again_with_the_same_ids(
    ingest: Ingest, engines: Engines, tmp_path: Path, prefix: str
) -> None:
    call = {"event": prefix, "userId": "u"}
    doomed = killed_at("ingest_before_ack", engines.kafka, tmp_path)

    def answered(by: Ingest) -> bool:
        answer = by.send("track", call)
        # what a busy machine answers with 503 is sent again, as every SDK does
        assert answer.status_code in (200, 503), answer.text
        return answer.status_code == 200

    with pytest.raises(httpx.HTTPError):
        until(lambda: answered(doomed), "the one that dies of it to die")
    assert doomed.process.wait(PATIENCE_S) == -signal.SIGKILL
    until(lambda: answered(ingest), "the answer 200")
    values = found(ingest.kafka, "touchpoints.accepted", named(prefix), 2)
    assert len({value["event_id"] for value in values}) == 1


def test_records_whose_offset_was_not_committed_are_read_again_with_the_same_ids(
    ingest: Ingest, engines: Engines, tmp_path: Path, prefix: str
) -> None:
    """One of the group is killed between Kafka's acknowledgement and the commit."""
    doomed = killed_at("before_next_commit", engines.kafka, tmp_path)
    producer = Producer({"bootstrap.servers": engines.kafka})
    sent: list[bytes] = []

    def dead_after_one_more() -> bool:
        sent.append(json.dumps({"type": "track", "event": prefix, "userId": "u"}).encode())
        producer.produce("touchpoints.inbound", sent[-1])
        producer.flush(30)
        return doomed.process.poll() is not None

    until(dead_after_one_more, "a record to reach the one that dies of it")
    values = found(ingest.kafka, "touchpoints.accepted", named(prefix), len(sent) + 1)
    assert len({value["event_id"] for value in values}) == len(sent)


def test_it_goes_on_by_itself_when_kafka_is_back(
    ingest: Ingest, engines: Engines, prefix: str
) -> None:
    if "kafka" not in engines.processes:
        pytest.skip("this Kafka is not ours to stop")
    engines.kill("kafka")
    try:
        until(lambda: not ingest.ready(), "ingest to notice that Kafka is away")
        assert ingest.send("track", call_for("custom")).status_code == 503
    finally:
        engines.start("kafka")
    until(ingest.ready, "ingest to notice that Kafka is back")
    call = call_for("custom") | {"messageId": f"{prefix}-back"}
    until(lambda: ingest.send("track", call).status_code == 200, "calls to be taken again")
    producer = Producer({"bootstrap.servers": ingest.kafka})
    inbound = call | {"messageId": f"{prefix}-inbound"}
    producer.produce("touchpoints.inbound", json.dumps(inbound).encode())
    producer.flush(30)
    found(
        ingest.kafka,
        "touchpoints.accepted",
        lambda each: each["message_id"] == f"{prefix}-inbound",
        1,
    )
