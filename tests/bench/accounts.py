"""Rows `accounts` and `accounts_one`: snapshots of members of many accounts, and of one alone."""

from __future__ import annotations

import time
from random import Random
from uuid import UUID

from schemas import topics
from schemas.base import to_json
from services.common.batch import Record
from services.common.settings import Settings
from services.profile.accounts.messages import contributions, read
from tests.bench.bare import bare_loop
from tests.bench.stage import Service, fill, row, service, until
from tests.unit.accounts_world import member, snapshot

#: Snapshots of so many people in so many accounts; then of people of one account.
EVENTS, PEOPLE, ACCOUNTS = 100_000, 40_000, 2_000
MEMBERS, CHANGES = 100_000, 40_000
BATCH = 2_000
DONE = "rapport_step_events_total"
_ID, _VERSION = UUID(int=0), 987_654_321_987


def bench_accounts(settings: Settings) -> list[dict[str, object]]:
    """profiles.changed → accounts.changed; every snapshot changes an account."""
    dice = Random(1)
    people = [dice.randrange(PEOPLE) for _ in range(EVENTS)]
    crowd = range(PEOPLE, PEOPLE + MEMBERS)
    fill(settings, topics.PROFILES.name, _snapshots(people))
    with service(settings, "services.profile", "accounts") as accounts:
        many = _timed(accounts, 0, EVENTS)
        bare, _ = bare_loop(settings, topics.PROFILES.name, EVENTS, _bare)
        fill(settings, topics.PROFILES.name, _snapshots(crowd, "everybody"))
        until(lambda: accounts.metric(DONE) >= EVENTS + MEMBERS, every_s=0.2)
        changes = dice.sample(crowd, CHANGES)
        fill(settings, topics.PROFILES.name, _snapshots(changes, "everybody", EVENTS))
        one = _timed(accounts, EVENTS + MEMBERS, EVENTS + MEMBERS + CHANGES)
    return [row("accounts", *many, bare), row("accounts_one", *one, bare)]


def _timed(accounts: Service, begin: int, end: int) -> tuple[int, float, float]:
    """(snapshots, seconds, seconds of CPU) from the first batch on."""
    until(lambda: accounts.metric(DONE) >= begin + BATCH)
    began, first, cpu = time.monotonic(), accounts.metric(DONE), accounts.cpu_s()
    until(lambda: accounts.metric(DONE) >= end, every_s=0.2)
    return end - int(first), time.monotonic() - began, accounts.cpu_s() - cpu


def _snapshots(
    people: range | list[int], account: str | None = None, version: int = 0
) -> list[tuple[bytes, bytes]]:
    """One of each, of growing versions; without an account each has one of 2,000."""
    dice, records = Random(2), []
    model = snapshot(0, _VERSION, memberships=member("ACCOUNT", role="buyer"), spent=12_345)
    text = to_json(model.model_copy(update={"profile_id": _ID}))
    for place, number in enumerate(people, start=version + 1):
        # as people's ids are hashes
        profile = str(UUID(int=Random(number).getrandbits(128))).encode()
        value = text.replace(str(_ID).encode(), profile)
        value = value.replace(b"%d" % _VERSION, b"%d" % place)
        name = account or f"company-{number % ACCOUNTS}"
        value = value.replace(b'"ACCOUNT"', f'"{name}"'.encode())
        value = value.replace(b"123.45", b"%d.00" % dice.randrange(100, 999))
        records.append((profile, value))
    return records


def _bare(records: list[Record]) -> list[tuple[bytes, bytes]]:
    for record in records:
        contributions(read(record.value), record.value)
    return [(record.key or b"", record.value) for record in records]
