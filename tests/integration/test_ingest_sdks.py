"""The SDKs that people have, against a real ingest: the host is changed, and nothing else.

Those for Python; Node and Go are in tests/sdks.
"""

from __future__ import annotations

from functools import partial
from uuid import UUID

from posthog import Posthog
from rudderstack.analytics.client import Client as Rudder
from segment.analytics.client import Client as Segment

from tests.sdk_runs import (
    BATCH,
    FAULTS,
    Case,
    Send,
    pytest_generate_tests,
    runs,
    test_a_wrong_key_is_told_as_often_as_the_sdk_asks,
    test_every_event_arrives_whatever_the_first_answer_was,
)

__all__ = [
    "pytest_generate_tests",
    "runs",
    "test_a_wrong_key_is_told_as_often_as_the_sdk_asks",
    "test_every_event_arrives_whatever_the_first_answer_was",
]


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
