"""A workspace: what belongs to a company rather than to the machine, read from a YAML folder."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.money import Currency


class WorkspaceError(Exception):
    """A workspace file is wrong: the message names file, field and the mend."""


class Part(BaseModel):
    """A frozen piece of a workspace; an unknown field is an error, since it is a typing error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(Part):
    """Where events come from. A key is kept only as its SHA-256 (hex); two may be alive."""

    name: str = Field(min_length=1, max_length=100)
    kind: Literal["http", "kafka", "file"] = "http"
    key_hashes: tuple[str, ...] = ()
    enabled: bool = True


class IdentifierRule(Part):
    """What one kind of identifier may do: how many one person may have; blocked values."""

    kind: str
    limit: int = Field(ge=1)
    blocked: tuple[str, ...] = ()


class Identity(Part):
    """Strongest kind first. A node with more than `hub_degree_max` neighbours stops linking."""

    kinds: tuple[IdentifierRule, ...]
    hub_degree_max: int = Field(default=200, ge=2)


class LifecycleThresholds(Part):
    """P(alive) below which a stage is entered, and below which it is kept (hysteresis)."""

    dormant_enters: float = Field(default=0.40, gt=0, lt=1)
    dormant_stays: float = Field(default=0.55, gt=0, lt=1)
    lost_enters: float = Field(default=0.10, gt=0, lt=1)
    lost_stays: float = Field(default=0.20, gt=0, lt=1)
    growing_orders: int = Field(default=2, ge=2)
    mature_orders: int = Field(default=5, ge=3)
    silent_gaps_dormant: float = Field(default=3.0, gt=0)
    silent_gaps_lost: float = Field(default=8.0, gt=0)
    silent_days_default: float = Field(default=90.0, gt=0)


class AlertRules(Part):
    """When alerts are raised, and how old a cause may be for its effect to be sent."""

    churn_alive_below: float = Field(default=0.50, gt=0, lt=1)
    complaint_hours_max: dict[int, float] = {1: 96, 2: 72, 3: 48, 4: 24}


class Endpoint(Part):
    """Where webhooks go; the secret (whsec_...) is read from the environment variable named."""

    name: str = Field(min_length=1, max_length=100)
    url: str
    events: tuple[str, ...] = ("lifecycle.changed", "alerts.raised", "actions.requested")
    secret_env: str
    enabled: bool = True


class Workspace(Part):
    """One company.

    `effects_max_age_days`: older causes are recorded, not sent; likewise whatever is learned from
    touchpoints of profiles that were last seen before (an import).
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    currency: Currency = "USD"
    effects_max_age_days: float = Field(default=7, gt=0)
    sources: tuple[Source, ...]
    identity: Identity
    lifecycle: LifecycleThresholds = LifecycleThresholds()
    alerts: AlertRules = AlertRules()
    endpoints: tuple[Endpoint, ...] = ()

    def source_of_key(self, key: str) -> Source | None:
        """The enabled source with this write key, else None."""
        digest = sha256(key.encode()).hexdigest()
        for source in self.sources:
            if source.enabled and digest in source.key_hashes:
                return source
        return None

    def alive_thresholds(self) -> tuple[float, ...]:
        """Every P(alive) that some rule asks about, highest first: scores tell when each is met."""
        rules = self.lifecycle
        asked = {rules.dormant_enters, rules.dormant_stays, rules.lost_enters, rules.lost_stays}
        return tuple(sorted(asked | {self.alerts.churn_alive_below}, reverse=True))


#: File of the folder -> field of Workspace; workspace.yaml holds the plain fields.
FILES = {
    "sources.yaml": "sources",
    "identity.yaml": "identity",
    "lifecycle.yaml": "lifecycle",
    "alerts.yaml": "alerts",
    "endpoints.yaml": "endpoints",
}


def load_workspaces(folder: Path) -> dict[str, Workspace]:
    """All workspaces below a folder (or the one in it), by name. WorkspaceError when wrong."""
    if (folder / "workspace.yaml").is_file():
        folders = [folder]
    else:
        folders = sorted(path.parent for path in folder.glob("*/workspace.yaml"))
    if not folders:
        raise WorkspaceError(f"{folder}: no workspace.yaml here; set RAPPORT_WORKSPACE")
    return {workspace.name: workspace for workspace in map(_load, folders)}


def _load(folder: Path) -> Workspace:
    content: dict[str, Any] = dict(_read(folder / "workspace.yaml") or {})
    for name, field in FILES.items():
        if (folder / name).is_file():
            content[field] = _read(folder / name)
    try:
        return Workspace.model_validate(content)
    except ValidationError as error:
        raise WorkspaceError(_explained(folder, error)) from None


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise WorkspaceError(f"{path}: not YAML: {error}") from None


def _explained(folder: Path, error: ValidationError) -> str:
    files = {field: name for name, field in FILES.items()}
    lines = []
    for fault in error.errors():
        place = [str(part) for part in fault["loc"]]
        file = folder / files.get(place[0] if place else "", "workspace.yaml")
        lines.append(f"{file}: {'.'.join(place)}: {fault['msg']}")
    return "\n".join(lines)
