"""How Segment's SDKs must be answered, fact by fact: each test is a sentence of the protocol.

What they send is in test_segment_api_facts.py, when they try again in test_segment_api_retries.py.
"""

from __future__ import annotations

import gzip
import json
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.embedded.engines import Engines
from schemas.touchpoint import Touchpoint
from services.ingest.publisher import QUEUE_RECORDS_MAX
from tests.integration.segment_world import (
    CALLS,
    NAMES_OF_NOBODY,
    SLOW_KEY,
    Segment,
    age_of,
    assert_error,
)
from tests.integration.test_ingest import KEY, new_ingest
from tests.unit.profile_builders import fed
from tests.unit.test_identity_people import topic
from tests.waiting import until

JSON = {"content-type": "application/json"}
SUCCESS = (200, b'{"success":true}')
SHORT = {"p": "page", "i": "identify", "t": "track", "g": "group", "a": "alias"}


def anyone(message_id: str, **more: Any) -> dict[str, Any]:
    """What makes a call of each type complete."""
    names = {"userId": "u-1", "event": "Asked", "groupId": "acme", "previousId": "u-0"}
    return {"messageId": message_id} | names | more


def batch_of(message_id: str) -> dict[str, Any]:
    return {"batch": [anyone(message_id, type="track")]}


def packed(body: object) -> bytes:
    return gzip.compress(json.dumps(body).encode())


# -- Success and errors -----------------------------------------------------------------------


def test_success_is_exactly_200_and_success_true(segment: Segment, prefix: str) -> None:
    """202 and 204 make rudder Python try again."""
    for name in (*CALLS, *SHORT, "s"):
        for slash in ("", "/"):
            answer = segment.send(f"/v1/{name}{slash}", anyone(prefix))
            assert (answer.status_code, answer.content) == SUCCESS
    for name in ("batch", "import", "b"):
        bodies: list[object] = [{"batch": []}, batch_of(prefix), {"batch": [{}, None, 7]}]
        for body in bodies:
            answer = segment.send(f"/v1/{name}", body)
            assert (answer.status_code, answer.content) == SUCCESS
            assert answer.headers["content-type"] == "application/json"


def test_every_error_has_a_code_and_a_message(segment: Segment, prefix: str) -> None:
    """Without both, rudder Python tries 400, 401 and 413 again for ever."""
    call = anyone(prefix)
    assert_error(segment.send("/v1/track", b"{"), 400, "malformed_json")
    assert_error(segment.send("/v1/track", [call]), 400, "not_an_object")
    assert_error(segment.send("/v1/track", b"[" * 99), 400, "too_deep")
    assert_error(segment.send("/v1/batch", call), 400, "not_an_object")
    assert_error(segment.send("/v1/batch", b" " * 600_000), 400, "too_large")
    assert_error(segment.send("/batch/", b"{"), 400, "malformed_json")
    assert_error(segment.send("/v1/track", call, auth=None), 401, "unauthorized")
    assert_error(segment.send("/v1/track", b"{", auth=("x", "")), 401, "unauthorized")
    assert_error(segment.send("/v1/tracks", call), 404, "not_found")
    assert_error(segment.http.get("/v1/track"), 405, "method_not_allowed")
    assert_error(segment.http.put("/v1/batch", content=b"{}"), 405, "method_not_allowed")
    with socket.create_connection((segment.http.base_url.host, segment.http.base_url.port)) as one:
        one.sendall(b"no HTTP\r\n\r\n")
        head, _, body = one.makefile("rb").read().partition(b"\r\n\r\n")
    no_http = httpx.Response(int(head.split()[1]), headers=JSON, content=body)
    assert b"content-type: application/json" in head
    assert_error(no_http, 400, "malformed_http")


@pytest.mark.parametrize(
    ("sent_by", "content_type", "encoding"),
    [
        ("rudder Node", "application/x-www-form-urlencoded", "gzip"),
        ("analytics.js", "text/plain", None),
        ("analytics.js as a beacon", "text/plain;charset=UTF-8", None),
        ("nobody", "image/png", "br"),
        ("nobody", "", "identity"),
        ("nobody", "multipart/form-data; boundary=x", "deflate, gzip"),
    ],
)
def test_no_content_type_is_answered_with_415(
    segment: Segment, prefix: str, sent_by: str, content_type: str, encoding: str | None
) -> None:
    """Whatever the headers say, the bytes are looked at: plain JSON or gzip."""
    headers = {"content-type": content_type} | ({"content-encoding": encoding} if encoding else {})
    segment.taken("/v1/batch", packed(batch_of(f"{prefix}-packed")), headers=headers)
    segment.taken("/v1/batch", batch_of(f"{prefix}-plain"), headers=headers)
    assert len(segment.log.touchpoints(prefix)) == 2


def test_nothing_is_answered_with_451(segment: Segment) -> None:
    """rudder Go would then ask for /cluster-info. Nor with 413, 415, 202 or 204 to a POST."""
    documented = segment.http.get("/openapi.json").json()["paths"]
    posts = [path["post"]["responses"] for path in documented.values() if "post" in path]
    assert len(posts) > 10
    assert {status for one in posts for status in one} == {
        "200", "400", "401", "403", "429", "500", "503",
    }  # fmt: skip


# -- gzip, limits, CORS -----------------------------------------------------------------------


def test_gzip_bodies_are_read(segment: Segment, prefix: str) -> None:
    for number, headers in enumerate(({"content-encoding": "gzip"}, {})):
        segment.taken("/v1/track", packed(anyone(f"{prefix}-t{number}")), headers=headers)
        segment.taken("/v1/batch", packed(batch_of(f"{prefix}-b{number}")), headers=headers)
    assert len(segment.log.touchpoints(prefix)) == 4


def test_the_inflated_size_is_capped(segment: Segment, prefix: str) -> None:
    body = json.dumps({**batch_of(prefix), "pad": ""}).encode()
    fits = body[:-2] + b" " * (500 * 1024 - len(body)) + body[-2:]
    segment.taken("/v1/batch", gzip.compress(fits))
    for bomb in (
        gzip.compress(fits[:-1] + b" " + fits[-1:]),
        gzip.compress(b'{"batch":[' + b" " * 60_000_000),
        gzip.compress(b" " * 400_000) * 90,
    ):
        assert len(bomb) < 500 * 1024
        assert_error(segment.send("/v1/batch", bomb), 400, "too_large")
    assert len(segment.log.touchpoints(prefix)) == 1


def test_a_rate_limit_is_429_with_retry_after(segment: Segment, prefix: str) -> None:
    key = (SLOW_KEY, "")
    many = [anyone(f"{prefix}-{number:03}", type="track") for number in range(600)]
    segment.taken("/v1/batch", {"batch": many}, auth=key)
    answer = segment.send("/v1/track", anyone(f"{prefix}-over"), auth=key)
    assert_error(answer, 429, "too_many_events")
    assert 1 <= int(answer.headers["retry-after"]) <= len(many), "at one event a second"
    segment.taken("/v1/track", anyone(f"{prefix}-z"))  # another key has its own limit
    assert [one["message_id"] for one in segment.log.touchpoints(prefix)] == [
        *(one["messageId"] for one in many),
        f"{prefix}-z",
    ]
    assert segment.log.reasons(prefix) == []


def test_a_full_queue_is_503_with_retry_after(
    engines: Engines, tmp_path: Path, prefix: str
) -> None:
    """Of an ingest whose queue holds ten records instead of a hundred thousand."""
    assert QUEUE_RECORDS_MAX > 2_500, "a whole batch fits"
    small = "import services.ingest.publisher as one; one.QUEUE_RECORDS_MAX = 10; "
    program = small + "from services.ingest.__main__ import main; main()"
    ingest = new_ingest(engines.kafka, tmp_path)
    ingest.program = ("-c", program)
    ingest.start()
    try:
        until(ingest.ready, "ingest to be ready")
        full = ingest.send("batch", {"batch": [anyone(prefix, type="track")] * 11})
        assert_error(full, 503, "unavailable")
        assert "queue" in full.json()["message"]
        assert int(full.headers["retry-after"]) >= 1
        assert ingest.send("batch", {"batch": [anyone(prefix, type="track")] * 10}).is_success
    finally:
        assert ingest.stop() == 0


def test_browsers_ask_first_and_may_send_authorization_content_type_and_x_retry_count(
    segment: Segment,
) -> None:
    site = {"origin": "https://shop.example"}
    asked = site | {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-retry-count",
    }
    for path in ("/v1/t", "/v1/b", "/v1/batch", f"/v1/projects/{KEY}/settings"):
        answer = segment.http.options(path, headers=asked)
        assert answer.is_success
        allowed = answer.headers["access-control-allow-headers"].split(", ")
        assert {"authorization", "content-type", "x-retry-count"} <= set(allowed)
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert answer.headers["access-control-allow-origin"] == "*"
    for body in (b"{}", b"{"):  # an error without it is none that a page can read
        answer = segment.send("/v1/t", body, headers=site)
        assert answer.headers["access-control-allow-origin"] == "*"


# -- analytics.js and PostHog's SDKs ----------------------------------------------------------


def test_analytics_js_first_asks_for_its_settings(segment: Segment) -> None:
    answer = segment.http.get(f"/v1/projects/{KEY}/settings")
    assert answer.status_code == 200
    assert answer.json() == {
        "integrations": {"Segment.io": {"apiKey": KEY}},
        "plan": {},
        "edgeFunction": {},
    }
    assert answer.headers["access-control-allow-origin"] == "*"


def test_then_it_posts_to_p_i_t_g_a_or_b(segment: Segment, prefix: str) -> None:
    """As text/plain, with the key in the body and no Authorization."""
    plain: dict[str, Any] = {"headers": {"content-type": "text/plain"}, "auth": None}
    for path, name in SHORT.items():
        call = anyone(f"{prefix}-{path}", type=name, writeKey=KEY)
        segment.taken(f"/v1/{path}", call, **plain)
    batch = [anyone(f"{prefix}-b-{path}", type=name) for path, name in SHORT.items()]
    segment.taken("/v1/b", {"batch": batch, "writeKey": KEY}, **plain)
    found = {
        one["message_id"]: one["properties"]["kind"] for one in segment.log.touchpoints(prefix)
    }
    kinds = ("page_viewed", "identified", "custom", "account_linked", "aliased")
    assert found == {
        f"{prefix}-{way}{path}": kind
        for path, kind in zip(SHORT, kinds, strict=True)
        for way in ("", "b-")
    }


def test_posthogs_sdks_post_batch_with_api_key_distinct_id_uuid_sent_at_set_and_create_alias(
    segment: Segment, prefix: str
) -> None:
    ids = [str(uuid4()) for _ in range(3)]
    events: list[dict[str, Any]] = [
        {"event": "Asked", "distinct_id": prefix, "properties": {"n": 1}},
        {"event": "$set", "distinct_id": prefix, "$set": {"email": "Ada@X.example"}},
        {
            "event": "$create_alias",
            "distinct_id": f"{prefix}-a",
            "properties": {"distinct_id": f"{prefix}-a", "alias": prefix},
        },
    ]
    timed = {"timestamp": "2031-01-01T00:00:00+00:00"}
    batch = [one | {"uuid": name} | timed for one, name in zip(events, ids, strict=True)]
    body = {"api_key": KEY, "batch": batch, "sent_at": "2031-01-01T00:00:10+00:00"}
    answer = segment.send("/batch/", body, auth=None)
    assert (answer.status_code, answer.json()) == (200, {"status": 1})
    tracked, known, aliased = (segment.log.touchpoint(name) for name in ids)
    assert [one["properties"]["kind"] for one in (tracked, known, aliased)] == [
        "custom", "identified", "aliased",
    ]  # fmt: skip
    assert tracked["identifiers"] == [{"kind": "user_id", "value": prefix}]
    assert {"kind": "email", "value": "ada@x.example"} in known["identifiers"]
    assert aliased["properties"]["previous"]["value"] == f"{prefix}-a"
    for one in (tracked, known, aliased):
        assert age_of(one) == timedelta(seconds=10), "sent_at corrects the clock"


# -- Identity ---------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["userId", "anonymousId"])
def test_some_names_are_nobodys(segment: Segment, prefix: str, field: str) -> None:
    """Those that Segment blocks and that are illegal at PostHog; the event counts for who else it
    names, and says what was dropped."""
    other = "anonymousId" if field == "userId" else "userId"
    alone, beside = f"{prefix}-alone", f"{prefix}-beside"
    calls = [
        {"type": "page", "messageId": f"{name}-{number:03}", field: nobody} | more
        for number, nobody in enumerate(NAMES_OF_NOBODY)
        for name, more in ((alone, {}), (beside, {other: "somebody"}))
    ]
    segment.taken("/v1/batch", {"batch": calls})
    assert segment.log.touchpoints(alone) == []
    reasons = segment.log.reasons(alone)
    assert len(reasons) == len(NAMES_OF_NOBODY)
    assert set(reasons) == {"bad_identifier", "no_identifier"}
    found = segment.log.touchpoints(beside)
    assert len(found) == len(NAMES_OF_NOBODY)
    for one, nobody in zip(found, NAMES_OF_NOBODY, strict=True):
        assert [name["value"] for name in one["identifiers"]] == ["somebody"]
        assert ("ingest" in one["context"]) == (nobody != ""), "an empty text was not sent"


def test_a_refused_merge_still_ingests_the_event_and_warns(segment: Segment, prefix: str) -> None:
    """Two users of one address: one user id a person."""
    traits = {"email": f"{prefix}@x.example"}
    for user in ("1", "2"):
        segment.taken("/v1/identify", anyone(f"{prefix}-{user}", userId=user, traits=traits))
    history = [Touchpoint.model_validate(one) for one in segment.log.touchpoints(prefix)]
    shown = [one for one in topic(fed(history)).values() if one.merged_into is None]
    assert [one.behaviour.events for one in shown] == [1, 1]
    assert [one.refused_links for one in shown] == [1, 1]
