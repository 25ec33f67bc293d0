"""The atomic step under seeded schedules of kills, pauses, rebalances, outages and conflicts.

A failing seed is printed; replay it with RAPPORT_SIM_SEED=<seed> make test-simulation.
"""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.simulation.fakes import Rules
from tests.simulation.schedule import run

SCHEDULES = int(os.environ.get("RAPPORT_SIM_SCHEDULES", "2000"))
FIRST_SEED = int(os.environ.get("RAPPORT_SIM_SEED", "0"))
SCHEDULES_UNTIL_A_MISSING_RULE_SHOWS = 1_000


def seeds() -> range:
    return range(FIRST_SEED, FIRST_SEED + (1 if "RAPPORT_SIM_SEED" in os.environ else SCHEDULES))


def faults_of(seed: int) -> list[str]:
    """What goes wrong in a schedule with all rules in place."""
    return run(seed, Rules())


def test_no_event_is_lost_or_doubled_and_the_last_snapshot_is_the_newest() -> None:
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as cores:
        found = cores.map(faults_of, seeds(), chunksize=50)
        broken = {seed: faults for seed, faults in zip(seeds(), found, strict=True) if faults}
    assert not broken


def test_without_the_fence_every_event_still_counts_once_and_is_published() -> None:
    broken = {
        seed: faults for seed in range(SCHEDULES // 10) if (faults := run(seed, Rules(fence=False)))
    }
    assert not broken


@pytest.mark.parametrize(
    "rule",
    [
        "check_places",
        "check_reads",
        "check_ids",
        "check_newest",
        "keep_slots",
        "seek_to_store",
        "follow_assignments",
        "forget_ahead",
        "membership_of_then",
    ],
)
def test_the_simulation_notices_when_a_rule_is_taken_out(rule: str) -> None:
    without = Rules(**{rule: False})
    found = (run(seed, without) for seed in range(SCHEDULES_UNTIL_A_MISSING_RULE_SHOWS))
    assert any(found)
