"""Which customer holds an alert that must not be told twice: the one who told of it last.

A complaint moves from customer to customer when people are merged or turn out to be two, and its
alert has the same id wherever it is. Whoever has the complaint raises it (consumers see a
duplicate) and holds it from then on. Only the holder clears it; raised after that, it is another
alert, whoever raises it. The alert of a refused link does not move: each of its people holds an
own one, so that what was cleared is remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from schemas.alert import AlertKind
from services.journey.domain.subjects import ABOUT, About


class AlertName(NamedTuple):
    """An alert that is held. `subject`: 16 bytes of the event that is its cause; of a refused link
    behind those of the profile."""

    workspace: str
    kind: AlertKind
    subject: bytes


def name_of_alert(workspace: str, profile: bytes, kind: AlertKind, subject: bytes) -> AlertName:
    """The name under which the holder of a profile's alert is known."""
    whose = profile + subject if ABOUT[kind] is About.CONFLICT else subject
    return AlertName(workspace, kind, whose)


class Held(NamedTuple):
    """What was told last of an alert, by which customer (16 bytes), by which profile version.

    `sent`: its beginning was sent to somebody, not recorded only.
    """

    holder: bytes
    profile_version: int
    times: int = 1
    open: bool = True
    sent: bool = True


class Holders:
    """The alerts that a batch is about: as they were loaded, and what is told of them since."""

    def __init__(self, loaded: Mapping[AlertName, Held] | None = None) -> None:
        self._held = dict(loaded or {})
        self.changed: dict[AlertName, Held] = {}

    def of(self, name: AlertName) -> Held | None:
        """None when nobody has told of it yet."""
        return self._held.get(name)

    def note(self, name: AlertName, told: Held) -> None:
        """It was raised, stands or was cleared. What is older than the holder's changes nothing."""
        held = self._held.get(name)
        if told != held and (held is None or told.profile_version >= held.profile_version):
            self._held[name] = self.changed[name] = told
