"""An accepted touchpoint as it is written: schemas.touchpoint.Touchpoint, its parts valid by now.

msgspec writes a struct in two thirds of a dict's time; a contract test holds it against the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec


class Named(msgspec.Struct, gc=False):
    """An identifier."""

    kind: str
    value: str


class Envelope(msgspec.Struct, gc=False, omit_defaults=True):
    """The fields in the order in which they travel; times as RFC 3339, properties as JSON.
    `public` stands there where it is true."""

    workspace: str
    source: str
    event_id: str
    message_id: str
    occurred_at: str
    received_at: str
    identifiers: list[Named]
    channel: str | None
    properties: msgspec.Raw
    context: Mapping[str, Any]
    public: bool = False


encode: Final = msgspec.json.Encoder().encode
