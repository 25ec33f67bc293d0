"""Ingest answers what its OpenAPI document says, whatever schemathesis makes of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import product
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from deploy.embedded.engines import Engines
from services.ingest.paths import ENDPOINTS
from tests.integration.test_ingest import KEY, Ingest, running

SETTINGS = "/v1/projects/{writeKey}/settings"
POSITIVE = schemathesis.GenerationMode.POSITIVE
#: The others are other names of these, so a few requests to each say that they are the same.
OWN = ["/v1/batch", "/v1/track", "/v1/identify", "/v1/page", "/v1/group", "/v1/alias", "/batch"]
EXAMPLES = int(os.environ.get("RAPPORT_FUZZ_EXAMPLES", "12"))
EXAMPLES_OF_NAMES = 3
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def ingest(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingest]:
    with running(engines.kafka, tmp_path_factory.mktemp("openapi")) as one:
        yield one


@pytest.fixture(scope="module")
def api(ingest: Ingest) -> Any:
    return schemathesis.openapi.from_url(f"{ingest.url}/openapi.json")


@pytest.mark.parametrize(
    ("path", "mode"), [*product(ENDPOINTS, schemathesis.GenerationMode), (SETTINGS, POSITIVE)]
)
def test_no_request_is_answered_otherwise_than_documented(
    api: Any, path: str, mode: schemathesis.GenerationMode
) -> None:
    """Requests as documented, and requests that are not."""
    operation = api[path]["GET" if path == SETTINGS else "POST"]

    examples = EXAMPLES if path in (*OWN, SETTINGS) else EXAMPLES_OF_NAMES

    @settings(max_examples=examples, deadline=None, database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def sent(case: Any) -> None:
        case.call_and_validate(auth=(KEY, ""), checks=CHECKS)

    sent()


def test_every_path_is_documented(ingest: Ingest) -> None:
    said = httpx.get(f"{ingest.url}/openapi.json").json()
    assert {*ENDPOINTS, SETTINGS} == set(said["paths"])
