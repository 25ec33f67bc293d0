"""Clients of the embedded ClickHouse, as fixtures (see conftest.py) and as functions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver.client import Client

from deploy.embedded.engines import Engines


@pytest.fixture
def http(embedded: Engines) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=embedded.clickhouse, timeout=60) as client:
        yield client


@pytest.fixture
def clickhouse(embedded: Engines) -> Iterator[Client]:
    with client(embedded) as connected:
        yield connected


@pytest.fixture
def table(clickhouse: Client, prefix: str) -> Iterator[str]:
    clickhouse.command(f"CREATE TABLE {prefix} (a Int64, b String) ENGINE = MergeTree ORDER BY a")
    yield prefix
    clickhouse.command(f"DROP TABLE {prefix}")


def client(embedded: Engines, username: str = "default", password: str = "") -> Client:
    address = urlsplit(embedded.clickhouse)
    return clickhouse_connect.get_client(
        host=address.hostname, port=address.port or 0, username=username, password=password
    )


def rows_of(http: httpx.Client, table: str) -> list[list[Any]]:
    answer = http.get(
        "/", params={"query": f"SELECT a, b FROM {table} ORDER BY a FORMAT JSONCompactEachRow"}
    )
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]
