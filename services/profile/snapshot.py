"""A person as the JSON of schemas.profile.Profile. msgspec writes it, since it is the hot path.

A contract test reads it back with pydantic and compares every value.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from schemas.base import EPOCH
from schemas.cloudevents import rfc3339_bytes
from services.profile.conflicts import Conflict, conflicts
from services.profile.domain.combine import combined
from services.profile.domain.component import Component, Node, kind_name
from services.profile.domain.ids import uuid_text
from services.profile.domain.part import FIRST, KINDS, LAST, KindCode, Part
from services.profile.domain.people import Person
from services.profile.domain.quality import Quality, quality
from services.profile.domain.states import Said
from services.profile.sections.memberships import Membership, accounts, memberships
from services.profile.sections.purchases import Payments, Purchases, payments, purchases
from services.profile.sections.relations import (
    Loyalty,
    Marketing,
    Preferences,
    ShownConsent,
    consent,
    loyalty,
    marketing,
    preferences,
)
from services.profile.sections.sales import Sales, sales
from services.profile.sections.service import Service, service

_REMOVED: Final = b"null"
_KIND_NAMES: Final[dict[KindCode, str]] = dict(enumerate(KINDS))
_encode = msgspec.json.Encoder().encode


class _Identifier(msgspec.Struct, gc=False):
    kind: str
    value: str


class _Trait(msgspec.Struct, gc=False):
    value: msgspec.Raw
    source: str
    at: datetime


class _Behaviour(msgspec.Struct, gc=False):
    events: int
    by_kind: dict[str, int]
    by_channel: dict[str, int]
    last_at: dict[str, datetime]
    categories: dict[str, int]


class _Quality(msgspec.Struct, gc=False, omit_defaults=True):
    score: int
    completeness: float
    validity: float
    freshness: float
    conflicts: int = 0
    late: int = 0
    missing: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()


class _Profile(msgspec.Struct, gc=False):
    workspace: str
    profile_id: str
    version: int
    updated_at: datetime
    merged_into: None
    identifiers: list[_Identifier]
    more_identifiers: int
    refused_links: int
    conflicts: list[Conflict]
    traits: dict[str, _Trait]
    accounts: list[str]
    memberships: list[Membership]
    first_seen_at: datetime
    last_seen_at: datetime
    behaviour: _Behaviour
    purchases: Purchases
    service: Service
    quality: msgspec.Raw
    payments: Payments | UnsetType
    sales: Sales | UnsetType
    loyalty: Loyalty | UnsetType
    marketing: Marketing | UnsetType
    consent: dict[str, ShownConsent] | UnsetType
    preferences: Preferences | UnsetType
    rebuilt_version: int | UnsetType


class _Erased(msgspec.Struct, gc=False):
    workspace: str
    profile_id: str
    version: int
    updated_at: datetime
    erased: bool = True


class _Redirect(msgspec.Struct, gc=False):
    workspace: str
    profile_id: str
    version: int
    updated_at: datetime
    merged_into: str


def snapshot(component: Component, person: Person, version: int, currency: str) -> bytes:
    """The person as it is published, as of this version of its component."""
    assert person.id is not None, "a person for whom no event counts is not shown"
    nodes = [component.nodes[place] for place in person.places]
    whole = combined([node.part for node in nodes if node.part is not None])
    identifiers = _identifiers(nodes)
    more = 0
    for node in nodes:
        more += node.absorbed
    shown = _Profile(
        component.workspace,
        uuid_text(person.id),
        version,
        moment(version),
        None,
        identifiers,
        more,
        len(person.refused) + person.hub_links,
        conflicts(component, person.refused) if person.refused else [],
        _traits(whole.traits) if whole.traits else {},
        accounts(whole) if whole.accounts else [],
        memberships(whole) if whole.accounts else [],
        whole.seen[FIRST],
        whole.seen[LAST],
        _behaviour(whole),
        purchases(whole, currency),
        service(whole),
        _quality(identifiers, whole, person.unsettled_links if person.refused_links else 0),
        payments(whole),
        sales(whole),
        loyalty(whole),
        marketing(whole),
        consent(whole),
        preferences(whole),
        component.rebuilt or UNSET,
    )
    return _encode(shown)


def redirect(workspace: str, lost: bytes, kept: bytes, version: int) -> bytes:
    """What is published under the id of a profile that joined another one."""
    lost_id, kept_id = uuid_text(lost), uuid_text(kept)
    return _encode(_Redirect(workspace, lost_id, version, moment(version), kept_id))


def erased(workspace: str, profile: bytes, version: int) -> bytes:
    """What is published under the id of somebody who was erased."""
    return _encode(_Erased(workspace, uuid_text(profile), version, moment(version)))


@lru_cache(1_024)
def moment(micros_since_epoch: int) -> datetime:
    """The UTC moment of a version; all of a batch have nearly the same few."""
    return EPOCH + timedelta(microseconds=micros_since_epoch)


@lru_cache(1_024)
def moment_text(micros_since_epoch: int) -> bytes:
    """The moment of a version as RFC 3339 text."""
    return rfc3339_bytes(moment(micros_since_epoch))


def _identifiers(nodes: list[Node]) -> list[_Identifier]:
    """Strongest kinds first, those without a code last."""
    named = [(node.kind, node.value) for node in nodes]
    try:
        named.sort()
    except TypeError:  # of kinds with a code and without one
        named.sort(key=_kind_and_value)
    return [_Identifier(kind_name(kind), value) for kind, value in named]


def _kind_and_value(named: tuple[int | str, str]) -> tuple[bool, int | str, str]:
    kind, value = named
    return isinstance(kind, str), kind, value


def _traits(traits: dict[str, Said]) -> dict[str, _Trait]:
    return {
        name: _Trait(msgspec.Raw(value), source, at)
        for name, (at, _, source, value) in traits.items()
        if value != _REMOVED
    }


def _behaviour(part: Part) -> _Behaviour:
    """`last_at` by kind, and by channel as `channel:web`."""
    events, by_kind, by_channel = 0, {}, {}
    last_at: dict[str, datetime] = {}
    for kind, (times, newest) in part.kinds.items():
        name = _KIND_NAMES.get(kind) or str(kind)
        events += times
        by_kind[name] = times
        last_at[name] = newest
    for channel, (times, newest) in part.channels.items():
        by_channel[channel] = times
        last_at["channel:" + channel] = newest
    return _Behaviour(events, by_kind, by_channel, last_at, part.categories)


def _quality(identifiers: list[_Identifier], part: Part, unsettled_links: int) -> msgspec.Raw:
    late = part.past[0].late if part.past else 0
    conflicts_known = unsettled_links + late
    last = part.seen[LAST]
    return _quality_json(
        quality(identifiers, part.traits, part.consents, last, conflicts_known), late
    )


@lru_cache(16_384)
def _quality_json(found: Quality, late: int) -> msgspec.Raw:
    """Many people are known alike."""
    shown = _Quality(
        found.score,
        found.completeness / 1000,
        found.validity / 1000,
        found.freshness / 1000,
        found.conflicts,
        late,
        found.missing,
        found.invalid,
    )
    return msgspec.Raw(_encode(shown))
