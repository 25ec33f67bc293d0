"""The stages of Redis and those of ClickHouse, side by side."""

from __future__ import annotations

from services.cli.demo.standings import differences


def test_equal_stages_are_no_difference() -> None:
    assert differences({"a": "lost", "b": "new"}, {"b": "new", "a": "lost"}) == []


def test_another_stage_and_a_profile_that_one_side_lacks_are_named() -> None:
    found = differences({"a": "lost", "b": "new"}, {"a": "growing", "c": "new"})
    assert found == [
        "a is 'lost' in Redis and 'growing' in ClickHouse",
        "b is 'new' in Redis and '' in ClickHouse",
        "c is '' in Redis and 'new' in ClickHouse",
    ]
