"""Letters for the fuzzer: rules as people write them, and what a rule or a hand makes of a call."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from schemas import topics
from schemas.base import to_json
from schemas.dead_letter import Reason, Way
from services.cli.letters.back import back, back_as
from services.cli.letters.edit import text_of
from services.cli.letters.letter import Letter
from services.cli.letters.mend import Operation
from services.cli.letters.rules import BadRule, rule_of_file, rule_of_options, told
from services.cli.letters.ways import Back, Held, Resend, Snapshot
from services.ingest.keys import Doors
from services.ingest.paths import ENDPOINTS
from tests.columns_messages import MESSAGES

NOW: Final = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
PATHS: Final = (None, *ENDPOINTS)


def letter_of(original: bytes, path: str | None) -> Letter:
    """A refused call, or a whole request to that path."""
    way = Way(received_at=NOW, content_id="c", sent_at="2026-03-04T05:06:07Z", request=path)
    return Letter(
        id=UUID(int=7),
        workspace="demo",
        at=NOW,
        reason=Reason.BAD_PROPERTIES,
        service="ingest",
        source="web",
        field="",
        message_id="",
        topic="",
        partition=None,
        offset=None,
        original=original,
        way=way,
        former=None,
        key=None,
        headers=(),
        cut=False,
        request_id="",
        endpoint="",
        state="open",
        handled_at=None,
    )


def hold(found: Back) -> None:
    """Records of touchpoints.inbound, or a reason that is not our own mistake."""
    if isinstance(found, Held):
        assert found.reason != Reason.POISON, found.detail
        assert found.detail
        return
    assert isinstance(found, list)
    assert all(one.topic == topics.INBOUND.name and one.event_id for one in found)


def rule(data: bytes, folder: Path, doors: Doors) -> None:
    """A rule's file; what it says is done to some calls."""
    for operations in _rules(data, folder):
        assert len(told(operations)) <= 2_000
        for call in CALLS:
            hold(back(letter_of(call, None), operations, doors, NOW))


def mended(data: bytes, folder: Path, doors: Doors) -> None:
    """A rule and the call that it is for: {"rule": [...], "call": ..., "options": [...]}."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(said, dict):
        return
    call = json.dumps(said.get("call"), ensure_ascii=False).encode("utf-8", "replace")
    rules = list(_rules(json.dumps(said.get("rule")).encode(), folder))
    listed = said.get("options")
    options = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    for way in range(4):
        lists: list[list[str]] = [[], [], [], []]
        lists[way] = options
        try:
            rules.append(rule_of_options(*lists))
        except BadRule:
            continue
    for operations in rules:
        for path in PATHS:
            hold(back(letter_of(call, path), operations, doors, NOW))


def by_hand(data: bytes, doors: Doors) -> None:
    """A letter as it is opened in an editor, and saved as it is."""
    letter = letter_of(data, PATHS[len(data) % len(PATHS)])
    hold(back(letter, (), doors, NOW))
    text = text_of(letter)
    hold(back_as(letter, text.encode(), doors, NOW))


def between(data: bytes, doors: Doors) -> None:
    """A record that a service refused of another: service and topic a line each, then its bytes."""
    head, _, value = data.partition(b"\n\n")
    service, _, topic = head.decode("utf-8", "replace").partition("\n")
    letter = letter_of(value, None)._replace(
        service=service, topic=topic, key=b"k" if len(value) % 5 else None, partition=0, offset=7
    )
    found = back(letter, (), doors, NOW)
    if not isinstance(found, Resend):
        sent = [found.sent] if isinstance(found, Snapshot) else found
        assert isinstance(sent, Held) or all(one.value == value for one in sent)


def _rules(data: bytes, folder: Path) -> list[list[Operation]]:
    """The one that the file says, if it says one."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "rule.yaml"
    file.write_bytes(data)
    try:
        return [rule_of_file(file)]
    except BadRule:
        return []


CALLS: Final[tuple[bytes, ...]] = (
    b'{"type":"track","event":"Order Completed","userId":"u1","messageId":"m","properties":'
    b'{"order_id":"SO-1","total":"29.33","currency":"USD","products":[{"sku":"a"},{"sku":"b"}]}}',
    b'{"type":"identify","traits":{"email":"a@b.example","age":"1e9"},"timestamp":"1593604800"}',
    b"[]",
)
_RULE: Final[list[dict[str, Any]]] = [
    {"cast": {"path": "properties.total", "to": "number"}},
    {"rename": {"path": "properties.products.*.sku", "to": "properties.products.*.id"}},
    {"set": {"path": "properties.currency", "value": "EUR"}},
    {"replace": {"path": "traits.email", "pattern": "@(.+)$", "by": "@x.example"}},
    {"drop": {"path": "context.traits"}},
    {"cast": {"path": "timestamp", "to": "time"}},
]
_READERS: Final = {
    topics.ACCEPTED.name: "profile",
    topics.PROFILES.name: "scoring.score",
    topics.SCORES.name: "journey.decide",
    topics.LIFECYCLE.name: "journey.deliver",
    topics.ALERTS.name: "journey.deliver",
    topics.ACTIONS.name: "journey.deliver",
}
BETWEEN: Final = tuple(
    f"{service}\n{topic}\n\n".encode() + to_json(message)
    for (topic, _), message in {one[0]: (one, MESSAGES[one]) for one in MESSAGES}.values()
    for service in dict.fromkeys((_READERS.get(topic, "scoring.columns"), "scoring.columns"))
)
RULES: Final = (
    json.dumps(_RULE).encode(),
    b"- cast: {path: properties.total, to: integer}\n- set: {path: a\\.b, value: 2026-01-01}\n",
    b"- &a\n  set: {path: x, value: 0x1F}\n- *a\n",
)
MENDED: Final = tuple(
    json.dumps({"rule": _RULE, "call": json.loads(call), "options": options}).encode()
    for call, options in zip(
        CALLS,
        (["a=b", "properties.total=number"], ["userId=u2", "traits.age=integer"], ["type=text"]),
        strict=True,
    )
)
