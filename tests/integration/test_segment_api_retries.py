"""When SDKs try again, fact by fact: the answers of ingest rest on it. Those for Python.

What they send is in test_segment_api_facts.py, how they are answered in
test_segment_api_answers.py.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import NamedTuple
from uuid import uuid4

import pytest

from tests.integration.flaky_proxy import Fault, flaky
from tests.integration.segment_world import Segment, age_of
from tests.integration.test_ingest import KEY
from tests.integration.test_ingest_sdks import by_posthog, by_rudder, by_segment

SDKS = {"segment": by_segment, "rudder": by_rudder, "posthog": by_posthog}
TRIED_AGAIN: tuple[Fault, ...] = (408, 429, 500, 502, 503, 504)
#: Most of them, that is: rudder Python gives a 408 up, so ingest says it of slow headers only.
GIVEN_UP = {("rudder", 408)}
TOLD_ONCE: tuple[Fault, ...] = (400, 401, 413)


class Run(NamedTuple):
    """Of one event: the answers to it, its message id, and the event ids under which it came."""

    answered: list[Fault]
    message_id: str
    event_ids: list[str]


@pytest.fixture(scope="module")
def runs(segment: Segment) -> dict[tuple[str, Fault], Run]:
    """Each SDK sends one event whose first answer is this; all at once, since most time is spent
    waiting to try again."""
    answered: dict[tuple[str, Fault], list[Fault]] = {}
    cases = list(product(SDKS, (*TRIED_AGAIN, *TOLD_ONCE, "cut after")))
    ids = {case: str(uuid4()) for case in cases}

    def send(case: tuple[str, Fault]) -> None:
        sdk, fault = case
        with flaky(segment.ingest.url, fault) as (proxy, host):
            SDKS[sdk](host, KEY, "Asked", [ids[case]])
            answered[case] = proxy.answered

    with ThreadPoolExecutor(len(cases)) as pool:
        list(pool.map(send, cases))
    return {
        case: Run(
            answered[case],
            ids[case],
            [str(one["event_id"]) for one in segment.log.touchpoints(ids[case])],
        )
        for case in cases
    }


@pytest.mark.parametrize("fault", TRIED_AGAIN)
@pytest.mark.parametrize("sdk", SDKS)
def test_408_429_and_5xx_are_tried_again(
    runs: dict[tuple[str, Fault], Run], sdk: str, fault: Fault
) -> None:
    run = runs[sdk, fault]
    again = (sdk, fault) not in GIVEN_UP
    assert run.answered == ([fault, 200] if again else [fault])
    assert len(run.event_ids) == again


@pytest.mark.parametrize("fault", TOLD_ONCE)
@pytest.mark.parametrize("sdk", SDKS)
def test_400_401_and_413_with_code_and_message_are_not_tried_again(
    runs: dict[tuple[str, Fault], Run], sdk: str, fault: Fault
) -> None:
    run = runs[sdk, fault]
    assert run.answered == [fault]
    assert run.event_ids == []


@pytest.mark.parametrize("sdk", SDKS)
def test_the_message_id_stays_the_same_across_retries(
    runs: dict[tuple[str, Fault], Run], sdk: str
) -> None:
    """The first request arrived, its answer did not: the event is there twice, as one."""
    run = runs[sdk, "cut after"]
    assert run.answered == ["cut after", 200]
    assert len(run.event_ids) == 2
    assert len(set(run.event_ids)) == 1


def test_sent_at_of_a_retry_may_be_stale(segment: Segment, prefix: str) -> None:
    """From rudder Node: the retry is the same event, and it never happened after its arrival."""
    now = datetime.now(UTC)
    times = {"timestamp": (now - timedelta(seconds=602)).isoformat()}
    call = {"messageId": prefix, "userId": "u-1", "event": "Asked"} | times
    waited = call | {"sentAt": (now - timedelta(seconds=600)).isoformat()}
    for _ in range(2):
        segment.taken("/v1/track", waited)
    first, again = segment.log.touchpoints(prefix)
    assert first["event_id"] == again["event_id"], "it counts once"
    for one in (first, again):
        assert age_of(one) == timedelta(seconds=2)
    older = {"messageId": f"{prefix}-o", "sentAt": (now - timedelta(days=3)).isoformat()}
    found = segment.touchpoint_of(call | older)
    assert found["occurred_at"] == found["received_at"]
    assert found["context"]["ingest"]["timestamp_sent"] == times["timestamp"]
