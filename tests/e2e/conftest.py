"""Whole systems beside each other: each worker of the tests has ports of its own for theirs."""

from __future__ import annotations

import pytest

from deploy.embedded.ports import free_port


@pytest.fixture(autouse=True)
def ports_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two systems that start at one moment would both find the usual port free."""
    for name in ("RAPPORT_HTTP_PORT", "RAPPORT_PROFILE_API_PORT"):
        monkeypatch.setenv(name, str(free_port()))
