"""Records that are read before their turn: the same is decided, whatever was prepared."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import to_json
from schemas.touchpoint import Touchpoint
from services.common.batch import Batch, Decision, Output
from services.profile.stream import ProfileHandler
from tests.unit.profile_builders import Run, histories

NO_IDENTIFIER = b'{"workspace":"demo","identifiers":[]}'


@dataclass
class Preparing:
    """A handler that is given something to prepare before each batch: some of it, or another."""

    handler: ProfileHandler
    draws: st.DataObject
    batches: list[Batch] = field(default_factory=list)

    def decide(self, batch: Batch) -> Decision:
        self.batches.append(batch)
        source = self.draws.draw(st.sampled_from(self.batches))
        self.handler.prepare(source.records[: self.draws.draw(st.integers(0, 4))])
        return self.handler.decide(batch)


def said(outputs: list[Output]) -> list[tuple[str, bytes, bytes]]:
    return sorted((one.topic, one.key, one.value) for one in outputs)


@given(history=histories(), draws=st.data())
@settings(max_examples=200, deadline=None)
def test_what_was_prepared_changes_nothing(history: list[Touchpoint], draws: st.DataObject) -> None:
    plain, prepared = Run(), Run()
    prepared.handler = Preparing(prepared.handler, draws)  # type: ignore[assignment]
    values = [to_json(one) for one in history]
    for bad in (b"{", NO_IDENTIFIER):
        values.insert(draws.draw(st.integers(0, len(values))), bad)
    while values:
        size = draws.draw(st.integers(1, 4))
        batch, values = values[:size], values[size:]
        assert said(prepared.take_raw(*batch)) == said(plain.take_raw(*batch))
    assert prepared.redis.values == plain.redis.values
