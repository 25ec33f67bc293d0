"""The HTTP API answers what Segment's SDKs understand; each name is a fact of the protocol."""

from __future__ import annotations

import gzip
import json
import zlib
from base64 import b64encode
from typing import Any

import pytest

from schemas.dead_letter import Reason
from services.ingest.body import BATCH_EVENTS_MAX, BODY_BYTES_MAX
from tests.unit.ingest_builders import KEY, World, order, original, track

SUCCESS = b'{"success":true}'


def batch(*calls: Any, **more: Any) -> dict[str, Any]:
    return {"batch": list(calls)} | more


def assert_is_error(answer: Any, status: int, code: str) -> None:
    """Errors need both keys: without them rudder Python retries for ever."""
    assert answer.status_code == status
    assert answer.json()["code"] == code
    assert answer.json()["message"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("track", "custom"), ("identify", "identified"), ("page", "page_viewed"),
        ("screen", "page_viewed"), ("group", "account_linked"), ("alias", "aliased"),
        ("t", "custom"), ("i", "identified"), ("p", "page_viewed"), ("s", "page_viewed"),
        ("g", "account_linked"), ("a", "aliased"), ("track/", "custom"),
    ],
)  # fmt: skip
def test_every_call_has_its_path_and_the_path_says_the_type(path: str, kind: str) -> None:
    world = World()
    call = track() | {"groupId": "acme", "previousId": "u-0", "type": "ignored"}
    answer = world.send(f"/v1/{path}", call)
    assert (answer.status_code, answer.content) == (200, SUCCESS)
    assert [each.properties.kind for each in world.touchpoints] == [kind]


def test_every_answer_names_its_request() -> None:
    """By the sender's X-Request-Id where it has one that can stand in a log."""
    world = World()
    theirs = world.send("/v1/track", track(), headers={"x-request-id": "edge-7:1/2"})
    assert theirs.headers["x-request-id"] == "edge-7:1/2"
    sent: tuple[dict[str, str], ...] = (
        {"x-request-id": "two words"},
        {"x-request-id": "x" * 101},
        {},
    )
    ours = [world.send("/v1/track", b"{", headers=one).headers["x-request-id"] for one in sent]
    assert len(set(ours)) == 3
    assert all(name.replace("-", "").isalnum() for name in ours)


@pytest.mark.parametrize("body", [batch(track(timestamp="never")), b"{"])
def test_what_is_refused_names_the_request_that_it_came_in(body: Any) -> None:
    """So that support goes from what a customer was answered to the letters."""
    world = World()
    for request_id in ("edge-7:1/2", "two words"):
        headers = {"x-request-id": request_id}
        answer = world.send("/v1/batch", body, headers=headers)
        assert world.letters[-1].request_id == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["batch", "import", "b"])
def test_success_is_exactly_this_body_and_status_200(path: str) -> None:
    """202 and 204 make rudder Python retry; /v1/import is an old name of batch."""
    world = World()
    answer = world.send(f"/v1/{path}", batch(track(), order()))
    assert (answer.status_code, answer.content) == (200, SUCCESS)
    assert answer.headers["content-type"] == "application/json"
    assert len(world.touchpoints) == 2


def test_the_answer_comes_only_after_kafka_has_every_event() -> None:
    world = World()
    world.publisher.away = "Kafka does not answer at 127.0.0.1:1 (RAPPORT_KAFKA)"
    answer = world.send("/v1/batch", batch(track()))
    assert_is_error(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert "RAPPORT_KAFKA" in answer.json()["message"]


def test_the_write_key_may_come_by_basic_auth_or_in_the_body() -> None:
    for call, auth in ((track(), (KEY, "")), (track(writeKey=KEY), None)):
        assert World().send("/v1/track", call, auth=auth).content == SUCCESS
    assert World().send("/v1/batch", batch(track(), writeKey=KEY), auth=None).content == SUCCESS
    both = World().send("/v1/batch", batch(track(), writeKey=KEY), auth=("unknown", ""))
    assert both.content == SUCCESS


@pytest.mark.parametrize("auth", [None, ("unknown", ""), ("", KEY), ("ü", "")])
def test_an_unknown_write_key_is_401(auth: tuple[str, str] | None) -> None:
    world = World()
    assert_is_error(world.send("/v1/track", track(), auth=auth), 401, "unauthorized")
    assert world.publisher.outputs == []


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Bearer x", "Basic /w==", "basic  "])
def test_a_broken_authorization_header_is_401(header: str) -> None:
    answer = World().send("/v1/track", track(), auth=None, headers={"Authorization": header})
    assert_is_error(answer, 401, "unauthorized")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "image/png", ""]
)
def test_any_content_type_is_taken(content_type: str) -> None:
    """Never 415: rudder Node sends form-urlencoded, analytics.js text/plain."""
    headers = {"Content-Type": content_type}
    assert World().send("/v1/track", track(), headers=headers).content == SUCCESS


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_gzip_is_taken_whether_it_is_announced_or_not(headers: dict[str, str]) -> None:
    packed = gzip.compress(json.dumps(batch(track())).encode())
    world = World()
    assert world.send("/v1/batch", packed, headers=headers).content == SUCCESS
    assert len(world.touchpoints) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed_json"),
        (b'{"event":', "malformed_json"),
        (b"\xff\xfe", "malformed_json"),
        (b'{"event":"\xff","userId":"u"}', "malformed_json"),
        (b"[" * 1_000, "too_deep"),
        (b"[" * 1_000 + b"]" * 1_000, "too_deep"),
        (b'{"a":' * 100_000, "too_deep"),
        (b"[]", "not_an_object"),
        (b'"track"', "not_an_object"),
        (b'{"event":"' + b"x" * 33_000 + b'"}', "too_large"),
        (b"x" * (BODY_BYTES_MAX + 1), "too_large"),
        (b"\x1f\x8b broken", "malformed_json"),
        (gzip.compress(b"{}" * 999, mtime=0)[:-9], "malformed_json"),
        (gzip.compress(b" " * 50_000_000), "too_large"),
    ],
)
def test_a_body_that_is_no_call_is_400_and_kept_as_a_dead_letter(body: bytes, code: str) -> None:
    """Spec: oversize or malformed JSON is 400."""
    world = World()
    answer = world.send("/v1/track", body)
    assert_is_error(answer, 400, code)
    assert world.reasons == [Reason(code)]
    assert body.startswith(original(world.letters[0]))
    assert world.letters[0].source == "web"


def test_a_bomb_of_gzip_in_gzip_members_is_cut_at_the_limit() -> None:
    bomb = gzip.compress(b" " * 400_000) * 50
    assert_is_error(World().send("/v1/batch", bomb), 400, "too_large")


def test_deflate_bombs_and_nonsense_never_inflate_beyond_the_limit() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(b'{"batch":[' + b" " * 100_000_000) + packer.flush()
    assert len(bomb) < BODY_BYTES_MAX
    assert_is_error(World().send("/v1/batch", bomb), 400, "too_large")


def test_nothing_is_kept_of_a_body_without_a_valid_key() -> None:
    for auth, status in ((None, 400), (("unknown", ""), 401)):
        world = World()
        assert world.send("/v1/track", b"{", auth=auth).status_code == status
        assert world.publisher.outputs == []


def test_a_batch_of_too_many_events_is_400() -> None:
    """Spec: 2,500 events a batch."""
    most = batch(*[1] * BATCH_EVENTS_MAX)
    assert World().send("/v1/batch", most).status_code == 200
    over = batch(*[1] * (BATCH_EVENTS_MAX + 1))
    assert_is_error(World().send("/v1/batch", over), 400, "too_large")


@pytest.mark.parametrize("body", [{}, {"batch": None}, {"batch": {}}, {"batch": "x"}, [1], 7])
def test_a_batch_without_a_list_is_400(body: object) -> None:
    assert_is_error(World().send("/v1/batch", body), 400, "not_an_object")


def test_an_empty_batch_is_a_success() -> None:
    assert World().send("/v1/batch", batch()).content == SUCCESS


def test_a_semantic_error_is_still_200_and_goes_to_quarantine() -> None:
    """Spec: no id, no event: 200, and the event goes to quarantine."""
    world = World()
    for call in (
        track(userId=None),
        track(None),
        track(timestamp="9999-01-01"),
        order(total="NaN"),
    ):
        assert world.send("/v1/track", call).content == SUCCESS
    assert world.reasons == ["no_identifier", "no_event_name", "bad_time", "bad_properties"]
    assert json.loads(original(world.letters[0])) == track(userId=None)
    assert world.letters[0].message_id == "m-1"


def test_one_bad_item_does_not_take_its_batch_with_it() -> None:
    world = World()
    body = b'{"batch":[%s,7,{"event":"\xff"},{"a":"%s"},null,%s]}' % (
        json.dumps(track(messageId="first")).encode(),
        b"x" * 33_000,
        json.dumps(track(messageId="last")).encode(),
    )
    assert world.send("/v1/batch", body).content == SUCCESS
    assert [each.message_id for each in world.touchpoints] == ["first", "last"]
    assert world.reasons == ["not_an_object", "malformed_json", "too_large", "not_an_object"]


def test_nan_and_half_characters_as_sdks_write_them_spoil_only_their_own_event() -> None:
    """Python's json writes NaN; JavaScript cuts an emoji in two."""
    world = World()
    bad = json.dumps(order(total=float("nan"))).encode()
    assert b"NaN" in bad
    half = rb'{"type":"track","event":"cut \ud83d","userId":"u","messageId":"half"}'
    assert world.send("/v1/batch", b'{"batch":[%s,%s]}' % (bad, half)).content == SUCCESS
    assert world.reasons == ["bad_properties"]
    assert [each.message_id for each in world.touchpoints] == ["half"]


def test_sent_at_and_context_of_a_batch_hold_for_each_item() -> None:
    world = World()
    call = track(timestamp="2020-01-01T00:00:00Z")
    world.send(
        "/v1/batch",
        batch(call, sentAt="2020-01-01T00:00:00Z", context={"locale": "de"}, integrations={}),
    )
    [touchpoint] = world.touchpoints
    assert touchpoint.occurred_at == touchpoint.received_at
    assert touchpoint.context["locale"] == "de"


def test_a_retry_has_the_same_ids_with_and_without_a_message_id() -> None:
    world = World()
    for call in (track(), track(messageId=None)):
        world.send("/v1/track", call)
        world.send("/v1/track", call)
    first, again, made, made_again = [each.event_id for each in world.touchpoints]
    assert first == again != made == made_again


def test_every_record_has_the_attributes_of_cloudevents() -> None:
    world = World()
    world.send("/v1/batch", batch(track(), track(None)))
    for output, kind in zip(
        world.publisher.outputs, ("touchpoint.accepted", "dead_letter"), strict=True
    ):
        marks = dict(output.headers)
        assert marks["ce_specversion"] == b"1.0"
        assert marks["ce_type"] == f"rapport.{kind}".encode()
        assert marks["ce_id"].decode() == json.loads(output.value)["event_id"]
        assert marks["content-type"] == b"application/json"
        assert b"u-1" not in b"".join(marks.values()) + output.key


def test_browsers_may_ask_before_they_send() -> None:
    """CORS: authorization, content-type and x-retry-count must be allowed."""
    answer = World().send("/v1/batch", method="OPTIONS")
    assert answer.status_code < 300
    allowed = answer.headers["access-control-allow-headers"]
    assert {"authorization", "content-type", "x-retry-count"} <= set(allowed.split(", "))
    assert World().send("/v1/track", track()).headers["access-control-allow-origin"] == "*"


def test_analytics_js_gets_the_settings_it_asks_for_first() -> None:
    answer = World().send(f"/v1/projects/{KEY}/settings", method="GET", auth=None)
    assert answer.json()["integrations"] == {"Segment.io": {"apiKey": KEY}}


def test_other_paths_and_methods_get_a_clear_answer() -> None:
    assert_is_error(World().send("/v2/track", track()), 404, "not_found")
    assert_is_error(World().send("/v1/track", method="GET"), 405, "method_not_allowed")


def test_health_is_served_on_the_same_port() -> None:
    world = World()
    assert world.send("/healthz", method="GET").status_code == 200
    assert world.send("/readyz", method="GET").status_code == 200
    world.faults["Kafka"] = "Kafka does not answer (RAPPORT_KAFKA)"
    assert world.send("/readyz", method="GET").status_code == 503
    world.send("/v1/track", track())
    text = world.send("/metrics", method="GET").text
    assert 'rapport_ingest_accepted_events_total{kind="custom",source="web"}' in text


def test_a_key_is_found_by_its_hash_alone() -> None:
    header = {"Authorization": "basic " + b64encode(f"{KEY}:".encode()).decode()}
    assert World().send("/v1/track", track(), auth=None, headers=header).content == SUCCESS


def test_a_large_context_of_a_batch_is_not_copied_into_each_of_its_items() -> None:
    """2,500 items times 30,000 names would fill any memory."""
    world = World()
    many = {f"n{number}": number for number in range(20_000)}
    calls = [{"type": "identify", "userId": "u", "messageId": str(n)} for n in range(500)]
    assert world.send("/v1/batch", batch(*calls, context=many)).content == SUCCESS
    assert len(world.touchpoints) == 500
    assert world.send("/v1/batch", batch(*calls, context={"traits": many})).content == SUCCESS
    assert set(world.reasons) == {Reason.BAD_PROPERTIES}
