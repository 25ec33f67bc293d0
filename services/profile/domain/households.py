"""People at one address are one household, where the workspace says which traits make it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any


def same_for_all(traits: Mapping[str, bytes], names: Sequence[str]) -> str | None:
    """What a household's people have in common: the values (JSON) of these traits, in one spelling.

    None: somebody who lacks one of them is in no household by them.
    """
    values = [_spelled(json.loads(traits[name])) for name in names if name in traits]
    if not names or len(values) < len(names) or not all(values):
        return None
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def _spelled(value: Any) -> Any:
    """Letters' case, spaces and ways to write a letter make no other address; nothing is falsy."""
    if isinstance(value, str):
        return " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    if isinstance(value, dict):
        spelled = {name: _spelled(one) for name, one in value.items()}
        return {name: one for name, one in spelled.items() if one}
    if isinstance(value, list):
        return [one for one in map(_spelled, value) if one]
    return "" if value is None or isinstance(value, bool) else str(value)
