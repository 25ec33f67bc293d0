"""The SDKs that people have, against a real ingest: the host is changed, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from uuid import UUID, uuid5

import pytest
from posthog import Posthog
from rudderstack.analytics.client import Client as Rudder
from segment.analytics.client import Client as Segment

from deploy.embedded.engines import Engines
from schemas.base import NAMESPACE
from tests.integration.flaky_proxy import Fault, flaky
from tests.integration.test_ingest import KEY, Ingest, found, running

EVENTS = 120
#: Sends that many events whose names begin with the prefix; returns when all were answered.
Send = Callable[[str, str, str], None]


@pytest.fixture(scope="module")
def ingest(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingest]:
    with running(engines.kafka, tmp_path_factory.mktemp("sdks")) as one:
        yield one


def id_of(prefix: str, number: int) -> str:
    """PostHog's SDK takes UUIDs only."""
    return str(uuid5(NAMESPACE, f"{prefix}-{number}"))


def first_times(ids: set[str]) -> Callable[[str], bool]:
    """Whether an id is one of these and was not asked for before."""
    left = set(ids)

    def is_new(one: str) -> bool:
        if one not in left:
            return False
        left.remove(one)
        return True

    return is_new


def by_segment(host: str, key: str, prefix: str, *, gzip: bool = True) -> None:
    client = Segment(key, host=host, gzip=gzip, upload_size=50)
    for number in range(EVENTS):
        client.track("u1", f"{prefix} {number}", message_id=id_of(prefix, number))
    client.flush()
    client.join()


def by_rudder(host: str, key: str, prefix: str) -> None:
    client = Rudder(key, host=host, upload_size=50)
    for number in range(EVENTS):
        client.track("u1", f"{prefix} {number}", message_id=id_of(prefix, number))
    client.flush()
    client.join()


def by_posthog(host: str, key: str, prefix: str) -> None:
    client = Posthog(key, host=host, gzip=True, flush_at=50, flush_interval=0.5)
    for number in range(EVENTS):
        client.capture(f"{prefix} {number}", distinct_id="u1", uuid=UUID(id_of(prefix, number)))
    client.flush()
    client.shutdown()


SDKS: dict[str, Send] = {
    "segment": by_segment,
    "segment, plain": partial(by_segment, gzip=False),
    "rudder": by_rudder,
    "posthog": by_posthog,
}
#: The first answer to each batch, and None, ingest's own, to its second.
FAULTS: dict[str, tuple[Fault | None, ...]] = {
    "none": (),
    "errors": (500, None, 503, None, 429),
    "cut": ("cut before", None, "cut after"),
}


#: Without gzip the same client sends: once is enough.
CASES = {
    f"{sdk}-{faults}": (send, FAULTS[faults])
    for sdk, send in SDKS.items()
    for faults in FAULTS
    if sdk != "segment, plain" or faults == "none"
}


@pytest.mark.parametrize(("send", "faults"), CASES.values(), ids=CASES)
def test_every_event_arrives_whatever_the_first_answer_was(
    ingest: Ingest, prefix: str, send: Send, faults: tuple[Fault | None, ...]
) -> None:
    """And only what ingest had before the connection was cut arrives again, under its id."""
    with flaky(ingest.url, *faults) as (proxy, host):
        send(host, KEY, prefix)
    wanted_answers = [200 if fault is None else fault for fault in faults]
    assert proxy.answered[: len(faults)] == wanted_answers
    assert set(proxy.answered[len(faults) :]) == {200}
    sent = {id_of(prefix, number) for number in range(EVENTS)}
    wanted = first_times(sent) if "cut after" in faults else lambda value: value in sent
    values = found(
        ingest.kafka, "touchpoints.accepted", lambda value: wanted(value["message_id"]), EVENTS
    )
    assert sorted(value["message_id"] for value in values) == sorted(sent)
    named = {value["properties"]["name"] for value in values}
    assert named == {f"{prefix} {number}" for number in range(EVENTS)}


@pytest.mark.parametrize("send", SDKS.values(), ids=SDKS)
def test_a_wrong_key_is_told_once_for_each_batch(ingest: Ingest, prefix: str, send: Send) -> None:
    """An answer that SDKs take for a passing fault is asked for eleven times."""
    with flaky(ingest.url) as (proxy, host):
        send(host, "a-wrong-key", prefix)
    assert set(proxy.answered) == {401}
    assert len(proxy.answered) <= -(-EVENTS // 50) + 1
