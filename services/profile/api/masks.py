"""What a key without `profile:pii` sees: *** for identifiers, personal traits and the like.

A trait is personal by its name, however deep it stands. Other texts lose what looks like an e-mail
address or a telephone number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from services.common.api_keys import is_personal, plain_name
from services.common.masking import masked
from services.profile.accounts.publish import KIND_UNSAID

HIDDEN: Final = "***"
#: Of properties that the catalogue types, these name things rather than people.
OF_THINGS: Final = frozenset(
    ("name", "title", "location", "photo", "picture", "website", "geo", "latitude", "longitude")
)
#: Fields that hold an identifier wherever they stand.
OF_PEOPLE: Final = frozenset(
    ("userid", "anonymousid", "distinctid", "externalid", "previousid", "customerid")
)
#: Ids of ours and of cases: digits in them are no telephone number.
_IS_ID: Final = re.compile(r"(?:^|_)(?:id|ids|at|on|kind|currency|amount)$").search
_UUID: Final = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_plain = lru_cache(4_096)(plain_name)
_is_personal = lru_cache(4_096)(is_personal)

Json = Any


def masked_profile(snapshot: bytes, personal: frozenset[str]) -> bytes:
    """A snapshot's JSON without what tells who it is."""
    shown = _decode(snapshot)
    shown["identifiers"] = masked_identifiers(shown.get("identifiers", ()))
    traits = shown.get("traits", {})
    for name, said in traits.items():
        said["value"] = _value(name, said["value"], personal)
    if "memberships" in shown:
        _mask_memberships(shown, personal)
    for name, section in shown.items():
        if name not in ("identifiers", "traits", "accounts", "memberships"):
            shown[name] = _section(section)
    return _encode(shown)


def masked_account(snapshot: bytes, personal: frozenset[str]) -> bytes:
    """An account's JSON without what tells who its people are."""
    shown = _decode(snapshot)
    kind = shown["kind"]
    shown["account_id"] = account_name(shown["account_id"], kind)
    _mask_account_traits(shown["traits"], kind, personal)
    for name in ("roles", "tiers"):
        shown[name] = _masked_names(shown[name])
    return _encode(shown)


def account_name(account_id: str, kind: str) -> str:
    """How an account is called. A company is no person; a household, or any other group, is people,
    and may be called like them."""
    return HIDDEN if kind != KIND_UNSAID or "@" in account_id else account_id


def masked_identifiers(identifiers: Any) -> list[dict[str, str]]:
    """Their kinds stay."""
    return [{"kind": one["kind"], "value": HIDDEN} for one in identifiers]


def masked_properties(properties: Mapping[str, Json], personal: frozenset[str]) -> dict[str, Json]:
    """The properties of a touchpoint. What senders name freely is looked at more strictly."""
    kind = properties.get("kind")
    if kind == "account_linked":
        return _masked_link(properties, personal)
    shown: dict[str, Json] = {}
    for name, value in properties.items():
        free = (kind, name) in (("custom", "properties"), ("identified", "traits"))
        if free and isinstance(value, dict):
            shown[name] = _object(value, personal)
        elif name in ("kind", "name"):  # the touchpoint's own: a custom event's name, a product's
            shown[name] = masked(value) if isinstance(value, str) else value
        else:
            shown[name] = _value(name, value, personal - OF_THINGS)
    return shown


def _mask_memberships(shown: dict[str, Json], personal: frozenset[str]) -> None:
    """By what this person's events said that an account is."""
    names = {}
    for one in shown["memberships"]:
        account_id, kind = one["account_id"], (one.get("kind") or {}).get("value", KIND_UNSAID)
        names[account_id] = one["account_id"] = account_name(account_id, kind)
        _mask_account_traits(one.get("traits", {}), kind, personal)
        one["role"] = one["role"] and masked(one["role"])
    shown["accounts"] = [names.get(one, HIDDEN) for one in shown.get("accounts", ())]


def _masked_link(properties: Mapping[str, Json], personal: frozenset[str]) -> dict[str, Json]:
    """What somebody said of their account, by what they said that it is."""
    shown = {name: _value(name, value, personal) for name, value in properties.items()}
    kind = properties.get("account_kind") or KIND_UNSAID
    shown["account_id"] = account_name(properties["account_id"], kind)
    hidden = personal - OF_THINGS if kind == KIND_UNSAID else personal
    shown["traits"] = _object(properties.get("traits") or {}, hidden)
    return shown


def _mask_account_traits(traits: dict[str, Json], kind: str, personal: frozenset[str]) -> None:
    """Of a company, what names things rather than people stays."""
    hidden = personal - OF_THINGS if kind == KIND_UNSAID else personal
    for name, said in traits.items():
        said["value"] = _value(name, said["value"], hidden)


def _masked_names(counts: dict[str, int]) -> dict[str, int]:
    """Counts by name, of those whose names are alike now together."""
    shown: dict[str, int] = {}
    for name, count in counts.items():
        plain = masked(name)
        shown[plain] = shown.get(plain, 0) + count
    return shown


def _value(name: str, value: Json, personal: frozenset[str]) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if _is_personal(name, personal) or _plain(name) in OF_PEOPLE:
        return HIDDEN
    if isinstance(value, str):
        apart = "@" not in value and (_IS_ID(name) or _UUID.match(value))
        return value if apart else masked(value)
    if isinstance(value, dict):
        return _object(value, personal)
    if isinstance(value, list):
        return [_value(name, one, personal) for one in value]
    return value


def _object(value: dict[str, Json], personal: frozenset[str]) -> dict[str, Json]:
    if value.keys() == {"kind", "value"} and isinstance(value["value"], str):
        return {"kind": value["kind"], "value": HIDDEN}  # somebody's identifier
    return {name: _value(name, one, personal) for name, one in value.items()}


def _section(value: Json) -> Json:
    """What we have made of events: numbers, steps, names of things; and people who were named."""
    if isinstance(value, str):
        return masked(value) if "@" in value else value
    if isinstance(value, dict):
        if value.keys() == {"kind", "value"}:
            return {"kind": value["kind"], "value": HIDDEN}
        return {name: _section(one) for name, one in value.items()}
    return [_section(one) for one in value] if isinstance(value, list) else value
