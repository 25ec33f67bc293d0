"""Ingest reads its sources again while it runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from deploy.embedded.engines import Engines
from tests.integration.test_ingest import KEY, Ingest, found, of_messages, running
from tests.waiting import until

NEW_KEY = "a-new-key"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree("deploy/workspace", tmp_path / "demo"))


@pytest.fixture
def ingest(engines: Engines, tmp_path: Path, folder: Path) -> Iterator[Ingest]:
    with running(engines.kafka, tmp_path, RAPPORT_WORKSPACE=str(folder)) as one:
        yield one


def status(ingest: Ingest, key: str, message_id: str) -> int:
    call = {"event": "Asked", "userId": "u1", "messageId": message_id}
    return httpx.post(f"{ingest.url}/v1/track", json=call, auth=(key, ""), timeout=30).status_code


def sources(*keys: str) -> str:
    hashes = ", ".join(sha256(key.encode()).hexdigest() for key in keys)
    return f"- name: web\n  key_hashes: [{hashes}]\n"


def test_a_key_is_changed_while_events_come_in(ingest: Ingest, folder: Path, prefix: str) -> None:
    sent = 0

    def send(key: str) -> int:
        nonlocal sent
        answer = status(ingest, key, f"{prefix}-{sent}")
        sent += answer == 200
        return answer

    assert (send(KEY), send(NEW_KEY)) == (200, 401)
    (folder / "sources.yaml").write_text(sources(KEY, NEW_KEY))
    until(lambda: send(KEY) == send(NEW_KEY) == 200, "both keys to be alive")
    (folder / "sources.yaml").write_text(sources(NEW_KEY))
    until(lambda: send(KEY) == 401, "the old key to be gone")
    assert send(NEW_KEY) == 200
    arrived = found(ingest.kafka, "touchpoints.accepted", of_messages(prefix), sent)
    assert len({value["message_id"] for value in arrived}) == sent


def test_a_wrong_file_is_told_and_takes_nothing_down(
    ingest: Ingest, folder: Path, prefix: str
) -> None:
    (folder / "sources.yaml").write_text("- name: web\n  key_hashs: []\n")

    def refused() -> bool:
        lines = httpx.get(f"{ingest.url}/metrics", timeout=5).text.splitlines()
        return "rapport_workspace_refused 1.0" in lines

    until(refused, "the wrong file to be noticed")
    assert f"{folder}/sources.yaml:2: `0.key_hashs` is no field" in ingest.log.read_text()
    assert status(ingest, KEY, prefix) == 200
    (folder / "sources.yaml").write_text(sources(NEW_KEY))
    until(lambda: status(ingest, NEW_KEY, f"{prefix}-new") == 200, "the mended file to be taken")
    assert not refused()
