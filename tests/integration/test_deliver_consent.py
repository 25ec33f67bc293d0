"""Consent on real Redis and HTTP: a webhook about somebody who says no is not sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from uuid import UUID, uuid4

import pytest

from deploy.embedded.engines import Engines
from services.cli.receiver import Manners, Receiver, RunningReceiver
from services.common.batch import pack_state
from services.journey.deliver import operate
from services.journey.deliver.domain.schedule import Timing
from services.journey.domain.consent import Purpose
from services.journey.domain.customer import Permission, State
from services.journey.store import body_of, state_key
from tests.integration.deliver_hands import Hands
from tests.integration.deliver_stage import SECRET, DeliverStage, stage
from tests.waiting import until_async

#: The second attempt comes after milliseconds, the last ones after minutes.
HURRIED = Timing(scale=1e-3)
NEWSLETTER = Purpose("newsletter")
YES, NO = Permission("newsletter", allowed=True), Permission("newsletter", allowed=False)


@pytest.fixture
def on(engines: Engines) -> Iterator[DeliverStage]:
    with stage(engines) as made:
        yield made


def play(on: DeliverStage, scene: Callable[[Hands], Awaitable[None]]) -> None:
    async def whole() -> None:
        hands = Hands(on, HURRIED)
        try:
            await scene(hands)
        finally:
            await hands.close()

    asyncio.run(whole())


def know(on: DeliverStage, who: UUID, said: tuple[Permission, ...], merged: bytes = b"") -> None:
    state = State(1, 1, consents=said, merged_into=merged)
    with on.redis() as client:
        client.set(state_key(on.workspace, who.bytes), pack_state(1, body_of(state)))


def test_only_who_allows_it_is_told_of(on: DeliverStage) -> None:
    said: dict[UUID, tuple[Permission, ...]] = {uuid4(): (YES,), uuid4(): (NO,), uuid4(): ()}
    joined, survivor = uuid4(), uuid4()  # the word of who they are now counts
    said[survivor] = (YES,)

    async def scene(hands: Hands) -> None:
        for who, word in said.items():
            know(on, who, word)
        know(on, joined, (NO,), merged=survivor.bytes)
        async with RunningReceiver(Receiver([SECRET])) as running:
            target = hands.target("news", running.url, NEWSLETTER)
            ids = {who: (await hands.queued(target, 1, who))[0] for who in [*said, joined, uuid4()]}
            hands.work(target)
            with on.redis() as client:
                await until_async(lambda: operate.standing(client, target.key)["pending"] == 0)
                standing = operate.standing(client, target.key)
            told = {one.id for one in running.receiver.received}
        assert told == {ids[next(iter(said))], ids[survivor], ids[joined]}
        assert standing["delivered"] == 3
        assert standing["withheld"] == 3

    play(on, scene)


def test_a_no_between_two_attempts_is_heard(on: DeliverStage) -> None:
    who = uuid4()

    async def scene(hands: Hands) -> None:
        know(on, who, (YES,))
        async with RunningReceiver(Receiver([SECRET], Manners(fail_first=10_000))) as running:
            target = hands.target("news", running.url, NEWSLETTER)
            await hands.queued(target, 1, who)
            hands.work(target)
            await until_async(lambda: running.receiver.counts()["requests"] > 0)
            know(on, who, (NO,))
            with on.redis() as client:
                await until_async(lambda: operate.standing(client, target.key)["pending"] == 0)
                standing = operate.standing(client, target.key)
        assert (standing["withheld"], standing["dead"], standing["delivered"]) == (1, 0, 0)
        assert standing["failed"] > 0

    play(on, scene)
