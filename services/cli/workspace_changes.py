"""What is different between two versions of the workspaces, and what each difference means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from services.cli.workspace_rules import means_of_rule
from services.common.masking import masked
from services.common.workspace import Workspace

#: Of a key's hash so much is shown.
HASH_CHARACTERS: Final = 8
SHOWN_CHARACTERS_MAX: Final = 60
SOON: Final = "ingest takes it over within three seconds"
FOLLOWED: Final = "the services follow within three seconds; nothing told before is taken back"

Workspaces = Mapping[str, Workspace]
Place = tuple[str, ...]


class Change(NamedTuple):
    """`before` and `after` as they are shown; None: it is not there."""

    place: Place
    before: str | None
    after: str | None
    means: str

    def __str__(self) -> str:
        where = ".".join(self.place)
        if self.before is None:
            return f"+ {where}{_behind(self.after)}"
        if self.after is None:
            return f"- {where}{_behind(self.before)}"
        return f"~ {where}: {self.before} -> {self.after}"


def changes(before: Workspaces, after: Workspaces) -> list[Change]:
    """Every difference, by its place: the workspace, the field, the name of the item."""
    return list(_between((), _by_name(before), _by_name(after)))


def judges_anew(found: list[Change]) -> bool:
    """Whether other events may be refused than before."""
    return any(change.place[1:2] in ((), ("plans",)) for change in found)


def _by_name(workspaces: Workspaces) -> dict[str, Any]:
    """What they say, with lists of named things by name."""
    said = {}
    for name, workspace in workspaces.items():
        fields = workspace.model_dump(mode="json", by_alias=True)
        for several in ("sources", "endpoints", "plans"):
            fields[several] = {one.pop("name"): one for one in fields[several]}
        for source in fields["sources"].values():
            source["key_hashes"] = {one[:HASH_CHARACTERS]: "" for one in source["key_hashes"]}
        for key in fields["api_keys"]["keys"]:
            key["key_hashes"] = {one[:HASH_CHARACTERS]: "" for one in key["key_hashes"]}
        fields["api_keys"]["keys"] = {one.pop("name"): one for one in fields["api_keys"]["keys"]}
        kinds = fields["identity"]["kinds"]
        fields["identity"]["kinds"] = {one.pop("kind"): one for one in kinds}
        fields["identity"]["order"] = list(fields["identity"]["kinds"])
        said[name] = fields
    return said


def _between(place: Place, before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from _between((*place, str(name)), before.get(name), after.get(name))
        return
    yield Change(place, _shown(before), _shown(after), _means(place, before, after))


def _means(place: Place, before: Any, after: Any) -> str:
    match place[1:]:
        case ():
            return "a whole workspace comes or goes when the services start: restart them"
        case ("sources", _) if after is None:
            return "its senders get 401"
        case ("sources", _, "key_hashes", _) if after is None:
            return "whoever sends this key gets 401"
        case ("sources", _, "key_hashes", _):
            return "this key opens it too"
        case ("sources", _, "enabled") if not after:
            return "its senders get 401"
        case ("sources", _, "limits", *_) if after is not None:
            return "beyond it senders get 429 with Retry-After"
        case ("sources", _, "allowed_origins") if after:
            return "browsers on other sites get 403"
        case ("api_keys", "keys", _) | ("api_keys", "keys", _, "key_hashes", _) if after is None:
            return "whoever reads profiles with it gets 401"
        case ("api_keys", *_):
            return "the profile API takes it over within three seconds"
        case ("plans", *_) if after is None:
            return "what it says is not asked any more"
        case ("endpoints", _) if after is None:
            return "nothing more is sent there; what waits for it stays in its queue"
        case ("sources", _, "public") if after:
            return "it can only add: what changes something that is there is kept as public_key"
        case ("sources", _, "public"):
            return "whoever has its key may send everything; is it in no web page any more?"
        case ("sources" | "plans", *_):
            return SOON
        case ("identity", *rule):
            return means_of_rule(tuple(rule), before, after)
    return FOLLOWED


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, dict):  # something named, or a schema: what is in it, not all of it
        return ", ".join(value)[:SHOWN_CHARACTERS_MAX]
    return masked(str(value))[:SHOWN_CHARACTERS_MAX]


def _behind(shown: str | None) -> str:
    return f" ({shown})" if shown else ""
