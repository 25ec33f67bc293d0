"""People who were erased and let in again, among partitions: a rebuild finds nothing to mend."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from deploy.embedded.engines import Engines
from schemas.base import micros, to_json
from schemas.erasure import Erasure, ErasureState
from services.cli.erase.erasures import as_output, producer_of, published
from services.common import clients
from services.common.batch import CONTROL_HEADER, Headers
from services.profile.domain.ids import Hashes
from services.profile.rebuild.decided import KEY, read_up_to
from tests.integration.rebuild_world import SALT, World, rebuild, rebuild_world
from tests.unit.profile_builders import touchpoint

PAIRS = 12
#: Partition, value, headers.
Sent = tuple[int, bytes, Headers]


@pytest.fixture
def world(engines: Engines, prefix: str, tmp_path: Path) -> Iterator[World]:
    with rebuild_world(engines, prefix, tmp_path) as made:
        yield made


def referral(world: World, number: int, partition: int, received_at: datetime) -> Sent:
    """Bob brought Ada: it names both, and counts for him."""
    facts: dict[str, Any] = {
        "kind": "customer_referred",
        "referred": {"kind": "user_id", "value": f"ada{number}"},
    }
    return sent(world, f"bob{number}", partition, received_at, facts)


def own(world: World, number: int, partition: int, received_at: datetime) -> Sent:
    return sent(world, f"ada{number}", partition, received_at, {})


def sent(world: World, who: str, partition: int, at: datetime, facts: dict[str, Any]) -> Sent:
    name = world.workspace.name
    named: dict[str, Any] = {"message": f"{name} {who} {at}", "workspace": name, "received_at": at}
    return partition, to_json(touchpoint(f"user_id:{who}", **named, **facts)), ()


def order(world: World, name: str, erasure: UUID, number: int, **more: Any) -> Sent:
    """A control record about one Ada."""
    node = Hashes(SALT).node(world.workspace.name, "user_id", f"ada{number}").hex()
    body = {"workspace": world.workspace.name, "erasure_id": str(erasure), "nodes": [node]}
    value = msgspec.json.encode(body | more)
    return (number + 1) % 4, value, ((CONTROL_HEADER, name.encode()),)


def on_the_topic(world: World, erasure: UUID) -> Erasure:
    """As `rapport erase` and `rapport erase lift` leave it."""
    now = datetime.now(UTC)
    with clients.redis_client(world.settings) as client:
        taken_out, let_in = (read_up_to(client, str(erasure), one) for one in ("erase", "lift"))
    assert taken_out
    assert let_in
    return Erasure(
        workspace=world.workspace.name,
        erasure_id=erasure,
        event_id=uuid4(),
        version=micros(now),
        state=ErasureState.COMPLETE,
        reason="asked",
        who="ops",
        requested_at=now,
        changed_at=now,
        salt="0" * 8,
        identifiers=(),
        taken_out=taken_out,
        let_in=let_in,
    )


def test_who_was_named_beside_the_erased_and_who_came_back_are_as_they_are(world: World) -> None:
    """Each erasure lies in another partition than what it is about, and was read behind it."""
    erasures = [uuid4() for _ in range(PAIRS)]
    before, later = datetime.now(UTC) - timedelta(days=2), datetime.now(UTC)
    story: list[list[Sent]] = [
        [
            event(world, number, number % 4, before)
            for number in range(PAIRS)
            for event in (referral, own)
        ],
        [order(world, "erase", erasure, number) for number, erasure in enumerate(erasures)],
        # late: they name who is erased
        [
            referral(world, number, (number + 2) % 4, later - timedelta(minutes=1))
            for number in range(PAIRS)
        ],
        [
            order(world, "lift", erasure, number, **{"from": micros(later)})
            for number, erasure in enumerate(erasures)
        ],
        [
            event(world, number, (number + 3) % 4, later)
            for number in range(PAIRS)
            for event in (referral, own)
        ],
    ]
    with world.profile():
        for records in story:
            world.send_to(*records)
            world.until_read()
    live = {min(person)[1]: facts for person, facts in world.live().items()}
    assert len(live) == 2 * PAIRS
    for number in range(PAIRS):
        bob, ada = live[f"bob{number}"], live[f"ada{number}"]
        assert (bob["loyalty"]["referrals_made"], ada["behaviour"]["events"]) == (2, 1)
    assert nothing_to_mend(world)
    producer = producer_of(world.settings)
    published(producer, *(as_output(on_the_topic(world, erasure)) for erasure in erasures))
    with clients.redis_client(world.settings) as client:
        client.delete(KEY)
    assert nothing_to_mend(world), "Redis has lost what it had noted; the topic erasures has not"


def nothing_to_mend(world: World) -> bool:
    status, report = rebuild(world, "--dry-run", "--fresh")
    assert status == 0, report["stderr"]
    told = {name: report[name] for name in ("differing", "unseen", "erased")}
    assert told == {
        "differing": {"changed": 0, "missing": 0, "moved": 0, "gone": 0},
        "unseen": 0,
        "erased": 0,
    }, json.dumps(report)
    return True
