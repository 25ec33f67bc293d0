"""A profile API as a process beside real engines, with two workspaces and a key for each scope."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import yaml

from deploy.embedded.engines import Engines
from deploy.embedded.ports import free_port
from schemas.base import to_json
from schemas.touchpoint import Touchpoint
from services.common import clients
from services.common.api_keys import Scope
from services.common.batch import Batch, Decision, Output, Record, pack_state
from services.common.settings import Settings
from services.common.workspace import Workspace
from services.common.workspace_files import load_workspaces
from services.profile.accounts.naming import AccountNames
from services.profile.accounts.stream import AccountsHandler
from services.profile.domain.ids import Hashes, uuid_text
from services.profile.stream import ProfileHandler
from tests.waiting import until

SALT = "profile api"
PATIENCE_S = 60
NOW_US = 1_767_600_000_000_000
PERSONAL = "shoe_size"
WORKSPACE = "name: {name}\ncurrency: USD\nhousehold_traits: [street, city]\n"


@dataclass
class Api:
    """A running `python -m services.profile api`, and the Redis that it reads."""

    settings: Settings
    workspaces: dict[str, Workspace]
    url: str
    health: str
    process: subprocess.Popen[bytes]
    log: Path
    handler: ProfileHandler = field(init=False)
    offset: int = 0

    def __post_init__(self) -> None:
        self.redis = clients.redis_client(self.settings)
        self.handler = ProfileHandler(self.redis, self.workspaces, self.settings)

    def client(self, *scopes: Scope, workspace: str | None = None) -> httpx.Client:
        """With the key that has just these scopes."""
        key = key_of(workspace or next(iter(self.workspaces)), scopes)
        headers = {"authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    def know(self, events: Sequence[Touchpoint]) -> list[Any]:
        """Fold the events into Redis as profile does, in one commit; what it publishes."""
        records = []
        for event in events:
            records.append(Record("touchpoints.accepted", 0, self.offset, None, to_json(event)))
            self.offset += 1
        return self._commit(self.handler.decide(Batch(records, (), NOW_US + self.offset)))

    def know_with_accounts(self, events: Sequence[Touchpoint]) -> list[Any]:
        """The same, and what accounts makes of it."""
        told = self.know(events)
        self.follow(told)
        return told

    def follow(self, outputs: Sequence[Output]) -> list[Any]:
        """Fold snapshots into Redis as accounts does, in one commit; what it publishes."""
        records = [
            Record(one.topic, 0, place, one.key, one.value)
            for place, one in enumerate(outputs)
            if one.topic == "profiles.changed"
        ]
        handler = AccountsHandler(self.redis, self.workspaces, self.settings)
        return self._commit(handler.decide(Batch(records, (), NOW_US + self.offset)))

    def account(self, workspace: str, account_id: str) -> UUID:
        """The id of an account's profile."""
        return UUID(uuid_text(AccountNames(SALT).profile(workspace, account_id)))

    def _commit(self, decision: Decision) -> list[Any]:
        for key, state in decision.writes.items():
            self.redis.set(key, pack_state(*state))
        for key, value in decision.plain.items():
            self.redis.set(key, value)
        if decision.deletes:
            self.redis.delete(*decision.deletes)
        decision.committed()
        return [output for outputs in decision.outputs.values() for output in outputs]

    def node(self, workspace: str, kind: str, value: str) -> UUID:
        """The id of an identifier's node, which may be a profile's."""
        return UUID(uuid_text(Hashes(SALT).node(workspace, kind, value)))


def key_of(workspace: str, scopes: Sequence[Scope]) -> str:
    return f"{workspace}/{'+'.join(sorted(scopes))}"


def entry(workspace: str, *scopes: Scope) -> dict[str, Any]:
    key = key_of(workspace, scopes)
    return {
        "name": key.partition("/")[2][:100],
        "key_hashes": [sha256(key.encode()).hexdigest()],
        "scopes": [str(scope) for scope in scopes],
    }


def write_workspaces(folder: Path, names: Sequence[str]) -> None:
    """The example's files under each name, with a key for each scope alone, for pairs with
    profile:pii, and for all."""
    for name in names:
        own = folder / name
        own.mkdir(parents=True)
        for path in Path("deploy/workspace").glob("*.yaml"):
            (own / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        (own / "workspace.yaml").write_text(WORKSPACE.format(name=name), encoding="utf-8")
        alone = [(scope,) for scope in Scope]
        pairs = [(scope, Scope.PROFILE_PII) for scope in Scope if scope != Scope.PROFILE_PII]
        more = [
            (Scope.PROFILE_READ, Scope.CHANGES),
            (Scope.ACCOUNT_READ, Scope.MEMBERS_READ),
            tuple(Scope),
        ]
        keys = [entry(name, *scopes) for scopes in (*alone, *pairs, *more)]
        said = yaml.safe_dump({"personal": [PERSONAL], "keys": keys})
        (own / "api_keys.yaml").write_text(said, encoding="utf-8")


@contextmanager
def running(engines: Engines, folder: Path, names: Sequence[str], **more: str) -> Iterator[Api]:
    """An API that is ready; in the end it stops in good order."""
    write_workspaces(folder / "workspaces", names)
    port, health = free_port(), free_port()
    told = {
        "RAPPORT_KAFKA": engines.kafka,
        "RAPPORT_REDIS": engines.redis,
        "RAPPORT_CLICKHOUSE": engines.clickhouse,
        "RAPPORT_WORKSPACE": str(folder / "workspaces"),
        "RAPPORT_PROFILE_API_PORT": str(port),
        "RAPPORT_HEALTH_PORT": str(health),
        "RAPPORT_SALT": SALT,
        "RAPPORT_HOME": str(folder / "no-engines"),
        **more,
    }
    log = folder / "api.log"
    with log.open("ab") as words:
        command = [sys.executable, "-m", "services.profile", "api"]
        process = subprocess.Popen(command, env=os.environ | told, stderr=words)
    settings = Settings(
        kafka=engines.kafka, redis=engines.redis, clickhouse=engines.clickhouse, salt=SALT
    )
    workspaces = load_workspaces(folder / "workspaces")
    url, health_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{health}"
    api = Api(settings, workspaces, url, health_url, process, log)
    try:
        until(lambda: is_ready(health_url), "the profile API to be ready")
        yield api
    except BaseException:
        process.kill()
        process.wait(PATIENCE_S)
        raise
    finally:
        api.redis.close()
    process.terminate()
    assert process.wait(PATIENCE_S) == 0, log.read_text()


def is_ready(health: str) -> bool:
    try:
        return httpx.get(f"{health}/readyz", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
