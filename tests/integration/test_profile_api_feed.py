"""The change feed and requests to merge, over a real Kafka: nothing is missed, nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from confluent_kafka import Producer

from deploy.embedded.engines import Engines
from schemas.base import derived_id
from schemas.profile_api import FeedEvent
from services.client import ApiError, Client
from services.common.api_keys import Scope
from services.common.clients import ensure_topics
from tests.integration.profile_api_world import Api, key_of, running
from tests.integration.test_ingest import found
from tests.unit.profile_builders import touchpoint

HERE, ELSEWHERE = f"w{uuid4().hex[:10]}", f"w{uuid4().hex[:10]}"


@pytest.fixture(scope="module")
def api(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running(engines, tmp_path_factory.mktemp("feed"), sorted((HERE, ELSEWHERE))) as one:
        ensure_topics(one.settings)
        yield one


def client(api: Api, *scopes: Scope, workspace: str = HERE) -> Client:
    return Client(api.url, key_of(workspace, scopes or tuple(Scope)))


def publish(api: Api, outputs: list[Any]) -> None:
    producer = Producer({"bootstrap.servers": api.settings.kafka})
    for one in outputs:
        if one.topic == "profiles.changed":
            producer.produce(one.topic, one.value, one.key)
    assert producer.flush(30) == 0


def visits(api: Api, workspace: str, who: str, at_s: int) -> None:
    publish(api, api.know([touchpoint(f"user_id:{who}", at_s=at_s, workspace=workspace)]))


def changes(reader: Client, cursor: str, wanted: int) -> list[FeedEvent]:
    """So many behind a cursor, or what there are of them when nothing comes any more."""
    found: list[FeedEvent] = []
    silent = 0
    for event in reader.changes(cursor):
        if event.change is None:
            silent += 1
        else:
            found.append(event)
        if len(found) == wanted or silent == 3:  # a beat at the start, then one in ten seconds
            break
    return found


def test_a_stream_goes_on_where_it_was_without_a_gap(api: Api) -> None:
    """Cut after every few changes; in between changes happen, here and elsewhere."""
    wanted, seen = [], []
    with client(api) as reader:
        stream = reader.changes()
        cursor = next(stream).cursor
        stream.close()  # type: ignore[attr-defined]
        for turn in range(4):
            for number in range(5):
                visits(api, HERE, f"{turn}-{number}", 1)
                visits(api, ELSEWHERE, f"{turn}-{number}", 1)
                wanted.append(api.node(HERE, "user_id", f"{turn}-{number}"))
            for event in changes(reader, cursor, 3 if turn < 3 else 11):
                cursor = event.cursor
                assert event.change is not None
                seen.append(event.change.profile_id)
    assert sorted(seen) == sorted(wanted)


def test_a_stream_from_the_beginning_has_the_newest_of_everybody(api: Api) -> None:
    visits(api, HERE, "old", 1)
    visits(api, HERE, "old", 2)
    visits(api, HERE, "mark", 1)
    old, mark = (api.node(HERE, "user_id", one) for one in ("old", "mark"))
    from schemas.profile_asked import FeedShows, FeedStart

    newest: dict[UUID, int] = {}
    with client(api) as reader:
        stream = reader.changes(start=FeedStart.BEGINNING, include=FeedShows.PROFILE)
        for event in stream:
            if event.change is not None:
                assert event.change.profile is not None
                newest[event.change.profile_id] = event.change.profile.behaviour.events
            if mark in newest and newest.get(old) == 2:
                break
        shown = reader.profile(old)
    assert shown.behaviour.events == newest[old] == 2


def test_whole_profiles_in_a_stream_are_masked_and_need_their_scope(api: Api) -> None:
    from schemas.profile_asked import FeedShows, FeedStart

    visits(api, HERE, "shy", 1)
    begin = {"start": FeedStart.BEGINNING, "include": FeedShows.PROFILE}
    with (
        client(api, Scope.CHANGES) as thin,
        pytest.raises(ApiError, match="no scope profile:read"),
    ):
        next(thin.changes(**begin))  # type: ignore[arg-type]
    with client(api, Scope.PROFILE_READ, Scope.CHANGES) as masked:
        events = masked.changes(**begin)  # type: ignore[arg-type]
        change = next(one.change for one in events if one.change is not None)
    assert change.profile is not None
    assert {one.value for one in change.profile.identifiers} == {"***"}


def test_a_cursor_of_something_else_is_refused(api: Api) -> None:
    from services.profile.api.feed import _written

    with client(api) as reader:
        for cursor, status, code in (
            ("rubbish", 400, "bad_cursor"),
            (_written([0]), 400, "bad_cursor"),
            (_written([2**40] * api.settings.partitions), 410, "cursor_gone"),
        ):
            with pytest.raises(ApiError) as refused:
                next(reader.changes(cursor))
            assert (refused.value.status, refused.value.code) == (status, code)


def test_a_key_has_so_many_streams_and_others_have_theirs(api: Api) -> None:
    with client(api, Scope.CHANGES) as greedy, client(api, workspace=ELSEWHERE) as other:
        streams = [greedy.changes() for _ in range(4)]
        for stream in streams:
            next(stream)
        with greedy._http.stream("GET", "/v1/changes") as fifth:
            assert fifth.status_code == 503
        assert next(other.changes()).change is None


def test_a_merge_is_in_the_log_once_it_is_answered(api: Api) -> None:
    api.know(
        [
            touchpoint("user_id:m1", at_s=1, workspace=HERE),
            touchpoint("email:m1@x.example", at_s=1, workspace=HERE),
        ]
    )
    one, other = ("email", "M1@x.example"), ("user_id", "m1")
    with client(api) as asker:
        taken = asker.merge(one, other, reason="same person", idempotency_key="k1")
        again = asker.merge(one, other, reason="same person", idempotency_key="k1")
    assert again == taken
    assert (taken.one_person, taken.unknown) == (False, ())
    assert taken.event_id == derived_id(HERE, taken.message_id)
    wanted = lambda call: call.get("messageId") == taken.message_id  # noqa: E731
    call = found(api.settings.kafka, "touchpoints.inbound", wanted, 1)[0]
    assert call["context"]["traits"] == {"email": "M1@x.example"}
    assert call["properties"]["other"] == {"kind": "user_id", "value": "m1"}


def test_what_can_not_be_merged_or_parted_is_told(api: Api) -> None:
    ada, known = ("user_id", "never-seen"), ("user_id", "m2")
    api.know([touchpoint("user_id:m2", "email:m2@x.example", at_s=1, workspace=HERE)])
    with client(api) as asker:
        for ask, one, other, status, code in (
            (asker.merge, ada, ada, 400, "same_identifier"),
            (
                asker.merge,
                ("email", "A@x.example"),
                ("email", "a@X.example"),
                400,
                "same_identifier",
            ),
            (asker.merge, ada, ("email", "no address"), 400, "bad_identifier"),
            (asker.merge, ada, ("user_id", "x" * 10_000), 400, "bad_identifier"),
            (asker.unmerge, ada, known, 409, "not_one_person"),
            (asker.unmerge, ("user_id", "m1"), known, 409, "not_one_person"),
        ):
            with pytest.raises(ApiError) as refused:
                ask(one, other)
            assert (refused.value.status, refused.value.code) == (status, code)
        assert asker.merge(ada, known).unknown == ("one",)
        parted = asker.unmerge(known, ("email", "m2@x.example"))
    assert parted.one_person


def test_who_looked_at_whom_is_on_record_and_nobody_is_named(api: Api) -> None:
    api.know([touchpoint("user_id:watched", at_s=1, workspace=HERE)])
    profile = api.node(HERE, "user_id", "watched")
    with client(api) as reader:
        reader.profile(profile)
    wanted = lambda act: act["subject"] == str(profile)  # noqa: E731
    act = found(api.settings.kafka, "audit", wanted, 1)[0]
    assert (act["what"], act["workspace"]) == ("profile.read", HERE)
    assert act["who"].startswith("key:")
    assert "watched" not in json.dumps(act)


def test_whole_profiles_in_a_stream_are_on_record(api: Api) -> None:
    from schemas.profile_asked import FeedShows, FeedStart

    visits(api, HERE, "streamed", 1)
    with client(api) as reader:
        whole = reader.changes(start=FeedStart.BEGINNING, include=FeedShows.PROFILE)
        assert next(one.change for one in whole if one.change is not None).profile is not None
    wanted = lambda act: (act["what"], act["workspace"]) == ("changes.read", HERE)  # noqa: E731
    act = found(api.settings.kafka, "audit", wanted, 1)[0]
    assert act["details"]["profiles"] >= 1
