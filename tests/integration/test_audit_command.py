"""The audit trail on a real Kafka: chains follow each other, and the command tells of a change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from deploy.embedded.engines import Engines
from schemas.base import to_json
from schemas.topics import AUDIT
from services.cli.__main__ import app
from services.common.audit import Act, NotKept
from services.common.audit_log import opened, records
from services.common.settings import Settings

RUN = CliRunner()


def asked(settings: Settings, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    done = RUN.invoke(
        app("audit"), ["audit", *arguments, "--json"], env={"RAPPORT_KAFKA": settings.kafka}
    )
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]


def test_writers_follow_each_other_and_a_record_put_in_by_hand_is_found(
    engines: Engines, prefix: str, tmp_path: Path
) -> None:
    settings = Settings(kafka=engines.kafka)
    first = opened(settings, "api")
    for at in range(5):
        first.note(Act("ada", "profile.read", prefix, str(at), {"masked": True}))
    opened(settings, "cli").note(Act("bob", "person.exported", prefix, "5"))
    code, listed = asked(settings, "list", "--workspace", prefix)
    assert (code, [one["subject"] for one in listed]) == (0, ["0", "1", "2", "3", "4", "5"])
    named = {end["writer"]: end["sequence"] for end in listed[-1]["follows"]}
    assert named[listed[0]["writer"]] == 4
    code, [verdict] = asked(settings, "verify")
    assert (code, verdict["intact"], verdict["faults"]) == (0, True, [])
    known = tmp_path / "known.json"
    known.write_text(json.dumps(verdict))
    assert asked(settings, "verify", "--known", str(known))[0] == 0

    third = next(o.record for o in records(settings) if o.record and o.record.subject == "3")
    forged = third.model_copy(update={"who": "nobody", "workspace": f"{prefix}-forged"})
    producer = Producer({"bootstrap.servers": engines.kafka})
    producer.produce(AUDIT.name, to_json(forged), forged.writer.encode())
    producer.flush(10)
    code, [verdict] = asked(settings, "verify")
    assert (code, verdict["intact"]) == (1, False)
    assert any("was changed" in fault for fault in verdict["faults"])


def test_without_kafka_nothing_is_done_unrecorded(tmp_path: Path) -> None:
    with pytest.raises(NotKept, match="RAPPORT_KAFKA"):
        opened(Settings(kafka="", home=tmp_path), "cli")
