"""`rapport fit`: fits the scoring model to a file of purchases, or to the workspace's columns."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaException
from rich.console import Console
from rich.table import Table

from schemas.base import micros
from schemas.model import Model
from services.cli.chosen import Named, workspace_named
from services.common.clients import EngineMissing, clickhouse_client, ensure_topics, producer
from services.common.kafka_publisher import PlainPublisher
from services.common.ports import PublishFailed
from services.common.settings import Settings
from services.scoring.domain.fit import Holdout, Publication, check_holdout
from services.scoring.domain.fit import fit as fit_model
from services.scoring.domain.purchase_files import (
    CDNOW_CALIBRATED_UNTIL,
    Layout,
    day_of,
    layout_of,
    read_purchases,
)
from services.scoring.domain.purchases import Purchases
from services.scoring.refit import day_at, known_purchases, publication, publish
from services.scoring.store import DATABASE

Row = tuple[str, str, str]
Fitted = tuple[Model, Holdout | None]
WITHIN: Final = {"message.timeout.ms": 30_000}
LAYOUTS: Final[dict[str, Layout]] = {
    "cdnow-master": "cdnow-master",
    "cdnow-sample": "cdnow-sample",
    "csv": "csv",
}
BG_NBD_SAYS: Final = {
    "r": "how alike customers buy",
    "alpha": "weeks; r / alpha is the mean rate",
    "a": "leaving: a / (a + b) after an order",
    "b": "",
}
GAMMA_GAMMA_SAYS: Final = {
    "p": "how alike one customer's orders are",
    "q": "how alike customers spend",
    "gamma": "money; p gamma / (q - 1) is the mean order",
}

File = Annotated[
    Path | None, typer.Option(help="Purchases (.gz allowed); without it: from ClickHouse")
]
Format = Annotated[
    str | None, typer.Option(help="cdnow-master, cdnow-sample or csv (customer,date,amount)")
]
Until = Annotated[
    str | None,
    typer.Option(
        help="Last day to fit on, YYYY-MM-DD; for CDNOW files 1997-09-30 as in the papers"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object")]


def fit(
    file: File = None,
    format: Format = None,
    calibrate_until: Until = None,
    workspace: Named = None,
    as_json: AsJson = False,
) -> None:
    """Fit the scoring model to a file, or to a workspace's purchases and publish it.

    With --calibrate-until the days after it check the fit, and nothing is published.
    """
    now = datetime.now(UTC)
    if file is not None:
        model, holdout = _from_file(file, format, calibrate_until, now)
    else:
        model, holdout = _from_columns(Settings(), workspace, calibrate_until, now)
    if as_json:
        typer.echo(json.dumps(as_object(model, holdout), indent=2))
    else:
        Console().print(as_table(model, holdout))


def _from_file(file: Path, layout: str | None, until: str | None, now: datetime) -> Fitted:
    try:
        purchases, until_day = read_file(file, layout, until)
    except (OSError, EOFError, ValueError) as error:
        raise typer.BadParameter(f"{file}: {error}", param_hint="--file") from None
    return fit_and_check(purchases, until_day, Publication("file", micros(now), now))


def _from_columns(settings: Settings, name: str | None, until: str | None, now: datetime) -> Fitted:
    """Fit on ClickHouse; publish on Kafka unless this was a check of an earlier day."""
    workspace = workspace_named(settings, name)
    try:
        with clickhouse_client(settings, database=DATABASE) as client:
            purchases = known_purchases(client, workspace)
        until_day = _day(until) if until else day_at(now)
        fitted = fit_and_check(purchases, until_day, publication(workspace, now))
        if until is None:
            ensure_topics(settings)
            publish(PlainPublisher(partial(producer, settings, **WITHIN)), fitted[0])
    except (EngineMissing, ClickHouseError, OSError, KafkaException, PublishFailed) as error:
        Console(stderr=True).print(f"not fitted: {error}", markup=False, style="red")
        raise typer.Exit(1) from None
    return fitted


def _day(text: str) -> int:
    try:
        return day_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--calibrate-until") from None


def read_file(file: Path, layout: str | None, calibrate_until: str | None) -> tuple[Purchases, int]:
    """The purchases of a file, and the last day to fit on. ValueError says what is wrong."""
    content = file.read_bytes()
    lines = (gzip.decompress(content) if file.suffix == ".gz" else content).decode().splitlines()
    if layout not in (None, *LAYOUTS):
        raise ValueError(f"unknown format {layout!r}; one of {', '.join(LAYOUTS)}")
    found = LAYOUTS[layout] if layout else layout_of(lines[0] if lines else "")
    purchases = read_purchases(lines, found)
    if calibrate_until is None and found != "csv":
        calibrate_until = CDNOW_CALIBRATED_UNTIL
    last_day = int(purchases.day.max())
    return purchases, day_of(calibrate_until) if calibrate_until else last_day


def fit_and_check(purchases: Purchases, until_day: int, publication: Publication) -> Fitted:
    """The model, and how it predicts the days that come after the calibration, if there are any."""
    model = fit_model(purchases, until_day, publication)
    last_day = int(purchases.day.max(initial=until_day))
    if model.bg_nbd is None or last_day <= until_day:
        return model, None
    return model, check_holdout(model, purchases, until_day, last_day)


def as_object(model: Model, holdout: Holdout | None) -> dict[str, Any]:
    """The model as one flat object: the parameters by the names of the papers, then the rest."""
    content = model.model_dump(mode="json")
    parameters = (content.pop("bg_nbd") or {}) | (content.pop("gamma_gamma") or {})
    return parameters | content | {"holdout": asdict(holdout) if holdout else None}


def as_table(model: Model, holdout: Holdout | None) -> Table:
    """The same for people: a name, a value, what it says."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_column(style="dim")
    for row in (*_parameter_rows(model), *_population_rows(model), *_holdout_rows(holdout)):
        table.add_row(*row)
    return table


def _parameter_rows(model: Model) -> list[Row]:
    rows: list[Row] = []
    if model.bg_nbd:
        for name, says in BG_NBD_SAYS.items():
            rows.append((name, f"{getattr(model.bg_nbd, name):.3f}", says))
        rows.append(("log-likelihood", f"{model.bg_nbd.log_likelihood:.2f}", "BG/NBD, weeks"))
    if model.gamma_gamma:
        for name, says in GAMMA_GAMMA_SAYS.items():
            rows.append((name, f"{getattr(model.gamma_gamma, name):.2f}", says))
    return rows


def _population_rows(model: Model) -> list[Row]:
    population = model.population
    return [
        ("customers", f"{population.customers:,}", f"{population.repeat_customers:,} bought again"),
        ("orders", f"{population.orders:,}", f"in {population.history_days} days"),
        ("enough to predict", "yes" if population.enough else "no", population.why_not or ""),
    ]


def _holdout_rows(holdout: Holdout | None) -> list[Row]:
    if holdout is None:
        return []
    return [
        (
            "predicted orders",
            f"{holdout.predicted_orders:,.2f}",
            f"in the {holdout.days} days after",
        ),
        ("real orders", f"{holdout.actual_orders:,}", f"correlation {holdout.correlation:.4f}"),
    ]
