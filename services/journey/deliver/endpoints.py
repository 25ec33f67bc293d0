"""The endpoints of all workspaces as delivery needs them: URL, keys, subscriptions."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.common.workspace import Endpoint, Workspace
from services.journey.deliver.domain.addresses import why_url_refused
from services.journey.deliver.domain.signing import secrets
from services.journey.domain.consent import Purpose

log = logging.getLogger(__name__)

VARIABLE = re.compile(r"\$\{(\w+)\}")


class EndpointOff(Exception):  # noqa: N818 - a state of the configuration, not our error
    """An endpoint can not be used; the text says why, without its URL or secret."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where deliveries go. `key` is `workspace/name`; `purpose`: what needs people's consent."""

    key: str
    workspace: str
    url: str = field(repr=False)
    events: frozenset[str]
    secrets: tuple[bytes, ...] = field(repr=False)
    purpose: Purpose | None = None


def targets(
    workspaces: Iterable[Workspace], environment: Mapping[str, str], *, allow_private: bool
) -> dict[str, Target]:
    """All usable endpoints by key. One that is not usable is left out, and the log says why."""
    found = {}
    for workspace in workspaces:
        for endpoint in workspace.endpoints:
            key = f"{workspace.name}/{endpoint.name}"
            try:
                found[key] = target(workspace.name, endpoint, environment, allow_private)
            except EndpointOff as why:
                log.warning("webhook endpoint %s is off: %s", key, why)
    return found


def target(
    workspace: str, endpoint: Endpoint, environment: Mapping[str, str], allow_private: bool
) -> Target:
    """One endpoint with its variables filled in. EndpointOff when it can not be used."""
    if not endpoint.enabled:
        raise EndpointOff("enabled is false in endpoints.yaml")
    url = VARIABLE.sub(lambda match: _value(environment, match[1]), endpoint.url)
    if why := why_url_refused(url, allow_private=allow_private):
        raise EndpointOff(f"its url is refused: {why}")
    try:
        keys = secrets(_value(environment, endpoint.secret_env))
    except ValueError as error:
        raise EndpointOff(f"{endpoint.secret_env}: {error}") from None
    key = f"{workspace}/{endpoint.name}"
    purpose = None
    if endpoint.purpose is not None:
        purpose = Purpose(endpoint.purpose, endpoint.unasked == "send")
    return Target(key, workspace, url, frozenset(endpoint.events), keys, purpose)


def _value(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise EndpointOff(f"the environment variable {name} is not set")
    return value
