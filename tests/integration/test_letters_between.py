"""Letters of what stood between services, on real engines: the newest goes back, nothing older."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from deploy.embedded.engines import Engines
from schemas import topics
from schemas.base import derived_id, to_json
from schemas.dead_letter import DeadLetter, Reason
from schemas.profile import Profile
from services.cli.__main__ import app
from services.cli.letters.handled import publish
from services.cli.letters.newest import newer_than, settle
from services.cli.letters.ways import Sent, Snapshot
from services.common.batch import Record
from services.common.clients import clickhouse_client, ensure_topics, producer, redis_client
from services.common.dead_letters import dead_letter
from services.common.settings import Settings
from services.journey.deliver import keys
from services.journey.deliver.job import Job, pack
from services.journey.deliver.letters import undeliverable
from services.journey.deliver.queue import Claim
from services.scoring.store import DATABASE, migrate
from tests.columns_engine import fill
from tests.integration.test_score import Published, scoring
from tests.scoring_messages import snapshot

RUN = CliRunner()
#: Of Redis; nobody delivers from it.
APART = 9


@pytest.fixture(scope="module")
def settings(engines: Engines) -> Settings:
    redis = f"{engines.redis.rsplit('/', 1)[0]}/{APART}"
    found = Settings(kafka=engines.kafka, redis=redis, clickhouse=engines.clickhouse)
    ensure_topics(found)
    return found


@pytest.fixture
def columns(settings: Settings) -> Iterator[Any]:
    client = clickhouse_client(settings)
    migrate(client, DATABASE)
    yield client
    client.close()


def redriven(settings: Settings, *letters: DeadLetter) -> dict[str, Any]:
    """What the command says of them."""
    engines = {
        "RAPPORT_KAFKA": settings.kafka,
        "RAPPORT_REDIS": settings.redis,
        "RAPPORT_CLICKHOUSE": settings.clickhouse,
    }
    ids = [part for one in letters for part in ("--id", str(one.event_id))]
    command = ["dead-letters", "redrive", *ids, "--state", "all", "--json"]
    done = RUN.invoke(app("dead-letters"), command, env=engines)
    assert done.exit_code == 0, done.output
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def put(settings: Settings, profile: Profile) -> Record:
    """On profiles.changed; where it stands."""
    record = Sent(topics.PROFILES.name, str(profile.profile_id).encode(), to_json(profile), [], "")
    [(partition, offset)] = publish(producer(settings), [record])
    return Record(record.topic, partition, offset, record.key, record.value)


def letter_of(record: Record, columns: Any) -> DeadLetter:
    """As score refused it, in a version that could not yet score it."""
    output = dead_letter(
        record,
        service="scoring.score",
        workspace="demo",
        reason=Reason.POISON,
        detail="",
        now_us=int(datetime.now(UTC).timestamp() * 1e6),
    )
    letter = DeadLetter.model_validate_json(output.value)
    fill(columns, [(topics.DEAD_LETTERS.name, letter)])
    return letter


def test_a_refused_snapshot_is_scored_once_and_never_over_a_newer_one(
    settings: Settings, prefix: str, columns: Any
) -> None:
    first = snapshot(0, workspace=prefix)
    first = first.model_copy(update={"profile_id": derived_id(prefix)})
    letter = letter_of(put(settings, first), columns)
    assert redriven(settings, letter)["records"] == 1
    assert redriven(settings, letter)["records"] == 1
    published = Published(settings, prefix)
    with scoring(settings):
        published.until(lambda found: len(found) == 1, "its scores")
        newer = first.model_copy(update={"version": first.version + 1})
        put(settings, newer)
        said = redriven(settings, letter)
        assert (said["records"], said["held"]) == (0, {"overtaken": 1})
        id = str(first.profile_id)
        published.until(lambda found: found[id].profile_version == newer.version, "the newer ones")
    published.close()
    assert all(len(contents) == 1 for contents in published.ids.values())


def test_a_newer_one_that_came_in_between_is_last_again(settings: Settings, prefix: str) -> None:
    """Between the look and the sending, which is too short to hit by the command."""
    old = snapshot(0, workspace=prefix).model_copy(update={"profile_id": derived_id(prefix)})
    stood = put(settings, old)
    sent = Sent(stood.topic, stood.key, stood.value, [], "")
    asked = Snapshot(sent, old.version, stood.partition, stood.offset)
    assert newer_than(settings, [asked]) == {asked.key: old.version}
    newer = old.model_copy(update={"version": old.version + 1})
    put(settings, newer)
    out = producer(settings)
    [place] = publish(out, [sent])
    [again] = settle(settings, [(asked, place)], partial(publish, out))
    assert Profile.model_validate_json(again.value) == newer
    assert newer_than(settings, [asked]) == {asked.key: newer.version}


def test_what_was_deleted_does_not_come_back(settings: Settings, prefix: str, columns: Any) -> None:
    gone = snapshot(0, workspace=prefix).model_copy(update={"profile_id": derived_id(prefix)})
    letter = letter_of(put(settings, gone), columns)
    out = Producer({"bootstrap.servers": settings.kafka})
    out.produce(topics.PROFILES.name, None, str(gone.profile_id))
    assert out.flush(20) == 0
    assert redriven(settings, letter)["held"] == {"overtaken": 1}


def test_a_webhook_that_was_given_up_waits_again_once(
    settings: Settings, prefix: str, columns: Any
) -> None:
    endpoint = f"{prefix}/crm"
    dead, by_time, due, state = keys.keys(endpoint, ("dead", "deadat", "due", "ep"))
    job = Job("alerts.raised", prefix, 1, b"{}")
    output = undeliverable(endpoint, Claim("alert-1", job, failures=9), "500")
    letter = DeadLetter.model_validate_json(output.value)
    fill(columns, [(topics.DEAD_LETTERS.name, letter)])
    with redis_client(settings) as client:
        assert redriven(settings, letter)["held"] == {"not_kept": 1}
        client.hset(dead, "alert-1", pack(job))
        client.zadd(by_time, {"alert-1": 1})
        client.hset(state, "disabled", "410")
        assert redriven(settings, letter)["held"] == {"endpoint_disabled": 1}
        client.hdel(state, "disabled")
        for _ in range(2):
            assert redriven(settings, letter)["passed"] == 1
        assert client.zrange(due, 0, -1) == [b"alert-1"]
        assert client.hget(state, "resent") == b"1"
        client.delete(*keys.keys(endpoint, ("dead", "deadat", "due", "ep", "job")))
