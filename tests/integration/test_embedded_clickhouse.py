"""The embedded ClickHouse speaks ClickHouse's HTTP protocol: what clients and people rely on."""

import gzip
import io
import json
import threading
import zlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import clickhouse_connect
import httpx
import lz4.frame
import pyarrow as pa
import pytest
import zstandard
from clickhouse_connect.driver.client import Client

from deploy.embedded.engines import Engines
from tests.integration.clickhouse_clients import rows_of


def test_it_is_alive(http: httpx.Client) -> None:
    assert http.get("/ping").text == "Ok.\n"
    assert http.get("/").text == "Ok.\n"


def test_a_query_may_be_in_the_address_or_in_the_body(http: httpx.Client) -> None:
    assert http.get("/", params={"query": "SELECT 1"}).text == "1\n"
    assert http.post("/", content="SELECT 1").text == "1\n"
    assert http.post("/", params={"query": "SELECT"}, content="1").text == "1\n"


def test_parameters_are_values_and_never_text_of_the_query(http: httpx.Client) -> None:
    awkward = "it's; DROP TABLE x --"
    answer = http.post(
        "/",
        params={
            "query": "SELECT {s:String}, {n:Int64}, {l:Array(String)}, {t:Identifier} "
            "FROM system.one FORMAT JSONCompactEachRow",
            "param_s": awkward,
            "param_n": "-3",
            "param_l": "['a\\'b','c']",
            "param_t": "dummy",
        },
    )
    assert answer.json() == [awkward, "-3", ["a'b", "c"], 0] or answer.json() == [
        awkward,
        -3,
        ["a'b", "c"],
        0,
    ]


def test_parameters_work_through_clickhouse_connect(clickhouse: Client) -> None:
    found = clickhouse.query(
        "SELECT {s:String}, {d:DateTime64(3, 'UTC')}, {n:Nullable(Int64)}",
        parameters={"s": "tab\there\\", "d": "2026-01-02 03:04:05.678", "n": None},
    ).result_rows[0]
    assert found[0] == "tab\there\\"
    assert found[1].microsecond == 678_000
    assert found[2] is None


@pytest.mark.parametrize(
    "name",
    ["JSON", "JSONEachRow", "CSVWithNames", "TSV", "Native", "Arrow", "ArrowStream", "Parquet"],
)
def test_every_format_names_itself(http: httpx.Client, name: str) -> None:
    answer = http.post("/", params={"default_format": name}, content="SELECT 1 AS a WHERE 0")
    assert answer.status_code == 200
    assert answer.headers["X-ClickHouse-Format"] == name
    assert answer.content or name not in ("JSON", "CSVWithNames", "Arrow", "ArrowStream", "Parquet")


def test_arrow_comes_and_goes(clickhouse: Client, table: str) -> None:
    sent = pa.table({"a": list(range(50_000)), "b": ["x"] * 50_000})
    assert clickhouse.insert_arrow(table, sent).written_rows == 50_000
    came = clickhouse.query_arrow(f"SELECT * FROM {table} ORDER BY a")
    assert came.column("a").to_pylist() == list(range(50_000))


def test_rows_and_data_frames_work(clickhouse: Client, table: str) -> None:
    summary = clickhouse.insert(table, [[1, "x"], [2, "y\n"]], column_names=["a", "b"])
    assert summary.written_rows == 2
    frame = clickhouse.query_df(f"SELECT * FROM {table} ORDER BY a")
    assert frame["b"].tolist() == ["x", "y\n"]


COMPRESSED = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": lambda body: zstandard.ZstdCompressor().compress(body),
    "lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_compressed_bodies_are_read(http: httpx.Client, table: str, encoding: str) -> None:
    rows = "".join(f"{n},word\n" for n in range(20_000)).encode()
    answer = http.post(
        "/",
        params={"query": f"INSERT INTO {table} FORMAT CSV"},
        content=COMPRESSED[encoding](rows),
        headers={"Content-Encoding": encoding},
    )
    assert answer.status_code == 200, answer.text
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "20000"
    assert len(rows_of(http, table)) == 20_000


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_bodies_may_be_compressed_block_by_block(
    http: httpx.Client, table: str, encoding: str
) -> None:
    blocks = [f"{n},word\n".encode() for n in range(300)]
    answer = http.post(
        "/",
        params={"query": f"INSERT INTO {table} FORMAT CSV"},
        content=b"".join(COMPRESSED[encoding](block) for block in blocks),
        headers={"Content-Encoding": encoding},
    )
    assert answer.status_code == 200, answer.text
    assert len(rows_of(http, table)) == 300


@pytest.mark.parametrize("compress", [True, False, "lz4", "zstd", "gzip"])
def test_clickhouse_connect_inserts_with_every_compression(
    embedded: Engines, table: str, compress: str | bool
) -> None:
    address = urlsplit(embedded.clickhouse)
    with clickhouse_connect.get_client(
        host=address.hostname, port=address.port or 0, compress=compress
    ) as connected:
        rows = [[n, "x" * 50] for n in range(50_000)]
        assert connected.insert(table, rows, column_names=["a", "b"]).written_rows == 50_000
        assert connected.query(f"SELECT count() FROM {table}").result_rows == [(50_000,)]


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_compressed_answers_are_written_when_asked_for(http: httpx.Client, encoding: str) -> None:
    with http.stream(
        "POST",
        "/",
        params={"enable_http_compression": "1"},
        content="SELECT * FROM numbers(10000)",
        headers={"Accept-Encoding": encoding},
    ) as answer:
        body = b"".join(answer.iter_raw())
    assert answer.headers["Content-Encoding"] == encoding
    assert len(body) < 40_000


@pytest.mark.parametrize(
    ("encoding", "how"),
    [("gzip", "not gzip"), ("gzip", "too early"), ("zstd", "too early"), ("lz4", "too early")],
)
def test_a_torn_compressed_body_inserts_nothing(
    http: httpx.Client, table: str, encoding: str, how: str
) -> None:
    rows = "".join(f"{n},word\n" for n in range(20_000)).encode()
    torn = {
        "not gzip": gzip.compress(rows)[:200] + b"not gzip at all",
        "too early": COMPRESSED[encoding](rows)[:-20],
    }[how]
    answer = http.post(
        "/",
        params={"query": f"INSERT INTO {table} FORMAT CSV"},
        content=torn,
        headers={"Content-Encoding": encoding},
    )
    assert answer.status_code == 400
    assert answer.headers["X-ClickHouse-Exception-Code"] == "271"
    assert rows_of(http, table) == []


def test_an_insert_may_stream_with_its_statement_in_the_body(
    http: httpx.Client, table: str
) -> None:
    def body() -> Iterator[bytes]:
        yield f"INSERT INTO {table} (a, b) FOR".encode()
        yield b"MAT JSONEachRow\n"
        for n in range(1000):
            yield f'{{"a": {n}, '.encode()
            yield b'"b": "FORMAT"}\n'

    assert http.post("/", content=body()).status_code == 200
    assert len(rows_of(http, table)) == 1000


def test_an_insert_of_values_works_in_either_place(http: httpx.Client, table: str) -> None:
    http.post("/", content=f"INSERT INTO {table} VALUES (1, 'a'), (2, 'b')").raise_for_status()
    http.post(
        "/", params={"query": f"INSERT INTO {table} VALUES"}, content="(3, 'c')"
    ).raise_for_status()
    http.post("/", content=f"INSERT INTO {table} SELECT 4, 'd'").raise_for_status()
    assert [row[1] for row in rows_of(http, table)] == ["a", "b", "c", "d"]


def test_a_bad_row_inserts_nothing(http: httpx.Client, table: str) -> None:
    body = b'{"a": 1, "b": "x"}\n{"a": "not a number", "b": "x"}\n'
    answer = http.post(
        "/", params={"query": f"INSERT INTO {table} FORMAT JSONEachRow"}, content=body
    )
    assert answer.status_code == 400
    assert answer.headers["X-ClickHouse-Exception-Code"] == "27"
    assert rows_of(http, table) == []


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("SELEC 1", 400, 62),
        ("", 400, 62),
        ("SELECT 1; SELECT 2", 400, 62),
        ("SELECT * FROM no_such_table", 404, 60),
        ("SELECT no_such_column", 404, 47),
        ("SELECT throwIf(1)", 500, 395),
        ("SELECT 1 FORMAT NoSuchFormat", 404, 73),
        ("INSERT INTO no_such_table FORMAT CSV\n1", 404, 60),
    ],
)
def test_errors_carry_their_code(http: httpx.Client, query: str, status: int, code: int) -> None:
    answer = http.post("/", content=query)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (
        status,
        str(code),
    )
    assert answer.text.startswith(f"Code: {code}. DB::Exception:")


def test_a_setting_holds_for_its_own_query_alone(http: httpx.Client) -> None:
    shown = "SELECT getSetting('max_block_size')"
    before = http.post("/", content=shown).text
    assert http.post("/", params={"max_block_size": "123"}, content=shown).text == "123\n"
    assert http.post("/", content="SET max_block_size = 77").status_code == 200
    assert http.post("/", content=shown).text == before
    assert http.post("/", params={"no_such_setting": "1"}, content=shown).status_code == 404


def test_a_link_that_is_followed_changes_nothing(http: httpx.Client, table: str) -> None:
    answer = http.get("/", params={"query": f"INSERT INTO {table} SELECT 1, 'x'"})
    assert answer.headers["X-ClickHouse-Exception-Code"] == "164"
    assert rows_of(http, table) == []


def test_web_pages_are_refused(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT 1", headers={"Origin": "https://example.com"})
    assert answer.status_code == 403


def test_sessions_and_query_ids_are_accepted(http: httpx.Client) -> None:
    answer = http.post(
        "/",
        params={"session_id": "s", "query_id": "mine", "wait_end_of_query": "1"},
        content="SELECT 1",
    )
    assert answer.headers["X-ClickHouse-Query-Id"] == "mine"


def test_long_reads_do_not_break_inserts_nor_each_other(
    embedded: Engines, http: httpx.Client, table: str
) -> None:
    """Six slow reads at once, and inserts meanwhile: every one has its own answer."""
    answers: dict[int, str] = {}

    def read(number: int) -> None:
        slow = f"SELECT {number} + sum(sleepEachRow(0.01)) FROM numbers(100)"
        answers[number] = httpx.post(embedded.clickhouse, content=slow, timeout=60).text

    readers = [threading.Thread(target=read, args=(number,)) for number in range(6)]
    for reader in readers:
        reader.start()
    for batch in range(10):
        body = io.BytesIO("".join(f"{batch * 100 + n},x\n" for n in range(100)).encode())
        done = http.post(
            "/", params={"query": f"INSERT INTO {table} FORMAT CSV"}, content=body.getvalue()
        )
        assert done.status_code == 200
    for reader in readers:
        reader.join()
    assert answers == {number: f"{number}\n" for number in range(6)}
    assert len(rows_of(http, table)) == 1000
