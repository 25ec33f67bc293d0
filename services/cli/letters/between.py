"""A letter of what stood between services → how it goes back to who refused it, if it may. Pure.

Every topic has a row in one of these tables, with what keeps a repeat from counting twice: readers
drop what they know by its id, or compare versions.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from schemas import topics
from schemas.cloudevents import headers, source_of
from schemas.dead_letter import REDRIVEN_HEADER, Reason
from services.cli.letters.letter import Letter
from services.cli.letters.readers import refused_again
from services.cli.letters.ways import Back, Held, Resend, Sent, Snapshot, Suppressed
from services.common.batch import Record
from services.ingest.keys import Doors

#: Read by their id: profile remembers message ids, deliver the ids of effects for longer than
#: letters are kept, and in the columns a row that comes twice is one. -> What to do instead, where
#: the reader still refuses it.
BY_ID: Final = {
    topics.ACCEPTED.name: "the sender has to send the event again, mended",
    topics.RESOLVED.name: "a profile service of this version would not have published it",
    topics.LIFECYCLE.name: "who needs it can read it from the topic",
    topics.ALERTS.name: "who needs it can read it from the topic",
    topics.ACTIONS.name: "who needs it can read it from the topic",
    topics.HANDLED.name: "run the command again that it tells of",
    topics.VIOLATIONS.name: "the event that it tells of comes again with the next like it",
}
#: Read by their version; the topic keeps the last record of each key, which must be the newest.
BY_VERSION: Final = {
    topics.PROFILES.name: "the customer's next event brings a newer snapshot",
    topics.ACCOUNTS.name: "the next event of a member brings a newer snapshot",
    topics.SCORES.name: "the customer's next event, or `rapport fit`, brings newer scores",
    topics.MODELS.name: "`rapport fit` publishes another model",
}
#: Events: they do not go through the door again, so here is looked who must not get in.
TOUCHPOINTS: Final = (topics.ACCEPTED.name, topics.RESOLVED.name)
_DUE: Final = (
    "it is a moment that fell due for a customer, and no record: the customer's next event, or "
    "`rapport fit`, sets it anew"
)


def between_services(letter: Letter, doors: Doors) -> Back:
    """How a record goes back as it was, or a webhook that was given up."""
    if letter.reason == Reason.UNDELIVERABLE:
        return _webhook(letter)
    if why := _unsafe(letter):
        return Held("unsafe", why)
    record = Record(letter.topic, -1, -1, letter.key, letter.original, letter.headers)
    if held := refused_again(letter.service, record, doors):
        instead = (BY_ID | BY_VERSION)[letter.topic]
        return Held(
            held.reason, f"{letter.service} would refuse it again: {held.detail}; {instead}"
        )
    said = _read(letter)
    if isinstance(said, Held):
        return said
    if letter.topic in TOUCHPOINTS and _must_not_get_in(said, letter, doors):
        return Suppressed()
    if letter.topic in BY_ID:
        return _by_id(letter, said)
    return _by_version(letter, said)


def _must_not_get_in(said: dict[str, Any], letter: Letter, doors: Doors) -> bool:
    door = doors.of_workspace(str(said.get("workspace", letter.workspace)))
    return door is not None and bool(door.guard) and door.guard.finds_in_touchpoint(said)


def _webhook(letter: Letter) -> Resend | Held:
    if letter.endpoint:
        return Resend(letter.endpoint, letter.message_id)
    return Held("unsafe", "its endpoint was not kept; see `rapport webhooks dead` and `resend`")


def _unsafe(letter: Letter) -> str | None:
    if letter.topic == "due":
        return _DUE
    if letter.topic not in BY_ID and letter.topic not in BY_VERSION:
        return f"what came from {letter.topic or 'no topic'} is no record that could be sent again"
    if letter.key is None:
        return "its key was not kept, and decides which worker reads it"
    return None


def _read(letter: Letter) -> dict[str, Any] | Held:
    try:
        said = msgspec.json.decode(letter.original)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Held("malformed_json", f"no reader of {letter.topic} can read it as it is")
    if isinstance(said, dict):
        return said
    return Held("malformed_json", f"no reader of {letter.topic} takes anything but an object")


def _by_id(letter: Letter, said: dict[str, Any]) -> list[Sent] | Held:
    id = said.get("event_id")
    if not isinstance(id, str):
        return Held("unsafe", "it has no event_id by which a repeat of it would be known")
    marks = list(letter.headers)
    if not marks:
        marks = headers(
            letter.topic,
            event_id=id.encode(),
            source=source_of(str(said.get("workspace", letter.workspace))),
            time=str(said.get("occurred_at") or said.get("at") or "").encode(),
            subject=letter.key or b"",
        )
    return [_sent(letter, marks, id)]


def _by_version(letter: Letter, said: dict[str, Any]) -> Snapshot | Held:
    version = said.get("version")
    if not isinstance(version, int) or letter.partition is None or letter.offset is None:
        return Held(
            "unsafe",
            f"{letter.topic} keeps the newest of each key, and whether it is that can not be known",
        )
    sent = _sent(letter, list(letter.headers), str(letter.id))
    return Snapshot(sent, version, letter.partition, letter.offset)


def _sent(letter: Letter, marks: list[tuple[str, bytes]], id: str) -> Sent:
    marks = [*marks, (REDRIVEN_HEADER, str(letter.id).encode())]
    return Sent(letter.topic, letter.key, letter.original, marks, id)
