"""The profile API as a process: what it answers from Redis, to whom, and under which id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from deploy.embedded.engines import Engines
from schemas.profile import Profile
from services.common.api_keys import Scope
from services.common.clients import clickhouse_client
from services.scoring.store import migrate
from tests.integration.profile_api_world import PERSONAL, Api, running
from tests.unit.profile_builders import touchpoint
from tests.waiting import until

HERE, ELSEWHERE = f"w{uuid4().hex[:10]}", f"w{uuid4().hex[:10]}"


@pytest.fixture(scope="module")
def api(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running(engines, tmp_path_factory.mktemp("api"), sorted((HERE, ELSEWHERE))) as one:
        with clickhouse_client(one.settings) as client:
            migrate(client)
        yield one


@pytest.fixture(scope="module")
def ada(api: Api) -> UUID:
    """Somebody whom an anonymous visit, an address and a user id belong to."""
    traits = {
        "firstName": "Ada",
        "city": "London",
        PERSONAL: "37",
        "note": "call +44 20 7946 0000 or ada@x.example",
        "newsletter": True,
        "contact": {"Home Address": "1 Main St", "language": "en"},
    }
    api.know(
        [
            touchpoint("anonymous_id:dev-1", at_s=1, workspace=HERE),
            touchpoint("user_id:ada", "anonymous_id:dev-1", at_s=2, workspace=HERE),
            touchpoint(
                "user_id:ada",
                "email:ada@x.example",
                at_s=3,
                workspace=HERE,
                kind="identified",
                traits=traits,
            ),
            touchpoint(
                "user_id:ada",
                at_s=4,
                workspace=HERE,
                kind="consent_changed",
                purposes={"email": True, "profiling": False},
            ),
        ]
    )
    return api.node(HERE, "anonymous_id", "dev-1")


def get(api: Api, path: str, *scopes: Scope, **options: Any) -> httpx.Response:
    with api.client(*scopes, workspace=options.pop("workspace", HERE)) as client:
        return client.get(path, **options)


def test_a_profile_is_whole_for_who_may_see_it(api: Api, ada: UUID) -> None:
    answer = get(api, f"/v1/profiles/{ada}", Scope.PROFILE_READ, Scope.PROFILE_PII)
    assert answer.status_code == 200, answer.text
    profile = Profile.model_validate_json(answer.content)
    assert profile.profile_id == ada
    assert {one.value for one in profile.identifiers} == {"ada", "ada@x.example", "dev-1"}
    assert profile.traits["firstName"].value == "Ada"
    assert answer.headers["etag"].startswith(f'"{profile.version}.')
    assert answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "private, no-cache"


def test_without_the_scope_nothing_tells_who_it_is(api: Api, ada: UUID) -> None:
    answer = get(api, f"/v1/profiles/{ada}", Scope.PROFILE_READ)
    assert answer.status_code == 200
    profile = Profile.model_validate_json(answer.content)
    assert {one.value for one in profile.identifiers} == {"***"}
    shown = {name: trait.value for name, trait in profile.traits.items()}
    assert shown == {
        "firstName": "***",
        "city": "London",
        PERSONAL: "***",
        "note": "call *** or ***@***",
        "newsletter": True,
        "contact": {"Home Address": "***", "language": "en"},
    }
    for secret in ("Ada", "ada", "dev-1", "7946", "Main St"):
        assert secret not in answer.text


def test_a_profile_is_found_by_any_spelling_of_an_identifier(api: Api, ada: UUID) -> None:
    with api.client(Scope.PROFILE_READ, workspace=HERE) as client:
        for kind, value in (("email", " ADA@X.example "), ("user_id", "ada")):
            answer = client.post("/v1/profiles/lookup", json={"kind": kind, "value": value})
            assert answer.json()["profile_id"] == str(ada)
        nobody = client.post("/v1/profiles/lookup", json={"kind": "email", "value": "b@x.example"})
        assert (nobody.status_code, nobody.json()["code"]) == (404, "not_found")
        for kind, value in (("email", "nothing"), ("user_id", "x" * 10_000), ("user_id", "  ")):
            wrong = client.post("/v1/profiles/lookup", json={"kind": kind, "value": value})
            assert (wrong.status_code, wrong.json()["code"]) == (400, "bad_identifier")


def test_the_id_of_who_merged_leads_to_who_took_them_in(api: Api) -> None:
    first = api.node(HERE, "user_id", "bob")
    second = api.node(HERE, "email", "bob@x.example")
    api.know([touchpoint("user_id:bob", at_s=1, workspace=HERE)])
    api.know([touchpoint("email:bob@x.example", at_s=2, workspace=HERE)])
    before = get(api, f"/v1/profiles/{second}", Scope.PROFILE_READ)
    assert before.json()["profile_id"] == str(second)
    api.know([touchpoint("user_id:bob", "email:bob@x.example", at_s=3, workspace=HERE)])
    after = get(
        api,
        f"/v1/profiles/{second}",
        Scope.PROFILE_READ,
        headers={"if-none-match": before.headers["etag"]},
    )
    assert after.status_code == 200
    assert after.json()["profile_id"] == str(first)
    assert after.headers["content-location"] == f"/v1/profiles/{first}"
    merges = get(api, f"/v1/profiles/{first}/merges", Scope.LINKS_READ)
    assert [one["profile_id"] for one in merges.json()["merged"]] == [str(second)]


@pytest.mark.parametrize("scopes", [(), (Scope.PROFILE_PII,)])
@pytest.mark.parametrize("part", ["", "/links", "/consent"])
def test_what_is_known_already_is_not_sent_again(
    api: Api, ada: UUID, part: str, scopes: tuple[Scope, ...]
) -> None:
    scope = {"": Scope.PROFILE_READ, "/links": Scope.LINKS_READ, "/consent": Scope.CONSENT_READ}
    path = f"/v1/profiles/{ada}{part}"
    first = get(api, path, scope[part], *scopes)
    tag = first.headers["etag"]
    again = get(api, path, scope[part], *scopes, headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    changed = get(api, path, scope[part], *scopes, headers={"if-none-match": '"1"'})
    assert changed.content == first.content


def test_the_tag_of_a_masked_profile_is_none_of_a_whole_one(api: Api, ada: UUID) -> None:
    masked = get(api, f"/v1/profiles/{ada}", Scope.PROFILE_READ).headers["etag"]
    asked = {"if-none-match": masked}
    whole = get(api, f"/v1/profiles/{ada}", Scope.PROFILE_READ, Scope.PROFILE_PII, headers=asked)
    assert whole.status_code == 200


def test_a_change_is_read_at_once(api: Api) -> None:
    carol = api.node(HERE, "user_id", "carol")
    versions = []
    for number in range(5):
        api.know([touchpoint("user_id:carol", at_s=number, workspace=HERE)])
        shown = get(api, f"/v1/profiles/{carol}", Scope.PROFILE_READ).json()
        assert shown["behaviour"]["events"] == number + 1
        versions.append(shown["version"])
    assert versions == sorted(set(versions))


def test_links_say_which_event_and_rule_tie_whom(api: Api, ada: UUID) -> None:
    shown = get(api, f"/v1/profiles/{ada}/links", Scope.LINKS_READ, Scope.PROFILE_PII).json()
    values = {one["identifier_id"]: one["value"] for one in shown["identifiers"]}
    ties = {
        frozenset((values[link["one"]], values[link["other"]])): link for link in shown["links"]
    }
    assert ties.keys() == {frozenset(("ada", "dev-1")), frozenset(("ada", "ada@x.example"))}
    assert all(link["rule"] == "together" and link["joins"] for link in shown["links"])
    masked = get(api, f"/v1/profiles/{ada}/links", Scope.LINKS_READ)
    assert {one["value"] for one in masked.json()["identifiers"]} == {"***"}
    assert masked.json()["links"] == shown["links"]


def test_an_identifier_that_no_event_counts_for_is_no_profile(api: Api, ada: UUID) -> None:
    never = api.node(HERE, "email", "ada@x.example")
    assert get(api, f"/v1/profiles/{never}", Scope.PROFILE_READ).status_code == 404


@pytest.mark.parametrize("wrong", ["x", "0", "not-a-uuid-but-of-36-characters-long", "%00"])
def test_an_id_that_is_none_is_told_so(api: Api, wrong: str) -> None:
    answer = get(api, f"/v1/profiles/{wrong}", Scope.PROFILE_READ)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_id")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer nobody"},
        {"authorization": "Bearer"},
        {"authorization": "Basic eDo="},
        {"authorization": "Bearer \xe9"},
    ],
)
@pytest.mark.parametrize("path", ["/v1/profiles/x", "/v1/changes", "/v1/nothing", "/"])
def test_without_a_key_nothing_is_told(api: Api, path: str, headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = httpx.get(api.url + path, headers=raw, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_errors_have_a_code_a_message_and_the_request_s_id(api: Api, ada: UUID) -> None:
    named = {"x-request-id": "asked-17"}
    with api.client(*Scope, workspace=HERE) as client:
        for method, path, status, code in (
            ("GET", "/v1/nothing", 404, "not_found"),
            ("DELETE", f"/v1/profiles/{ada}", 405, "method_not_allowed"),
            ("POST", "/v1/profiles/lookup", 400, "bad_request"),
            ("POST", "/v1/profiles/search", 400, "bad_request"),
            ("GET", f"/v1/profiles/{ada}/timeline?limit=0", 400, "bad_request"),
            ("GET", f"/v1/profiles/{ada}/timeline?limt=5", 400, "bad_request"),
            ("GET", f"/v1/profiles/{ada}/timeline?cursor=x", 400, "bad_cursor"),
            ("GET", "/v1/changes?cursor=x", 400, "bad_cursor"),
        ):
            answer = client.request(method, path, headers=named)
            assert (answer.status_code, answer.json()["code"]) == (status, code), path
            assert answer.json().keys() == {"code", "message"}
            assert answer.headers["x-request-id"] == "asked-17"


def test_a_body_has_a_limit_and_its_values_are_not_said_again(api: Api) -> None:
    with api.client(*Scope, workspace=HERE) as client:
        large = client.post("/v1/profiles/lookup", json={"kind": "email", "value": "x" * 70_000})
        assert (large.status_code, large.json()["code"]) == (413, "too_large")
        odd = client.post("/v1/profiles/lookup", json={"kind": {"ada@x.example": 1}, "value": 7})
        assert odd.status_code == 400
        assert "ada@x" not in odd.text


def test_a_key_that_is_taken_out_opens_nothing_any_more(api: Api, ada: UUID) -> None:
    """Within three seconds, without a restart."""
    path = next(api.log.parent.glob(f"workspaces/{HERE}/api_keys.yaml"))
    before = path.read_text(encoding="utf-8")

    def opens() -> int:
        return get(api, f"/v1/profiles/{ada}", Scope.PROFILE_READ).status_code

    assert opens() == 200
    path.write_text("keys: [{name: gone}]\n", encoding="utf-8")  # wrong: stays as it was
    path.write_text("keys: []\n", encoding="utf-8")
    until(lambda: opens() == 401, "the key to be shut out")
    path.write_text(before, encoding="utf-8")
    until(lambda: opens() == 200, "the key to be let in again")


def test_health_and_metrics_are_served_beside_it(api: Api, ada: UUID) -> None:
    get(api, f"/v1/profiles/{ada}", Scope.PROFILE_READ)
    told = httpx.get(f"{api.health}/metrics", trust_env=False).text
    assert 'answers_total{path="/v1/profiles/{profile_id}",status="200"}' in told
    assert httpx.get(f"{api.health}/healthz", trust_env=False).status_code == 200


def test_no_log_line_names_anybody(api: Api) -> None:
    words = api.log.read_text(encoding="utf-8")
    assert "x.example" not in words
    assert "dev-1" not in words
