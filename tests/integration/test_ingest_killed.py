"""ingest is killed under load: whatever was answered 200 is in the log. The long way of it is
python -m tests.faults.ingest."""

from __future__ import annotations

import asyncio
from pathlib import Path

from deploy.embedded.engines import Engines
from tests.faults.ingest import FAULTS, holds, report
from tests.faults.kills import Kafka, Plan, killed_under_load


def test_what_was_answered_200_is_in_the_log_however_often_ingest_is_killed(
    engines: Engines, tmp_path: Path
) -> None:
    kafka = Kafka(engines.kafka)
    if "kafka" in engines.processes:
        kafka = Kafka(
            engines.kafka, lambda: engines.pause("kafka"), lambda: engines.resume("kafka")
        )
    plan = Plan(kills=5, seed=7, singles=6, batches=3)
    ledger, deaths, found = asyncio.run(killed_under_load(plan, kafka, tmp_path, say=print))
    result = report(plan, ledger, deaths, found)
    assert result["kills"] == 5
    assert {fault: result[fault] for fault in FAULTS} == dict.fromkeys(FAULTS, 0), result
    assert holds(result)
