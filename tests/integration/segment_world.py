"""A real ingest, its clients and what it published, for the facts of the HTTP API."""

from __future__ import annotations

import json
import shutil
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from deploy.embedded.engines import Engines
from deploy.embedded.ports import free_port
from tests.integration.test_ingest import KEY, PATIENCE_S, Ingest, running
from tests.waiting import until

NO_LEADER_YET: Final = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
#: A key of a source that may send one event a second.
SLOW_KEY: Final = "a-slow-key"
#: Segment's own paths.
CALLS: Final = ("identify", "track", "page", "screen", "group", "alias")
TOPICS: Final = ("touchpoints.accepted", "dead_letters")

#: Segment's and PostHog's: whoever is called so, in any case and in quotation marks, is nobody.
WORDS_OF_NOBODY: Final = (
    "0", "000-000", "-", "-1", "null", "anonymous", "guest", "distinctid", "distinct_id", "id",
    "not_authenticated", "email", "undefined", "true", "false", "[object Object]", "NaN", "None",
)  # fmt: skip
NAMES_OF_NOBODY: Final = (
    *("", " ", "\t", '""', "''"),
    *dict.fromkeys(
        f"{quote}{said}{quote}"
        for word in WORDS_OF_NOBODY
        for said in (word, word.upper(), word.capitalize())
        for quote in ("", '"', "'")
    ),
)

Value = dict[str, Any]


class Log:
    """What the topics got since this was made. What was answered is in them, so nobody waits."""

    def __init__(self, kafka: str) -> None:
        # a fetch that waits for more holds up the questions behind it on its connection
        settings = {"group.id": "nobody", "fetch.wait.max.ms": 10}
        self._consumer = Consumer({"bootstrap.servers": kafka} | settings)
        self._next = {place: self._end(*place) for topic in TOPICS for place in self._places(topic)}
        self._values: dict[str, list[Value]] = {topic: [] for topic in TOPICS}
        self._assign()

    def touchpoints(self, mark: str) -> list[Value]:
        """Those whose message id begins like this, by message id."""
        self._read_to_the_end()
        found = [
            value
            for value in self._values["touchpoints.accepted"]
            if value["message_id"].startswith(mark)
        ]
        return sorted(found, key=lambda value: str(value["message_id"]))

    def touchpoint(self, message_id: str) -> Value:
        """The one of this message id."""
        [found] = [one for one in self.touchpoints(message_id) if one["message_id"] == message_id]
        return found

    def letters(self, mark: str) -> list[Value]:
        """Those of whose original bytes this is a part; the oldest first."""
        self._read_to_the_end()
        found = [
            letter
            for letter in self._values["dead_letters"]
            if mark.encode() in b64decode(letter["original"])
        ]
        return sorted(found, key=lambda letter: str(letter["at"]))

    def reasons(self, mark: str) -> list[str]:
        return [letter["reason"] for letter in self.letters(mark)]

    def counts(self) -> tuple[int, int]:
        """How many touchpoints and letters there are by now."""
        self._read_to_the_end()
        return len(self._values["touchpoints.accepted"]), len(self._values["dead_letters"])

    def close(self) -> None:
        self._consumer.close()

    def _read_to_the_end(self) -> None:
        ends = {place: self._end(*place) for place in self._next}
        while any(self._next[place] < end for place, end in ends.items()):
            messages = self._consumer.consume(10_000, 0.02)
            for message in messages:
                assert message.error() is None
                place = str(message.topic()), int(message.partition() or 0)
                self._values[place[0]].append(json.loads(message.value() or b""))
                self._next[place] = int(message.offset() or 0) + 1

    def _places(self, topic: str) -> list[tuple[str, int]]:
        described = self._consumer.list_topics(topic, PATIENCE_S).topics[topic]
        return [(topic, number) for number in described.partitions]

    def _end(self, topic: str, number: int) -> int:
        """A topic that was just made may have no leader yet."""
        ends: list[int] = []

        def known() -> bool:
            place = TopicPartition(topic, number)
            try:
                ends.append(int(self._consumer.get_watermark_offsets(place, PATIENCE_S)[1]))
            except KafkaException as error:
                if error.args[0].code() not in NO_LEADER_YET:
                    raise
            return bool(ends)

        until(known, f"a leader of {topic}/{number}")
        return ends[0]

    def _assign(self) -> None:
        self._consumer.assign([TopicPartition(*place, at) for place, at in self._next.items()])


class Segment:
    """What an SDK sees of an ingest, and what became of what was sent."""

    def __init__(self, ingest: Ingest, health: str) -> None:
        self.ingest = ingest
        self.health = health
        self.log = Log(ingest.kafka)
        self.http = httpx.Client(base_url=ingest.url, timeout=30)

    def send(self, path: str, body: object, **options: Any) -> httpx.Response:
        """POST with the write key as the user name, unless `auth` says otherwise."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        options.setdefault("auth", (KEY, ""))
        return self.http.post(path, content=content, **options)

    def taken(self, path: str, body: object, **options: Any) -> None:
        """It must be answered exactly as SDKs want it."""
        answer = self.send(path, body, **options)
        assert (answer.status_code, answer.content) == (200, b'{"success":true}'), answer.text

    def touchpoint_of(self, call: Value) -> Value:
        """The touchpoint that a track becomes."""
        self.taken("/v1/track", call)
        return self.log.touchpoint(call["messageId"])

    def close(self) -> None:
        self.http.close()
        self.log.close()


def age_of(touchpoint: Value) -> timedelta:
    """How long before its arrival it happened."""
    received_at, occurred_at = (touchpoint[name] for name in ("received_at", "occurred_at"))
    return datetime.fromisoformat(received_at) - datetime.fromisoformat(occurred_at)


def assert_error(answer: httpx.Response, status: int, code: str) -> None:
    """Both keys, and no others: without them rudder Python retries for ever."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json().keys() == {"code", "message"}
    assert answer.json()["code"] == code
    assert answer.json()["message"]


def padded(value: dict[str, Any], size: int, place: dict[str, Any]) -> bytes:
    """The JSON of the value, of exactly so many bytes; `place` is the part that is filled."""
    place["pad"] = ""
    place["pad"] = "x" * (size - len(json.dumps(value)))
    return json.dumps(value).encode()


def workspace_at(folder: Path) -> Path:
    """The example workspace, with one more source: a slow one."""
    shutil.copytree("deploy/workspace", folder)
    hashed = sha256(SLOW_KEY.encode()).hexdigest()
    limits = "{events_per_s: 1, burst: 1}"
    slow = f"- name: slow\n  kind: http\n  key_hashes: [{hashed}]\n  limits: {limits}\n"
    with (folder / "sources.yaml").open("a", encoding="utf-8") as file:
        file.write(slow)
    return folder


@pytest.fixture(scope="module")
def segment(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Segment]:
    """One for each file of facts."""
    folder, health = tmp_path_factory.mktemp("segment"), free_port()
    settings = {
        "RAPPORT_WORKSPACE": str(workspace_at(folder / "demo")),
        "RAPPORT_HEALTH_PORT": str(health),
    }
    with running(engines.kafka, folder, **settings) as ingest:
        one = Segment(ingest, f"http://127.0.0.1:{health}")
        try:
            yield one
        finally:
            one.close()
