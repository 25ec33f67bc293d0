"""Both clients against a real API on real engines: each call, each page, each refusal, the feed."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

import pytest
import uvloop

from deploy.embedded.engines import Engines
from schemas.base import derived_id
from schemas.lifecycle import Cause, LifecycleChanged, Stage
from schemas.profile import Profile
from schemas.profile_asked import FeedShows, FeedStart, Search
from schemas.scores import Churn, Scores
from schemas.touchpoint import ResolvedTouchpoint
from services.client import ApiError, AsyncClient, Client, NotFound, calls
from services.common.api_keys import Scope
from services.common.clients import clickhouse_client, ensure_topics
from services.profile.api.feed import _written
from services.scoring.store import migrate
from tests.columns_engine import fill
from tests.integration.profile_api_world import Api, key_of, running
from tests.integration.test_profile_api_feed import publish
from tests.unit.profile_builders import START, touchpoint

HERE, ELSEWHERE = f"w{uuid4().hex[:10]}", f"w{uuid4().hex[:10]}"
MODELS: dict[str, Any] = {"touchpoints.resolved": ResolvedTouchpoint, "profiles.changed": Profile}
#: All calls that there are.
BUILT = {
    name
    for name, one in vars(calls).items()
    if inspect.isfunction(one) and one.__module__ == calls.__name__ and name[0] != "_"
}
#: More than a page of the clients holds.
MANY = 230


@pytest.fixture(scope="module")
def api(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("clients")
    with running(engines, folder, sorted((HERE, ELSEWHERE))) as one:
        ensure_topics(one.settings)
        yield one


@pytest.fixture(scope="module")
def eve(api: Api) -> UUID:
    """Somebody of whom everything is known, and many who belong to the same account."""
    people = [
        touchpoint(f"user_id:e{number}", at_s=number, workspace=HERE, **LINK)
        for number in range(MANY)
    ]
    home = {"street": "1 Main St", "city": "Paris", "age": 7}
    told = api.know_with_accounts(
        [
            *people,
            touchpoint("user_id:eve", "email:eve@x.example", at_s=1, workspace=HERE, **LINK),
            touchpoint("user_id:eve", at_s=2, workspace=HERE, kind="identified", traits=home),
            *(touchpoint("user_id:eve", at_s=10 + n, workspace=HERE) for n in range(MANY)),
        ]
    )
    who = api.node(HERE, "user_id", "eve")
    scored = Scores(
        workspace=HERE,
        profile_id=who,
        version=5,
        profile_version=4,
        as_of=START,
        churn=Churn(p_alive=0.9, churn_probability=0.1, basis="bg_nbd"),
    )
    staged = LifecycleChanged(
        workspace=HERE,
        profile_id=who,
        event_id=derived_id(HERE, "new"),
        from_stage=None,
        to_stage=Stage.NEW,
        at=START,
        decided_at=START,
        cause=Cause(type="event", detail="an order"),
        scores_version=1,
    )
    messages = [(one.topic, MODELS[one.topic].model_validate_json(one.value)) for one in told]
    with clickhouse_client(api.settings) as columns:
        migrate(columns)
        more: list[Any] = [("scores.changed", scored), ("lifecycle.changed", staged)]
        assert fill(columns, messages + more) == []
    return who


LINK: dict[str, Any] = {"kind": "account_linked", "account_id": "eves"}


class Reader:
    """Either client behind one face: what is awaited is waited for, what is iterated is listed."""

    def __init__(self, client: Client | AsyncClient, runner: asyncio.Runner) -> None:
        self.client = client
        self._runner = runner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            answer = getattr(self.client, name)(*given, **named)
            if inspect.isasyncgen(answer):
                return self._runner.run(listed(answer))
            if inspect.iscoroutine(answer):
                return self._runner.run(answer)
            return list(answer) if inspect.isgenerator(answer) else answer

        return call

    def follow(self, wanted: int, *given: Any, **named: Any) -> list[Any]:
        """So many changes of the feed; then the stream is let go."""
        stream: Any = self.client.changes(*given, **named)
        if isinstance(self.client, Client):
            with closing(stream):
                return list(islice((one for one in stream if one.change), wanted))
        return self._runner.run(first(stream, wanted))

    def begin(self) -> str:
        """Where the feed is now."""
        stream: Any = self.client.changes()
        if isinstance(self.client, Client):
            with closing(stream):
                cursor: str = next(stream).cursor
                return cursor
        return self._runner.run(beginning(stream))


async def listed(items: Any) -> list[Any]:
    return [one async for one in items]


async def first(stream: Any, wanted: int) -> list[Any]:
    found: list[Any] = []
    async for one in stream:
        if one.change is not None:
            found.append(one)
        if len(found) == wanted:
            break
    await stream.aclose()
    return found


async def beginning(stream: Any) -> str:
    cursor: str = (await anext(stream)).cursor
    await stream.aclose()
    return cursor


def reader(api: Api, kind: type[Any], *scopes: Scope, workspace: str = HERE) -> Iterator[Reader]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        one = Reader(kind(api.url, key_of(workspace, scopes or tuple(Scope))), runner)
        yield one
        one.close()


@pytest.fixture(params=[Client, AsyncClient], ids=lambda one: one.__name__)
def eves(api: Api, eve: UUID, request: pytest.FixtureRequest) -> Iterator[Reader]:
    """A client with every scope."""
    yield from reader(api, request.param)


@pytest.fixture(params=[Client, AsyncClient], ids=lambda one: one.__name__)
def strangers(api: Api, request: pytest.FixtureRequest) -> Iterator[Reader]:
    """A client of another workspace, with every scope there."""
    yield from reader(api, request.param, workspace=ELSEWHERE)


def asked(api: Api, eve: UUID) -> dict[str, tuple[Any, ...]]:
    """Every call with its arguments."""
    user, mail = ("user_id", "eve"), ("email", "eve@x.example")
    account = api.account(HERE, "eves")
    return {
        **dict.fromkeys(
            ("profile", "scores", "stage", "consent", "links", "merges", "accounts", "timeline"),
            (eve,),
        ),
        "lookup": mail,
        "search": (Search(traits={"age": "7"}),),
        "why": (user, mail),
        "merge": (user, ("email", "e@x.example")),
        "unmerge": (user, mail),
        "account": (account,),
        "members": (account,),
        "lookup_account": ("eves",),
        "lookup_household": (),
    }


def test_each_call_is_answered_as_by_the_api(eves: Reader, api: Api, eve: UUID) -> None:
    """As the same request by hand is."""
    table = asked(api, eve)
    assert table.keys() == BUILT
    with api.client(*Scope, workspace=HERE) as hand:
        for name, given in table.items():
            named = {"street": "1 MAIN ST", "city": "paris"} if name.endswith("household") else {}
            if name in ("merge", "unmerge"):
                named = {"idempotency_key": "once"}
            said = getattr(calls, name)(*given, **named)
            call = said.page(None) if isinstance(said, calls.Paged) else said
            by_hand = hand.request(
                call.method, call.path, params=call.params, json=call.json, headers=call.headers
            )
            wanted = call.model.model_validate_json(by_hand.content)
            answer = getattr(eves, name)(*given, **named)
            if isinstance(said, calls.Paged):
                assert tuple(answer[: len(wanted.items)]) == wanted.items, name
            else:
                assert answer == wanted, name


def test_all_pages_are_read(eves: Reader, api: Api, eve: UUID) -> None:
    timeline = eves.timeline(eve)
    assert len(timeline) == len({one.event_id for one in timeline}) == MANY + 2
    assert len(eves.timeline(eve, kinds=("account_linked",))) == 1
    members = eves.members(api.account(HERE, "eves"))
    assert len(members) == len({one.profile_id for one in members}) == MANY + 1


def test_what_has_not_changed_is_not_sent_again(eves: Reader, api: Api, eve: UUID) -> None:
    for name in ("profile", "scores", "consent", "links", "accounts"):
        ask = getattr(eves, name)
        assert ask(eve) is ask(str(eve)), name
    account = api.account(HERE, "eves")
    assert eves.account(account) is eves.account(account)


def test_a_change_is_seen_at_once(eves: Reader, api: Api) -> None:
    name = uuid4().hex
    for number in range(3):
        api.know([touchpoint(f"user_id:{name}", at_s=number, workspace=HERE)])
        assert eves.lookup("user_id", name).behaviour.events == number + 1


def test_a_refusal_says_why_and_which_request(eves: Reader, api: Api, eve: UUID) -> None:
    for name in ("profile", "timeline", "accounts", "account", "members"):
        with pytest.raises(NotFound) as nobody:
            getattr(eves, name)(uuid4())
        assert (nobody.value.status, nobody.value.code) == (404, "not_found")
        assert nobody.value.request_id
    with pytest.raises(ApiError) as refused:
        eves.unmerge(("user_id", "eve"), ("user_id", "e1"))
    assert (refused.value.status, refused.value.code) == (409, "not_one_person")
    with pytest.raises(ApiError, match="410 cursor_gone"):
        eves.follow(1, _written([2**40] * api.settings.partitions))


def test_nobody_elsewhere_is_told_anything(strangers: Reader, api: Api, eve: UUID) -> None:
    for name in ("profile", "timeline", "accounts", "scores", "links"):
        with pytest.raises(NotFound):
            getattr(strangers, name)(eve)
    for name in ("account", "members"):
        with pytest.raises(NotFound):
            getattr(strangers, name)(api.account(HERE, "eves"))
    assert strangers.search(Search(traits={"age": "7"})) == []


def test_the_feed_goes_on_where_it_was(eves: Reader, api: Api) -> None:
    """Let go after each few changes, and opened again behind the last one."""
    cursor, wanted, seen = eves.begin(), [], []
    for _ in range(3):
        for _ in range(4):
            name = uuid4().hex
            publish(api, api.know([touchpoint(f"user_id:{name}", at_s=1, workspace=HERE)]))
            wanted.append(api.node(HERE, "user_id", name))
        for event in eves.follow(4, cursor, include=FeedShows.PROFILE):
            cursor = event.cursor
            assert event.change.profile.profile_id == event.change.profile_id
            seen.append(event.change.profile_id)
    assert sorted(seen) == sorted(wanted)
    assert eves.follow(1, start=FeedStart.BEGINNING)
