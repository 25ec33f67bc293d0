"""CloudEvents 1.0 as Kafka carries them: who sent what, under which id.

Sources: CloudEvents 1.0.2, its Kafka protocol binding (3.2, 3.3) and its JSON event format.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from schemas.dead_letter import Reason
from services.ingest.domain.refusal import Refusal

NEEDED: Final = ("specversion", "id", "source", "type")
_PREFIX: Final = "ce_"


class CloudEvent(NamedTuple):
    """The attributes that are read here. `data`: bytes where it still has to be decoded."""

    id: str
    source: str
    type: str
    time: str | None
    data: Any

    @property
    def name(self) -> str:
        """Of all events: source and id together are unique."""
        return f"{self.source}\x1f{self.id}"


def in_headers(headers: Mapping[str, bytes]) -> bool:
    """Binary mode: the attributes are headers, the record's value is the data."""
    return "ce_specversion" in headers


def in_object(value: object) -> bool:
    """Structured mode, whatever the content type says."""
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in NEEDED)


def of_headers(headers: Mapping[str, bytes], value: bytes) -> CloudEvent | Refusal:
    """The event of a record in binary mode."""
    content = media_type(headers)
    if content and content != "application/json" and not content.endswith("+json"):
        return _unread(f"data of {content[:100]}")
    attributes = {
        name.removeprefix(_PREFIX): one.decode("utf-8", "replace")
        for name, one in headers.items()
        if name.startswith(_PREFIX)
    }
    return _event(attributes, value)


def of_object(value: Mapping[str, Any]) -> CloudEvent | Refusal:
    """The event of a record in structured mode."""
    data = value.get("data")
    if data is None and isinstance(packed := value.get("data_base64"), str):
        try:
            data = b64decode(packed, validate=True)
        except ValueError:
            return Refusal(Reason.MALFORMED_JSON, "data_base64 is not base64", "data_base64")
    return _event(value, data)


def media_type(headers: Mapping[str, bytes]) -> str:
    """The content type without its parameters; empty where none is said."""
    said = headers.get("content-type", b"").decode("utf-8", "replace")
    return said.partition(";")[0].strip().lower()


def _event(attributes: Mapping[str, Any], data: Any) -> CloudEvent | Refusal:
    for name in NEEDED:
        if not isinstance(said := attributes.get(name), str) or not said:
            return Refusal(Reason.UNKNOWN_TYPE, f"a CloudEvent without {name}", name)
    if not attributes["specversion"].startswith("1."):
        return _unread(f"CloudEvents {attributes['specversion'][:20]}")
    time = attributes.get("time")
    return CloudEvent(
        attributes["id"],
        attributes["source"],
        attributes["type"],
        time if isinstance(time, str) and time else None,
        data,
    )


def _unread(what: str) -> Refusal:
    return Refusal(Reason.UNKNOWN_TYPE, f"{what} is not read here; send CloudEvents 1.0 with JSON")
