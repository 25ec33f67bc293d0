"""Webhooks are signed by the Standard Webhooks rules."""

from base64 import b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from services.journey.deliver.domain.signing import secrets, signature, signed_headers

KEYS = st.binary(min_size=24, max_size=64)
IDS = st.uuids().map(str)


def whsec(key: bytes) -> str:
    return "whsec_" + b64encode(key).decode()


@given(KEYS, IDS, st.integers(0, 4_000_000_000), st.text(max_size=200))
def test_the_signature_is_that_of_standardwebhooks(
    key: bytes, message_id: str, at_s: int, body: str
) -> None:
    theirs = Webhook(whsec(key)).sign(message_id, datetime.fromtimestamp(at_s, UTC), body)
    assert signature(key, message_id, at_s, body.encode()) == theirs


@given(KEYS, KEYS)
def test_while_keys_rotate_a_receiver_may_have_either(new: bytes, old: bytes) -> None:
    at_s = int(datetime.now(UTC).timestamp())
    headers = signed_headers(secrets(f"{whsec(new)} {whsec(old)}"), "id-1", at_s, b'{"a":1}')
    for key in (new, old):
        assert Webhook(whsec(key)).verify(b'{"a":1}', headers) == {"a": 1}


def test_a_changed_body_does_not_verify() -> None:
    key = bytes(range(24))
    headers = signed_headers([key], "id-1", int(datetime.now(UTC).timestamp()), b'{"a":1}')
    with pytest.raises(WebhookVerificationError):
        Webhook(whsec(key)).verify(b'{"a":2}', headers)


@pytest.mark.parametrize(
    "text",
    ["", "   ", "geheim", "whsec_", "whsec_!!!!", whsec(b"short"), whsec(bytes(65)), "whsec_ä"],
)
def test_a_bad_secret_is_an_error_that_does_not_repeat_it(text: str) -> None:
    with pytest.raises(ValueError, match="secret") as caught:
        secrets(text)
    if text.strip():
        assert text not in str(caught.value).replace("whsec_", "", 1) or text == "whsec_"
