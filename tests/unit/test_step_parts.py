"""A batch that can not be carried through at once is carried through in parts."""

from __future__ import annotations

from services.common.batch import Batch, Decision, Undecidable
from services.common.ports import Commit, Outcome
from services.common.step import Step
from tests.unit.step_world import LAST, Log, Remembering, Store, parts


def test_a_commit_that_is_too_large_is_made_in_parts() -> None:
    class Narrow(Store):
        def commit(self, commit: Commit) -> Outcome:
            if len(commit.decision.plain) > 3:
                return Outcome("large")
            return super().commit(commit)

    class Plain(Remembering):
        def decide(self, batch: Batch) -> Decision:
            decision = super().decide(batch)
            decision.plain = {b"%d %d" % (r.partition, r.offset): b"" for r in batch.records}
            return decision

    store, handler = Narrow(), Plain()
    step = Step(parts(Log(), store, handler=handler))
    assert step.run_once() == 2 * (LAST + 1)
    assert {p: place.offset for p, place in store.kept.items()} == {0: LAST + 1, 1: LAST + 1}
    assert store.commits == 4, "ten in quarters"


def test_a_suspect_is_tried_alone_and_the_rest_is_not_searched() -> None:
    tried: list[int] = []

    class Suspecting(Remembering):
        def decide(self, batch: Batch) -> Decision:
            tried.append(len(batch.records))
            try:
                return super().decide(batch)
            except ValueError as error:
                bad = [r for r in batch.records if (r.partition, r.offset) == (0, 3)]
                raise Undecidable(bad) from error

    store, handler = Store(), Suspecting(poison=(0, 3))
    Step(parts(Log(), store, handler=handler)).run_once()
    assert tried == [10, 1, 3, 1, 6], "all, the suspect, what lies before it, it, behind it"
    assert store.commits == 3
