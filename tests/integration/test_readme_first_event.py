"""The README's first event, as it is written: only the address is another."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.engines import Engines
from tests.integration.test_browser_sdk import browser, page_at
from tests.integration.test_ingest import Ingest, found, running

SECTION = Path("README.md").read_text(encoding="utf-8").split("\n## The first event\n")[1]
BLOCKS: dict[str, str] = dict(
    re.findall(r"```(sh|python|html)\n(.*?)```", SECTION.split("\n## ")[0], re.DOTALL)
)
WRITTEN = "localhost:8080"
BOTH = [{"kind": "user_id", "value": "ada"}, {"kind": "email", "value": "ada@x.example"}]


@pytest.fixture(scope="module")
def ingest(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingest]:
    with running(engines.kafka, tmp_path_factory.mktemp("readme")) as one:
        yield one


def as_written(language: str, ingest: Ingest, order: str) -> str:
    """The block for this ingest, with an order of its own."""
    block = BLOCKS[language]
    assert block.count(WRITTEN) == 1
    assert block.count("SO-1") == 1
    return block.replace(WRITTEN, ingest.url.removeprefix("http://")).replace("SO-1", order)


def assert_arrived(ingest: Ingest, order: str, *named: dict[str, str]) -> None:
    [touchpoint] = found(
        ingest.kafka,
        "touchpoints.accepted",
        lambda value: value["properties"].get("order_id") == order,
        1,
    )
    assert touchpoint["properties"]["total"] == {"amount": "29.33", "currency": "USD"}
    if named:
        assert all(identifier in touchpoint["identifiers"] for identifier in named)
    else:
        assert touchpoint["identifiers"] == BOTH


def test_curl_as_it_is_written(ingest: Ingest, prefix: str) -> None:
    script = as_written("sh", ingest, prefix)
    sent = subprocess.run(
        ["bash", "-c", script[script.index("curl ") :]], capture_output=True, text=True, check=True
    )
    assert json.loads(sent.stdout) == {"success": True}
    assert f"# {sent.stdout}" in script, "the README shows what is answered"
    assert_arrived(ingest, prefix)


def test_python_as_it_is_written(ingest: Ingest, prefix: str) -> None:
    script = as_written("python", ingest, prefix)
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert_arrived(ingest, prefix)


def test_a_page_as_it_is_written(ingest: Ingest, prefix: str, tmp_path: Path) -> None:
    """The e-mail address is known from the identify; the order names the user."""
    page = as_written("html", ingest, prefix)
    with page_at(tmp_path, page) as address, browser(tmp_path, address):
        assert_arrived(ingest, prefix, {"kind": "user_id", "value": "ada"})
