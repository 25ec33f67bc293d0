"""The newest refused links of a person, as the JSON of schemas.profile.Conflict: no values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from services.profile.domain.component import Component, kind_name
from services.profile.domain.ids import uuid_text
from services.profile.domain.people import RefusedLink

CONFLICTS_SHOWN: Final = 5


class Conflict(msgspec.Struct, gc=False):
    kinds: tuple[str, str]
    reason: str
    event_id: str
    at: datetime


def conflicts(component: Component, refused: Sequence[RefusedLink]) -> list[Conflict]:
    """The newest first."""
    told = [_conflict(component, one) for one in refused]
    told.sort(key=lambda one: (one.at, one.event_id, one.kinds, one.reason), reverse=True)
    return told[:CONFLICTS_SHOWN]


def _conflict(component: Component, refused: RefusedLink) -> Conflict:
    link, outside = refused.link, refused.outside
    other = outside.kind if outside is not None else component.nodes[link.b].kind
    one, two = sorted((kind_name(component.nodes[link.a].kind), kind_name(other)))
    return Conflict((one, two), refused.reason, uuid_text(link.event), link.at)
