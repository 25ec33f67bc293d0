"""Accounts and households over HTTP: what their members come to, who they are, and for whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from deploy.embedded.engines import Engines
from schemas.account import Account
from schemas.profile_api_accounts import (
    AccountsOfPerson,
    MembersPage,
)
from services.common.api_keys import Scope
from services.common.clients import ensure_topics
from services.profile.domain.ids import uuid_bytes
from services.profile.snapshot import erased
from services.profile.store import node_key
from tests.integration.profile_api_world import Api, running
from tests.integration.test_ingest import found
from tests.unit.profile_builders import touchpoint

HERE, ELSEWHERE = f"w{uuid4().hex[:10]}", f"w{uuid4().hex[:10]}"
MANY = 150


@pytest.fixture(scope="module")
def api(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("accounts")
    with running(engines, folder, sorted((HERE, ELSEWHERE))) as one:
        ensure_topics(one.settings)
        yield one


def links(who: str, account: str, **facts: Any) -> Any:
    at_s, workspace = facts.pop("at_s", 1), facts.pop("workspace", HERE)
    said = {"kind": "account_linked", "account_id": account, "message": uuid4().hex, **facts}
    return touchpoint(who, at_s=at_s, workspace=workspace, **said)


@pytest.fixture(scope="module")
def acme(api: Api) -> UUID:
    """A company of two, of whom one was told of by two identifiers."""
    api.know_with_accounts(
        [
            links(
                "user_id:ann",
                "acme",
                role="buyer",
                traits={"name": "Acme", "phone": "+44 20 7946 0000", "size": 7},
            ),
            touchpoint("user_id:ann", "email:ann@x.example", at_s=2, workspace=HERE),
            links("user_id:ben", "acme", role="ben@x.example, ask him"),
            touchpoint("user_id:cid", at_s=1, workspace=HERE),
        ]
    )
    return api.account(HERE, "acme")


def get(api: Api, path: str, *scopes: Scope, **options: Any) -> httpx.Response:
    with api.client(*scopes, workspace=options.pop("workspace", HERE)) as client:
        return client.get(path, **options)


def test_an_account_is_what_its_members_come_to(api: Api, acme: UUID) -> None:
    answer = get(api, f"/v1/accounts/{acme}", *Scope)
    assert answer.status_code == 200, answer.text
    account = Account.model_validate_json(answer.content)
    assert (account.account_profile_id, account.account_id) == (acme, "acme")
    assert (account.members, account.events) == (2, 3)
    assert account.traits["name"].value == "Acme"
    people = {api.node(HERE, "user_id", one) for one in ("ann", "ben")}
    assert set(account.member_profile_ids) == people
    assert answer.headers["etag"].startswith(f'"{account.version}.')


def test_what_it_shows_is_what_is_published(api: Api) -> None:
    told = api.follow(api.know([links("user_id:same", "same", role="buyer")]))
    (published,) = [one.value for one in told if one.topic == "accounts.changed"]
    shown = get(api, f"/v1/accounts/{api.account(HERE, 'same')}", *Scope)
    assert shown.content == published


def test_an_account_is_found_by_its_name(api: Api, acme: UUID) -> None:
    with api.client(Scope.ACCOUNT_READ, workspace=HERE) as client:

        def ask(asked: dict[str, Any]) -> httpx.Response:
            return client.post("/v1/accounts/lookup", json=asked)

        answer = ask({"account_id": " acme "})
        assert answer.json()["account_profile_id"] == str(acme)
        assert answer.headers["content-location"] == f"/v1/accounts/{acme}"
        assert ask({"account_id": "ACME"}).status_code == 404
        for wrong, code in (
            ({}, "no_account"),
            ({"account_id": "acme", "household": {"street": "a", "city": "b"}}, "no_account"),
            ({"household": {"street": "1 Main St"}}, "bad_household"),
            ({"account_id": "x" * 201}, "bad_request"),
        ):
            refused = ask(wrong)
            assert (refused.status_code, refused.json()["code"]) == (400, code), wrong
    assert get(api, "/v1/accounts/x", Scope.ACCOUNT_READ).json()["code"] == "bad_id"


def test_without_members_read_an_account_names_no_member(api: Api, acme: UUID) -> None:
    path = f"/v1/accounts/{acme}"
    alone = get(api, path, Scope.ACCOUNT_READ, Scope.PROFILE_PII)
    assert Account.model_validate_json(alone.content).member_profile_ids == ()
    assert Account.model_validate_json(alone.content).members == 2
    asked = {"if-none-match": alone.headers["etag"]}
    named = get(api, path, Scope.ACCOUNT_READ, Scope.MEMBERS_READ, headers=asked)
    assert named.status_code == 200
    assert len(Account.model_validate_json(named.content).member_profile_ids) == 2


def test_without_profile_pii_an_account_tells_nothing_of_people(api: Api, acme: UUID) -> None:
    answer = get(api, f"/v1/accounts/{acme}", Scope.ACCOUNT_READ)
    account = Account.model_validate_json(answer.content)
    assert account.account_id == "acme"
    shown = {name: trait.value for name, trait in account.traits.items()}
    assert shown == {"name": "Acme", "phone": "***", "size": 7}
    assert account.roles == {"buyer": 1, "***@***, ask him": 1}


def test_members_are_all_there_page_by_page(api: Api) -> None:
    """More than a leaf of their tree holds; with somebody who left, and somebody else's."""
    api.know_with_accounts([links(f"user_id:m{number}", "big") for number in range(MANY)])
    api.know_with_accounts([links("user_id:m7", "big", at_s=9, left=True)])
    api.know_with_accounts([links("user_id:m8", "big", workspace=ELSEWHERE)])
    big = api.account(HERE, "big")
    wanted = {api.node(HERE, "user_id", f"m{number}") for number in range(MANY) if number != 7}
    seen: list[UUID] = []
    asked: dict[str, Any] = {"limit": 20}
    while True:
        answer = get(api, f"/v1/accounts/{big}/members", Scope.MEMBERS_READ, params=asked)
        page = MembersPage.model_validate_json(answer.content)
        assert page.account_profile_id == big
        assert len(page.items) == 20 or page.next is None
        seen += [one.profile_id for one in page.items]
        if page.next is None:
            break
        asked["cursor"] = page.next
    assert seen == sorted(wanted)
    elsewhere = get(
        api,
        f"/v1/accounts/{api.account(ELSEWHERE, 'big')}/members",
        Scope.MEMBERS_READ,
        workspace=ELSEWHERE,
        params=asked,
    )
    behind = [one.profile_id for one in MembersPage.model_validate_json(elsewhere.content).items]
    assert set(behind) <= {api.node(ELSEWHERE, "user_id", "m8")}  # a cursor is but a place


def test_a_member_is_named_for_who_may_see_it(api: Api, acme: UUID) -> None:
    path = f"/v1/accounts/{acme}/members"
    whole = get(api, path, Scope.MEMBERS_READ, Scope.PROFILE_PII)
    people = {one.profile_id: one for one in MembersPage.model_validate_json(whole.content).items}
    ann = people[api.node(HERE, "user_id", "ann")]
    assert {one.value for one in ann.identifiers} == {"ann", "ann@x.example"}
    assert (ann.role, ann.events) == ("buyer", 2)
    masked = get(api, path, Scope.MEMBERS_READ)
    shown = MembersPage.model_validate_json(masked.content).items
    assert {one.value for each in shown for one in each.identifiers} == {"***"}
    assert {one.role for one in shown} == {"buyer", "***@***, ask him"}


def test_who_is_nobody_any_more_is_no_member(api: Api) -> None:
    """Accounts come after people: somebody was erased, somebody merged into another one."""
    api.know_with_accounts([links(f"user_id:g{number}", "gone-soon") for number in range(3)])
    api.redis.delete(node_key(api.node(HERE, "user_id", "g0").bytes))
    api.know([links("user_id:g1", "elsewhere"), links("email:g2@x.example", "elsewhere")])
    gone = api.account(HERE, "gone-soon")
    answer = get(api, f"/v1/accounts/{gone}/members", Scope.MEMBERS_READ)
    shown = {one.profile_id for one in MembersPage.model_validate_json(answer.content).items}
    assert shown == {api.node(HERE, "user_id", f"g{number}") for number in (1, 2)}


def test_an_account_that_nobody_is_left_in_is_nowhere(api: Api) -> None:
    api.know_with_accounts([links("user_id:last", "closed")])
    closed = api.account(HERE, "closed")
    assert get(api, f"/v1/accounts/{closed}", Scope.ACCOUNT_READ).status_code == 200
    told = api.know([touchpoint("user_id:last", at_s=5, workspace=HERE)])
    snapshot = next(one for one in told if one.topic == "profiles.changed")
    gone = erased(HERE, uuid_bytes(snapshot.key.decode()), snapshot.version + 1)
    api.follow([msgspec.structs.replace(snapshot, value=gone)])
    for path in (f"/v1/accounts/{closed}", f"/v1/accounts/{closed}/members"):
        answer = get(api, path, *Scope)
        assert (answer.status_code, answer.json()["message"]) == (
            404,
            "no such account in this workspace",
        )


def test_a_person_s_accounts_are_those_that_they_said(api: Api, acme: UUID) -> None:
    ann = api.node(HERE, "user_id", "ann")
    api.know_with_accounts(
        [
            links("user_id:ann", "house-1", account_kind="household", role="parent"),
            links("user_id:ann", "former"),
            links("user_id:ann", "former", at_s=9, left=True),
        ]
    )
    whole = get(api, f"/v1/profiles/{ann}/accounts", Scope.MEMBERS_READ, Scope.PROFILE_PII)
    shown = AccountsOfPerson.model_validate_json(whole.content)
    assert shown.profile_id == ann
    items = {one.account_id: one for one in shown.items}
    assert items.keys() == {"acme", "house-1", "former"}
    assert (items["acme"].account_profile_id, items["acme"].members) == (acme, 2)
    assert (items["house-1"].kind, items["house-1"].role) == ("household", "parent")
    assert items["former"].since is None
    assert items["former"].left_at is not None
    masked = get(api, f"/v1/profiles/{ann}/accounts", Scope.MEMBERS_READ)
    names = [one.account_id for one in AccountsOfPerson.model_validate_json(masked.content).items]
    assert sorted(names) == ["***", "acme", "former"]


def test_a_household_by_its_address_is_found_from_both_sides(api: Api) -> None:
    for number, street in enumerate(("1 Main St", "1  main st")):
        who, traits = f"user_id:h{number}", {"street": street, "city": "Paris"}
        said = touchpoint(who, at_s=1, workspace=HERE, kind="identified", traits=traits)
        api.know_with_accounts([said])
    asked = {"household": {"street": "1 MAIN st", "city": "paris"}}
    with api.client(*Scope, workspace=HERE) as client:
        answer = client.post("/v1/accounts/lookup", json=asked)
        account = Account.model_validate_json(answer.content)
        assert (account.kind, account.members) == ("household", 2)
        h0 = api.node(HERE, "user_id", "h0")
        items = client.get(f"/v1/profiles/{h0}/accounts").json()["items"]
        assert [(one["account_profile_id"], one["by_traits"]) for one in items] == [
            (str(account.account_profile_id), True)
        ]
    with api.client(Scope.ACCOUNT_READ, workspace=HERE) as client:
        refused = client.post("/v1/accounts/lookup", json=asked)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("part", "scope"),
    [("", Scope.ACCOUNT_READ), ("/members", Scope.MEMBERS_READ)],
)
def test_what_is_known_already_is_not_sent_again_until_it_changes(
    api: Api, part: str, scope: Scope
) -> None:
    name = f"known{part.strip('/')}"
    api.know_with_accounts([links(f"user_id:{name}", name)])
    path = f"/v1/accounts/{api.account(HERE, name)}{part}"
    tag = get(api, path, scope).headers["etag"]
    again = get(api, path, scope, headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert get(api, path, scope, Scope.PROFILE_PII, headers={"if-none-match": tag}).content
    api.know_with_accounts([links(f"user_id:{name}-2", name)])
    assert get(api, path, scope, headers={"if-none-match": tag}).status_code == 200


def test_who_looked_at_members_is_on_record(api: Api) -> None:
    api.know_with_accounts([links("user_id:seen", "watched", role="boss")])
    account, member = api.account(HERE, "watched"), api.node(HERE, "user_id", "seen")
    with api.client(*Scope, workspace=HERE) as client:
        for path in (
            f"/v1/accounts/{account}",
            f"/v1/accounts/{account}/members",
            f"/v1/profiles/{member}/accounts",
        ):
            assert client.get(path).status_code == 200
    about = {str(account), str(member)}
    acts = found(api.settings.kafka, "audit", lambda act: act["subject"] in about, 3)
    said = {(one["what"], one["subject"]) for one in acts}
    assert said == {
        ("account.read", str(account)),
        ("member.read", str(member)),
        ("accounts.read", str(member)),
    }
    read = next(one for one in acts if one["what"] == "member.read")
    assert read["details"] == {"account": str(account)}
