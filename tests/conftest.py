"""Real engines for the tests that need them: started once, on free ports, in a home of their own.

Where a Docker engine answers they are containers of the official images, else embedded
processes. RAPPORT_TEST_ENGINES=embedded or =containers decides it by hand.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from deploy.embedded.engines import Engines, start_engines
from deploy.embedded.process import Mark, birth, read_mark, still_runs, write_mark
from tests.containers import docker_answers, start_containers

#: How long something takes says nothing about whether it is right.
hypothesis_settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("untimed")

# A shell that starts us in the background has us ignore SIGINT; what we start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

HOMES = Path(tempfile.gettempdir()) / f"rapport-tests-{os.getuid()}"


@pytest.fixture(scope="session")
def engines(request: pytest.FixtureRequest) -> Iterator[Engines]:
    """Kafka, Redis and ClickHouse, shared by the whole run: keep your names apart."""
    wanted = os.environ.get("RAPPORT_TEST_ENGINES") or (
        "containers" if docker_answers() else "embedded"
    )
    if wanted == "embedded":
        yield request.getfixturevalue("embedded")
        return
    running = start_containers()
    try:
        yield cast(Engines, running)  # all of it that tests use
    finally:
        running.stop()


@pytest.fixture(scope="session")
def embedded() -> Iterator[Engines]:
    """The embedded engines, for the tests that are about them."""
    _clean_what_dead_runs_left()
    home = Path(tempfile.mkdtemp(prefix="home-", dir=HOMES))
    write_mark(home / "pytest.json", Mark(os.getpid(), birth(os.getpid()) or "", 0))
    running = start_engines(home)
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def prefix() -> str:
    """A name that no other test has: for topics, keys, tables and consumer groups."""
    return f"t{uuid4().hex[:12]}"


def _clean_what_dead_runs_left() -> None:
    """A run that was killed could not stop its engines: find them by their marks."""
    HOMES.mkdir(mode=0o700, exist_ok=True)
    for home in HOMES.glob("home-*"):
        owner = read_mark(home / "pytest.json")
        if owner is not None and not still_runs(owner):
            Engines.left_in(home).stop()
            shutil.rmtree(home, ignore_errors=True)
