"""The SDKs that people have, against a real ingest: the host is changed, and nothing else.

Those for Python; Node and Go are in tests/sdks.
"""

from __future__ import annotations

from functools import partial
from uuid import UUID

import pytest
from posthog import Posthog
from rudderstack.analytics.client import Client as Rudder
from segment.analytics.client import Client as Segment

from deploy.embedded.engines import Engines
from tests.integration.test_ingest import running
from tests.sdk_runs import (
    BATCH,
    FAULTS,
    WRONG_KEY,
    Case,
    Run,
    Send,
    assert_all_arrived,
    assert_told_once,
    run_all,
)


def by_segment(host: str, key: str, prefix: str, ids: list[str], *, gzip: bool = True) -> None:
    client = Segment(key, host=host, gzip=gzip, upload_size=BATCH)
    for number, message_id in enumerate(ids):
        client.track("u1", f"{prefix} {number}", message_id=message_id)
    client.flush()
    client.join()


def by_rudder(host: str, key: str, prefix: str, ids: list[str]) -> None:
    client = Rudder(key, host=host, upload_size=BATCH)
    for number, message_id in enumerate(ids):
        client.track("u1", f"{prefix} {number}", message_id=message_id)
    client.flush()
    client.join()


def by_posthog(host: str, key: str, prefix: str, ids: list[str]) -> None:
    client = Posthog(key, host=host, gzip=True, flush_at=BATCH, flush_interval=0.5)
    for number, message_id in enumerate(ids):
        client.capture(f"{prefix} {number}", distinct_id="u1", uuid=UUID(message_id))
    client.flush()
    client.shutdown()


SDKS: dict[str, Send] = {
    "segment": by_segment,
    "segment, plain": partial(by_segment, gzip=False),
    "rudder": by_rudder,
    "posthog": by_posthog,
}
CASES = [
    Case(sdk, faults)
    for sdk in SDKS
    for faults in FAULTS
    if sdk != "segment, plain" or faults == "none"  # the same client sends: once is enough
]
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
def test_a_wrong_key_is_told_once_for_each_batch(case: Case, runs: dict[Case, Run]) -> None:
    assert_told_once(runs[case])
