"""Small readers that the mappings of kinds share: first of several names, texts, money."""

from __future__ import annotations

from typing import Any

Fields = dict[str, Any]

_NUMBERS = (int, float)  # and no bool, which is an int too


def taken(fields: Fields, *names: str) -> Any:
    """Remove all these names from the fields; the value of the first that was there."""
    found = None
    for name in names:
        value = fields.pop(name, None)
        if found is None:
            found = value
    return found


def put_text(fields: Fields, name: str, value: Any) -> None:
    """Set a text field if there is a value; databases number things, so numbers are texts too."""
    if value is not None:
        fields[name] = str(value) if type(value) in _NUMBERS else value


def put(fields: Fields, name: str, value: Any) -> None:
    """Set a field if there is a value, so that the model's default holds where there is none."""
    if value is not None:
        fields[name] = value


def currency_of(fields: Fields, default: str) -> Any:
    """The currency of a call, upper case; the workspace's where it brings none."""
    said = fields.pop("currency", None)
    if said is None or said == "":
        return default
    return said.upper() if isinstance(said, str) else said


def money(value: Any, currency: Any) -> Any:
    """An amount in this currency; an object that is money already stays as it is."""
    if value is None:
        return None
    if isinstance(value, dict):
        return {"currency": currency} | value
    return {"amount": str(value) if isinstance(value, bool) else value, "currency": currency}
