"""Regular expressions in linear time: whatever text comes, no pattern of a workspace holds it up.

Rust's engine behind jsonschema-rs, as for the tracking plans: no look-around, no back references.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.common.plan_schema import compiled


def compiled_pattern(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether one of them is found in a text. SchemaError where one can not be matched so."""
    return compiled({"anyOf": [{"pattern": pattern} for pattern in patterns]}).is_valid
