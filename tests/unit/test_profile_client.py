"""The client against answers that come late, twice or not at all, and in an event loop."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest
import uvloop

from schemas.base import EPOCH
from schemas.profile import Profile
from services.client import ApiError, AsyncClient, Client, NotFound, calls

WHO = uuid4()
PROFILE = Profile(workspace="demo", profile_id=WHO, version=3, updated_at=EPOCH)

Answers = Callable[[httpx.Request], httpx.Response]


def client(answers: Answers, **more: int) -> Client:
    return Client("http://api", "key", transport=httpx.MockTransport(answers), **more)


def shown(request: httpx.Request) -> httpx.Response:
    if request.headers.get("if-none-match") == '"3.a"':
        return httpx.Response(304, headers={"etag": '"3.a"'})
    body = PROFILE.model_dump_json().encode()
    return httpx.Response(200, content=body, headers={"etag": '"3.a"'})


def test_what_has_not_changed_is_not_read_again() -> None:
    with client(shown) as reader:
        first = reader.profile(WHO)
        assert first == PROFILE
        assert reader.profile(str(WHO)) is first


def test_a_cache_has_a_bound() -> None:
    asked = []

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("if-none-match"))
        return shown(request)

    with client(answers, cached_max=1) as reader:
        for who in (WHO, uuid4(), WHO):
            reader.profile(who)
    assert asked == [None, None, None]


def test_an_outage_is_waited_out_and_a_refusal_is_not() -> None:
    said = [503, 503, 200, 403]

    def answers(request: httpx.Request) -> httpx.Response:
        status = said.pop(0)
        if status == 200:
            return shown(request)
        headers = {"retry-after": "0", "x-request-id": "r-1"}
        body = {"code": "forbidden", "message": "no scope"}
        return httpx.Response(status, json=body, headers=headers)

    with client(answers) as reader:
        assert reader.profile(WHO) == PROFILE
        with pytest.raises(ApiError, match="403 forbidden: no scope") as refused:
            reader.lookup("email", "a@x.example")
        assert refused.value.request_id == "r-1"
    assert said == []


def test_a_request_to_merge_is_repeated_under_one_key() -> None:
    keys = []

    def answers(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["idempotency-key"])
        if len(keys) == 1:
            raise httpx.ReadError("cut")
        taken = {"event_id": str(uuid4()), "message_id": "m", "one_person": False}
        return httpx.Response(202, json=taken)

    with client(answers) as asker:
        asker.merge(("user_id", "a"), ("email", "a@x.example"))
        asker.merge(("user_id", "a"), ("email", "a@x.example"))
    assert keys[0] == keys[1] != keys[2]


def test_a_stream_that_is_cut_goes_on_behind_the_last_event() -> None:
    asked: list[str] = []

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url.query.decode()))
        at = len(asked)
        words = f"id: c{at}\nevent: beat\ndata: {{}}\n\n"
        return httpx.Response(200, text=words, headers={"content-type": "text/event-stream"})

    with client(answers) as reader:
        stream = reader.changes()
        assert [next(stream).cursor for _ in range(3)] == ["c1", "c2", "c3"]
    assert asked == ["include=ids&start=now", "include=ids&cursor=c1", "include=ids&cursor=c2"]


def test_in_an_event_loop_outages_are_waited_out_and_cuts_gone_over() -> None:
    said: list[int | Exception] = [503, httpx.ConnectError("away"), 200, 304]
    asked: list[str] = []

    def answers(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/changes"):
            asked.append(request.url.query.decode())
            words = f"id: c{len(asked)}\nevent: beat\ndata: {{}}\n\n"
            return httpx.Response(200, text=words)
        answer = said.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if answer == 503:
            return httpx.Response(503, headers={"retry-after": "0"})
        shows = shown(request)
        assert shows.status_code == answer
        return shows

    async def reads() -> None:
        transport = httpx.MockTransport(answers)
        async with AsyncClient("http://api", "key", transport=transport) as reader:
            first = await reader.profile(WHO)
            assert await reader.profile(WHO) is first
            stream = reader.changes()
            assert [(await anext(stream)).cursor for _ in range(3)] == ["c1", "c2", "c3"]

    uvloop.run(reads())
    assert said == []
    assert asked == ["include=ids&start=now", "include=ids&cursor=c1", "include=ids&cursor=c2"]


def test_both_clients_have_every_call_with_its_words() -> None:
    built = {
        name: one
        for name, one in vars(calls).items()
        if inspect.isfunction(one) and one.__module__ == calls.__name__ and name[0] != "_"
    }
    assert len(built) == 17
    for client in (Client, AsyncClient):
        for name, build in built.items():
            method = getattr(client, name)
            assert method.__doc__ == build.__doc__, name
            given = list(inspect.signature(method).parameters)
            assert given == ["self", *inspect.signature(build).parameters], name


def test_nobody_is_an_exception_of_its_own() -> None:
    def answers(_: httpx.Request) -> httpx.Response:
        return httpx.Response(404, json={"code": "not_found", "message": "no such profile"})

    with client(answers) as reader, pytest.raises(NotFound):
        reader.profile(WHO)
