"""Until when Kafka keeps a record that is to go: by its topic's settings and its broker's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schemas.topics import ACCEPTED, AUDIT, DAY_MS, PROFILES, TOPICS, Topic
from services.cli.erase.horizon import _too_long, horizon_of
from services.cli.erase.receipts import topic_receipts

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
BROKER = {"file.delete.delay.ms": "60000"}


def test_what_expires_is_gone_with_the_last_file_that_holds_it() -> None:
    horizon = horizon_of(ACCEPTED.config() | BROKER, 300_000, 15_000)
    assert not horizon.compacted
    assert horizon.ms == 30 * DAY_MS + DAY_MS + 300_000 + 60_000
    assert "retention.ms 2592000000" in horizon.why


def test_what_is_compacted_is_gone_a_day_after_it_was_overwritten() -> None:
    horizon = horizon_of(PROFILES.config() | BROKER, 300_000, 15_000)
    assert horizon.compacted
    assert horizon.ms == DAY_MS + 2 * 15_000 + 60_000


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_as_the_map_has_it_is_kept_no_longer_than_it_should_be(topic: Topic) -> None:
    assert _too_long(topic, topic.config()) == {}


def test_a_topic_of_an_older_installation_is_told() -> None:
    defaults = {"segment.ms": "604800000", "max.compaction.lag.ms": "9223372036854775807"}
    assert _too_long(PROFILES, defaults) == {
        "segment.ms": str(DAY_MS),
        "max.compaction.lag.ms": str(DAY_MS),
    }
    shorter = {"segment.ms": "1000", "max.compaction.lag.ms": "1000"}
    assert _too_long(PROFILES, shorter) == {}
    assert _too_long(AUDIT, defaults) == {}, "it holds no values, and is kept for years"


def test_a_receipt_counts_from_the_newest_record_or_from_the_erasure() -> None:
    horizons = {
        one.name: horizon_of(one.config() | BROKER, 300_000, 15_000) for one in (ACCEPTED, PROFILES)
    }
    newest = {ACCEPTED.name: int((NOON - timedelta(days=2)).timestamp() * 1_000)}
    found = {ACCEPTED.name: 3, PROFILES.name: 1}
    told = list(
        topic_receipts((ACCEPTED, PROFILES), found, newest | {PROFILES.name: 0}, horizons, NOON)
    )
    accepted, profiles = told
    assert accepted.expires_at is not None
    assert profiles.expires_at is not None
    assert timedelta(28) < accepted.expires_at - NOON < timedelta(days=30)
    assert timedelta(days=1) < profiles.expires_at - NOON < timedelta(days=2)
    [nothing] = topic_receipts((ACCEPTED,), {}, {}, horizons, NOON)
    assert (nothing.found, nothing.expires_at) == (0, None)
