"""What some SDKs send as JSON that strictly is none: NaN, Infinity and half a surrogate pair.

Python's json writes NaN; JavaScript cuts texts in the middle of an emoji. One such event would
take its whole batch with it, so they become texts, and validation speaks of the one field.
"""

from __future__ import annotations

import json
import math

import msgspec


def repaired(text: bytes) -> bytes | None:
    """Strict JSON with NaN, Infinity and too large numbers as texts, and half pairs as "?".

    None where the text is no JSON by any reading. The caller has checked its depth.
    """
    try:
        value = json.loads(
            text.decode("utf-8"), parse_constant=str, parse_float=_finite, parse_int=_bounded
        )
        strict = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        msgspec.json.decode(strict)
    except ValueError:
        return None
    return strict


def _finite(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits[:100]


def _bounded(digits: str) -> int | str:
    return int(digits) if len(digits) <= 300 else digits[:100]
