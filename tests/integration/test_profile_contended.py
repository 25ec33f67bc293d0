"""Four profile workers on one hot person, and on a graph made to conflict: real Kafka and Redis."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.engines import Engines
from schemas.touchpoint import Touchpoint
from services.common import clients
from services.common.batch import CONTROL_HEADER, CONTROL_KEY
from services.common.settings import Settings
from services.common.workspace import Workspace
from services.common.workspace_files import load_workspaces
from tests.integration.test_profile_on_real_engines import (
    SALT,
    published,
    send,
    until_resolved,
    worker,
)
from tests.reference.profiles import facts_of, profiles_of
from tests.unit.profile_builders import START, touchpoint

WORKERS = 4


@pytest.fixture
def settings(engines: Engines) -> Settings:
    return Settings(
        kafka=engines.kafka,
        redis=engines.redis,
        clickhouse=engines.clickhouse,
        salt=SALT,
        batch_events_max=40,
        session_timeout_ms=6000,
    )


@pytest.fixture
def workspace(prefix: str) -> Workspace:
    """The demo's rules under a name that no other test has."""
    demo = load_workspaces(Path("deploy/workspace"))["demo"]
    return demo.model_copy(update={"name": prefix})


def of_one_person(workspace: str) -> Iterator[Touchpoint]:
    """Every event of every partition is about the same three identifiers."""
    names = ["user_id:hot", "email:hot@x.example", "anonymous_id:hot"]
    dice = random.Random(5)
    for number in range(700):
        yield touchpoint(
            *dice.sample(names, k=dice.choice((1, 2))),
            at_s=dice.randrange(10**6),
            message=f"{workspace}-hot-{number}",
            workspace=workspace,
            received_at=START + timedelta(days=20, seconds=number),
            kind="order_completed",
            order_id=f"SO-{number}",
            total={"amount": "1.25", "currency": "USD"},
        )


def made_to_conflict(workspace: str) -> Iterator[Touchpoint]:
    """A few people whose components every batch joins, parts and merges again."""
    users = [f"user_id:u{number}" for number in range(12)]
    others = [f"email:e{number}@x.example" for number in range(8)]
    others += [f"anonymous_id:a{number}" for number in range(8)]
    dice = random.Random(6)
    for number in range(700):
        facts: dict[str, Any] = {"kind": "page_viewed", "category": "rock"}
        names = [dice.choice(users), dice.choice(others)]
        if number % 6 == 0:
            kind = dice.choice(("profile_merge_requested", "profile_unmerge_requested", "aliased"))
            field = "previous" if kind == "aliased" else "other"
            facts = {"kind": kind, field: dice.choice([*users, *others])}
            names = names[:1]
        yield touchpoint(
            *names,
            at_s=dice.randrange(10**6),
            message=f"{workspace}-{number}",
            workspace=workspace,
            received_at=START + timedelta(days=20, seconds=number),
            public=number % 5 == 0,
            **facts,
        )


def test_four_workers_that_contend_lose_no_update_and_end_as_the_reference(
    settings: Settings, workspace: Workspace
) -> None:
    clients.ensure_topics(settings)
    events = [*of_one_person(workspace.name), *made_to_conflict(workspace.name)]
    random.Random(4).shuffle(events)
    with ExitStack() as workers:
        for _ in range(WORKERS):
            workers.enter_context(worker(settings, workspace))
        send(settings, events)
        until_resolved(settings, workspace.name, len(events))
        refuse_an_order(settings, workspace.name)
    resolved = published(settings, "touchpoints.resolved", workspace.name)
    assert len({value for _, value in resolved}) == len(events)
    last = dict(published(settings, "profiles.changed", workspace.name))
    living = [facts_of(one) for one in last.values() if b'"merged_into":null' in one]
    assert Counter(person for person, _ in living).most_common(1)[0][1] == 1
    assert dict(living) == profiles_of(events, workspace, SALT)


def refuse_an_order(settings: Settings, workspace: str) -> None:
    """A control record is known by its header, also behind a real Kafka."""
    producer = clients.producer(settings)
    body = json.dumps({"workspace": workspace}).encode()
    headers = [(CONTROL_HEADER, b"regroup")]
    producer.produce("touchpoints.accepted", body, CONTROL_KEY, headers=headers)
    assert producer.flush(30) == 0
    deadline = time.monotonic() + 60
    while not (letters := published(settings, "dead_letters", workspace)):
        assert time.monotonic() < deadline, "no dead letter"
        time.sleep(0.3)
    assert b"component is None" in letters[0][1]
