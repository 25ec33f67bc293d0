"""What a draft would do to the traffic of the last day, and whether ingest runs it already."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final

import httpx
from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.embedded.ports import HOST
from services.cli.plans.traffic import COUNTED, KEPT, in_rows, newest_of
from services.cli.plans.trial import judges_of, tried
from services.cli.query import answer
from services.cli.services import services_left_in
from services.common.clients import EngineMissing
from services.common.settings import Settings
from services.common.workspace import Workspace

DAY_S: Final = 86_400
EVENTS_MAX: Final = 100_000
#: ingest looks once a second, and takes what two looks have seen.
TAKEN_WITHIN_S: Final = 10.0
#: Those of `rapport serve` that use the workspace.
FOLLOWERS: Final = frozenset(
    {"ingest", "profile", "profiles", "accounts", "score", "decide", "deliver"}
)
_VERSION: Final = re.compile(r'rapport_workspace_info\{version="(\w+)"\} 1')


def refused_lately(workspace: Workspace) -> str:
    """How much of the last day the plans of a workspace would refuse, if ClickHouse answers."""
    filters: dict[str, str | int] = {"workspace": workspace.name, "source": ""}
    try:
        filters["seconds"] = DAY_S
        _, rows = answer(Settings(), KEPT, {**filters, "most": EVENTS_MAX})
        there = len(rows)
        if there == EVENTS_MAX:
            _, [(there,)] = answer(Settings(), COUNTED, filters)
    except (EngineMissing, ClickHouseError, OSError):
        return "not counted what the plans would refuse: ClickHouse does not answer"
    found = tried(in_rows(rows).came, judges_of(workspace))
    refused = {event: one.refused for event, one in found.items() if one.refused}
    what = ", ".join(f"{times} {event}" for event, times in sorted(refused.items())) or "none"
    return f"of {newest_of(len(rows), there)} of the last 24 h the plans would refuse: {what}"


def all_follow(settings: Settings, version: str, say: Callable[[str], None]) -> bool:
    """Waits for every service of the home that uses the workspace; whether all run the version."""
    deadline = time.monotonic() + TAKEN_WITHIN_S
    here = {
        process.name: f"http://{HOST}:{process.port}/metrics"
        for process in services_left_in(settings.home)
        if process.name in FOLLOWERS and process.port and process.alive()
    }
    if "ingest" not in here:
        say(taken_over(settings, version))
    late = {}
    for name, url in here.items():
        found = _version_within(url, version, deadline)
        if found != version:
            late[name] = f"{name} at {url} runs {found or 'no version that it tells'}: see its log"
    if here:
        say(f"{len(here) - len(late)} of {len(here)} services run {version}")
    for told in late.values():
        say(told)
    return not late


def _version_within(url: str, version: str, deadline: float) -> str | None:
    """What a process tells in the end: the version wanted, another, or None (no answer)."""
    while True:
        try:
            told = _VERSION.search(httpx.get(url, timeout=2, trust_env=False).text)
        except httpx.HTTPError:
            told = None
        if (told and told[1] == version) or time.monotonic() >= deadline:
            return told[1] if told else None
        time.sleep(0.2)


def taken_over(settings: Settings, version: str) -> str:
    """Waits until ingest runs the version, and says whether it does."""
    host = "127.0.0.1" if settings.http_host == "0.0.0.0" else settings.http_host  # noqa: S104
    url = f"http://{host}:{settings.http_port}/metrics"
    deadline = time.monotonic() + TAKEN_WITHIN_S
    found = None
    while time.monotonic() < deadline:
        try:
            found = _VERSION.search(httpx.get(url, timeout=2).text)
        except httpx.HTTPError:
            return f"no ingest answers at {url}: it reads the folder when it starts"
        if found and found[1] == version:
            return f"ingest at {url} runs {version}"
        time.sleep(0.2)
    return f"ingest at {url} runs {found[1] if found else 'another version'}: see its log"
