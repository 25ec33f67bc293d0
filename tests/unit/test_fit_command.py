"""`rapport fit --file` prints the published numbers, and says what is wrong with a file."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.scoring.domain.purchase_files import (
    PurchaseFileError,
    day_of,
    layout_of,
    read_purchases,
)
from tests.unit.scoring_builders import SAMPLE

RUN = CliRunner()
MASTER = [" customer_id  date number_of_cds  dollar_value", " 00001 19970101  1   11.77"]


def fitted(*arguments: str) -> tuple[int, str]:
    found = RUN.invoke(app("fit", "doctor"), ["fit", *arguments])
    return found.exit_code, found.output


def test_the_sample_prints_the_published_numbers() -> None:
    code, output = fitted("--file", str(SAMPLE), "--json")
    assert code == 0
    model = json.loads(output)
    names = ("r", "alpha", "a", "b", "log_likelihood", "p", "q", "gamma")
    digits = (3, 3, 3, 3, 2, 2, 2, 2)
    assert [round(model[name], digit) for name, digit in zip(names, digits, strict=True)] == [
        0.243, 4.414, 0.793, 2.426, -9582.43, 6.25, 3.74, 15.44,
    ]  # fmt: skip
    assert round(model["holdout"]["predicted_orders"], 2) == 1653.41


def test_the_same_purchases_as_csv_print_the_same(tmp_path: Path) -> None:
    rows = [line.split() for line in _sample_lines()]
    file = tmp_path / "orders.csv"
    lines = [f"{row[4]},{row[2][:4]}-{row[2][4:6]}-{row[2][6:]},c{row[1]}" for row in rows]
    file.write_text("\n".join(["amount,date,customer", *lines]))
    code, output = fitted("--file", str(file), "--json", "--calibrate-until", "1997-09-30")
    assert code == 0
    assert round(json.loads(output)["log_likelihood"], 2) == -9582.43


def test_people_get_an_aligned_table() -> None:
    code, output = fitted("--file", str(SAMPLE), "--calibrate-until", "1997-09-30")
    assert code == 0
    assert "log-likelihood" in output
    assert "-9582.43" in output


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("customer,date\na,2024-01-01\n", "customer,date,amount"),
        ("customer,date,amount\na,2024-13-01,5\n", "line 2"),
        ("customer,date,amount\na,2024-01-01,NaN\n", "not a number"),
        ("customer,date,amount\na,2024-01-01\n", "line 2"),
        ("customer,date,amount\n", "no purchase"),
    ],
)
def test_a_file_that_can_not_be_read_is_told_by_line(
    tmp_path: Path, content: str, says: str
) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(content)
    code, output = fitted("--file", str(file), "--format", "csv")
    assert code == 2
    assert says in " ".join(output.replace("│", " ").split())


def test_wrong_arguments_are_told(tmp_path: Path) -> None:
    assert fitted("--file", str(tmp_path / "absent.csv"))[0] == 2
    assert fitted("--file", str(SAMPLE), "--format", "excel")[0] == 2
    assert fitted("--file", str(SAMPLE), "--calibrate-until", "soon")[0] == 2


def test_layouts_are_told_apart_by_their_first_line() -> None:
    assert layout_of(MASTER[0]) == "cdnow-master"
    assert layout_of(MASTER[1]) == "cdnow-master"
    assert layout_of(_sample_lines()[0]) == "cdnow-sample"
    assert layout_of("customer,date,amount") == "csv"


def test_purchases_of_one_day_are_one_purchase_day() -> None:
    lines = ["customer,date,amount", "b,2024-01-02,5", "a,2024-01-01,2", "b,2024-01-02T23:00,7"]
    found = read_purchases(lines, "csv")
    assert found.day.tolist() == [day_of("2024-01-01"), day_of("20240102")]
    assert found.amount.tolist() == [2, 12]
    assert found.orders.tolist() == [1, 2]
    assert found.customer.dtype == np.int64


def test_the_master_set_begins_with_a_line_of_names() -> None:
    assert read_purchases(MASTER, "cdnow-master").amount.tolist() == [11.77]
    with pytest.raises(PurchaseFileError, match="line 2"):
        read_purchases([MASTER[0], "00001 1997"], "cdnow-master")


def _sample_lines() -> list[str]:
    return gzip.decompress(SAMPLE.read_bytes()).decode().splitlines()
