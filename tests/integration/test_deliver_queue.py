"""Deliveries on real Redis, Kafka and HTTP: schedule, failures, dead letters, isolation."""

import asyncio
import json
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterator

import pytest

from deploy.embedded.engines import Engines
from services.cli.receiver import Manners, Receiver, RunningReceiver
from services.journey.deliver import operate
from services.journey.deliver.domain.schedule import ATTEMPTS_MAX, Timing
from services.journey.deliver.queue import Queue
from services.journey.deliver.sender import Sender
from services.journey.deliver.worker import now_ms
from tests.integration.deliver_hands import Hands
from tests.integration.deliver_stage import SECRET, DeliverStage, stage
from tests.waiting import until_async

QUICK = Timing(scale=1e-7)  # every attempt is due at once


@pytest.fixture
def on(engines: Engines) -> Iterator[DeliverStage]:
    with stage(engines) as made:
        yield made


def play(on: DeliverStage, timing: Timing, scene: Callable[[Hands], Awaitable[None]]) -> None:
    async def whole() -> None:
        hands = Hands(on, timing)
        try:
            await scene(hands)
        finally:
            await hands.close()

    asyncio.run(whole())


def test_every_delivery_arrives_once_and_verifies(on: DeliverStage) -> None:
    async def scene(hands: Hands) -> None:
        async with RunningReceiver(Receiver([SECRET])) as running:
            target = hands.target("crm", running.url)
            ids = await hands.queued(target, 200)
            hands.work(target)
            await until_async(lambda: running.receiver.counts()["accepted"] == 200)
            assert {one.id for one in running.receiver.received} == set(ids)
            assert running.receiver.counts()["requests"] == 200
            await asyncio.sleep(0.2)
        with on.redis() as client:
            now = operate.standing(client, target.key)
            assert (now["pending"], now["queued"], now["delivered"]) == (0, 200, 200)
            last = operate.attempts(client, target.key, 1)[0]
            assert (last["result"], last["attempt"], last["status"]) == ("delivered", "1", "204")

    play(on, Timing(), scene)


def test_a_failed_delivery_comes_again_under_the_same_id(on: DeliverStage) -> None:
    async def scene(hands: Hands) -> None:
        async with RunningReceiver(Receiver([SECRET], Manners(fail_first=3))) as running:
            target = hands.target("crm", running.url)
            (id,) = await hands.queued(target, 1)
            hands.work(target)
            await until_async(lambda: running.receiver.counts()["accepted"] == 1)
            assert [(one.id, one.status) for one in running.receiver.received] == [
                *[(id, 500)] * 3,
                (id, 204),
            ]

    play(on, Timing(scale=1e-5), scene)


def test_after_the_schedule_a_delivery_becomes_a_dead_letter(on: DeliverStage) -> None:
    async def scene(hands: Hands) -> None:
        async with RunningReceiver(Receiver([SECRET], Manners(status=500))) as running:
            target = hands.target("crm", running.url)
            (id,) = await hands.queued(target, 1)
            # the queue keeps its real five days, or the endpoint would be disabled first
            hands.queue = Queue(hands.client, Timing())
            hands.work(target)
            with on.redis() as client:
                await until_async(lambda: operate.standing(client, target.key)["dead"] == 1)
                dead = operate.dead_letters(client, target.key)
                assert [one["id"] for one in dead] == [id]
            assert len(running.receiver.received) == ATTEMPTS_MAX
        (letter,) = on.dead_letters()
        assert (letter["reason"], letter["message_id"]) == ("undeliverable", id)
        assert json.loads(b64decode(letter["original"]))["type"] == "lifecycle.changed"

    play(on, QUICK, scene)


def test_a_dead_letter_can_be_sent_again_by_hand(on: DeliverStage) -> None:
    async def scene(hands: Hands) -> None:
        async with RunningReceiver(Receiver([SECRET], Manners(fail_first=1))) as running:
            target = hands.target("crm", running.url)
            (id,) = await hands.queued(target, 1)
            await hands.queue.bury(target.key, id, now_ms(), "test")
            with on.redis() as client:
                assert not operate.resend(client, target.key, "another", now_ms())
                assert operate.resend_all(client, target.key, now_ms()) == 1
                assert operate.dead_letters(client, target.key) == []
            hands.work(target)
            await until_async(lambda: running.receiver.counts()["accepted"] == 1)
            assert {one.id for one in running.receiver.received} == {id}

    play(on, Timing(scale=1e-4), scene)


def test_410_disables_the_endpoint_until_it_is_enabled(on: DeliverStage) -> None:
    async def scene(hands: Hands) -> None:
        gone = Manners(fail_first=1, fail_status=410)
        async with RunningReceiver(Receiver([SECRET], gone)) as running:
            target = hands.target("crm", running.url)
            (first,) = await hands.queued(target, 1)
            hands.work(target)
            with on.redis() as client:
                await until_async(lambda: operate.standing(client, target.key)["dead"] == 1)
                (second,) = await hands.queued(target, 1)
                await until_async(lambda: operate.standing(client, target.key)["dead"] == 2)
                assert len(running.receiver.received) == 1, "nothing is sent to who said gone"
                assert operate.standing(client, target.key)["disabled"] == "it answered 410 Gone"
                assert operate.enable(client, target.key)
                assert operate.resend_all(client, target.key, now_ms()) == 2
            await until_async(lambda: running.receiver.counts()["accepted"] == 2)
            assert {one.id for one in running.receiver.received} == {first, second}
        assert {letter["message_id"] for letter in on.dead_letters()} == {first, second}

    play(on, Timing(scale=1e-2), scene)


def test_an_endpoint_without_success_for_five_days_is_disabled(on: DeliverStage) -> None:
    async def scene(hands: Hands) -> None:
        async with RunningReceiver(Receiver([SECRET], Manners(status=503))) as running:
            target = hands.target("crm", running.url)
            await hands.queued(target, 1)
            with on.redis() as client:
                five_days_ms = 5 * 86_400_000
                client.hset(f"d:ep:{target.key}", "failing_since", now_ms() - five_days_ms)
                hands.work(target)
                await until_async(lambda: operate.standing(client, target.key)["dead"] == 1)
                why = operate.standing(client, target.key)["disabled"]
                assert why == "no success for 5.0 days"
                assert len(running.receiver.received) == 1

    play(on, Timing(), scene)


def test_retry_after_is_honoured(on: DeliverStage) -> None:
    async def scene(hands: Hands) -> None:
        manners = Manners(fail_first=1, fail_status=429, retry_after="2")
        async with RunningReceiver(Receiver([SECRET], manners)) as running:
            target = hands.target("crm", running.url)
            await hands.queued(target, 1)
            started = time.monotonic()
            hands.work(target)
            await until_async(lambda: running.receiver.counts()["accepted"] == 1)
            assert time.monotonic() - started >= 2
            assert len(running.receiver.received) == 2

    play(on, QUICK, scene)


def test_a_redirect_is_a_failure_and_is_not_followed(on: DeliverStage) -> None:
    async def scene(hands: Hands) -> None:
        async with RunningReceiver(Receiver([SECRET])) as elsewhere:
            manners = Manners(fail_first=1, fail_status=307, location=elsewhere.url)
            async with RunningReceiver(Receiver([SECRET], manners)) as running:
                target = hands.target("crm", running.url)
                await hands.queued(target, 1)
                hands.work(target)
                await until_async(lambda: running.receiver.counts()["accepted"] == 1)
                assert [one.status for one in running.receiver.received] == [307, 204]
                assert elsewhere.receiver.received == []

    play(on, Timing(scale=1e-4), scene)


def test_neither_a_slow_nor_a_dead_endpoint_delays_another(on: DeliverStage) -> None:
    async def scene(hands: Hands) -> None:
        slow_one, good_one = Receiver([SECRET], Manners(slow_s=30)), Receiver([SECRET])
        async with RunningReceiver(slow_one) as slow, RunningReceiver(good_one) as good:
            targets = [
                hands.target("slow", slow.url),
                hands.target("dead", "http://127.0.0.1:9/"),
                hands.target("good", good.url),
            ]
            for target in targets:
                await hands.queued(target, 50)
                hands.work(target)
            await until_async(lambda: good_one.counts()["accepted"] == 50, within_s=15)
            assert slow_one.received == []
            for task in hands.tasks:
                task.cancel()

    play(on, Timing(timeout_s=2), scene)


def test_a_claim_that_nobody_finishes_is_taken_again(on: DeliverStage) -> None:
    async def scene(hands: Hands) -> None:
        target = hands.target("crm", "http://127.0.0.1:9/")
        ids = await hands.queued(target, 3)
        now = now_ms()
        lease_ms = hands.timing.lease_ms
        first = await hands.queue.claim(target.key, now, 10)
        assert {claim.id for claim in first.claims} == set(ids)
        assert (await hands.queue.claim(target.key, now + lease_ms - 1, 10)).claims == ()
        again = await hands.queue.claim(target.key, now + lease_ms, 10)
        assert {claim.id for claim in again.claims} == set(ids)

    play(on, Timing(), scene)


def test_of_two_workers_with_one_claim_one_counts(on: DeliverStage) -> None:
    async def scene(hands: Hands) -> None:
        target = hands.target("crm", "http://127.0.0.1:9/")
        (id,) = await hands.queued(target, 1)
        assert await hands.queue.delivered(target.key, id, now_ms(), status=200, took_ms=1)
        assert not await hands.queue.delivered(target.key, id, now_ms(), status=200, took_ms=1)
        with on.redis() as client:
            now = operate.standing(client, target.key)
            assert (now["delivered"], now["delivered_again"]) == (1, 1)

    play(on, Timing(), scene)


def test_outside_development_nothing_reaches_a_private_address(on: DeliverStage) -> None:
    async def scene(hands: Hands) -> None:
        async with RunningReceiver(Receiver([SECRET])) as running:
            for host in ("127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]"):
                url = running.url.replace("127.0.0.1", host)
                sender = Sender(hands.target("x", url), timeout_s=5, allow_private=False)
                attempt = await sender.send("id-1", b"{}")
                await sender.close()
                assert attempt.status is None, host
                assert attempt.error, host
            sender = Sender(
                hands.target("x", "https://no-such-host.invalid/"), timeout_s=5, allow_private=False
            )
            assert not (await sender.send("id-1", b"{}")).succeeded
            await sender.close()
            assert running.receiver.received == []

    play(on, Timing(), scene)


def test_a_huge_answer_is_not_read(on: DeliverStage) -> None:
    async def scene(hands: Hands) -> None:
        sent = 0

        async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            try:
                while sent < 100_000_000:
                    writer.write(bytes(100_000))
                    sent += 100_000
                    await writer.drain()
            except ConnectionError:
                pass
            writer.close()

        server = await asyncio.start_server(flood, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        sender = Sender(
            hands.target("x", f"http://127.0.0.1:{port}/"), timeout_s=5, allow_private=True
        )
        assert (await sender.send("id-1", b"{}")).succeeded
        await sender.close()
        server.close()
        assert sent < 20_000_000

    play(on, Timing(), scene)
