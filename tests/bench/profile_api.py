"""Rows `profile_read*`, `account*_read`: reads over HTTP, beside a bare loop that GETs Redis."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psutil

from deploy.embedded.ports import free_port
from schemas.base import derived_id, to_json
from services.common import clients
from services.common.batch import Batch, Output, Record, pack_state
from services.common.settings import Settings
from services.common.workspace_files import load_workspaces
from services.profile.accounts.stream import AccountsHandler
from services.profile.stream import ProfileHandler
from tests.bench.profile_api_bare import KEY
from tests.bench.stage import PROJECT, environment, until
from tests.integration.test_profile_on_real_engines import average

HOST: Final = "127.0.0.1"
WHOLE_KEY, MASKED_KEY = "demo-api-key", "demo-insight-key"
PROFILE, ACCOUNT = "/v1/profiles/{}", "/v1/accounts/{}"
CONNECTIONS: Final = 32
READS: Final = 20_000
WARM_UP_READS: Final = 2_000
#: Half of what is asked of one process, at which its p99 is asked for.
PACED_PER_S: Final = 1_000
PEOPLE_ROUNDS: Final = 20


@dataclass(frozen=True, slots=True)
class Case:
    """A row: what is read with whose key, and whether the client knows what it asks for."""

    name: str
    key: str
    path: str = PROFILE
    known: bool = False
    reads: int = READS
    per_s: int = PACED_PER_S


CASES: Final = (
    Case("profile_read", WHOLE_KEY),
    Case("profile_read_masked", MASKED_KEY),
    Case("profile_read_unchanged", WHOLE_KEY, known=True),
)
OF_ACCOUNTS: Final = (
    Case("account_read", WHOLE_KEY, ACCOUNT),
    # as many as the audit trail takes at once: each member that is shown is an act on it
    Case("account_members_read", WHOLE_KEY, ACCOUNT + "/members", reads=400, per_s=100),
)


def bench_profile_api(settings: Settings) -> list[dict[str, Any]]:
    """Whole profiles, each read put on record; masked ones; ones that have not changed. Accounts of
    twenty, and their members."""
    ids, accounts = _people(settings)
    rows = []
    with _running("services.profile", "api", settings=settings) as (process, port):
        for cases, read in ((CASES, ids), (OF_ACCOUNTS, accounts)):
            bodies, tags = _answers(port, cases[0].path, read)
            _keep(settings, bodies)
            bare = _bare(settings, read)
            rows += [_row(case, process, port, read, tags, bare) for case in cases]
    return rows


def _row(
    case: Case,
    process: psutil.Process,
    port: int,
    ids: Sequence[str],
    tags: Mapping[str, str],
    bare: Mapping[str, float],
) -> dict[str, Any]:
    load = _load(port, case.key, ids, tags if case.known else {}, case.path)
    _sent(load | {"requests": case.reads // 10})
    before = _cpu_s(process)
    measured = _sent(load | {"requests": case.reads})
    used_s = _cpu_s(process) - before
    paced = _sent(load | {"requests": case.reads // 2, "per_s": case.per_s})
    cpu_us = used_s / case.reads * 1e6
    return {
        "name": case.name,
        "events_per_s": round(case.reads / measured["seconds"]),
        "cpu_us_per_event": round(cpu_us, 1),
        "bare_events_per_s": round(bare["per_s"]),
        "cpu_of_bare": round(cpu_us / bare["cpu_us"], 2),
        "p99_ms": round(paced["p99_ms"], 1),
        "p99_at_per_s": case.per_s,
        "p99_flat_out_ms": round(measured["p99_ms"], 1),
    }


def _bare(settings: Settings, ids: Sequence[str]) -> dict[str, float]:
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.profile_api_bare", str(port), settings.redis]
    child = subprocess.Popen(command, env=environment(settings), cwd=PROJECT)
    try:
        until(lambda: _answers_at(f"http://{HOST}:{port}/v1/profiles/{ids[0]}"))
        process = psutil.Process(child.pid)
        load = _load(port, "none", ids, {})
        _sent(load | {"requests": WARM_UP_READS})
        before = _cpu_s(process)
        measured = _sent(load)
        used_s = _cpu_s(process) - before
    finally:
        child.terminate()
        child.wait(30)
    return {"per_s": READS / measured["seconds"], "cpu_us": used_s / READS * 1e6}


def _load(
    port: int, key: str, ids: Sequence[str], tags: Mapping[str, str], path: str = PROFILE
) -> dict[str, Any]:
    return {
        "port": port,
        "key": key,
        "path": path,
        "ids": list(ids),
        "connections": CONNECTIONS,
        "requests": READS,
        "per_s": 0,
        "etags": dict(tags),
    }


def _sent(load: Mapping[str, Any]) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.profile_api_load"]
    asked = json.dumps(load).encode()
    done = subprocess.run(command, input=asked, check=True, stdout=subprocess.PIPE, cwd=PROJECT)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def _people(settings: Settings) -> tuple[list[str], list[str]]:
    """Two thousand profiles of the usual size and the accounts that they belong to, as profile and
    accounts leave them in Redis; the ids of both."""
    workspaces = load_workspaces(settings.workspace)
    ids, accounts = set[str](), set[str]()
    with clients.redis_client(settings) as client:
        handler = ProfileHandler(client, workspaces, settings)
        members = AccountsHandler(client, workspaces, settings)
        for round_ in range(PEOPLE_ROUNDS):
            events = [_moved(event, round_) for event in average("demo")]
            accepted = [to_json(one) for one in [*events, *_links(events)]]
            told = _decided(client, handler, "touchpoints.accepted", accepted)
            changed = [one for one in told if one.topic == "profiles.changed"]
            ids |= {one.key.decode() for one in changed}
            told = _decided(client, members, changed[0].topic, [one.value for one in changed])
            accounts |= {one.key.decode() for one in told if one.topic == "accounts.changed"}
    return sorted(ids), sorted(accounts)


def _decided(client: Any, handler: Any, topic: str, values: Sequence[bytes]) -> list[Output]:
    """What a service publishes of a batch, whose state is in Redis then."""
    records = [Record(topic, 0, offset, None, value) for offset, value in enumerate(values)]
    decision = handler.decide(Batch(records, (), time.time_ns() // 1_000))
    states = {key: pack_state(*state) for key, state in decision.writes.items()}
    client.mset(states | decision.plain)
    return [one for outputs in decision.outputs.values() for one in outputs]


def _links(events: Sequence[Any]) -> list[Any]:
    """One for each of the people: which account they belong to."""
    whose = [(event.identifiers[0], event) for event in events]
    people = {one.value: event for one, event in whose if one.kind == "user_id"}
    found = []
    for number, (who, event) in enumerate(people.items()):
        said = event.model_dump(mode="json") | {
            "message_id": f"link-{who}"[:200],
            "event_id": str(derived_id("link", who)),
            "properties": {
                "kind": "account_linked",
                "account_id": f"company-{number}",
                "role": "buyer",
            },
        }
        found.append(type(event).model_validate(said))
    return found


def _moved(event: Any, round_: int) -> Any:
    """The same event of somebody else."""
    said = event.model_dump(mode="json")
    said["message_id"] = f"{round_}-{said['message_id']}"[:200]
    for one in said["identifiers"]:
        one["value"] = f"{round_}-{one['value']}"
    return type(event).model_validate(said)


def _keep(settings: Settings, bodies: Mapping[str, bytes]) -> None:
    """What the bare loop answers: the same bytes."""
    with clients.redis_client(settings) as client:
        client.mset({KEY + name.encode(): body for name, body in bodies.items()})


def _answers(port: int, path: str, ids: Sequence[str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Body and ETag of each."""
    bodies, tags = {}, {}
    for one in ids:
        asked = urllib.request.Request(
            f"http://{HOST}:{port}{path.format(one)}",
            headers={"authorization": f"Bearer {WHOLE_KEY}"},
        )
        with urllib.request.urlopen(asked) as answer:
            bodies[one], tags[one] = answer.read(), answer.headers["etag"]
    return bodies, tags


@contextmanager
def _running(*module: str, settings: Settings) -> Iterator[tuple[psutil.Process, int]]:
    port, health = free_port(), free_port()
    told = environment(settings) | {
        "RAPPORT_PROFILE_API_PORT": str(port),
        "RAPPORT_HEALTH_PORT": str(health),
    }
    child = subprocess.Popen([sys.executable, "-m", *module], env=os.environ | told)
    try:
        until(lambda: _answers_at(f"http://{HOST}:{health}/readyz"))
        yield psutil.Process(child.pid), port
    finally:
        child.terminate()
        child.wait(30)


def _answers_at(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _cpu_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return used.user + used.system
