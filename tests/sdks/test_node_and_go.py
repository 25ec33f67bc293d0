"""The SDKs for Node and Go, against a real ingest: `make test-sdks`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest

from deploy.embedded.engines import Engines
from tests.integration.test_ingest import running
from tests.sdk_runs import (
    EVENTS,
    FAULTS,
    WRONG_KEY,
    Case,
    Run,
    Send,
    assert_all_arrived,
    assert_told_once,
    run_all,
)

HERE = Path(__file__).parent
NODE = ("node", str(HERE / "node" / "send.js"))
GO = (str(HERE / "go" / "build" / "sdks"),)
PATIENCE_S = 120


def by_program(
    program: Iterable[str], sdk: str, host: str, key: str, prefix: str, ids: list[str]
) -> None:
    """An SDK ends its program well whatever it was answered."""
    subprocess.run(
        [*program, sdk, host, key, prefix, str(EVENTS)],
        input="\n".join(ids),
        text=True,
        check=True,
        capture_output=True,
        timeout=PATIENCE_S,
    )


SDKS: dict[str, Send] = {
    f"{language}, {sdk}": partial(by_program, program, sdk)
    for language, program, those in (
        ("node", NODE, ("segment", "rudder", "customerio", "posthog")),
        ("go", GO, ("segment", "rudder")),
    )
    for sdk in those
}
#: These two try again whatever they are answered, but for a 400: of every server, so of ours.
ATTEMPTS = {"node, customerio": 4, "go, segment": 10, "go, rudder": 10}
CASES = [Case(sdk, faults) for sdk in SDKS for faults in FAULTS]
WRONG = [Case(sdk, "none", WRONG_KEY) for sdk in SDKS]


@pytest.fixture(scope="module")
def runs(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> dict[Case, Run]:
    with running(engines.kafka, tmp_path_factory.mktemp("sdks")) as ingest:
        return run_all(ingest, SDKS, [*CASES, *WRONG])


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_every_event_arrives_whatever_the_first_answer_was(
    case: Case, runs: dict[Case, Run]
) -> None:
    assert_all_arrived(case, runs[case])


@pytest.mark.parametrize("case", WRONG, ids="-".join)
def test_a_wrong_key_is_told_as_often_as_the_sdk_asks(case: Case, runs: dict[Case, Run]) -> None:
    assert_told_once(runs[case], ATTEMPTS.get(case.sdk, 1))
