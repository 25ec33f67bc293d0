"""The steps of an erasure: each can be done again, and says what it found and did.

A step needs no values: identifiers are told by hashes, so an erasure goes on after a kill.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from schemas import topics
from schemas.erasure import ErasedIdentifier, Erasure, ErasureState, StoreReceipt
from services.cli.erase.cleaning import delete_columns, delete_letters, drop_deliveries
from services.cli.erase.desk import CanNot, Desk
from services.cli.erase.erasures import advanced, as_output, published
from services.cli.erase.last_copies import complete, rewrite_log, wait_for_horizon
from services.cli.erase.lifting import control
from services.cli.erase.receipts import redis_receipt
from services.cli.person import in_columns
from services.cli.person.whom import AlreadyErased, Name, Nobody, all_names, hash_of, looked_up
from services.common.settings import Settings
from services.common.suppression import Act, Writer
from services.common.workspace import Workspace
from services.ingest.domain.names import PEOPLE
from services.profile.domain.ids import Hashes
from services.profile.rebuild.decided import read_up_to

S = ErasureState
#: ingest follows the suppression list within half a second.
DOOR_FOLLOWS_S: Final = 2.0
#: A person whose identifiers grow while they are looked at: so often.
LOOKS_MAX: Final = 10


def as_identifiers(
    settings: Settings, workspace: Workspace, names: Sequence[Name]
) -> tuple[ErasedIdentifier, ...]:
    """Identifiers as an erasure keeps them: without their values."""
    return tuple(
        ErasedIdentifier(
            kind=name.kind,
            node=name.node.hex(),
            hash=hash_of(settings, workspace.name, name).hex(),
        )
        for name in all_names(settings, workspace, names)
    )


def suppress(desk: Desk, erasure: Erasure) -> Erasure:
    """Keep them out, and wait until all that came before is in their profile: what an event on its
    way linked to them is found then, and is kept out too."""
    writer = Writer(desk.settings.salt, erasure.workspace)
    for _ in range(LOOKS_MAX):
        act = Act(erasure.workspace, erasure.who, datetime.now(UTC), "erased")
        records = [
            writer.suppressed_hash(one.kind, bytes.fromhex(one.hash), act)
            for one in erasure.identifiers
        ]
        published(desk.producer, *records)
        time.sleep(DOOR_FOLLOWS_S)
        desk.readers.profile_has_read()
        grown = _with_news(desk, erasure)
        if grown is erasure:
            told = StoreReceipt(
                store="kafka",
                place=topics.SUPPRESSIONS.name,
                found=len(erasure.identifiers),
                done="keyed hashes are kept, so that nobody brings them back",
            )
            return advanced(erasure, S.SUPPRESSED, [told])
        erasure = grown
        published(desk.producer, as_output(erasure))
    raise CanNot("the person's identifiers grow again and again; is the suppression list followed?")


def _with_news(desk: Desk, erasure: Erasure) -> Erasure:
    """With the identifiers that the person has by now."""
    names: dict[bytes, Name] = {}
    for one in erasure.identifiers:
        try:
            whom = looked_up(desk.redis, desk.settings, desk.workspace, bytes.fromhex(one.node))
        except (Nobody, AlreadyErased):
            continue
        names |= {name.node: name for name in whom.names}
    known = {one.node for one in erasure.identifiers}
    news = [name for name in names.values() if name.node.hex() not in known]
    if not news:
        return erasure
    more = as_identifiers(desk.settings, desk.workspace, news)
    identifiers = tuple({one.node: one for one in (*more, *erasure.identifiers)}.values())
    return advanced(erasure, erasure.state, identifiers=identifiers)


def remove_from_profiles(desk: Desk, erasure: Erasure) -> Erasure:
    """Have profile take their nodes out, by a record of the log; then wait until whoever reads
    profiles and scores has forgotten them."""
    nodes = [one.node for one in erasure.identifiers]
    shown = _shown(desk, erasure)
    naming = [node.hex() for node in _naming(desk, erasure)]
    published(desk.producer, control(erasure, "erase", {"naming": naming}))
    desk.readers.nodes_are_erased([bytes.fromhex(node) for node in nodes])
    profiles = tuple(dict.fromkeys((*erasure.profiles, *shown)))
    desk.readers.journey_has_forgotten(erasure.workspace, profiles)
    told = redis_receipt("n: c: (graph and parts)", len(nodes))
    now = datetime.now(UTC)
    read = read_up_to(desk.redis, str(erasure.erasure_id), "erase") or erasure.taken_out
    return advanced(erasure, S.PROFILES, [told], profiles=profiles, erased_at=now, taken_out=read)


def _naming(desk: Desk, erasure: Erasure) -> set[bytes]:
    """The nodes of other people whose events name them, and whose parts may do so too."""
    desk.readers.columns_are_filled()
    about, node = desk.about(erasure), Hashes(desk.settings.salt).node
    with in_columns.columns_client(desk.settings) as client:
        told = in_columns.telling_of(client, erasure.workspace, about, list(PEOPLE))
    return {node(erasure.workspace, *names[0]) for names in told.values() if names}


def _shown(desk: Desk, erasure: Erasure) -> list[UUID]:
    """The nodes that events count for: the ids that profiles of theirs may have had."""
    found: list[UUID] = []
    for one in erasure.identifiers:
        node = bytes.fromhex(one.node)
        try:
            whom = looked_up(desk.redis, desk.settings, desk.workspace, node)
        except Nobody:
            continue
        except AlreadyErased:  # the step was done before, and its end was not noted
            if desk.redis.exists(b"j:%b:%b" % (erasure.workspace.encode(), node)):
                found.append(UUID(bytes=node))
            continue
        nodes = {each.id: each for each in whom.component.nodes}
        if node in nodes and nodes[node].part is not None:
            found.append(UUID(bytes=node))
    return found


STEPS: Final[dict[ErasureState, Callable[[Desk, Erasure], Erasure]]] = {
    S.REQUESTED: suppress,
    S.SUPPRESSED: remove_from_profiles,
    S.PROFILES: delete_columns,
    S.COLUMNS: drop_deliveries,
    S.QUEUES: delete_letters,
    S.DEAD_LETTERS: rewrite_log,
    S.LOG_REWRITTEN: wait_for_horizon,
    S.WAITING: complete,
}
