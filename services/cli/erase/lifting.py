"""Letting an erased person in again: what is received from now on makes a profile that is new."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from schemas import topics
from schemas.base import micros
from schemas.cloudevents import source_of
from schemas.erasure import Erasure
from services.cli.erase.erasures import advanced, as_output, published
from services.cli.erase.readers import Readers
from services.common.batch import CONTROL_HEADER, CONTROL_KEY, Record
from services.common.suppression import Act, lifted


def let_in_again(producer: Any, readers: Readers, erasure: Erasure, who: str) -> Erasure:
    """First profile is told since when they count, then the door opens: what is let in counts.

    PublishFailed, StillReading. Doing it again does no harm.
    """
    now = datetime.now(UTC)
    published(producer, control(erasure, "lift", {"from": micros(now)}))
    read = readers.has_let_in(str(erasure.erasure_id))
    done = advanced(erasure, erasure.state, lifted_at=now, let_in=read)
    published(producer, as_output(done))
    act = Act(erasure.workspace, who, now)
    published(producer, *(lifted(bytes.fromhex(one.hash), act) for one in erasure.identifiers))
    return done


def control(erasure: Erasure, name: str, more: dict[str, Any]) -> Record:
    """A record for profile about all nodes of an erasure."""
    body = {
        "workspace": erasure.workspace,
        "erasure_id": str(erasure.erasure_id),
        "nodes": [one.node for one in erasure.identifiers],
    }
    key = CONTROL_KEY + f":{erasure.erasure_id}".encode()
    marks = ((CONTROL_HEADER, name.encode()), ("ce_source", source_of(erasure.workspace)))
    return Record(topics.ACCEPTED.name, 0, 0, key, msgspec.json.encode(body | more), marks)
