"""The Lua commit against the fake that the simulation trusts: same questions, same answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.embedded.engines import Engines
from services.common import redis_store
from services.common.batch import Decision, Output
from services.common.ports import Commit, Move, Place
from services.common.redis_store import RedisStore
from services.common.staged_log import Stage, stage_of
from tests.simulation.fakes import Kept, Rules, apply

KEYS = [b"x:a", b"x:b", b"x:c"]
versions = st.integers(0, 2)


@pytest.fixture
def client(engines: Engines) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(f"{engines.redis.rsplit('/', 1)[0]}/7") as client:
        client.flushdb()
        yield client
        client.flushdb()


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    return Decision(
        reads=draw(st.dictionaries(st.sampled_from(KEYS), versions, max_size=2)),
        writes=draw(
            st.dictionaries(
                st.sampled_from(KEYS), st.tuples(st.integers(1, 2), st.binary(max_size=3))
            )
        ),
        deletes=draw(st.lists(st.sampled_from(KEYS), max_size=1)),
        remembered=draw(
            st.dictionaries(
                st.sampled_from([b"m:1", b"m:2"]),
                st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=2, unique=True)
                | st.just([7]),
                max_size=2,
            )
        ),
        due=draw(
            st.dictionaries(
                st.tuples(st.integers(0, 1), st.sampled_from([b"p", b"q"])),
                st.none() | st.integers(0, 2**51),
                max_size=2,
            )
        ),
    )


@st.composite
def commits(draw: st.DrawFn) -> Commit:
    moves = []
    for partition in draw(st.sets(st.integers(0, 1))):
        commits_before = draw(versions)
        before = Place(commits_before or None, commits_before)
        after = Place(commits_before + 1, commits_before + 1, draw(st.binary(max_size=3)))
        moves.append(Move(partition, before, after))
    checks = draw(st.lists(st.tuples(st.sampled_from(KEYS), st.integers(1, 2)), max_size=2))
    watched = [Output("t", b"k", b"v", watch=key, version=version) for key, version in checks]
    return Commit(moves, watched, draw(decisions()))


def same_everywhere(client: redis.Redis, history: list[Commit]) -> bool:
    """Both stores give the same outcomes and end with the same content."""
    client.flushdb()
    store, kept = RedisStore(client, "svc", has_due=True), Kept()
    for commit in history:
        wanted = apply(Rules(), kept, commit)
        given_ = store.commit(commit)
        if given_.result != wanted.result:
            return False
        if wanted.result in ("moved", "stale") and list(given_.found) != list(wanted.found):
            return False
    places = {p: kept.places.get(p, Place(None, 0)) for p in (0, 1)}
    state = {key: client.get(key) for key in KEYS}
    return (
        store.places([0, 1]) == places
        and {d: d.at_us for d in store.due([0, 1], 2**52)}.keys()
        == {d for d in store.due([0, 1], 2**52) if kept.due.get((d.partition, d.member)) == d.at_us}
        and len(store.due([0, 1], 2**52)) == len(kept.due)
        and state
        == {
            key: kept.state[key][0].to_bytes(8, "big") + kept.state[key][1]
            if key in kept.state
            else None
            for key in KEYS
        }
        and {key: {int(i) for i in client.smembers(key)} for key in kept.ids} == kept.ids
    )


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(commits(), max_size=6))
def test_lua_and_the_fake_agree_on_every_history(
    client: redis.Redis, history: list[Commit]
) -> None:
    assert same_everywhere(client, history)


def test_message_ids_keep_all_64_bits(client: redis.Redis) -> None:
    store = RedisStore(client, "svc")
    known = 2**62 + 1
    store.commit(Commit((), (), Decision(remembered={b"m:1": [known]})))
    neighbour = store.commit(Commit((), (), Decision(remembered={b"m:1": [known + 1]})))
    again = store.commit(Commit((), (), Decision(remembered={b"m:1": [known]})))
    assert (neighbour.result, again.result) == ("done", "conflict")
    assert 0 < client.ttl("m:1") <= redis_store.IDS_KEPT_S


def test_nothing_is_written_when_any_check_fails(client: redis.Redis) -> None:
    store = RedisStore(client, "svc")
    store.commit(Commit((), (), Decision(writes={b"x:a": (1, b"old")})))
    refused = Decision(reads={b"x:a": 9}, writes={b"x:b": (1, b"new")}, remembered={b"m:1": [1]})
    move = Move(0, Place(None, 0), Place(5, 1, b"slot"))
    assert store.commit(Commit([move], (), refused)).result == "conflict"
    assert sorted(client.keys("*")) == [b"x:a"]


def test_a_place_that_another_worker_moved_is_seen(client: redis.Redis) -> None:
    store = RedisStore(client, "svc")
    read, never = Place(5, 1), Place(None, 0)
    store.commit(Commit([Move(0, never, read), Move(1, never, read)]))
    assert store.moved({0: read, 1: read, 2: never}) == []
    store.commit(Commit([Move(1, read, Place(5, 2))]))  # time alone: the offset is the same
    assert store.moved({0: read, 1: read, 2: read}) == [1, 2]


def test_how_far_all_was_read_is_noted_once_and_only_with_the_commit(client: redis.Redis) -> None:
    """Of every partition of the service, not only of those that the batch is of."""
    store, never = RedisStore(client, "svc"), Place(None, 0)
    store.commit(Commit([Move(11, never, Place(70, 1)), Move(0, never, Place(4, 1))]))
    move = Move(0, Place(4, 1), Place(6, 2))
    refused = Decision(reads={b"x:a": 9}, notes=[b"one"])
    assert store.commit(Commit([move], (), refused)).result == "conflict"
    assert client.hgetall("d:svc") == {}
    noted = Decision(
        writes={b"x:a": (1, b"v")}, due={(0, b"p"): 5}, remembered={b"m:1": [1]}, notes=[b"one"]
    )
    assert store.commit(Commit([move], (), noted)).result == "done"
    again = Decision(notes=[b"one", b"two"])
    store.commit(Commit([Move(0, Place(6, 2), Place(9, 3))], (), again))
    found: Any = client.hgetall("d:svc")
    assert stage_of(found[b"one"]) == Stage({0: 4, 11: 70}, {0: 6, 11: 70})
    assert stage_of(found[b"two"]) == Stage({0: 6, 11: 70}, {0: 9, 11: 70})


def test_the_script_comes_back_after_redis_forgot_it(client: redis.Redis) -> None:
    store = RedisStore(client, "svc")
    assert store.commit(Commit(())).result == "done"
    client.script_flush()
    assert store.commit(Commit(())).result == "done"


def test_what_redis_does_not_take_at_once_is_not_sent(client: redis.Redis) -> None:
    """Of more than 2**20 arguments the connection would be closed, again and again."""
    store = RedisStore(client, "svc")
    many = {b"x:%d" % number: b"" for number in range(redis_store.ARGUMENTS_MAX // 2)}
    assert store.commit(Commit((), (), Decision(plain=many))).result == "large"
    assert client.dbsize() == 0
    for number in range(5):
        del many[b"x:%d" % number]
    assert store.commit(Commit((), (), Decision(plain=many))).result == "done"
    assert client.dbsize() == len(many)
