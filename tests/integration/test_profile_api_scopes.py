"""Every endpoint with every scope from both workspaces, and whatever schemathesis makes of them."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any
from uuid import UUID, uuid4

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
from schemas.profile import Profile
from schemas.profile_api import TimelinePage
from schemas.touchpoint import ResolvedTouchpoint
from services.common.api_keys import Scope
from services.common.clients import clickhouse_client, ensure_topics
from services.scoring.store import migrate
from tests.columns_engine import fill
from tests.integration.profile_api_world import Api, key_of, running
from tests.integration.test_ingest import all_of, found
from tests.unit.profile_builders import touchpoint

HERE, ELSEWHERE = f"w{uuid4().hex[:10]}", f"w{uuid4().hex[:10]}"
EXAMPLES = int(os.environ.get("RAPPORT_FUZZ_EXAMPLES", "6"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
#: What nobody elsewhere, and nobody without profile:pii, may read in any answer.
SECRETS = ("zelda", "mallory", "dev-z", "Zeldovich", "7946")

MODELS: dict[str, Any] = {"touchpoints.resolved": ResolvedTouchpoint, "profiles.changed": Profile}

LOOKUP = {"kind": "email", "value": "zelda@mallory.example"}
PAIR = {"one": {"kind": "user_id", "value": "zelda"}, "other": LOOKUP}
#: A household, whose name says who lives there.
HOUSE = "mallory-house"
PAGE: dict[str, Any] = {"items": [], "next": None}
UNKNOWN = ["one", "other"]
#: Every operation with a request that is right: its address, its body.
REQUESTS: dict[tuple[str, str], tuple[str, Any]] = {
    ("GET", "/v1/profiles/{profile_id}"): ("/v1/profiles/{id}", None),
    ("POST", "/v1/profiles/lookup"): ("/v1/profiles/lookup", LOOKUP),
    ("POST", "/v1/profiles/search"): ("/v1/profiles/search", {"identifier": LOOKUP}),
    ("GET", "/v1/profiles/{profile_id}/timeline"): ("/v1/profiles/{id}/timeline", None),
    ("GET", "/v1/profiles/{profile_id}/scores"): ("/v1/profiles/{id}/scores", None),
    ("GET", "/v1/profiles/{profile_id}/stage"): ("/v1/profiles/{id}/stage", None),
    ("GET", "/v1/profiles/{profile_id}/consent"): ("/v1/profiles/{id}/consent", None),
    ("GET", "/v1/profiles/{profile_id}/links"): ("/v1/profiles/{id}/links", None),
    ("GET", "/v1/profiles/{profile_id}/merges"): ("/v1/profiles/{id}/merges", None),
    ("GET", "/v1/profiles/{profile_id}/accounts"): ("/v1/profiles/{id}/accounts", None),
    ("GET", "/v1/accounts/{account_profile_id}"): ("/v1/accounts/{account}", None),
    ("GET", "/v1/accounts/{account_profile_id}/members"): (
        "/v1/accounts/{account}/members",
        None,
    ),
    ("POST", "/v1/accounts/lookup"): ("/v1/accounts/lookup", {"account_id": HOUSE}),
    ("POST", "/v1/why"): ("/v1/why", PAIR),
    ("POST", "/v1/merges"): ("/v1/merges", PAIR),
    ("POST", "/v1/unmerges"): ("/v1/unmerges", PAIR),
    ("GET", "/v1/changes"): ("/v1/changes", None),
}
#: What who is in another workspace is answered: the status, and what is told in its JSON. All
#: others, as if it never was: 404.
ELSEWHERE_TOLD: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {
    ("POST", "/v1/profiles/search"): (200, PAGE),
    ("POST", "/v1/merges"): (202, {"one_person": False, "unknown": UNKNOWN}),
    ("POST", "/v1/unmerges"): (409, {"code": "not_one_person"}),
    ("GET", "/v1/changes"): (200, {}),
}
#: The operations that show her with profile:pii, and what is on record then.
SHOWN = {
    ("GET", "/v1/profiles/{profile_id}"): "profile.read",
    ("GET", "/v1/profiles/{profile_id}/accounts"): "accounts.read",
    ("GET", "/v1/profiles/{profile_id}/links"): "links.read",
    ("GET", "/v1/profiles/{profile_id}/timeline"): "timeline.read",
    ("GET", "/v1/accounts/{account_profile_id}"): "account.read",
    ("GET", "/v1/accounts/{account_profile_id}/members"): "member.read",
    ("POST", "/v1/accounts/lookup"): "account.read",
    ("POST", "/v1/profiles/lookup"): "profile.read",
    ("POST", "/v1/profiles/search"): "profile.found",
    ("POST", "/v1/why"): "links.read",
}


@pytest.fixture(scope="module")
def api(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("scopes")
    with running(engines, folder, sorted((HERE, ELSEWHERE))) as one:
        ensure_topics(one.settings)
        yield one


@pytest.fixture(scope="module")
def zelda(api: Api) -> UUID:
    """Somebody of HERE, in Redis and in the columns."""
    told = api.know_with_accounts(
        [
            touchpoint("anonymous_id:dev-z", at_s=1, workspace=HERE),
            touchpoint(
                "user_id:zelda",
                "email:zelda@mallory.example",
                "anonymous_id:dev-z",
                at_s=2,
                workspace=HERE,
                kind="identified",
                traits={"first_name": "Zeldovich", "city": "London", "note": "+44 20 7946 0000"},
            ),
            touchpoint(
                "user_id:zelda",
                at_s=3,
                workspace=HERE,
                kind="account_linked",
                account_id=HOUSE,
                account_kind="household",
                role="mother of mallory@x.example",
                traits={"name": "The Zeldovichs", "address": "1 Mallory St", "size": 3},
            ),
        ]
    )
    with clickhouse_client(api.settings) as client:
        migrate(client)
        fill(
            client, [(one.topic, MODELS[one.topic].model_validate_json(one.value)) for one in told]
        )
    return api.node(HERE, "anonymous_id", "dev-z")


@pytest.fixture(scope="module")
def document(api: Api) -> Any:
    return httpx.get(f"{api.url}/openapi.json", trust_env=False).json()


def scope_of(document: Any, operation: tuple[str, str]) -> Scope:
    method, path = operation
    return Scope(document["paths"][path][method.lower()]["x-scope"])


def ask(
    api: Api, operation: tuple[str, str], scopes: tuple[Scope, ...], where: str, zelda: UUID
) -> tuple[int, str]:
    """(status, text) of the right request; of a stream what comes at once."""
    address, body = REQUESTS[operation]
    path = address.format(id=zelda, account=api.account(HERE, HOUSE))
    with (
        api.client(*scopes, workspace=where) as client,
        client.stream(operation[0], path, json=body) as answer,
    ):
        if answer.headers["content-type"] == "text/event-stream":
            return answer.status_code, next(answer.iter_text())
        return answer.status_code, answer.read().decode()


def test_every_operation_is_tried_here(document: Any) -> None:
    documented = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert documented == set(REQUESTS)


@pytest.mark.parametrize("operation", REQUESTS, ids=" ".join)
def test_one_scope_opens_one_endpoint_and_no_other(
    api: Api, zelda: UUID, document: Any, operation: tuple[str, str]
) -> None:
    needed = scope_of(document, operation)
    for scope in Scope:
        status, text = ask(api, operation, (scope,), HERE, zelda)
        assert (status == 403) == (scope is not needed), (scope, status, text)
        assert status not in (401, 500), text
        assert not [secret for secret in SECRETS if secret in text], text


@pytest.mark.parametrize("operation", REQUESTS, ids=" ".join)
def test_nobody_elsewhere_learns_anything(
    api: Api, zelda: UUID, document: Any, operation: tuple[str, str]
) -> None:
    """With every scope there is; as if she were nowhere."""
    status, text = ask(api, operation, tuple(Scope), ELSEWHERE, zelda)
    assert not [secret for secret in SECRETS if secret in text], text
    wanted, told = ELSEWHERE_TOLD.get(operation, (404, {"code": "not_found"}))
    assert status == wanted, text
    said = {} if operation[1] == "/v1/changes" else json.loads(text)
    assert {name: said[name] for name in told} == told
    if wanted == 404:
        assert ask(api, operation, tuple(Scope), ELSEWHERE, uuid4()) == (status, text)


def test_with_profile_pii_each_shows_her_and_that_is_on_record(
    api: Api, zelda: UUID, document: Any
) -> None:
    """Each is asked once with a key that no other test has; masked reads leave no record."""
    shown, wanted = set(), Counter[tuple[str, str]]()
    for operation in REQUESTS:
        needed = scope_of(document, operation)
        _, text = ask(api, operation, (needed, Scope.PROFILE_PII), HERE, zelda)
        if "mallory" in text:
            shown.add(operation)
            wanted[f"key:{'+'.join(sorted((needed, Scope.PROFILE_PII)))}", SHOWN[operation]] += 1
    assert shown == set(SHOWN)
    acts = found(api.settings.kafka, "audit", whom(zelda, api), wanted.total())
    assert Counter((act["who"], act["what"]) for act in acts) == wanted
    alone = {f"key:{scope}" for scope in Scope if scope is not Scope.IDENTITY_WRITE}
    every = all_of(api.settings.kafka, "audit")
    assert not [one for one in every if one["who"] in alone and one["workspace"] == HERE]


def whom(zelda: UUID, api: Api) -> Callable[[dict[str, Any]], bool]:
    """Acts about her, and about where she lives, by keys that see personal data."""
    about = {str(zelda), str(api.account(HERE, HOUSE))}
    return lambda act: act["subject"] in about and act["who"].count("+") == 1


def test_who_sees_no_personal_data_can_not_guess_it(api: Api, zelda: UUID) -> None:
    with api.client(Scope.SEARCH, workspace=HERE) as client:
        for asked in (
            {"identifier_prefix": {"kind": "email", "value": "z"}},
            {"traits": {"First Name": "Zeldovich"}},
            {"traits": {"city": "London", "first_name": "Z"}},
        ):
            answer = client.post("/v1/profiles/search", json=asked)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), asked
        found = client.post("/v1/profiles/search", json={"traits": {"city": "London"}})
        assert [one["profile_id"] for one in found.json()["items"]] == [str(zelda)]
        assert "mallory" not in found.text


def test_a_masked_timeline_keeps_what_names_nobody(api: Api, zelda: UUID) -> None:
    status, text = ask(
        api, ("GET", "/v1/profiles/{profile_id}/timeline"), (Scope.TIMELINE_READ,), HERE, zelda
    )
    assert status == 200
    events = TimelinePage.model_validate_json(text).items
    identified = next(one for one in events if one.kind == "identified")
    traits = identified.properties["traits"]
    assert traits == {"first_name": "***", "city": "London", "note": "***"}
    assert {one.value for one in identified.identifiers} == {"***"}


MODES = list(schemathesis.GenerationMode)
#: A stream has no end to wait for; its parameters are tried in test_profile_api_feed.
FUZZED = [operation for operation in REQUESTS if operation[1] != "/v1/changes"]


@pytest.fixture(scope="module")
def fuzzed(api: Api, zelda: UUID) -> Any:
    return schemathesis.openapi.from_url(f"{api.url}/openapi.json")


@pytest.mark.parametrize(
    ("operation", "mode"),
    list(product(FUZZED, MODES)),
    ids=lambda one: getattr(one, "value", str(one)),
)
def test_no_request_is_answered_otherwise_than_documented(
    fuzzed: Any, operation: tuple[str, str], mode: schemathesis.GenerationMode
) -> None:
    """Requests as documented, and requests that are not."""
    method, path = operation
    headers = {"authorization": f"Bearer {key_of(HERE, tuple(Scope))}"}

    @settings(max_examples=EXAMPLES, deadline=None, database=None)
    @given(case=fuzzed[path][method].as_strategy(generation_mode=mode))
    def sent(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    sent()
