"""The README's example queries answer over the client, over HTTP by curl, and for the analyst."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.embedded.engines import Engines
from schemas import topics
from schemas.lifecycle import Stage
from services.cli.query import answer, as_table
from services.common.clients import clickhouse_client
from services.common.settings import Settings
from services.scoring.store import DATABASE, migrate
from tests.columns_engine import fill
from tests.columns_messages import (
    ACCOUNT,
    ADA,
    MODEL,
    PROFILE,
    SCORES,
    moved,
    order,
    touchpoint,
)

EXAMPLES = {
    path.name: path.read_text()
    for path in sorted(files("deploy.clickhouse").joinpath("examples").iterdir(), key=str)
}


@pytest.fixture(scope="module")
def filled(engines: Engines) -> Iterator[str]:
    """The address of a ClickHouse whose database holds one customer that answers all examples."""
    client = clickhouse_client(Settings(clickhouse=engines.clickhouse))
    migrate(client, DATABASE)
    day = datetime(2025, 12, 24, tzinfo=UTC).date()
    fill(
        client,
        [
            (topics.PROFILES.name, PROFILE),
            (topics.ACCOUNTS.name, ACCOUNT),
            (topics.SCORES.name, SCORES),
            (topics.MODELS.name, MODEL),
            (topics.LIFECYCLE.name, moved(None, Stage.NEW)),
            (topics.RESOLVED.name, order(ADA, "SO-1", day, "12.50")),
            (topics.RESOLVED.name, touchpoint("complaint_received")),
        ],
    )
    yield engines.clickhouse
    client.close()


def test_there_are_six_examples() -> None:
    assert len(EXAMPLES) == 6


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_answers_the_python_client(filled: str, name: str) -> None:
    url = httpx.URL(filled)
    client = clickhouse_connect.get_client(host=url.host, port=url.port)
    assert client.query(EXAMPLES[name]).result_rows
    client.close()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_answers_curl(filled: str, name: str) -> None:
    command = ["curl", "--silent", "--fail", f"{filled}/?default_format=JSONEachRow"]
    answer = subprocess.run(
        [*command, "--data-binary", "@-"],
        input=EXAMPLES[name],
        text=True,
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert answer.stdout.startswith("{")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_answers_the_analyst(engines: Engines, filled: str, name: str) -> None:
    assert analyst(engines, filled).query(EXAMPLES[name]).result_rows


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_answers_the_command(filled: str, name: str) -> None:
    names, rows = answer(Settings(clickhouse=filled), EXAMPLES[name])
    assert rows
    assert len(as_table(names, rows).columns) == len(names)


def test_the_command_changes_nothing(filled: str) -> None:
    with pytest.raises(ClickHouseError):
        answer(Settings(clickhouse=filled), "TRUNCATE TABLE profiles")


def test_the_analyst_reads_every_view_and_writes_nothing(engines: Engines, filled: str) -> None:
    client = analyst(engines, filled)
    names = client.query(f"SELECT name FROM system.tables WHERE database = '{DATABASE}'")
    for (name,) in names.result_rows:
        client.query(f"SELECT * FROM {DATABASE}.{name} LIMIT 1")
    for refused in ("TRUNCATE TABLE rapport.profiles", "DROP VIEW rapport.customers"):
        with pytest.raises(ClickHouseError):
            client.command(refused)


def analyst(engines: Engines, address: str) -> Any:
    url = httpx.URL(address)
    return clickhouse_connect.get_client(
        host=url.host, port=url.port, username="analyst", password=engines.analyst_password
    )
