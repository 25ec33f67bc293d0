"""One person among many is erased: no file has them, no replay brings them, others are the same."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import redis
from confluent_kafka import Producer

from schemas.erasure import Erasure, ErasureState
from schemas.person import PersonExport
from services.cli.erase import steps
from services.cli.erase.desk import CanNot, Desk
from services.cli.person import in_columns
from services.common import slot
from services.common.batch import Output
from services.profile.domain.ids import Hashes, uuid_text
from tests.integration.erasure_world import (
    SALT,
    ErasureWorld,
    erasure_world,
    found_in_files,
    has_read_all,
    slots,
    snapshots,
    waiting_for,
)
from tests.waiting import until

Step = Callable[[Desk, Erasure], Erasure]
PEOPLE = int(os.environ.get("RAPPORT_TEST_ERASURE_PEOPLE", "1000"))
KILLS = bool(os.environ.get("RAPPORT_TEST_ERASURE_KILLS"))
#: How much longer it may take with more of them.
MORE_S = PEOPLE / 200
#: What nobody else has, in every place where a person can be named.
ADA = "q7f3a9c5e1"
MAIL = f"{ADA}@mail.example"
NAME = "Zeta Quillfeather 9c51"
COMPLAINT = "k3b8d2f6a4"
SECRETS = (ADA, NAME, COMPLAINT)
DEVICE = "w5e9r2t7y1"
#: Who referred her.
U1 = uuid_text(Hashes(SALT).node("demo", "user_id", "u1")).encode()


def calls_of(number: int) -> list[dict[str, Any]]:
    user = f"u{number}"
    return [
        {"type": "identify", "userId": user, "traits": {"email": f"{user}@mail.example"}},
        {"type": "track", "event": "Order Completed", "userId": user}
        | {"properties": {"order_id": f"o{number}", "total": 10 + number, "currency": "USD"}},
    ]


def calls_of_ada() -> list[dict[str, Any]]:
    complaint = {"complaint_id": COMPLAINT, "severity": 4, "text": f"I am {NAME}"}
    order = {"order_id": f"SO-{ADA}", "total": 99, "currency": "USD"}
    referred = {"referred": {"kind": "email", "value": MAIL}}
    return [
        {"type": "page", "anonymousId": DEVICE, "name": "Home"},
        {"type": "identify", "userId": ADA, "traits": {"email": MAIL, "name": NAME}},
        {"type": "identify", "userId": ADA, "anonymousId": DEVICE},
        {"type": "track", "event": "Order Completed", "userId": ADA, "properties": order},
        {"type": "track", "event": "Complaint Received", "userId": ADA, "properties": complaint}
        | {"timestamp": (datetime.now(UTC) - timedelta(days=2)).isoformat()},
        {"type": "track", "event": "Asked", "userId": ADA, "timestamp": "soon"},
        {"type": "track", "event": "Customer Referred", "userId": "u1", "properties": referred},
    ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ErasureWorld]:
    with erasure_world(tmp_path_factory.mktemp("erasure")) as one:
        calls = [call for number in range(PEOPLE) for call in calls_of(number)]
        calls[PEOPLE:PEOPLE] = calls_of_ada()
        one.send([call | {"messageId": f"m{at}"} for at, call in enumerate(calls)])
        until(lambda: counted(one) == PEOPLE + 1, "everybody to be in the columns", 120 + MORE_S)
        one.hasten_columns()
        until(lambda: alerts(one) > 0, "the alert", 60 + MORE_S)
        until(
            lambda: waiting_for(one, ids_of_ada()) > 0,
            "the webhook about it, which waits",
            60 + MORE_S,
        )
        yield one


def counted(world: ErasureWorld) -> int:
    """Customers in the columns; none before there are columns."""
    time.sleep(0.3)  # who asks again and again keeps the services from it
    done = world.rapport("query", "SELECT count() AS n FROM customers", "--json")
    return int(json.loads(done.stdout)["n"]) if done.exit_code == 0 else 0


def alerts(world: ErasureWorld) -> int:
    return int(world.rows("SELECT count() AS n FROM alerts")[0]["n"])


def ids_of_ada() -> set[bytes]:
    node = Hashes(SALT).node
    names = (("user_id", ADA), ("email", MAIL), ("anonymous_id", DEVICE))
    return {uuid_text(node("demo", *name)).encode() for name in names}


def test_the_scan_reads_outbox_slots() -> None:
    letters = bytes(Random(1).choices(MAIL.encode(), k=2_000))
    packed = slot.pack([Output("profiles.changed", b"", letters + MAIL.encode())])
    assert MAIL.encode() not in packed
    assert any(MAIL.encode() in one for one in slots(b"$9\r\n" + packed + b"\r\n*3" + packed[:9]))


def test_one_person_is_exported_then_erased_for_good(world: ErasureWorld, tmp_path: Path) -> None:
    for secret, files in found_in_files(world.home, SECRETS).items():
        engines = {Path(file).parts[0] for file in files}
        assert {"kafka", "redis", "clickhouse"} <= engines, (secret, files)

    out = tmp_path / "ada.json"
    assert world.rapport("export", f"email:{MAIL}", "--out", str(out)).exit_code == 0
    document = PersonExport.model_validate_json(out.read_text())
    assert {one["value"] for one in document.identifiers} == {ADA, MAIL, DEVICE}
    assert document.profile is not None
    assert document.profile["traits"]["name"]["value"] == NAME
    sizes = {table: len(rows) for table, rows in document.tables.items()}
    assert (sizes["touchpoints"], sizes["dead_letters"], sizes["profiles"]) == (6, 1, 2)
    assert {one.topic for one in document.topics} >= {"touchpoints.accepted", "dead_letters"}
    assert (len(document.links), len(document.parts)) == (2, 2)

    before = snapshots(world)
    done = world.rapport(
        "erase", f"user_id:{ADA}", "--reason", "asked by mail", "--by", "ops", "--yes", "--json"
    )
    assert done.exit_code == 0, done.output
    receipt = json.loads(done.stdout.splitlines()[-1])
    assert receipt["state"] == "waiting"
    assert not any(secret in done.stdout for secret in (*SECRETS, DEVICE))
    places = {(one["store"], one["place"]): one for one in receipt["receipt"]}
    assert places["clickhouse", "touchpoints"]["found"] == 6
    assert places["clickhouse", "dead_letters"]["found"] == 1
    assert places["redis", "d: (webhook deliveries)"]["found"] >= 1
    assert waiting_for(world, ids_of_ada()) == 0
    assert waiting_for(world, [U1]) > 0, "everybody else's wait as they did"
    assert places["kafka", "dead_letters"]["expires_at"] > receipt["requested_at"]
    after = snapshots(world)
    for profile, value in before.items():
        if profile == U1:
            assert MAIL.encode() in value
            assert MAIL.encode() not in after[profile], "who referred her loses the name"
        elif profile not in ids_of_ada():
            assert after[profile] == value, "everybody else's snapshot is the same, byte by byte"
    assert all(b'"erased":true' in after[one] for one in ids_of_ada() & before.keys())
    assert counted(world) == PEOPLE
    assert receipt["taken_out"], "how far profile had read all: a rebuild reads it in this order"
    nothing_to_mend(world)

    read_the_log_again(world)
    assert counted(world) == PEOPLE
    assert snapshots(world) == after

    world.hasten_topics()
    until(
        lambda: is_complete(world, receipt["erasure_id"]),
        "the erasure to be complete",
        300 + MORE_S,
    )
    until(lambda: left(world) == {}, f"the last files to go: {left(world)}", 20 + MORE_S)
    told = world.rapport("erase", "status", receipt["erasure_id"], "--json")
    assert json.loads(told.stdout)["state"] == "complete"
    assert world.rapport("audit", "verify").exit_code == 0
    trail = world.rapport("audit", "list", "--json").stdout
    assert [json.loads(line)["what"] for line in trail.splitlines()] == [
        "person.exported",
        "person.erasure_requested",
        "person.erased",
    ]


def nothing_to_mend(world: ErasureWorld) -> None:
    """A rebuild brings nobody back, and takes nothing from who referred her."""
    done = world.rapport("rebuild", "profiles", "--dry-run", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["people"] == PEOPLE
    assert (sum(report["differing"].values()), report["unseen"]) == (0, 0), report
    assert world.rapport("rebuild", "drop").exit_code == 0


def read_the_log_again(world: ErasureWorld) -> None:
    """Profile begins at the log's first record, and does not know Ada's message ids any more."""
    client = redis.Redis.from_url(world.engines.redis)
    world.services.watched["profile"].process.stop()
    for key in client.scan_iter(b"p:profile:*"):
        client.delete(key)
    for key in client.scan_iter(b"m:*"):
        for at in range(PEOPLE, PEOPLE + 6):
            client.srem(key, Hashes(SALT).message("demo", f"m{at}"))
    # it starts again by itself; then it is there when it has read what is sent now
    producer = Producer({"bootstrap.servers": world.engines.kafka})
    producer.flush(5)
    until(lambda: has_read_all(world, client), "profile to read the log again", 60 + MORE_S)


def is_complete(world: ErasureWorld, erasure: str) -> bool:
    done = world.rapport("erase", "--resume", erasure, "--wait", "10", "--json")
    return done.exit_code == 0 and bool(
        json.loads(done.stdout.splitlines()[-1])["state"] == "complete"
    )


def left(world: ErasureWorld) -> dict[str, set[str]]:
    return {
        text: places
        for text, places in found_in_files(world.home, (*SECRETS, DEVICE)).items()
        if places
    }


def test_erasing_again_or_nobody_gets_a_clear_answer(world: ErasureWorld) -> None:
    again = world.rapport("erase", f"email:{MAIL}", "--reason", "again", "--yes")
    assert (again.exit_code, "was erased already" in again.output) == (0, True)
    nobody = world.rapport("erase", "user_id:never-seen", "--reason", "x", "--yes")
    assert (nobody.exit_code, "nobody is known" in nobody.output) == (1, True)
    export = world.rapport("export", f"user_id:{ADA}")
    assert (export.exit_code, "was erased" in export.output) == (1, True)
    wrong = world.rapport("erase", "name:ada", "--reason", "x", "--yes")
    assert (wrong.exit_code, "KIND:VALUE" in wrong.output) == (2, True)
    late = world.rapport("erase", "--resume", "nonsense")
    assert (late.exit_code, "no id of an erasure" in late.output) == (2, True)


BOB = "u7"


@pytest.mark.skipif(not KILLS, reason="make faults does it: most of a minute")
def test_killed_behind_any_step_and_within_one_it_goes_on_and_ends_alike(
    world: ErasureWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step is done, and dies before that is noted; the deletion in ClickHouse dies within."""
    killed: set[str] = set()
    deletions: list[str] = []

    def dying(state: ErasureState, step: Step) -> Step:
        def once(desk: Desk, erasure: Erasure) -> Erasure:
            done = step(desk, erasure)
            if state not in killed:
                killed.add(state)
                raise CanNot(f"killed behind {state}")
            return done

        return once

    def delete(client: Any, table: str, column: str, ids: Any) -> int:
        deletions.append(table)
        if len(deletions) == 4:
            raise CanNot("killed within")
        return deleted(client, table, column, ids)

    deleted = in_columns.delete
    monkeypatch.setattr(in_columns, "delete", delete)
    monkeypatch.setattr(steps, "DOOR_FOLLOWS_S", 0.6)
    for state, step in list(steps.STEPS.items()):
        if state != ErasureState.WAITING:
            monkeypatch.setitem(steps.STEPS, state, dying(state, step))
    first = world.rapport("erase", f"user_id:{BOB}", "--reason", "asked", "--yes")
    assert (first.exit_code, "killed behind requested" in first.output) == (1, True)
    assert world.rapport("erase", f"user_id:{BOB}", "--reason", "again", "--yes").exit_code == 1
    listed = world.rapport("erase", "status", "--json").stdout.splitlines()
    [erasure] = [one for one in map(json.loads, listed) if one["state"] != "complete"]
    until(lambda: is_complete(world, erasure["erasure_id"]), "it to be complete", 120 + MORE_S)
    assert killed == set(ErasureState) - {ErasureState.WAITING, ErasureState.COMPLETE}
    assert BOB not in [row["user_id"] for row in world.rows("SELECT user_id FROM customers")]
    assert world.rapport("export", f"user_id:{BOB}").exit_code == 1
    assert world.rapport("audit", "verify").exit_code == 0


def test_at_the_door_they_are_kept_out_from_then_on(world: ErasureWorld) -> None:
    world.send([{"type": "track", "event": "Asked", "userId": ADA, "messageId": "late"}])
    checked = world.rapport("suppress", "check", "user_id", ADA, "--json")
    assert json.loads(checked.stdout)["suppressed"]
    assert left(world) == {}


def test_who_is_let_in_again_is_somebody_new(world: ErasureWorld) -> None:
    kept = world.rapport("suppress", "remove", "user_id", ADA)
    assert (kept.exit_code, "rapport erase lift" in kept.output) == (1, True)
    listed = map(json.loads, world.rapport("erase", "status", "--json").stdout.splitlines())
    [erasure] = [one["erasure_id"] for one in listed if one["reason"] == "asked by mail"]
    assert world.rapport("erase", "lift", erasure).exit_code == 0
    again = {"type": "track", "event": "Asked", "userId": ADA}
    numbers = iter(range(1_000))

    def is_back() -> bool:
        world.send([again | {"messageId": f"back {next(numbers)}"}])
        asked = world.rows(f"SELECT orders FROM customers WHERE user_id = '{ADA}'")
        return [row["orders"] for row in asked] == ["0"] or [r["orders"] for r in asked] == [0]

    until(is_back, "somebody new", 60 + MORE_S)
