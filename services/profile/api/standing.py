"""Scores and stage of a person, as the columns have them."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from schemas.base import to_json
from schemas.profile_api import ShownScores, ShownStage, StageChange
from services.profile.api.answers import Refused
from services.profile.api.columns import Columns
from services.profile.api.keys import Holder
from services.profile.api.people import Found

HISTORY_MAX: Final = 50

_SCORES: Final = """
SELECT * EXCEPT (workspace, profile_version, merged_into, alive_below)
FROM scores FINAL
WHERE workspace = {workspace:String} AND profile_id = {profile:UUID} AND merged_into IS NULL
"""
#: In the order by which the view `stages` takes the newest. All versions of a transition are of one
#: person, so the newest of each is found among theirs; FINAL would look at nearly all rows, for it
#: takes in whatever could be another version.
_STAGES: Final = """
SELECT event_id, from_stage, to_stage, won_back, at, cause, cause_detail, cause_event_id
FROM
(
    SELECT *
    FROM lifecycle
    WHERE workspace = {workspace:String} AND profile_id = {profile:UUID}
    ORDER BY version DESC
    LIMIT 1 BY event_id
)
ORDER BY scores_version DESC, decided_at DESC, at DESC, toString(event_id) DESC
LIMIT {most:UInt32}
"""


async def scores(columns: Columns, holder: Holder, found: Found) -> tuple[int, bytes]:
    """(version, JSON). Refused (404) where nothing is scored yet."""
    rows = await columns.rows(_SCORES, _asked(holder, found))
    if not rows:
        raise Refused(404, "not_scored", "this profile has no scores yet; ask again later")
    shown = ShownScores.model_validate(_without_blanks(rows[0]))
    return shown.version, to_json(shown)


async def stage(columns: Columns, holder: Holder, found: Found) -> bytes:
    """The stage as JSON. Refused (404) where none is decided yet."""
    rows = await columns.rows(_STAGES, _asked(holder, found) | {"most": HISTORY_MAX})
    if not rows:
        raise Refused(404, "no_stage", "no stage is decided for this profile yet; ask again later")
    history = tuple(
        StageChange.model_validate(row | {"from_stage": row["from_stage"] or None}) for row in rows
    )
    newest = history[0]
    return to_json(
        ShownStage(
            profile_id=UUID(bytes=found.id),
            stage=newest.to_stage,
            since=newest.at,
            history=history,
        )
    )


def _asked(holder: Holder, found: Found) -> dict[str, Any]:
    return {"workspace": holder.premises.name, "profile": found.text}


def _without_blanks(row: dict[str, Any]) -> dict[str, Any]:
    """Columns of text that are empty were not there."""
    return {name: value for name, value in row.items() if value != ""}
