"""A service whose consumer Kafka's client gave up on ends with the reason, to be started again."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import services.journey.__main__ as journey
import services.profile.__main__ as profile
import services.scoring.__main__ as scoring
from services.common.clients import ConsumerLost


def lose(*_: Any) -> None:
    raise ConsumerLost("another one took this name")


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        (profile, []),
        (profile, ["accounts"]),
        (scoring, ["score"]),
        (scoring, ["columns"]),
        (journey, ["decide"]),
    ],
)
def test_it_ends_with_the_reason(
    module: Any,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if module is profile:
        monkeypatch.setattr(profile, "run", lose)
    else:
        monkeypatch.setitem(module.COMMANDS, arguments[0], lose)
    with caplog.at_level(logging.CRITICAL):
        assert module.main(arguments) == 1
    assert caplog.messages == ["another one took this name"]
