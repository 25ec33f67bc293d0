"""Deliver as a process, from the topics to the receiver: kills, replays, lost memory."""

import asyncio
import json
import re
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, TopicPartition

from deploy.embedded.engines import Engines
from services.cli.receiver import Manners, Receiver, RunningReceiver
from services.journey.deliver import operate
from tests.integration.deliver_stage import (
    SECRET,
    TOPICS,
    DeliverStage,
    alert,
    event,
    stage,
)
from tests.waiting import until_async


@pytest.fixture
def on(engines: Engines) -> Iterator[DeliverStage]:
    with stage(engines) as made:
        yield made


def ids(receiver: Receiver) -> set[str]:
    return {one.id for one in receiver.received if one.verified and one.status == 204}


def rewind(on: DeliverStage) -> None:
    """Make the group read everything again, as after a lost commit."""
    consumer = Consumer({"bootstrap.servers": on.engines.kafka, "group.id": "journey.deliver"})
    places = [
        TopicPartition(topic, number, 0)
        for topic in TOPICS
        for number in consumer.list_topics(topic).topics[topic].partitions
    ]
    consumer.commit(offsets=places, asynchronous=False)
    consumer.close()


def test_events_arrive_and_the_commit_reaches_the_end(on: DeliverStage) -> None:
    async def scene() -> None:
        async with RunningReceiver(Receiver([SECRET])) as running:
            on.endpoints({"crm": running.url})
            due = on.publish([event(on.workspace) for _ in range(300)])
            due |= on.publish([alert(on.workspace) for _ in range(30)])
            on.publish([event(on.workspace, historic=True) for _ in range(40)])
            on.publish([event("somebody-else") for _ in range(10)])
            process = on.start()
            await until_async(lambda: len(ids(running.receiver)) == 330)
            await until_async(lambda: on.lag() == 0)
            due |= on.publish([event(on.workspace) for _ in range(20)])
            await until_async(lambda: ids(running.receiver) == due)
            await until_async(lambda: on.lag() == 0)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 20) == 0
            assert running.receiver.counts()["requests"] == 350
            assert running.receiver.counts()["by_type"] == {
                "alerts.raised": 30,
                "lifecycle.changed": 320,
            }
            assert list(on.temporary.iterdir()) == []

    asyncio.run(scene())


def test_what_is_read_again_is_not_sent_again(on: DeliverStage) -> None:
    async def scene() -> None:
        async with RunningReceiver(Receiver([SECRET])) as running:
            on.endpoints({"crm": running.url})
            due = on.publish([event(on.workspace) for _ in range(100)])
            process = on.start()
            await until_async(lambda: ids(running.receiver) == due and on.lag() == 0)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 20) == 0
            rewind(on)
            assert on.lag() > 0
            on.start()
            due |= on.publish([event(on.workspace)])
            await until_async(lambda: ids(running.receiver) == due and on.lag() == 0)
            assert running.receiver.counts()["requests"] == 101

    asyncio.run(scene())


@pytest.mark.parametrize("point", ["deliver_before_send", "deliver_after_send"])
def test_kill_9_in_the_middle_loses_nothing(on: DeliverStage, point: str) -> None:
    async def scene() -> None:
        async with RunningReceiver(Receiver([SECRET], Manners(slow_s=0.01))) as running:
            on.endpoints({"crm": running.url})
            due = on.publish([event(on.workspace) for _ in range(200)])
            process = on.start(RAPPORT_FAILPOINT=f"{point}:40")
            assert await asyncio.to_thread(process.wait, 60) == -signal.SIGKILL
            assert ids(running.receiver) < due
            process = on.start()
            await until_async(lambda: len(ids(running.receiver)) > 100)
            process.send_signal(signal.SIGKILL)
            due |= on.publish([event(on.workspace) for _ in range(50)])
            on.start()
            await until_async(lambda: ids(running.receiver) == due)
            with on.redis() as client:
                (now,) = operate.standings(client)
                await until_async(lambda: operate.standings(client)[0]["pending"] == 0)
                assert now["queued"] == 250
                assert operate.standings(client)[0]["delivered"] == 250

    asyncio.run(scene())


def test_two_processes_share_the_work_and_one_may_die(on: DeliverStage) -> None:
    async def scene() -> None:
        async with RunningReceiver(Receiver([SECRET], Manners(slow_s=0.02))) as running:
            on.endpoints({"crm": running.url})
            first, _ = on.start(), on.start()
            due = on.publish([event(on.workspace) for _ in range(300)])
            await until_async(lambda: len(ids(running.receiver)) > 50)
            first.send_signal(signal.SIGKILL)
            due |= on.publish([event(on.workspace) for _ in range(50)])
            await until_async(lambda: ids(running.receiver) == due)

    asyncio.run(scene())


def test_what_redis_forgot_is_read_from_the_log_again(on: DeliverStage) -> None:
    async def scene() -> None:
        async with RunningReceiver(Receiver([SECRET])) as running:
            on.endpoints({"crm": running.url})
            due = on.publish([event(on.workspace) for _ in range(60)])
            on.start()
            await until_async(lambda: ids(running.receiver) == due and on.lag() == 0)
            running.receiver.received.clear()
            with on.redis() as client:
                client.flushdb()
            # nothing new is published: the audit alone notices
            await until_async(lambda: ids(running.receiver) == due)

    asyncio.run(scene())


def test_what_can_not_be_sent_becomes_a_dead_letter_and_blocks_nothing(on: DeliverStage) -> None:
    async def scene() -> None:
        async with RunningReceiver(Receiver([SECRET])) as running:
            on.endpoints({"crm": running.url})
            on.publish_bytes("alerts.raised", b"{not json")
            (large,) = on.publish([event(on.workspace, detail="x" * 30_000)])
            due = on.publish([event(on.workspace)])
            on.start()
            await until_async(lambda: ids(running.receiver) == due and on.lag() == 0)
            (letter,) = on.dead_letters()
            assert letter["reason"] == "too_large"
            assert large in letter["detail"]

    asyncio.run(scene())


def test_an_endpoint_without_its_variables_is_off_and_the_others_work(on: DeliverStage) -> None:
    async def scene() -> None:
        async with RunningReceiver(Receiver([SECRET])) as running:
            on.endpoints({"crm": running.url, "off": "${NOT_SET_ANYWHERE}"})
            due = on.publish([event(on.workspace)])
            on.start()
            await until_async(lambda: ids(running.receiver) == due)
            assert "off is off: the environment variable NOT_SET_ANYWHERE is not set" in on.log()

    asyncio.run(scene())


@pytest.mark.parametrize("engine", ["redis", "kafka"])
def test_it_goes_on_by_itself_when_an_engine_is_back(on: DeliverStage, engine: str) -> None:
    if engine not in on.engines.processes:
        pytest.skip("the engine is not a local process")

    async def scene() -> None:
        async with RunningReceiver(Receiver([SECRET])) as running:
            on.endpoints({"crm": running.url})
            process = on.start()
            due = on.publish([event(on.workspace) for _ in range(20)])
            await until_async(lambda: ids(running.receiver) == due)
            on.engines.kill(engine)
            setting = f"RAPPORT_{engine.upper()}"
            await until_async(lambda: ready(on)[0] == 503)
            assert setting in ready(on)[1]
            await until_async(lambda: setting in on.log())
            await asyncio.to_thread(on.engines.start, engine)
            await until_async(lambda: ready(on)[0] == 200)
            due |= await asyncio.to_thread(on.publish, [event(on.workspace) for _ in range(20)])
            await until_async(lambda: ids(running.receiver) == due, within_s=120)
            assert process.poll() is None

    asyncio.run(scene())


def ready(on: DeliverStage) -> tuple[int, str]:
    found = re.findall(r"health at (http://[\d.:]+)", on.log())
    try:
        with urllib.request.urlopen(found[-1] + "/readyz", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_each_log_line_is_json_and_none_holds_the_secret(on: DeliverStage) -> None:
    async def scene() -> None:
        async with RunningReceiver(Receiver([SECRET], Manners(fail_first=2))) as running:
            on.endpoints({"crm": running.url})
            due = on.publish([event(on.workspace)])
            process = on.start(RAPPORT_LOG_LEVEL="debug", RAPPORT_WEBHOOK_RETRY_SCALE="0.001")
            await until_async(lambda: ids(running.receiver) == due)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 20) == 0
            for line in on.log().splitlines():
                assert json.loads(line)["service"] == "journey-deliver"
            assert SECRET.removeprefix("whsec_") not in on.log()

    asyncio.run(scene())
