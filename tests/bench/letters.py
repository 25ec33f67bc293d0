"""100,000 dead letters of ten kinds: refused, listed, mended by rules, sent again, counted.

`python -m tests.bench.letters [--letters N]`, on engines of its own; 1 when one event is missing
or not the one that it would have been.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import msgspec
import yaml
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import Consumer, Producer

from deploy.embedded.engines import Engines, start_engines
from schemas import topics
from services.cli.services import start_services
from services.common.clients import clickhouse_client
from services.common.settings import Settings
from services.ingest.domain import ids
from services.scoring.store import DATABASE

LATE_S_MAX: Final = 600
Fields = dict[str, Any]

_GOOD: Final[Fields] = {
    "type": "track",
    "event": "Order Completed",
    "timestamp": "2026-01-02T03:04:05Z",
    "properties": {"total": 9.5, "currency": "USD"},
}
#: Kind -> (what is wrong with the call, the reason, the operations that mend it).
KINDS: Final[dict[str, tuple[Fields, str, list[Fields]]]] = {
    "epoch": (
        {"timestamp": "1767323045"},
        "bad_time",
        [{"cast": {"path": "timestamp", "to": "time"}}],
    ),
    "no time": ({"timestamp": "yesterday"}, "bad_time", [{"drop": {"path": "timestamp"}}]),
    "text total": (
        {"properties": {"total": "USD 9.5"}},
        "bad_properties",
        [
            {"replace": {"path": "properties.total", "pattern": "^USD ", "by": ""}},
            {"cast": {"path": "properties.total", "to": "number"}},
        ],
    ),
    "total misnamed": (
        {"properties": {"Total": 9.5}},
        "bad_properties",
        [{"rename": {"path": "properties.Total", "to": "properties.total"}}],
    ),
    "no type": ({"type": "event"}, "unknown_type", [{"set": {"path": "type", "value": "track"}}]),
    "no event": (
        {"event": None, "name": "Order Completed"},
        "no_event_name",
        [{"drop": {"path": "event"}}, {"rename": {"path": "name", "to": "event"}}],
    ),
    "user misnamed": (
        {"userId": None, "user_id": "u-7"},
        "no_identifier",
        [{"drop": {"path": "userId"}}, {"rename": {"path": "user_id", "to": "userId"}}],
    ),
    "user is a fraction": (
        {"userId": 7.5},
        "bad_identifier",
        [{"cast": {"path": "userId", "to": "text"}}],
    ),
    "bad currency": (
        {"properties": {"total": 9.5, "currency": "dollars"}},
        "bad_properties",
        [{"set": {"path": "properties.currency", "value": "USD"}}],
    ),
    "properties is a list": (
        {"properties": []},
        "bad_properties",
        [{"set": {"path": "properties", "value": {}}}],
    ),
}


def main() -> int:
    """Prints the figures as JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=100_000)
    letters = parser.parse_args().letters
    with tempfile.TemporaryDirectory(prefix="rapport-letters-") as folder:
        home = Path(folder)
        engines = start_engines(home / "engines")
        settings = Settings(
            home=home, kafka=engines.kafka, redis=engines.redis, clickhouse=engines.clickhouse
        )
        services = start_services(home, engines, settings)
        try:
            services.wait_until_ready()
            return _measured(Desk(settings, engines, home), letters)
        finally:
            services.stop()
            engines.stop()


class Desk:
    """The command, the log and the columns of this run."""

    def __init__(self, settings: Settings, engines: Engines, home: Path) -> None:
        self._settings = settings
        self._environment = os.environ | {
            "RAPPORT_KAFKA": engines.kafka,
            "RAPPORT_CLICKHOUSE": engines.clickhouse,
            "RAPPORT_HOME": str(home),
        }
        self.home = home

    def run(self, *arguments: str) -> str:
        """What the command printed; it must end well. Its time is told."""
        command = [sys.executable, "-m", "services.cli", "dead-letters", *arguments]
        started = time.perf_counter()
        done = subprocess.run(command, env=self._environment, stdout=subprocess.PIPE, check=True)
        say(command=" ".join(arguments[:3]), seconds=round(time.perf_counter() - started, 1))
        return done.stdout.decode()

    def send(self, values: Iterator[bytes]) -> None:
        producer = Producer({"bootstrap.servers": self._settings.kafka, "linger.ms": 20})
        for value in values:
            while True:
                try:
                    producer.produce(topics.INBOUND.name, value)
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.flush()

    def wait(self, query: str, wanted: int) -> None:
        """Until the columns count so many; their tables may still be on their way."""
        started = time.monotonic()
        found = None
        while found != wanted:
            assert time.monotonic() - started < LATE_S_MAX, f"{found} of {wanted}: {query}"
            time.sleep(0.5)
            with suppress(ClickHouseError):
                found = asked(self._settings, query)
        say(waited_s=round(time.monotonic() - started, 1), for_=query)

    def accepted(self) -> Counter[str]:
        """How often each event id stands on touchpoints.accepted."""
        config = {"bootstrap.servers": self._settings.kafka, "group.id": uuid4().hex}
        seen: Counter[str] = Counter()
        with closing(Consumer(config | {"auto.offset.reset": "earliest"})) as consumer:
            consumer.subscribe([topics.ACCEPTED.name])
            quiet_since = time.monotonic()
            while time.monotonic() - quiet_since < 10:
                for message in consumer.consume(5_000, 0.5):
                    seen[str(msgspec.json.decode(message.value() or b"{}")["event_id"])] += 1
                    quiet_since = time.monotonic()
        return seen


def asked(settings: Settings, query: str) -> int:
    """The one number that a query gives."""
    with closing(clickhouse_client(settings, database=DATABASE)) as client:
        return int(client.query(query).result_rows[0][0])


def calls(letters: int) -> Iterator[bytes]:
    """Bad calls of all kinds, in turn."""
    kinds = list(KINDS.values())
    for number in range(letters):
        wrong, _, _ = kinds[number % len(kinds)]
        call = _GOOD | {"userId": f"u-{number}", "messageId": f"m-{number}"} | wrong
        properties = call["properties"]
        if isinstance(properties, dict):
            call["properties"] = properties | {"order_id": f"SO-{number}"}
        else:
            call["event"] = "Called"  # of any properties
        yield msgspec.json.encode(call)


def _measured(desk: Desk, letters: int) -> int:
    desk.send(calls(letters))
    desk.wait("SELECT count() FROM dead_letters FINAL", letters)
    say(refused=letters)
    for row in desk.run("counts", "--json").splitlines():
        say(**{name: value for name, value in json.loads(row).items() if name in ROW})
    listed = desk.run("list", "--most", "100000", "--json").splitlines()
    say(listed=len(listed))
    passed = 0
    for kind in KINDS:
        passed += _one_kind(desk, kind)
    say(passed=passed)
    desk.wait("SELECT count() FROM dead_letters_now WHERE state = 'redriven'", letters)
    desk.wait("SELECT uniqExact(event_id) FROM touchpoints", letters)
    return _checked(desk, letters)


def _one_kind(desk: Desk, kind: str) -> int:
    """All that are open for this reason and that this rule makes good."""
    _, reason, mends = KINDS[kind]
    file = desk.home / "mend.yaml"
    file.write_text(yaml.safe_dump(mends))
    said = json.loads(desk.run("redrive", "--reason", reason, "--rule", str(file), "--json"))
    say(kind=kind, letters=said["letters"], passed=said["passed"])
    left = said["letters"] - said["passed"]
    open_ones = "SELECT countIf(state = 'open') FROM dead_letters_now"
    desk.wait(f"{open_ones} WHERE reason = '{reason}'", left)
    return int(said["passed"])


def _checked(desk: Desk, letters: int) -> int:
    seen = desk.accepted()
    wanted = {ids.event_id("demo", f"m-{number}") for number in range(letters)}
    missing, foreign = wanted - seen.keys(), seen.keys() - wanted
    say(events=len(seen), records=seen.total(), missing=len(missing), foreign=len(foreign))
    return 1 if missing or foreign else 0


ROW: Final = ("reason", "letters", "open", "redriven", "discarded")


def say(**what: Any) -> None:
    """A line of figures."""
    sys.stdout.write(json.dumps(what, default=str) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
