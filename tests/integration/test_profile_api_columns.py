"""Timeline, search, scores and stage over a real ClickHouse, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from deploy.embedded.engines import Engines
from schemas.base import EPOCH, derived_id
from schemas.lifecycle import Cause, LifecycleChanged, Stage
from schemas.profile import Profile
from schemas.profile_asked import AskedIdentifier, Search
from schemas.scores import Churn, Rfm, Scores
from schemas.touchpoint import ResolvedTouchpoint
from services.client import ApiError, Client, NotFound
from services.common.api_keys import Scope
from services.common.clients import clickhouse_client
from services.profile.store import node_key
from services.scoring.store import migrate
from tests.columns_engine import fill
from tests.integration.profile_api_world import Api, key_of, running
from tests.unit.profile_builders import START, touchpoint

HERE, ELSEWHERE = f"w{uuid4().hex[:10]}", f"w{uuid4().hex[:10]}"
MODELS: dict[str, Any] = {"touchpoints.resolved": ResolvedTouchpoint, "profiles.changed": Profile}


class World:
    """What profile and the columns would have made of some events."""

    def __init__(self, api: Api, columns: Any) -> None:
        self.api = api
        self.columns = columns

    def happened(self, *events: Any) -> None:
        told = self.api.know(events)
        messages = [(one.topic, MODELS[one.topic].model_validate_json(one.value)) for one in told]
        assert fill(self.columns, messages) == []

    def client(self, *scopes: Scope, workspace: str = HERE) -> Client:
        return Client(self.api.url, key_of(workspace, scopes or tuple(Scope)))


@pytest.fixture(scope="module")
def world(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("columns")
    with (
        running(engines, folder, sorted((HERE, ELSEWHERE))) as api,
        clickhouse_client(api.settings) as columns,
    ):
        migrate(columns)
        yield World(api, columns)


def visit(*who: str, at_s: float, workspace: str = HERE, **facts: Any) -> Any:
    return touchpoint(*who, at_s=at_s, workspace=workspace, message=uuid4().hex, **facts)


def test_a_timeline_is_whole_whatever_the_pages(world: World) -> None:
    """Also of before people merged, and at one moment."""
    events = [visit("anonymous_id:p1", at_s=number // 3) for number in range(20)]
    world.happened(*events)
    world.happened(visit("user_id:p", "anonymous_id:p1", at_s=50), visit("user_id:p", at_s=60))
    who = world.api.node(HERE, "anonymous_id", "p1")
    with world.client() as reader:
        whole = list(reader.timeline(who))
        assert len(whole) == 22
        pages: list[UUID] = []
        asked: dict[str, Any] = {"limit": 3}
        while True:
            page = reader._http.get(f"/v1/profiles/{who}/timeline", params=asked).json()
            pages += [UUID(one["event_id"]) for one in page["items"]]
            if page["next"] is None:
                break
            asked["cursor"] = page["next"]
        assert pages == [one.event_id for one in whole]
        moments = [one.occurred_at for one in whole]
        assert moments == sorted(moments, reverse=True)
        late = list(reader.timeline(who, since=START + timedelta(seconds=50)))
        assert late == whole[:2]
        early = list(reader.timeline(who, until=START + timedelta(seconds=1), kinds=("searched",)))
        assert early == []


def test_a_cursor_of_another_workspace_leads_to_nobody_else(world: World) -> None:
    """It is a place in an order, and each workspace has its own."""
    where = {HERE: "here", ELSEWHERE: "elsewhere"}
    for workspace, city in where.items():
        for number in range(6):
            who = f"user_id:forged-{number}"
            said: dict[str, Any] = {"kind": "identified", "traits": {"town": "Same", "at": city}}
            world.happened(visit(who, at_s=number, workspace=workspace, **said))
            world.happened(visit(who, at_s=10 + number, workspace=workspace))

    def pages(workspace: str, cursors: Mapping[str, str | None]) -> dict[str, Any]:
        who = world.api.node(workspace, "user_id", "forged-1")
        with world.api.client(*Scope, workspace=workspace) as client:
            sought = {"traits": {"town": "Same"}, "limit": 5, "cursor": cursors.get("search")}
            asked: dict[str, Any] = {"limit": 1, "cursor": cursors.get("line")}
            asked = {name: one for name, one in asked.items() if one}
            found = client.post("/v1/profiles/search", json=sought).json()
            return {
                "search": found,
                "line": client.get(f"/v1/profiles/{who}/timeline", params=asked).json(),
            }

    others = {name: page["next"] for name, page in pages(ELSEWHERE, {}).items()}
    assert all(others.values())
    assert len(pages(HERE, {})["search"]["items"]) == 5  # nobody else's are left out of them
    forged = pages(HERE, others)
    everybody = {world.api.node(HERE, "user_id", f"forged-{number}") for number in range(6)}
    assert {UUID(one["profile_id"]) for one in forged["search"]["items"]} <= everybody
    with world.client() as reader:
        own = {one.event_id for one in reader.timeline(world.api.node(HERE, "user_id", "forged-1"))}
    assert {UUID(one["event_id"]) for one in forged["line"]["items"]} <= own


def test_people_who_are_kept_apart_have_timelines_of_their_own(world: World) -> None:
    """One component, two people: a limit keeps their user ids apart."""
    shared = [
        visit("user_id:q1", "anonymous_id:kiosk", at_s=1),
        visit("user_id:q2", "anonymous_id:kiosk", at_s=2),
        visit("anonymous_id:kiosk", at_s=3),
        visit("user_id:q2", at_s=4),
    ]
    world.happened(*shared)
    with world.client() as reader:
        first = reader.lookup("user_id", "q1")
        second = reader.lookup("user_id", "q2")
        assert first.profile_id != second.profile_id
        both = [[e.event_id for e in reader.timeline(p.profile_id)] for p in (first, second)]
    ids = [one.event_id for one in shared]
    assert both == [[ids[2], ids[0]], [ids[3], ids[1]]]


def test_a_person_of_absorbed_identifiers_keeps_their_timeline(world: World) -> None:
    world.happened(*(visit(f"anonymous_id:leaf-{number}", at_s=number) for number in range(260)))
    world.happened(
        *(visit("user_id:tree", f"anonymous_id:leaf-{n}", at_s=300 + n) for n in range(260))
    )
    with world.client() as reader:
        tree = reader.lookup("user_id", "tree")
        leaf = reader.lookup("anonymous_id", "leaf-200")
        assert leaf.profile_id == tree.profile_id
        was = world.api.node(HERE, "anonymous_id", "leaf-200")
        assert reader.profile(was).profile_id == tree.profile_id
        assert len(list(reader.timeline(tree.profile_id))) == tree.behaviour.events == 520


def test_profiles_are_found_by_all_that_is_given(world: World) -> None:
    for number in range(7):
        world.happened(
            visit(
                f"user_id:found-{number}",
                f"email:found{number}@x.example",
                at_s=number,
                kind="identified",
                traits={"city": "Paris" if number % 2 else "Rome", "tier": 7},
            )
        )
    who = [world.api.node(HERE, "user_id", f"found-{number}") for number in range(7)]
    scored = Scores(
        workspace=HERE,
        profile_id=who[1],
        version=5,
        profile_version=4,
        as_of=START,
        rfm=Rfm(
            recency=5, frequency=5, monetary=5, segment="champions",
            recency_days=1, orders=3, revenue="9"
        ),
        churn=Churn(p_alive=0.9, churn_probability=0.1, basis="bg_nbd"),
        value_segment="high_value",
    )  # fmt: skip
    staged = [
        LifecycleChanged(
            workspace=HERE,
            profile_id=who[1],
            event_id=derived_id(HERE, stage),
            from_stage=before,
            to_stage=stage,
            at=START + timedelta(days=day),
            decided_at=START + timedelta(days=day),
            cause=Cause(type="event", detail="an order"),
            scores_version=day,
        )
        for day, (before, stage) in enumerate([(None, Stage.NEW), (Stage.NEW, Stage.GROWING)])
    ]
    told = [("scores.changed", scored), *(("lifecycle.changed", one) for one in staged)]
    assert fill(world.columns, told) == []
    with world.client() as reader:

        def found(**asked: Any) -> list[UUID]:
            return sorted(one.profile_id for one in reader.search(Search(limit=2, **asked)))

        assert found(traits={"city": "Rome"}) == sorted(who[::2])
        assert found(traits={"city": "Rome", "tier": "7"}) == sorted(who[::2])
        assert found(traits={"city": "rome"}) == []
        assert found(segment="champions") == found(stage=Stage.GROWING) == [who[1]]
        assert found(stage=Stage.NEW) == []
        assert found(value_segment="high_value", traits={"city": "Paris"}) == [who[1]]
        assert found(identifier=AskedIdentifier(kind="email", value="FOUND3@x.example")) == [who[3]]
        gone = world.api.redis.getdel(node_key(who[6].bytes))  # the columns are behind
        assert found(traits={"city": "Rome"}) == sorted(who[:6:2])
        assert isinstance(gone, bytes)
        world.api.redis.set(node_key(who[6].bytes), gone)
        prefix = AskedIdentifier(kind="email", value="Found")
        assert found(identifier_prefix=prefix) == sorted(who)
        one = next(reader.search(Search(segment="champions")))
        assert (one.segment, one.value_segment, one.stage) == (
            "champions", "high_value", Stage.GROWING
        )  # fmt: skip
        scores = reader.scores(who[1])
        assert (scores.version, scores.segment, scores.p_alive) == (5, "champions", 0.9)
        assert reader.scores(who[1]) is scores  # its ETag says that it has not changed
        stage = reader.stage(who[1])
        assert (stage.stage, stage.since) == (Stage.GROWING, staged[1].at)
        assert [one.to_stage for one in stage.history] == [Stage.GROWING, Stage.NEW]
        for ask in (reader.scores, reader.stage):
            with pytest.raises(NotFound):
                ask(who[0])
        with pytest.raises(ApiError, match="no_filter"):
            next(reader.search(Search()))


def test_a_merge_is_told_with_its_moment(world: World) -> None:
    world.happened(visit("user_id:m", at_s=1))
    world.happened(visit("email:m@x.example", at_s=2))
    world.happened(visit("user_id:m", "email:m@x.example", at_s=3))
    with world.client() as reader:
        merged = reader.merges(world.api.node(HERE, "user_id", "m")).merged
    assert [one.profile_id for one in merged] == [world.api.node(HERE, "email", "m@x.example")]
    assert merged[0].merged_at is not None
    assert merged[0].merged_at > EPOCH


def test_without_the_columns_profiles_are_still_read(
    engines: Engines, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("no-columns")
    away = {"RAPPORT_CLICKHOUSE": "http://127.0.0.1:1"}
    with running(engines, folder, [HERE], **away) as api:
        api.know([touchpoint("user_id:still", at_s=1, workspace=HERE)])
        who = api.node(HERE, "user_id", "still")
        with api.client(*Scope, workspace=HERE) as client:
            assert client.get(f"/v1/profiles/{who}").status_code == 200
            answer = client.get(f"/v1/profiles/{who}/timeline")
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert answer.headers["retry-after"] == "1"
