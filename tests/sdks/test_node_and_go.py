"""The SDKs for Node and Go, against a real ingest: `make test-sdks`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from tests.sdk_runs import (
    EVENTS,
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
