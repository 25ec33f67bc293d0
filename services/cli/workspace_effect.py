"""What a draft would do to the traffic of the last day, and whether ingest runs it already."""

from __future__ import annotations

import re
import time
from typing import Final

import httpx
from clickhouse_connect.driver.exceptions import ClickHouseError

from services.cli.plans.traffic import COUNTED, KEPT, in_rows, newest_of
from services.cli.plans.trial import judges_of, tried
from services.cli.query import answer
from services.common.clients import EngineMissing
from services.common.settings import Settings
from services.common.workspace import Workspace

DAY_S: Final = 86_400
EVENTS_MAX: Final = 100_000
#: ingest looks once a second, and takes what two looks have seen.
TAKEN_WITHIN_S: Final = 10.0
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
