"""The handler of journey decide over dictionaries, with what a step would keep for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from schemas import topics
from schemas.alert import Alert
from schemas.base import micros, to_json
from schemas.scores import Scores
from services.common.batch import Batch, Decision, Due, Output, Record, pack_state, unpack_state
from services.journey.domain.customer import State
from services.journey.domain.holders import AlertName
from services.journey.store import (
    PREFIX,
    JourneyStore,
    Loaded,
    LoadedHeld,
    holder_key,
    state_of,
)
from services.journey.store import _loaded as loaded
from services.journey.store import _loaded_held as loaded_held
from services.journey.stream import DecideHandler
from tests.unit.journey_builders import WORKSPACE, day


class RememberedStates(JourneyStore):
    """A store over a dictionary."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}

    def load(self, keys: Collection[bytes]) -> dict[bytes, Loaded]:
        return {key: loaded(self.values.get(key)) for key in keys}

    def load_holders(self, names: Collection[AlertName]) -> dict[AlertName, LoadedHeld]:
        return {name: loaded_held(self.values.get(holder_key(name))) for name in names}

    def version(self, key: bytes) -> int:
        return unpack_state(self.values[key])[0] if key in self.values else 0


Kept = tuple[dict[bytes, bytes], dict[tuple[int, bytes], int], int]


@dataclass
class World:
    """The handler with what a step would keep for it."""

    store: RememberedStates = field(default_factory=RememberedStates)
    due: dict[tuple[int, bytes], int] = field(default_factory=dict)
    published: list[Output] = field(default_factory=list)
    offset: int = 0

    def __post_init__(self) -> None:
        self.handler = DecideHandler({"demo": WORKSPACE}, self.store)

    def hear(self, *values: Scores | bytes, at: float) -> Decision:
        return self.hear_at(values, micros(day(at)))

    def hear_at(self, values: Iterable[Scores | bytes], taken_us: int) -> Decision:
        """One batch of messages, taken at that moment."""
        records = []
        for value in values:
            body = value if isinstance(value, bytes) else to_json(value)
            records.append(Record("scores.changed", 3, self.offset, b"k", body))
            self.offset += 1
        return self.commit(Batch(records, (), taken_us))

    def pass_time(self, at_us: int) -> Decision:
        due = [Due(p, member, at) for (p, member), at in self.due.items() if at <= at_us]
        return self.commit(Batch((), due, at_us))

    def commit(self, batch: Batch) -> Decision:
        decision = self.handler.decide(batch)
        for key, version in decision.reads.items():
            assert self.store.version(key) == version
        for key, state in decision.writes.items():
            self.store.values[key] = pack_state(*state)
        for key in decision.deletes:
            del self.store.values[key]
        for name, at_us in decision.due.items():
            self.due.pop(name, None)
            if at_us is not None:
                self.due[name] = at_us
        assert set(decision.outputs) <= {3}
        self.published += decision.outputs.get(3, [])
        return decision

    def kept(self) -> Kept:
        """What Redis holds now, to throw it back to."""
        return dict(self.store.values), dict(self.due), self.offset

    def throw_back(self, kept: Kept) -> None:
        """Redis lost the end of its log; what is published stays published."""
        self.store.values, self.due, self.offset = dict(kept[0]), dict(kept[1]), kept[2]

    def told(self) -> list[str]:
        return [output.topic for output in self.published]

    def states(self) -> list[State]:
        """The customers that are remembered."""
        values = self.store.values.items()
        return [state_of(value[8:]) for key, value in values if key.startswith(PREFIX)]

    def alerts(self) -> list[Alert]:
        """Those published, in order, repeats too."""
        told = (one.value for one in self.published if one.topic == topics.ALERTS.name)
        return [Alert.model_validate_json(value) for value in told]

    def open_alerts(self) -> Counter[tuple[str, UUID]]:
        """(kind, cause) of what was raised and not cleared, as a consumer who keeps ids sees it."""
        alerts = {alert.event_id: alert for alert in self.alerts()}.values()
        cleared = {alert.alert_id for alert in alerts if alert.state == "cleared"}
        raised = [alert for alert in alerts if alert.alert_id not in cleared]
        return Counter(
            (alert.kind, alert.cause.event_id) for alert in raised if alert.cause.event_id
        )
