"""Every sample becomes the rows that are recorded here, and every row fits its Arrow table."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from deploy import clickhouse
from schemas import topics
from schemas.base import to_json
from services.scoring.rows import PROCESSORS, TABLES
from services.scoring.rows.table import UUIDS
from services.scoring.rows.touchpoints import TYPED_KINDS
from tests.columns_messages import MESSAGES, PUBLISHED_MS

#: RAPPORT_WRITE_SNAPSHOTS=1 writes it anew; read the difference before committing it.
SNAPSHOT = Path(__file__).parent / "data" / "columns_rows.json"
MIGRATIONS = Path(clickhouse.__file__).parent


def shown(topic: str, sample: str) -> list[dict[str, Any]]:
    rows = PROCESSORS[topic](to_json(MESSAGES[topic, sample]), PUBLISHED_MS)
    return [
        {"table": table} | {name: str(value) for name, value in as_arrow(table, row).items()}
        for table, row in rows
    ]


def as_arrow(table: str, row: tuple[Any, ...]) -> dict[str, Any]:
    found: dict[str, Any] = TABLES[table].arrow([row]).to_pylist()[0]
    return found


@pytest.mark.parametrize(("topic", "sample"), MESSAGES)
def test_a_sample_becomes_the_rows_that_were_recorded(topic: str, sample: str) -> None:
    name = f"{topic} {sample}"
    recorded = json.loads(SNAPSHOT.read_text()) if SNAPSHOT.exists() else {}
    rows = shown(topic, sample)
    if os.environ.get("RAPPORT_WRITE_SNAPSHOTS"):
        SNAPSHOT.parent.mkdir(exist_ok=True)
        text = json.dumps(recorded | {name: rows}, indent=1, ensure_ascii=False, sort_keys=True)
        SNAPSHOT.write_text(text + "\n")
        return
    assert rows == recorded[name]


def test_every_topic_that_is_published_for_others_has_columns() -> None:
    assert {topic.name for topic in topics.TOPICS} - set(PROCESSORS) == {
        topics.INBOUND.name,
        topics.ACCEPTED.name,
        topics.SUPPRESSIONS.name,  # hashes: nothing that an analyst could ask
        topics.ERASURES.name,  # receipts: rapport erase status
    }


def test_every_topic_and_kind_has_a_sample() -> None:
    assert {topic for topic, _ in MESSAGES} == set(PROCESSORS)
    assert set(TYPED_KINDS) <= {name for topic, name in MESSAGES if topic == topics.RESOLVED.name}


def test_every_column_of_type_uuid_is_looked_at_before_an_insert() -> None:
    tables = "".join(one.read_text() for one in sorted(MIGRATIONS.glob("0*.sql")))
    assert set(re.findall(r"(?m)^    (\w+) +(?:UUID|Nullable\(UUID\))", tables)) == UUIDS


def test_the_rows_of_all_samples_fill_every_table() -> None:
    filled = {
        table
        for topic, sample in MESSAGES
        for table, _ in PROCESSORS[topic](to_json(MESSAGES[topic, sample]), PUBLISHED_MS)
    }
    assert filled == set(TABLES)
