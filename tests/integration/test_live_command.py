"""`rapport live` beside a real ingest."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from deploy.embedded.engines import Engines
from deploy.embedded.ports import free_port
from tests.integration.test_ingest import KEY, running


def test_what_comes_in_is_shown_while_it_comes(
    engines: Engines, tmp_path: Path, prefix: str
) -> None:
    port = free_port()
    with running(engines.kafka, tmp_path, RAPPORT_HEALTH_PORT=str(port)) as ingest:
        address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "services.cli", "live", "--json", "--address", address]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as viewer:
            assert viewer.stdout is not None
            assert json.loads(viewer.stdout.readline())["event"] == "watching"
            call = {"userId": "u1", "event": "Wishlist Shared", "messageId": prefix}
            answer = httpx.post(
                f"{ingest.url}/v1/track",
                json=call,
                auth=(KEY, ""),
                headers={"x-request-id": f"{prefix}-request"},
            )
            told = json.loads(viewer.stdout.readline())
            viewer.send_signal(signal.SIGINT)
            assert viewer.wait(30) == 0
        assert httpx.get(f"{address}/live?state=lost").status_code == 400
    assert answer.headers["x-request-id"] == f"{prefix}-request"
    assert (told["event"], told["message_id"]) == ("accepted", prefix)
    assert told["name"] == "Wishlist Shared"
