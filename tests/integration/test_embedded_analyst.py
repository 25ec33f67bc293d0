"""The embedded ClickHouse's read-only user: what an analyst can do, and what not."""

from __future__ import annotations

import httpx
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from deploy.embedded.engines import Engines
from tests.integration.clickhouse_clients import client, rows_of


def test_an_analyst_reads(embedded: Engines, clickhouse: Client, table: str) -> None:
    clickhouse.insert(table, [[1, "x"]], column_names=["a", "b"])
    with client(embedded, "analyst", embedded.analyst_password) as analyst:
        assert analyst.query(f"SELECT b FROM {table}").result_rows == [("x",)]
        assert analyst.query("SHOW TABLES").result_rows


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO {table} VALUES (1, 'x')",
        "INSERT INTO {table} SELECT 1, 'x'",
        "INSERT INTO FUNCTION file('stolen.csv', 'CSV', 'a Int8') SELECT 1",
        "CREATE TABLE more (a Int8) ENGINE = Memory",
        "CREATE TEMPORARY TABLE more (a Int8)",
        "DROP TABLE {table}",
        "TRUNCATE TABLE {table}",
        "ALTER TABLE {table} DELETE WHERE 1",
        "OPTIMIZE TABLE {table}",
        "SET readonly = 0",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_execution_time = 0",
        "KILL QUERY WHERE 1",
        "SYSTEM FLUSH LOGS",
        "SELECT 1 INTO OUTFILE 'stolen.csv'",
        "SELECT * FROM file('/etc/hostname', 'LineAsString')",
        "SELECT * FROM (SELECT * FROM file('/etc/hostname', 'LineAsString') SETTINGS readonly = 0)",
        "SELECT file('/etc/hostname')",
        "SELECT `file`('/etc/hostname')",
        "SELECT \"fi\\x6ce\"('/etc/hostname')",
        "SELECT file/* */('/etc/hostname')",
        "SELECT * FROM `/etc/hostname`",
        "SELECT * FROM '/etc/services.csv'",
        "SELECT * FROM `http://127.0.0.1:1/x.csv`",
        "DESCRIBE TABLE file('/etc/hostname', 'LineAsString')",
        "SELECT (SELECT * FROM file('/etc/hostname', 'LineAsString'))",
        "WITH x AS (SELECT * FROM file('/etc/hostname', 'LineAsString')) SELECT * FROM x",
        "EXPLAIN SELECT file('/etc/hostname')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1', 'system', 'one')",
        "SELECT * FROM s3('http://127.0.0.1:1/bucket/x.csv')",
        "SELECT * FROM executable('ls', 'TSV', 'a String')",
        "SELECT * FROM Python(x)",
        "SELECT 1; DROP TABLE {table}",
        "BACKUP TABLE {table} TO File('/tmp/stolen')",
    ],
)
def test_an_analyst_can_not(embedded: Engines, http: httpx.Client, table: str, query: str) -> None:
    http.post("/", content=f"INSERT INTO {table} VALUES (7, 'kept')").raise_for_status()
    answer = http.post(
        "/", content=query.replace("{table}", table), auth=("analyst", embedded.analyst_password)
    )
    assert answer.headers["X-ClickHouse-Exception-Code"] in ("164", "497", "62", "60")
    assert answer.status_code >= 400
    assert rows_of(http, table) in ([[7, "kept"]], [["7", "kept"]])


def test_an_analyst_can_not_raise_the_limits_by_the_address(
    embedded: Engines, http: httpx.Client
) -> None:
    answer = http.post(
        "/",
        params={"max_execution_time": "0"},
        content="SELECT 1",
        auth=("analyst", embedded.analyst_password),
    )
    assert answer.headers["X-ClickHouse-Exception-Code"] == "164"


def test_an_analyst_gets_no_endless_result(embedded: Engines, http: httpx.Client) -> None:
    answer = http.post(
        "/",
        content="SELECT number FROM numbers(2000000)",
        auth=("analyst", embedded.analyst_password),
    )
    assert answer.headers["X-ClickHouse-Exception-Code"] == "396"


@pytest.mark.parametrize("user", ["analyst", "default", "nobody"])
def test_a_wrong_password_is_refused(embedded: Engines, http: httpx.Client, user: str) -> None:
    assert http.post("/", content="SELECT 1", auth=(user, "wrong")).status_code == 403
    with pytest.raises(DatabaseError, match="516"):
        client(embedded, user, "wrong")
