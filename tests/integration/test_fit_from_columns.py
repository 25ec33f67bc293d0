"""`rapport fit` fits on ClickHouse what the file would give, and publishes the model."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from typer.testing import CliRunner

from deploy.embedded.engines import Engines
from schemas import topics
from schemas.base import derived_id
from schemas.model import Model
from services.cli.__main__ import app
from services.common.clients import clickhouse_client
from services.common.settings import Settings
from services.scoring.store import migrate
from tests.columns_engine import fill
from tests.columns_messages import touchpoint
from tests.unit.scoring_builders import sample

EPOCH = datetime(1970, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def workspace(engines: Engines, prefix: str, tmp_path: Path, monkeypatch: Any) -> str:
    """A workspace of its own, with the purchases of the CDNOW sample in ClickHouse."""
    demo = Path("deploy/workspace")
    for file in demo.glob("*.yaml"):
        text = file.read_text().replace("name: demo", f"name: {prefix}")
        (tmp_path / file.name).write_text(text)
    monkeypatch.setenv("RAPPORT_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("RAPPORT_KAFKA", engines.kafka)
    monkeypatch.setenv("RAPPORT_CLICKHOUSE", engines.clickhouse)
    client = clickhouse_client(Settings())
    migrate(client)
    assert fill(client, _orders(prefix)) == []
    client.close()
    return prefix


def _orders(workspace: str) -> list[tuple[str, Any]]:
    purchases = sample()
    columns = (purchases.customer.tolist(), purchases.day.tolist(), purchases.amount.tolist())
    return [
        (
            topics.RESOLVED.name,
            touchpoint(
                "order_completed",
                workspace=workspace,
                profile=derived_id(workspace, customer),
                message=f"{customer}-{day}",
                at=EPOCH + timedelta(days=day),
                order_id=f"{customer}-{day}",
                total={"amount": f"{amount:.2f}", "currency": "USD"},
            ),
        )
        for customer, day, amount in zip(*columns, strict=True)
    ]


def test_a_fit_on_the_columns_is_the_fit_on_the_file_and_is_published(
    engines: Engines, workspace: str
) -> None:
    run = CliRunner()
    checked = run.invoke(app("fit", "doctor"), ["fit", "--json", "--calibrate-until", "1997-09-30"])
    assert checked.exit_code == 0, checked.output
    found = json.loads(checked.output)
    assert round(found["log_likelihood"], 2) == -9582.43
    assert round(found["gamma"], 2) == 15.44
    assert round(found["holdout"]["predicted_orders"], 2) == 1653.41
    assert _published(engines, workspace) == []

    fitted = run.invoke(app("fit", "doctor"), ["fit", "--json"])
    assert fitted.exit_code == 0, fitted.output
    [model] = _published(engines, workspace)
    assert model.version == json.loads(fitted.output)["version"]
    assert model.population.customers == 2357
    assert not model.population.enough


def _published(engines: Engines, workspace: str) -> list[Model]:
    """The models of a workspace that are on the topic."""
    reader: Any = Consumer({"bootstrap.servers": engines.kafka, "group.id": workspace})
    found: list[Model] = []
    try:
        known = reader.list_topics(timeout=10).topics.get(topics.MODELS.name)
        for partition in known.partitions if known else ():
            place = TopicPartition(topics.MODELS.name, partition, 0)
            left = reader.get_watermark_offsets(place, timeout=10)[1]
            reader.assign([place])
            while left > 0:
                for message in reader.consume(left, 10):
                    left = left - 1
                    one = Model.model_validate_json(message.value())
                    found += [one] if one.workspace == workspace else []
        return found
    finally:
        reader.close()
