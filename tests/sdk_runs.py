"""SDKs against one real ingest, all faults at once: most of the time each waits to try again.

A module of tests takes the fixture, both tests and what gives them their cases from here, and has
SDKS (name -> how it sends), CASES, and ATTEMPTS where an SDK does not give up at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from uuid import uuid4, uuid5

import pytest

from deploy.embedded.engines import Engines
from schemas.base import NAMESPACE
from tests.integration.flaky_proxy import Fault, flaky
from tests.integration.test_ingest import KEY, Ingest, all_of, running

EVENTS = 120
BATCH = 50
WRONG_KEY = "a-wrong-key"
RUNS_AT_ONCE = 8

#: (host, key, prefix, message ids): sends one event for each id, named by the prefix and its
#: number; returns when all were answered or given up.
Send = Callable[[str, str, str, list[str]], None]

#: The first answers: a fault to a batch, and None, ingest's own, to its second.
FAULTS: dict[str, tuple[Fault | None, ...]] = {
    "none": (),
    "errors": (500, 503, None, 429),
    "cut": ("cut before", None, "cut after"),
}


class Case(NamedTuple):
    """One SDK, and what becomes of its first requests."""

    sdk: str
    faults: str
    key: str = KEY


class Run(NamedTuple):
    """What was answered, what was sent, and what arrived: message id and name, in their order."""

    answered: list[Fault]
    sent: dict[str, str]
    arrived: list[tuple[str, str]]


def run_all(ingest: Ingest, sdks: Mapping[str, Send], cases: Iterable[Case]) -> dict[Case, Run]:
    """All cases at once."""
    prefixes = {case: f"t{uuid4().hex[:12]}" for case in cases}
    answers: dict[Case, list[Fault]] = {}

    def send(case: Case) -> None:
        with flaky(ingest.url, *FAULTS[case.faults]) as (proxy, host):
            sdks[case.sdk](host, case.key, prefixes[case], list(sent_by(prefixes[case])))
            answers[case] = proxy.answered

    with ThreadPoolExecutor(RUNS_AT_ONCE) as pool:
        list(pool.map(send, prefixes))
    values = all_of(ingest.kafka, "touchpoints.accepted")
    return {
        case: Run(answers[case], sent_by(prefix), _arrived(values, prefix))
        for case, prefix in prefixes.items()
    }


def sent_by(prefix: str) -> dict[str, str]:
    """Message id -> event name. PostHog's SDKs take UUIDs only."""
    names = [f"{prefix} {number}" for number in range(EVENTS)]
    return {str(uuid5(NAMESPACE, name)): name for name in names}


def _arrived(values: Iterable[dict[str, Any]], prefix: str) -> list[tuple[str, str]]:
    named = ((value["message_id"], str(value["properties"].get("name"))) for value in values)
    return [(message_id, name) for message_id, name in named if name.startswith(f"{prefix} ")]


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest,
    engines: Engines,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[Case, Run]:
    """All cases of the module, and each SDK with a wrong key."""
    with running(engines.kafka, tmp_path_factory.mktemp("sdks")) as ingest:
        sdks = request.module.SDKS
        return run_all(ingest, sdks, [*request.module.CASES, *_wrong(sdks)])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The cases of the module for both tests."""
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", metafunc.module.CASES, ids="-".join)
    elif "wrong" in metafunc.fixturenames:
        metafunc.parametrize("wrong", _wrong(metafunc.module.SDKS), ids="-".join)


def _wrong(sdks: Iterable[str]) -> list[Case]:
    return [Case(sdk, "none", WRONG_KEY) for sdk in sdks]


def test_every_event_arrives_whatever_the_first_answer_was(
    case: Case, runs: dict[Case, Run]
) -> None:
    """Each event, and only what ingest had before a connection was cut once more, under its id."""
    run, faults = runs[case], FAULTS[case.faults]
    seen = Counter(run.answered)
    assert seen[200] >= 1
    assert seen - Counter({200: seen[200]}) == Counter(fault for fault in faults if fault)
    times = Counter(run.arrived)
    assert dict(times.keys()) == run.sent
    if "cut after" not in faults:
        assert set(times.values()) == {1}


def test_a_wrong_key_is_told_as_often_as_the_sdk_asks(
    wrong: Case, runs: dict[Case, Run], request: pytest.FixtureRequest
) -> None:
    """Of each batch; an answer that SDKs take for a passing fault is asked for eleven times."""
    run, attempts = runs[wrong], getattr(request.module, "ATTEMPTS", {}).get(wrong.sdk, 1)
    assert set(run.answered) == {401}
    batches = -(-EVENTS // BATCH)
    assert len(run.answered) <= (batches + 1) * attempts
    assert run.arrived == []
