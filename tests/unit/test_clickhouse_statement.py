"""Where an INSERT ends and its rows begin, whatever the statement hides the words in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.embedded.clickhouse_http.statement import Insert, insert_of, is_insert


@pytest.mark.parametrize(
    ("text", "statement", "format_name", "rows"),
    [
        (b"INSERT INTO t FORMAT CSV\n1,2", "INSERT INTO t", "CSV", b"1,2"),
        (b"insert into t (a, b) values (1, 2)", "insert into t (a, b)", "Values", b" (1, 2)"),
        (
            b"INSERT INTO d.`FORMAT x` (a) FORMAT Native\n\x01",
            "INSERT INTO d.`FORMAT x` (a)",
            "Native",
            b"\x01",
        ),
        (b"/* INSERT */ -- FORMAT\nINSERT INTO t FORMAT TSV\r\n1", None, "TSV", b"1"),
        (
            b"INSERT INTO t SETTINGS a = 'FORMAT X' FORMAT JSONEachRow {}",
            None,
            "JSONEachRow",
            b"{}",
        ),
        (b"INSERT INTO FUNCTION null('a Int8') FORMAT CSV\n1", None, "CSV", b"1"),
        (b"INSERT INTO t (values, format) FORMAT CSV\n1", None, "CSV", b"1"),
    ],
)
def test_an_insert_is_split_from_its_rows(
    text: bytes, statement: str | None, format_name: str, rows: bytes
) -> None:
    found = insert_of(text)
    assert found is not None
    assert found.format == format_name
    assert text[found.rows_offset :] == rows
    assert statement is None or found.statement.strip() == statement


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT 1 FORMAT CSV",
        b"INSERT INTO t SELECT 1 FORMAT CSV",
        b"INSERT INTO t WITH 1 AS x SELECT x FORMAT CSV",
        b"INSERT INTO t",
        b"INSERT INTO t FORM",
        b"",
        b"'INSERT INTO t VALUES (1)'",
    ],
)
def test_what_brings_no_rows_is_left_whole(text: bytes) -> None:
    assert insert_of(text) is None


def test_a_statement_that_has_only_begun_is_known_as_an_insert() -> None:
    assert is_insert(b" /* x */ insert into t (a")
    assert not is_insert(b"-- INSERT\nSELECT 1")


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_rows_are_never_read_as_statement(rows: bytes) -> None:
    text = b"INSERT INTO t FORMAT RowBinary\n" + rows
    assert insert_of(text) == Insert("INSERT INTO t ", "RowBinary", len(text) - len(rows))


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_any_bytes_are_looked_at_without_an_error(text: bytes) -> None:
    insert_of(text)
    insert_of(b"INSERT INTO " + text)
