"""How deep a JSON text nests, before a parser is let near it."""

from __future__ import annotations

import re
from typing import Final

DEPTH_MAX: Final = 32

_AS_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b'{}[]"'))
_QUOTED: Final = re.compile(rb'"[^"]*(?:"|\Z)')


def is_too_deep(text: bytes, depth_max: int = DEPTH_MAX) -> bool:
    """Whether any valid beginning of the text nests deeper. Linear, and safe on any bytes.

    Escaped quotes go first, then all that is no bracket and no quote, then the quoted; each
    round takes the innermost pairs away, so that what is left after `depth_max` rounds is deeper.
    """
    if text.count(b"[") + text.count(b"{") <= depth_max:
        return False
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = text.translate(_AS_SQUARE, _NOT_BRACKETS).replace(b'""', b"")
    if b'"' in brackets:
        brackets = _QUOTED.sub(b"", brackets)
    depth = 0
    while depth < depth_max and (inner := brackets.replace(b"[]", b"")) != brackets:
        brackets, depth = inner, depth + 1
    return depth + brackets.count(b"[") > depth_max
