"""Bodies that no SDK should send, each made from a number: broken, twisted, deep, huge, packed."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from tests.fuzz.mutations import mutated

SINGLE: Final = ("track", "identify", "page", "screen", "group", "alias", "t", "i", "p", "s", "g")
BATCHES: Final = ("/v1/batch", "/v1/import", "/v1/b")
POSTHOG: Final = ("/batch/", "/capture/", "/e/", "/i/v0/e")
CONTENT_TYPES: Final = ("application/json", "text/plain;charset=UTF-7", "", "application/x-gzip")


class Malformed(NamedTuple):
    """A request: its path, headers besides the key's and the length, and its body."""

    path: str
    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"{self.path} {self.headers} {self.body[:2_000]!r} ({len(self.body)} bytes)"


def call(dice: random.Random) -> dict[str, Any]:
    """A call as an SDK might send it, with what all types need."""
    words = {"event": "Order Completed", "groupId": "acme", "previousId": "u-0", "distinct_id": "u"}
    order = {"order_id": "SO-1", "total": 29.33, "currency": "USD", "products": [{"sku": "a"}]}
    return words | {
        "type": dice.choice(SINGLE[:6]),
        "userId": f"u-{dice.randrange(100)}",
        "messageId": f"malformed-{dice.getrandbits(64):x}",
        "timestamp": "2026-01-02T03:04:05.123Z",
        "properties": order,
        "traits": {"email": "a@b.example"},
        "context": {"library": {"name": "x", "version": "1"}, "page": {"url": "https://a.example"}},
    }


def whole(dice: random.Random) -> tuple[str, Any]:
    """A path, and what fits it."""
    match dice.randrange(3):
        case 0:
            return f"/v1/{dice.choice(SINGLE)}", call(dice)
        case 1:
            calls = [call(dice) for _ in range(dice.randint(1, 4))]
            return dice.choice(BATCHES), {"batch": calls, "sentAt": "2026-01-02T03:04:06Z"}
        case _:
            calls = [call(dice) for _ in range(dice.randint(1, 3))]
            path = dice.choice(POSTHOG)
            return path, {"batch": calls} if path == "/batch/" else calls[0]


def _text(dice: random.Random) -> tuple[str, bytes]:
    path, value = whole(dice)
    return path, json.dumps(value).encode()


def changed(dice: random.Random) -> Malformed:
    """Still JSON: other values in some places, parts gone or elsewhere."""
    path, text = _text(dice)
    found = text
    for _ in range(dice.randint(1, 6)):
        found = (mutated(b" " + found, dice) or b" " + found)[1:]
    return Malformed(path, {}, found)


def cut(dice: random.Random) -> Malformed:
    """Ends anywhere."""
    path, text = _text(dice)
    return Malformed(path, {}, text[: dice.randrange(len(text))])


def flipped(dice: random.Random) -> Malformed:
    """Some bits are others."""
    path, text = _text(dice)
    bits = bytearray(text)
    for _ in range(dice.randint(1, 8)):
        bits[dice.randrange(len(bits))] ^= 1 << dice.randrange(8)
    return Malformed(path, {}, bytes(bits))


def stuffed(dice: random.Random) -> Malformed:
    """With what JSON or UTF-8 does not allow in between."""
    path, text = _text(dice)
    at = dice.randrange(len(text))
    what = (b"\x00", b"\xff\xfe", b"\xed\xa0\xbd", b"NaN", b"Infinity", b"-", b'"', b"\\u12", b",,")
    return Malformed(path, {}, text[:at] + dice.choice(what) + text[at:])


def nested(dice: random.Random) -> Malformed:
    """Deep, closed or not, alone or somewhere in a call."""
    path, value = whole(dice)
    levels = dice.choice((20, 31, 32, 33, 500, 100_000))
    opening, closing = dice.choice((("[", "]"), ('{"a":', "}")))
    deep = opening * levels + "1" + closing * dice.choice((0, levels))
    if dice.random() < 0.3:
        return Malformed(path, {}, deep.encode())
    value["context"] = "@"
    return Malformed(path, {}, json.dumps(value).replace('"@"', deep).encode())


def numbered(dice: random.Random) -> Malformed:
    """With numbers that are none, or larger than anything."""
    path, value = whole(dice)
    inside = value["batch"][0] if "batch" in value else value
    said = ("1e999", "-1e999", "9" * 5_000, "0." + "0" * 400 + "1", "NaN", "-Infinity", "01", "1.")
    inside["properties"]["total"] = "@"
    return Malformed(path, {}, json.dumps(value).replace('"@"', dice.choice(said)).encode())


def twice(dice: random.Random) -> Malformed:
    """The same names more than once, the batch too."""
    path, text = _text(dice)
    again = dice.choice((b'{"batch":{},', b'{"userId":[],', b'{"type":7,', b'{"context":[],'))
    return Malformed(path, {}, again + text[1:])


def packed(dice: random.Random) -> Malformed:
    """gzip: broken, cut, twice, a bomb, or said to be and not."""
    path, text = _text(dice)
    zipped = bytearray(gzip.compress(text))
    match dice.randrange(5):
        case 0:
            zipped[dice.randrange(2, len(zipped))] ^= 1 << dice.randrange(8)
        case 1:
            zipped = zipped[: dice.randrange(2, len(zipped))]
        case 2:
            zipped = bytearray(gzip.compress(bytes(zipped)))
        case 3:
            zipped = bytearray(gzip.compress(b" " * dice.choice((500_000, 600_000, 5_000_000))))
        case _:
            zipped = bytearray(text)
    return Malformed(path, {"Content-Encoding": "gzip"}, bytes(zipped))


def else_(dice: random.Random) -> Malformed:
    """No object at all, members that are none, or bytes."""
    path, _ = whole(dice)
    members: list[Any] = [None, 1, "", [], [[]], {}, {"type": "track"}, True, {"type": []}, "x"]
    batches = {"batch": dice.sample(members, 5)}, {"batch": dice.choice(members)}
    value = dice.choice((*members, *batches))
    body = dice.randbytes(40) if dice.random() < 0.2 else json.dumps(value).encode()
    return Malformed(path, {"Content-Type": dice.choice(CONTENT_TYPES)}, body)


def long(dice: random.Random) -> Malformed:
    """Longer than it may be: an id, a name, a call, a batch."""
    path, value = whole(dice)
    inside = value["batch"][0] if "batch" in value else value
    name = dice.choice(("userId", "messageId", "event", "anonymousId", "timestamp", "groupId"))
    inside[name] = dice.choice(("x", "\u202e", "0")) * dice.choice((99, 100, 501, 40_000))
    if dice.random() < 0.2:
        inside["properties"] |= {f"p{number}": number for number in range(3_000)}
    return Malformed(path, {}, json.dumps(value).encode())


Way = Callable[[random.Random], Malformed]
WAYS: Final[tuple[Way, ...]] = (
    changed, cut, flipped, stuffed, nested, numbered, twice, packed, else_, long,
)  # fmt: skip


def malformed(way: Way, number: int) -> Malformed:
    """The same for the same number."""
    return way(random.Random(number))
