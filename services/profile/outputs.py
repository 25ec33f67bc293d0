"""What profile publishes, as records."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.cloudevents import source_of
from schemas.topics import PROFILES, RESOLVED
from services.common.batch import Output
from services.profile.decode import Arrival
from services.profile.domain.changes import Redirect
from services.profile.domain.component import Component
from services.profile.domain.ids import resolved_id, snapshot_id, uuid_text
from services.profile.domain.people import Person
from services.profile.snapshot import erased, moment_text, redirect, snapshot
from services.profile.store import node_key


class Publications:
    """Makes outputs; `currencies`: workspace -> the currency its profiles are shown in."""

    def __init__(self, currencies: Mapping[str, str]) -> None:
        self._currencies = currencies

    def resolved(self, arrival: Arrival, profile: str) -> Output:
        """The touchpoint as it came, with the profile it counts for spliced in."""
        key = profile.encode()
        touchpoint = arrival.record.value.rstrip()[:-1]
        value = b"".join((touchpoint, b',"profile_id":"', key, b'"}'))
        return Output(
            RESOLVED.name,
            key,
            value,
            resolved_id(arrival.event_id).encode(),
            source_of(arrival.event.workspace),
            arrival.occurred_at.encode(),
            key,
        )

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

    def erased(self, node: bytes, version: int, workspace: str, profile: bytes) -> Output:
        """That a profile is to be forgotten, as the key of a node says at a version."""
        value = erased(workspace, profile, version)
        return self._profile(node_key(node), version, workspace, profile, value)

    def _profile(
        self, state: bytes, version: int, workspace: str, profile: bytes, value: bytes
    ) -> Output:
        text = uuid_text(profile)
        key = text.encode()
        return Output(
            PROFILES.name,
            key,
            value,
            snapshot_id(text, version).encode(),
            source_of(workspace),
            moment_text(version),
            key,
            watch=state,
            version=version,
        )
