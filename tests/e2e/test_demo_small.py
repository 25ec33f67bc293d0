"""The whole demo with 300 customers: everything comes out exactly as it was sent in."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from deploy.embedded.process import birth
from services.cli.demo.phases import Phases
from services.cli.demo.results import as_object, mismatches
from services.cli.demo.run import Options, Outcome, perform
from services.cli.demo.stage import Stage

CUSTOMERS = 300


def test_everything_that_is_sent_in_comes_out_once_though_a_service_is_killed(
    tmp_path: Path,
) -> None:
    seen: list[Outcome] = []
    pids: dict[str, int] = {}

    def look(stage: Stage, outcome: Outcome) -> None:
        seen.append(outcome)
        pids.update(stage.pids())

    log = io.StringIO()
    perform(Options(tmp_path / "demo", CUSTOMERS), Phases(Console(file=log)), look)

    [outcome] = seen
    assert mismatches(outcome.run, outcome.ledger) == []
    found = as_object(outcome.run, outcome.ledger)
    assert found["customers"] == CUSTOMERS
    assert found["sent"] == found["distinct"] + found["duplicates_dropped"] + found["dead_letters"]
    assert found["profiles"] == found["people_true"]
    assert found["webhooks_verified"] == found["deliveries_due"] > 0
    assert found["restarts"] == {"profile": 1}
    assert "kill -9" in log.getvalue()
    pids.pop("demo")
    assert found["company_members"] > 10
    assert len(pids) == 12
    assert not [name for name, pid in pids.items() if birth(pid)]
