"""Deliver follows the workspace's endpoints while it runs, also with deliveries under way."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from deploy.embedded.engines import Engines
from services.cli.receiver import Manners, Receiver, RunningReceiver
from services.journey.deliver import operate
from tests.integration.deliver_stage import SECRET, TOPICS, DeliverStage, event, stage
from tests.waiting import until_async

OTHER_SECRET = "whsec_" + b64encode(bytes(range(40, 72))).decode()


@pytest.fixture
def on(engines: Engines) -> Iterator[DeliverStage]:
    with stage(engines) as made:
        yield made


class Endpoints:
    """The workspace's endpoints, changed under a running deliver."""

    def __init__(self, on: DeliverStage) -> None:
        self.on = on
        self.file: Path = on.folder / "workspace" / "endpoints.yaml"
        self.taken = 0

    async def change(self, urls: dict[str, str]) -> None:
        """Write them, with another secret, and wait until they count."""
        listed = [
            {"name": name, "url": url, "events": list(TOPICS), "secret_env": "OTHER_SECRET"}
            for name, url in urls.items()
        ]
        self.taken = self.told()
        self.file.write_text(yaml.safe_dump(listed))
        await until_async(lambda: self.told() > self.taken)

    def told(self) -> int:
        return self.on.log().count("endpoints: [")


def accepted(receiver: Receiver) -> set[str]:
    return {one.id for one in receiver.received if one.verified and one.status < 300}


def test_endpoints_come_change_and_go_while_deliveries_wait(on: DeliverStage) -> None:
    async def scene() -> None:
        old, late = Receiver([SECRET], Manners(status=500)), Receiver([OTHER_SECRET])
        new = Receiver([OTHER_SECRET])
        async with (
            RunningReceiver(old) as first,
            RunningReceiver(new) as second,
            RunningReceiver(late) as third,
        ):
            endpoints = Endpoints(on)
            on.endpoints({"crm": first.url})
            on.start(RAPPORT_WEBHOOK_RETRY_SCALE="0.002", OTHER_SECRET=OTHER_SECRET)
            before = on.publish([event(on.workspace) for _ in range(20)])
            await until_async(lambda: {one.id for one in old.received} == before)

            await endpoints.change({"erp": third.url})  # crm is gone, its deliveries wait
            tried = len(old.received)
            meanwhile = on.publish([event(on.workspace) for _ in range(10)])
            await until_async(lambda: accepted(late) == meanwhile)
            assert len(old.received) == tried, "one that is gone gets nothing more"
            with on.redis() as client:
                assert operate.standing(client, f"{on.workspace}/crm")["pending"] == 20

            await endpoints.change({"crm": second.url, "erp": third.url})
            await until_async(lambda: accepted(new) == before)
            after = on.publish([event(on.workspace) for _ in range(5)])
            await until_async(lambda: accepted(new) == before | after)
            await until_async(lambda: accepted(late) == meanwhile | after)
            assert len(old.received) == tried, "the next attempt goes where it goes now"

    asyncio.run(scene())
