"""Changes that keep JSON whole, beside libFuzzer's own that mostly break it: other values in any
place, names that parsers know, parts of it elsewhere or gone."""

from __future__ import annotations

import json
import random
from typing import Any, Final

from tests.fuzz.rules import WORDS

#: What people and programs put where something else belongs.
VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**64), 10**40, 0.1, -0.0, 1e308, 1e999, "", " ",
    "0", "-", "null", "NaN", "u1", "a@b.example", "+44 20 7946 0000", "USD", "eur", "12,50",
    "1e400", "2026-01-01T00:00:00Z", "2026-02-30", "0001-01-01", "9999-12-31T23:59:59-23:59",
    "24:00", "\x00", "\ud83d", "\u202e", "\U0001f600", "x" * 99, "x" * 100, "x" * 1_100,
    "a.b.c", "$set", [], {}, [[]], [None], {"": None}, {"amount": "1", "currency": "USD"},
    {"kind": "user_id", "value": "u"}, {"email": "a@b.example"}, ["a", {"sku": 1}],
)  # fmt: skip
Place = tuple[Any, Any]


def mutated(data: bytes, dice: random.Random) -> bytes | None:
    """The input with one to three changes of its JSON; None where there is none in it."""
    start = data.find(b"{", 1)
    if start < 0:
        return None
    try:
        value = json.loads(data[start:])
    except (ValueError, RecursionError):
        return None
    for _ in range(dice.randint(1, 3)):
        places = list(_places(value))
        if places:
            _change(*dice.choice(places), dice, places)
    head = data[:start] if dice.random() < 0.97 else bytes([dice.randrange(256)]) + data[1:start]
    text = json.dumps(value, ensure_ascii=dice.random() < 0.5)
    return head + text.encode("utf-8", "surrogatepass")


def _places(value: Any) -> list[Place]:
    """(holder, name or number) of everything inside."""
    found: list[Place] = []
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        names = list(holder) if isinstance(holder, dict) else range(len(holder))
        for name in names:
            found.append((holder, name))
            if isinstance(holder[name], (dict, list)):
                waiting.append(holder[name])
    return found


def _change(holder: Any, name: Any, dice: random.Random, places: list[Place]) -> None:
    match dice.randrange(6):
        case 0:
            del holder[name]
        case 1 if isinstance(holder, dict):
            holder[dice.choice(WORDS)] = json.loads(json.dumps(holder[name]))
        case 2 if isinstance(holder, dict):
            holder[dice.choice(WORDS)] = json.loads(json.dumps(dice.choice(VALUES)))
        case 3:
            other, its = dice.choice(places)
            holder[name] = json.loads(json.dumps(other[its]))
        case 4:
            holder[name] = dice.choice(WORDS)
        case _:
            holder[name] = json.loads(json.dumps(dice.choice(VALUES)))
