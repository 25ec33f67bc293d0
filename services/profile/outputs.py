"""What profile publishes, as records."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.cloudevents import TYPES
from schemas.topics import PROFILES, RESOLVED
from services.common.batch import Headers, Output
from services.profile.decode import Arrival
from services.profile.domain.changes import Redirect
from services.profile.domain.component import Component
from services.profile.domain.ids import resolved_id, snapshot_id, uuid_text
from services.profile.domain.people import Person
from services.profile.snapshot import moment_text, redirect, snapshot

_VERSION = ("ce_specversion", b"1.0")
_CONTENT = ("content-type", b"application/json")
_TYPES = {topic: ("ce_type", TYPES[topic].encode()) for topic in (PROFILES.name, RESOLVED.name)}


class Publications:
    """Makes outputs; `currencies`: workspace -> the currency its profiles are shown in."""

    def __init__(self, currencies: Mapping[str, str]) -> None:
        self._currencies = currencies
        self._sources = {name: ("ce_source", b"rapport/" + name.encode()) for name in currencies}

    def resolved(self, arrival: Arrival, profile: str) -> Output:
        """The touchpoint as it came, with the profile it counts for spliced in."""
        key = profile.encode()
        touchpoint = arrival.record.value.rstrip()[:-1]
        value = b"".join((touchpoint, b',"profile_id":"', key, b'"}'))
        time, event_id = arrival.occurred_at.encode(), resolved_id(arrival.event_id)
        marks = self._headers(RESOLVED.name, arrival.event.workspace, event_id, time, key)
        return Output(RESOLVED.name, key, value, marks)

    def shown(self, state: bytes, version: int, component: Component, person: Person) -> Output:
        """The newest snapshot of a person, as of the component's `state` (its key) at a version."""
        assert person.id is not None
        value = snapshot(component, person, version, self._currencies[component.workspace])
        return self._profile(state, version, component.workspace, person.id, value)

    def redirected(
        self, state: bytes, version: int, component: Component, redirected: Redirect
    ) -> Output:
        """Where a lost profile went."""
        workspace = component.workspace
        value = redirect(workspace, redirected.lost, redirected.kept, version)
        return self._profile(state, version, workspace, redirected.lost, value)

    def _profile(
        self, state: bytes, version: int, workspace: str, profile: bytes, value: bytes
    ) -> Output:
        text = uuid_text(profile)
        key, time = text.encode(), moment_text(version)
        marks = self._headers(PROFILES.name, workspace, snapshot_id(text, version), time, key)
        return Output(PROFILES.name, key, value, marks, state, version)

    def _headers(
        self, topic: str, workspace: str, event_id: str, time: bytes, subject: bytes
    ) -> Headers:
        return (
            _VERSION,
            ("ce_id", event_id.encode()),
            _TYPES[topic],
            self._sources[workspace],
            ("ce_time", time),
            ("ce_subject", subject),
            _CONTENT,
        )
