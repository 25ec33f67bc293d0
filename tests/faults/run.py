"""One fault run: engines, fleet, receiver and traffic; faults; then the comparison."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from deploy.embedded.engines import Engines, start_engines
from deploy.embedded.ports import HOST, free_port
from services.cli.demo.drain import Drain, wait_until_empty
from services.cli.demo.generate import Replay, generate
from services.cli.demo.purchases import read_purchases
from services.cli.demo.workspace import example_workspace
from services.common import clients
from services.common.clients import ensure_topics
from services.common.settings import Settings
from services.common.workspace_files import load_workspaces
from tests.faults.chaos import Chaos, lose_end_of_redis_log
from tests.faults.compare import Findings, compare
from tests.faults.fleet import Fleet
from tests.faults.proofs import proofs
from tests.faults.rebuild import Rebuilding, spoil
from tests.faults.requests import with_requests
from tests.faults.traffic import Traffic
from tests.faults.world import read_world, unsettled

PROJECT = Path(__file__).parents[2]
SESSION_TIMEOUT_S = 6.0
#: Old events come at any moment here, and every effect of them is to be sent: nothing is too old.
EFFECTS_MAX_AGE_DAYS = 3_650.0

Say = Callable[[str], None]


@dataclass
class Stage:
    """What runs."""

    home: Path
    settings: Settings
    engines: Engines
    fleet: Fleet
    http: str
    receiver: str


@contextmanager
def staged(home: Path) -> Iterator[Stage]:
    """Everything up; everything down again, whatever happens."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    engines = start_engines(home)
    try:
        secret = "whsec_" + b64encode(secrets.token_bytes(32)).decode()
        http_port, receiver_port = free_port(), free_port()
        workspace = example_workspace(home, EFFECTS_MAX_AGE_DAYS)
        environment = {
            "RAPPORT_KAFKA": engines.kafka,
            "RAPPORT_REDIS": engines.redis,
            "RAPPORT_CLICKHOUSE": engines.clickhouse,
            "RAPPORT_HOME": str(home),
            "RAPPORT_WORKSPACE": str(workspace),
            "RAPPORT_HTTP_PORT": str(http_port),
            "RAPPORT_SESSION_TIMEOUT_MS": str(int(SESSION_TIMEOUT_S * 1000)),
            "RAPPORT_BATCH_EVENTS_MAX": "200",
            "RAPPORT_WEBHOOK_ALLOW_PRIVATE": "true",
            "RAPPORT_WEBHOOK_RETRY_SCALE": "0.2",
            "RAPPORT_DEMO_WEBHOOK_URL": f"http://{HOST}:{receiver_port}/",
            "RAPPORT_DEMO_WEBHOOK_SECRET": secret,
            "PYTHONPATH": str(PROJECT),
        }
        settings = Settings(
            kafka=engines.kafka,
            redis=engines.redis,
            clickhouse=engines.clickhouse,
            home=home,
            workspace=workspace,
        )
        ensure_topics(settings)
        command = [sys.executable, "-m", "services.cli.receiver", "--port", str(receiver_port)]
        with (home / "receiver.log").open("wb") as log:
            receiver = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        fleet = Fleet(home, environment)
        try:
            fleet.start()
            http = f"http://{HOST}:{http_port}"
            yield Stage(home, settings, engines, fleet, http, environment[_URL])
        finally:
            fleet.stop()
            receiver.terminate()
            receiver.wait(15)
    finally:
        engines.stop()


_URL = "RAPPORT_DEMO_WEBHOOK_URL"


def story(customers: int, seed: int) -> Replay:
    """The demo's mess for a few customers, ending yesterday, with requests to merge and to part."""
    yesterday: date = datetime.now(UTC).date() - timedelta(days=1)
    told = generate(read_purchases(), yesterday, customers=customers, seed=seed)
    return with_requests(told, Random(seed))


def chaotic_run(home: Path, *, customers: int, kills: int, seed: int, say: Say) -> dict[str, Any]:
    """Kills everywhere under traffic; then the reference must agree."""
    replay, dice = story(customers, seed), Random(seed)
    sends = dice.sample(replay.sends, k=len(replay.sends))  # old and recent events at any moment
    with staged(home) as stage:
        traffic = Traffic(stage.engines.kafka, stage.http, sends, len(sends) / 420)
        traffic.start()
        chaos = Chaos(stage.fleet, stage.engines, dice, say)
        chaos.everything(kills, SESSION_TIMEOUT_S)
        traffic.hurry()
        findings, proven, webhooks = _settled(stage, traffic, replay, say)
        return {
            "seed": seed,
            "kills": stage.fleet.deaths(),
            "failpoints": chaos.failpoints,
            "failpoints_missed": sorted(chaos.missed),
            "engine_kills": chaos.engine_kills,
            "pauses": chaos.pauses,
            "events_sent": traffic.sent,
            "webhooks": webhooks,
            "proof": proven,
            **findings.counts(),
            "first_findings": findings.first(),
        }


def rollback_run(home: Path, *, customers: int, seed: int, say: Say) -> dict[str, Any]:
    """Redis loses the end of its append-only file, twice: everything is read and said again."""
    replay, dice = story(customers, seed + 1), Random(seed)
    with staged(home) as stage:
        traffic = Traffic(stage.engines.kafka, stage.http, replay.sends, len(replay.sends) / 60)
        traffic.start()
        lost = 0
        for share in (0.4, 0.8):
            while traffic.sent < share * len(replay.sends):
                time.sleep(0.2)
            lost += lose_end_of_redis_log(stage.engines, home, dice, say)
        traffic.hurry()
        findings, _, webhooks = _settled(stage, traffic, replay, say)
        return {
            "bytes_thrown_away": lost,
            "events_sent": traffic.sent,
            "webhooks": webhooks,
            **findings.counts(),
            "first_findings": findings.first(),
        }


def rebuild_run(home: Path, *, customers: int, kills: int, seed: int, say: Say) -> dict[str, Any]:
    """Profiles are spoilt under traffic and made again; workers, engines and it are killed."""
    replay, dice = story(customers, seed + 2), Random(seed)
    with staged(home) as stage:
        traffic = Traffic(stage.engines.kafka, stage.http, replay.sends, len(replay.sends) / 60)
        traffic.start()
        while traffic.sent < 0.4 * len(replay.sends):
            time.sleep(0.2)
        with clients.redis_client(stage.settings) as client:
            spoilt = spoil(client, dice)
        say(f"{spoilt} components are spoilt")
        rebuilding = Rebuilding(stage.fleet.environment, say)
        rebuilding.killed_at("before_produce:1")
        rebuilding.killed_after(dice.uniform(1, 4))
        for number in range(kills):
            stage.fleet.kill(dice.choice(("profile", "profile-2")))
            if number == kills // 2:
                stage.engines.kill("redis")
                stage.engines.start("redis")
            time.sleep(dice.uniform(0.2, 1.5))
        report = rebuilding.until_done()
        traffic.hurry()
        findings, _, webhooks = _settled(stage, traffic, replay, say)
        return {
            "spoilt": spoilt,
            "rebuilds": rebuilding.runs,
            "rebuilds_killed": rebuilding.kills,
            "kills": stage.fleet.deaths(),
            "last_report": {name: report[name] for name in ("events_read", "written", "published")},
            "events_sent": traffic.sent,
            "webhooks": webhooks,
            **findings.counts(),
            "first_findings": findings.first(),
        }


def _settled(
    stage: Stage,
    traffic: Traffic,
    replay: Replay,
    say: Say,
) -> tuple[Findings, dict[str, int], int]:
    """What is wrong, what the comparison finds when it is led astray, webhooks that arrived."""
    traffic.finish()
    say(f"{traffic.sent} events are acknowledged; waiting for the last effect")
    drain = Drain(stage.settings)
    wait_until_empty(drain.backlog, lambda _: None)
    while unsettled(stage.settings):  # a merge of the last minute
        time.sleep(1)
    wait_until_empty(drain.backlog, lambda _: None)
    world = read_world(stage.settings, stage.receiver)
    say(f"comparing {len(world.accepted)} accepted events with the reference")
    (workspace,) = load_workspaces(stage.settings.workspace).values()
    now = datetime.now(UTC)
    sent = _valid_ids(replay)
    findings = compare(world, sent, workspace, now)
    arrived = len({one["id"] for one in world.webhooks if one["verified"]})
    return findings, proofs(world, sent, workspace, now), arrived


def _valid_ids(replay: Replay) -> set[str]:
    """Message ids of the events that are not meant to be refused."""
    known = {send.value: _message_id(send.value) for send in replay.sends}
    return {
        known[send.value]
        for send in replay.sends
        if known[send.value] and not known[send.value].startswith("malformed-")
    }


def _message_id(value: bytes) -> str:
    try:
        content = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return str(content.get("messageId", "")) if isinstance(content, dict) else ""
