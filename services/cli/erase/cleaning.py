"""The steps that delete what is kept for questions and for sending: rows, webhooks, letters."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from schemas.erasure import Erasure, ErasureState
from services.cli.erase.desk import Desk
from services.cli.erase.erasures import advanced
from services.cli.erase.receipts import columns_receipt, log_receipt, redis_receipt
from services.cli.person import in_columns
from services.cli.person.deliveries import deliveries, dropped
from services.common.suppression import Hashes
from services.ingest.domain.names import PEOPLE

S = ErasureState


def delete_columns(desk: Desk, erasure: Erasure) -> Erasure:
    """Rewrite ClickHouse's parts without them; the rows by which their names are known go last."""
    desk.readers.columns_are_filled()
    about = desk.about(erasure)
    profiles = sorted(about.profiles)
    hashes = Hashes(desk.settings.salt, erasure.workspace)
    known = {bytes.fromhex(one.hash) for one in erasure.identifiers}
    found: Counter[str] = Counter()
    with in_columns.columns_client(desk.settings) as client:
        names = in_columns.names_of(client, profiles, hashes, known)
        events = in_columns.naming(client, erasure.workspace, names)
        events |= in_columns.telling_of(client, erasure.workspace, about, list(PEOPLE)).keys()
        for table, column in (("touchpoints", "event_id"), ("violations", "touchpoint_id")):
            found[table] += in_columns.delete(client, table, column, events)
        id = str(erasure.erasure_id)
        found["profile_identifiers"] += in_columns.delete_names(client, id, names)
        last = ("profile_identifiers", "profiles", "touchpoints")
        tables = [one for one in in_columns.tables_with(client, "profile_id") if one not in last]
        for table in (*tables, *reversed(last)):
            found[table] += in_columns.delete(client, table, "profile_id", profiles)
        told = [columns_receipt(client, table, count) for table, count in sorted(found.items())]
    told.append(log_receipt(desk.settings.home, [value for _, value in names]))
    return advanced(erasure, S.COLUMNS, told)


def drop_deliveries(desk: Desk, erasure: Erasure) -> Erasure:
    """Webhooks that wait, and those that were given up and could be sent again."""
    desk.readers.effects_are_queued()
    count = 0
    for one in list(deliveries(desk.redis, desk.about(erasure))):
        dropped(desk.redis, one)
        count += 1
    return advanced(erasure, S.QUEUES, [redis_receipt("d: (webhook deliveries)", count)])


def delete_letters(desk: Desk, erasure: Erasure) -> Erasure:
    """Dead letters that name them: the rows go now, the topic keeps them for its retention.

    A webhook that was given up a moment ago is one, and may not be a row yet.
    """
    desk.readers.columns_are_filled()
    with in_columns.columns_client(desk.settings) as client:
        ids = list(in_columns.letters(client, erasure.workspace, desk.about(erasure)))
        found = in_columns.delete(client, "dead_letters", "event_id", ids)
        handled = in_columns.delete(client, "dead_letters_handled", "letter_id", ids)
        told = [
            columns_receipt(client, "dead_letters", found),
            columns_receipt(client, "dead_letters_handled", handled),
        ]
    return advanced(erasure, S.DEAD_LETTERS, told, columns_deleted_at=datetime.now(UTC))
