"""What a workspace was left with, in words that two workspaces can share, and what must differ."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.journey.domain.lifecycle import SILENT
from services.journey.store import state_of
from services.profile.domain.households import same_for_all
from services.profile.domain.ids import Hashes, uuid_text
from services.profile.domain.people import people
from services.profile.outputs import Publications
from services.profile.rules import rules_of
from services.profile.store import unpack
from tests.integration.control_story import ACCOUNTS, NAMES, STREETS
from tests.integration.control_world import SALT, World

Read = dict[str, Any]

#: What no two records share, in whatever they stand: when a snapshot was made is its version, and
#: what is decided on it says which one it was. The story brings people to one moment in the end, so
#: that `as_of` (the later of snapshot and model) and all that follows from it is compared.
#: Of some tables and views further columns: `profile_id` of touchpoints and `profile_id_then` say
#: for whom an event counted when it came. A stage's time is the moment at which it was entered, by
#: what was known then, which the way decides (also that of events that come in another order).
#: `alert_id`: who was told of twice is told of under another id.
ON_THE_WAY: Final = {
    "touchpoints": {"profile_id"},
    "touchpoints_resolved": {"profile_id_then"},
    "stages": {"stage_before", "stage_since"},
    "lifecycle_now": {"longest_since"},
    "customers": {"stage_since"},
    "open_alerts": {"alert_id"},
}
#: What of journey's state hangs on the way: versions, and the numbers that keep ids apart.
OF_REVISIONS: Final = ("scores_version", "profile_version", "revision", "ended_us", "timed_us")
#: What was told, which is compared in words of its own, and where ids led for a while.
TOLD: Final = {"lifecycle", "lifecycle_flow", "alerts", "actions", "profile_redirects"}
WHEN: Final = frozenset({"version", "updated_at", "profile_version", "scores_version"})


@dataclass
class Spelling:
    """Ids are keyed hashes of workspace and name: here they are the names again."""

    workspace: str
    _names: dict[str, str] = field(init=False)
    _ids: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        node = Hashes(SALT).node
        named = {uuid_text(node(self.workspace, *name.split(":", 1))): name for name in NAMES}
        for street in STREETS:
            told = {"street": json.dumps(street).encode(), "postal_code": b'"N1"'}
            shared = same_for_all(told, ("street", "postal_code")) or ""
            hashed = node(self.workspace, "\0household", shared).hex()
            named[f"household:{hashed}"] = f"household {shared}"
        for account in [*ACCOUNTS, *(one for one in named if one.startswith("household:"))]:
            text = uuid_text(node(self.workspace, "\0account", account))
            named[text] = f"account {named.get(account, account)}"
        self._names = named | {self.workspace: "workspace"}
        self._ids = re.compile("|".join(map(re.escape, self._names)))

    def text(self, value: object) -> str:
        return self._ids.sub(lambda found: self._names[found.group()], str(value))

    def of(self, value: Any, left_out: frozenset[str] = WHEN) -> Any:
        """The same with names for ids; lists of texts, often in the order of ids, by the texts."""
        if isinstance(value, Mapping):
            return {
                self.text(key): self.of(one, left_out)
                for key, one in value.items()
                if key not in left_out
            }
        if isinstance(value, list | tuple):
            told = [self.of(one, left_out) for one in value]
            return sorted(told) if all(isinstance(one, str) for one in told) else told
        if isinstance(value, float):
            return float(f"{value:.12g}")  # ClickHouse adds in any order
        return value if value is None or isinstance(value, int) else self.text(value)

    def counted(self, rows: Iterable[Read], left_out: frozenset[str] = WHEN) -> Counter[str]:
        """Rows in no order."""
        return Counter(
            json.dumps(self.of(row, left_out), sort_keys=True, default=str) for row in rows
        )


def in_redis(world: World, workspace: str) -> dict[str, Read]:
    """The profiles of a workspace as profile's state shows them now, by their names."""
    one = world.followed.current[workspace]
    rules, show = rules_of(one), Publications({workspace: one.currency})
    spelling, found = Spelling(workspace), dict[str, Read]()
    for component in [unpack(body) for _, body in world.states(b"c:*")]:
        if component.workspace == workspace:
            for person in people(component, rules):
                if person.id is not None:
                    value = show.shown(b"", 1, component, person).value
                    found[spelling.text(uuid_text(person.id))] = spelling.of(json.loads(value))
    return found


def in_journey(world: World, workspace: str) -> dict[str, Read]:
    """The living of a workspace as journey's state has them: the stage, the open alerts, and all
    that decides on what comes, but for the numbers that tell one revision from another."""
    spelling, found = Spelling(workspace), dict[str, Read]()
    for key, body in world.states(f"j:{workspace}:*".encode()):
        state = state_of(body)
        if state.merged_into:
            continue
        alerts = [(one.kind, one.subject.hex()) for one in state.alerts if one.open]
        silent = state.stage in SILENT
        whole = state._asdict() | {
            "alerts": sorted(alerts),
            "since_us": state.since_us if silent else None,
            "quiet": state.quiet if silent else None,
        }
        for name in OF_REVISIONS:
            del whole[name]
        who = spelling.text(uuid_text(key[-16:]))
        found[who] = json.loads(json.dumps(whole, default=bytes.hex))
    return found


def differences(found: Any, expected: Any, where: str = "") -> list[str]:
    """Where two readings differ, for people."""
    if isinstance(found, dict) and isinstance(expected, dict):
        keys = sorted(found.keys() | expected.keys(), key=str)
        pairs = ((found.get(key), expected.get(key), f"{where}.{key}") for key in keys)
        return [text for one in pairs for text in differences(*one)]
    return [] if found == expected else [f"{where}: {found} instead of {expected}"]
