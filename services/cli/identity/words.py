"""Who asked for a merge or an unmerge, and why: the columns know what their events carried."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from clickhouse_connect.driver.exceptions import ClickHouseError

from services.cli.query import answer
from services.common.clients import EngineMissing
from services.common.settings import Settings
from services.profile.domain.ties import REQUESTS, Tie

ASKED_MAX: Final = 500
_SAID: Final = """
SELECT event_id, JSONExtractString(properties, 'requested_by'),
       JSONExtractString(properties, 'reason')
FROM touchpoints WHERE workspace = {{workspace:String}} AND event_id IN ({ids})
"""


def with_words(settings: Settings, workspace: str, ties: Iterable[Tie]) -> tuple[Tie, ...]:
    """The ties, those of requests with who asked and why; without ClickHouse as they are."""
    told = tuple(ties)
    events = list(dict.fromkeys(tie.event for tie in told if tie.says in REQUESTS))
    if not events:
        return told
    ids = ", ".join(f"'{UUID(bytes=event)}'" for event in events[:ASKED_MAX])
    try:
        _, rows = answer(settings, _SAID.format(ids=ids), {"workspace": workspace})
    except (EngineMissing, ClickHouseError, OSError):
        return told
    said = {UUID(str(event)).bytes: (by, reason) for event, by, reason in rows}
    return tuple(
        tie._replace(by=said[tie.event][0], reason=said[tie.event][1]) if tie.event in said else tie
        for tie in told
    )
