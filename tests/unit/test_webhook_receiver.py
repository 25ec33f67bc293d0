"""The demo's receiver accepts what is signed, and nothing else."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from services.cli.receiver import Manners, Receiver, RunningReceiver
from services.journey.deliver.domain.signing import secrets, signed_headers

SECRET = "whsec_" + "c2VjcmV0" * 4
BODY = json.dumps({"type": "alerts.raised", "data": {}}).encode()


async def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers) as answer,
    ):
        return answer.status


def headers_of(message_id: str) -> dict[str, str]:
    return signed_headers(secrets(SECRET), message_id, int(datetime.now(UTC).timestamp()), BODY)


def test_it_counts_what_was_verified_once_for_each_id(tmp_path: Path) -> None:
    store = tmp_path / "received.jsonl"

    async def scene() -> None:
        async with RunningReceiver(Receiver([SECRET], Manners(fail_first=1), store)) as running:
            statuses = [
                await post(running.url, BODY, headers_of(id)) for id in ("a", "a", "a", "b")
            ]
            assert statuses == [500, 204, 204, 204]
            counts = running.receiver.counts()
            assert (counts["requests"], counts["accepted"]) == (4, 2)
            assert counts["by_type"] == {"alerts.raised": 2}

    asyncio.run(scene())
    assert [json.loads(line)["id"] for line in store.read_text().splitlines()] == list("aaab")


def test_it_refuses_what_is_not_signed() -> None:
    async def scene() -> None:
        async with RunningReceiver(Receiver([SECRET])) as running:
            assert await post(running.url, BODY, {}) == 401
            assert await post(running.url, BODY + b" ", headers_of("a")) == 401
            assert running.receiver.counts()["unverified"] == 2
            assert running.receiver.counts()["accepted"] == 0

    asyncio.run(scene())
