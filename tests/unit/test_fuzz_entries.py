"""What the fuzzer begins with goes through every entry, and its changes of JSON stay JSON."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.fuzz import entries
from tests.fuzz.mutations import mutated


@pytest.mark.parametrize("name", entries.NAMES)
def test_every_entry_takes_its_seeds_and_changes_of_them(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "ROWS", tmp_path)
    seeds = [seed for file, seed in entries.corpus().items() if file.startswith(f"{name}-")]
    assert seeds
    for seed in seeds:
        entries.one(seed)
        for number in range(30):
            if changed := mutated(seed, random.Random(number)):
                entries.one(changed)


def test_a_changed_input_is_json_still() -> None:
    seed = entries.corpus()["batch-0"]
    for number in range(500):
        changed = mutated(seed, random.Random(number))
        assert changed is not None
        json.loads(changed[1:])
