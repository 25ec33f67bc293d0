"""`rapport import --dry-run` needs no engine, shows no person, and says what would become of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.__main__ import app

RUN = CliRunner()
ROWS = """\
order_no,customer_id,customer_email,ordered_at,amount,sku,status
1,c7,ann@x.example,2020-07-01 12:00:00,12.50,a,paid
2,c8,bob@x.example,2020-07-01 12:00:00,+49 170 1234567,a,paid
3,c8,bob@x.example,2020-07-01 12:00:00,1,a,open
4,,,2020-07-01 12:00:00,3,a,paid
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(
        "RAPPORT_WORKSPACE", str(shutil.copytree("deploy/workspace", tmp_path / "w"))
    )
    monkeypatch.setenv("RAPPORT_HOME", str(tmp_path / "no-engines"))
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "orders.csv").write_text(ROWS)
    return tmp_path


def said(folder: Path, *options: str) -> tuple[int, str]:
    found = RUN.invoke(app("import"), ["import", str(folder / "orders.csv"), *options])
    return found.exit_code, found.output


def test_a_dry_run_counts_and_shows_without_naming_anybody(folder: Path) -> None:
    code, output = said(folder, "--mapping", "orders", "--dry-run", "--json")
    assert code == 0, output
    found = json.loads(output)
    assert (found["rows"], found["passed_over"]) == (4, 1)
    assert found["accepted"] == {"order_completed": 1}
    assert found["refused"] == {"bad_properties": 1, "no_identifier": 1}
    assert found["examples"][0]["identifiers"][1] == {"kind": "email", "value": "***@***"}
    assert found["examples"][0]["properties"]["total"] == {"amount": "12.50", "currency": "EUR"}
    assert found["refusals"] == [
        "bad_properties: row 2 of orders.csv: column 'amount' is no amount of money: '***'",
        "no_identifier: row 4 of orders.csv: no userId, anonymousId, e-mail or phone",
    ]
    assert not (folder / "no-engines").exists()


def test_people_read_the_same(folder: Path) -> None:
    code, output = said(folder, "--mapping", "orders", "--dry-run")
    assert code == 0, output
    assert "accepted, order_completed  1" in output
    assert "row 4 of orders.csv" in output
    assert output.endswith("nothing was sent; without --dry-run it is\n")
    assert "x.example" not in output


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--mapping", "carts"), "'carts' is not known; there are: orders"),
        (("--mapping", "orders", "--source", "shop"), "'shop' is not known; there are: inbound"),
        (("--mapping", "orders", "--workspace", "x"), "'x' is not known; there are: demo"),
        (("--mapping", "orders"), "Kafka does not answer"),
    ],
)
def test_what_is_missing_is_named(folder: Path, options: tuple[str, ...], what: str) -> None:
    code, output = said(folder, *options)
    assert code != 0
    assert what in output


def test_a_file_without_a_column_is_told_before_anything_is_sent(folder: Path) -> None:
    (folder / "orders.csv").write_text(ROWS.replace("amount", "total"))
    code, output = said(folder, "--mapping", "orders", "--dry-run")
    assert code == 2
    assert "the file has no column amount" in output
