"""The signature of a webhook.

Source: Standard Webhooks, specification 1.0, "Signature scheme".
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64


def secrets(text: str) -> tuple[bytes, ...]:
    """The keys in a text of space-separated secrets: the newest first, older ones in rotation.

    ValueError when there is none, or when one is not `whsec_` + base64 of 24 to 64 bytes. The
    error never repeats the text.
    """
    keys = tuple(_key(part) for part in text.split())
    if not keys:
        raise ValueError("there is no secret")
    return keys


def signed_headers(
    keys: Sequence[bytes], message_id: str, at_s: int, body: bytes
) -> dict[str, str]:
    """The three headers of one attempt. `message_id` stays the same, `at_s` is the attempt's."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(signature(key, message_id, at_s, body) for key in keys),
    }


def signature(key: bytes, message_id: str, at_s: int, body: bytes) -> str:
    """HMAC-SHA256 over `{id}.{timestamp}.{body}`, as `v1,<base64>`."""
    signed = f"{message_id}.{at_s}.".encode() + body
    return "v1," + b64encode(hmac.digest(key, signed, sha256)).decode()


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        raise ValueError(f"a secret does not begin with {PREFIX}")
    text = secret.removeprefix(PREFIX).rstrip("=")  # padding is optional, as in standardwebhooks
    try:
        key = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise ValueError(f"a secret is not base64 after {PREFIX}") from None
    if not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
        raise ValueError(
            f"a secret has {len(key)} bytes, not {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX}"
        )
    return key
