"""What is written for each event, on real Redis: gaps in the position, full queues, stuck logs."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator

import pytest

from deploy.embedded.engines import Engines
from schemas.base import to_json
from services.cli.receiver import Receiver, RunningReceiver
from services.common.batch import Record
from services.journey.deliver import operate
from services.journey.deliver.audit import Audit, Stuck
from services.journey.deliver.domain.schedule import Timing
from services.journey.deliver.intake import Place
from services.journey.deliver.queue import Queue
from tests.integration.deliver_hands import Hands
from tests.integration.deliver_stage import SECRET, DeliverStage, event, stage
from tests.waiting import until_async

PLACE: Place = ("lifecycle.changed", 0)


class FakeLog:
    """A partition in memory. Records before `low` are gone; `holes` were never there."""

    def __init__(self, records: list[Record], low: int = 0) -> None:
        self.records = [record for record in records if record.offset >= low]
        self.low = low
        self.high = records[-1].offset + 1
        self.committed_offset = -1

    async def bounds(self, places: list[Place]) -> dict[Place, tuple[int, int]]:
        return dict.fromkeys(places, (self.low, self.high))

    async def committed(self, places: list[Place]) -> dict[Place, int]:
        return dict.fromkeys(places, self.committed_offset)

    async def read(self, place: Place, start: int, until: int) -> tuple[list[Record], int]:
        found = [record for record in self.records if start <= record.offset < until][:3]
        return found, found[-1].offset + 1 if found else until


@pytest.fixture
def on(engines: Engines) -> Iterator[DeliverStage]:
    with stage(engines) as made:
        yield made


def play(on: DeliverStage, scene: Callable[[Hands], Awaitable[None]]) -> None:
    async def whole() -> None:
        hands = Hands(on, Timing())
        try:
            await scene(hands)
        finally:
            await hands.close()

    asyncio.run(whole())


def records(on: DeliverStage, count: int) -> list[Record]:
    return [Record(*PLACE, offset, None, to_json(event(on.workspace))) for offset in range(count)]


def test_what_is_missing_before_a_record_is_read_from_the_log_first(on: DeliverStage) -> None:
    async def scene(hands: Hands) -> None:
        history = records(on, 10)
        target = hands.target("crm", "http://127.0.0.1:9/")
        intake = hands.intake([target], FakeLog(history))
        await intake.take_in(history[8:])
        assert await hands.queue.pending(target.key) == 10
        assert await hands.queue.position(*PLACE) == 10
        await intake.take_in(history)
        assert await hands.queue.pending(target.key) == 10

    play(on, scene)


def test_offsets_that_hold_nothing_do_not_stop_it(on: DeliverStage) -> None:
    async def scene(hands: Hands) -> None:
        history = [one for one in records(on, 20) if one.offset % 5 not in (0, 3)]
        target = hands.target("crm", "http://127.0.0.1:9/")
        await hands.intake([target], FakeLog(history)).take_in(history[-2:])
        assert await hands.queue.pending(target.key) == len(history)

    play(on, scene)


def test_what_the_log_lost_unread_is_said_aloud(
    on: DeliverStage, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(hands: Hands) -> None:
        history = records(on, 10)
        target = hands.target("crm", "http://127.0.0.1:9/")
        await hands.queue.move(*PLACE, None, 2)
        await hands.intake([target], FakeLog(history, low=5)).take_in(history[9:])
        assert "lifecycle.changed[0]: the log lost the events 2 to 4 unread" in caplog.text
        assert await hands.queue.pending(target.key) == 5

    play(on, scene)


def test_a_full_queue_makes_dead_letters_and_holds_up_no_other_endpoint(on: DeliverStage) -> None:
    async def scene(hands: Hands) -> None:
        history = records(on, 6)
        full, good = (hands.target(name, "http://127.0.0.1:9/") for name in ("full", "good"))
        await hands.queued(full, 4)
        hands.queue = Queue(hands.client, Timing(), pending_max=6)
        intake = hands.intake([full, good], FakeLog(history))
        await intake.take_in(history)
        await intake.take_in(history)
        assert await hands.queue.pending(good.key) == 6
        assert await hands.queue.pending(full.key) == 6
        letters = await asyncio.to_thread(on.dead_letters)
        assert len(letters) == 4
        assert all("its queue is full" in letter["detail"] for letter in letters)

    play(on, scene)


def test_a_commit_that_stays_while_there_are_events_ends_the_process(on: DeliverStage) -> None:
    async def scene(hands: Hands) -> None:
        log = FakeLog(records(on, 10))
        intake = hands.intake([], log)
        audit = Audit(intake, hands.queue, log, lambda: [PLACE], stuck_s=0.0)  # type: ignore[arg-type]
        await audit.look()
        log.committed_offset = 5
        await audit.look()
        with pytest.raises(Stuck, match="stays at 5, 5 events behind"):
            await audit.look()
        log.committed_offset = 10
        await audit.look()
        await audit.look()

    play(on, scene)


def test_a_pause_past_the_session_and_the_lease_loses_nothing(on: DeliverStage) -> None:
    async def scene() -> None:
        async with RunningReceiver(Receiver([SECRET])) as running:
            on.endpoints({"crm": running.url})
            process = on.start()
            due = on.publish([event(on.workspace) for _ in range(30)])
            await until_async(lambda: running.receiver.counts()["accepted"] == len(due))
            process.send_signal(signal.SIGSTOP)
            due |= on.publish([event(on.workspace) for _ in range(30)])
            await asyncio.sleep(10)  # longer than the session of 6 seconds
            process.send_signal(signal.SIGCONT)
            await until_async(lambda: running.receiver.counts()["accepted"] == len(due))
            await until_async(lambda: on.lag() == 0)
            assert process.poll() is None
            with on.redis() as client:
                assert operate.standings(client)[0]["queued"] == len(due)

    asyncio.run(scene())
