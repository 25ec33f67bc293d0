"""What came out, read from ClickHouse, Redis and Kafka themselves: never from the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import redis

from services.cli.demo.ledger import Company, Name, identity_errors
from services.common import clients
from services.common.settings import Settings

Row = dict[str, Any]
DATABASE: Final = "rapport"
#: What Redis uses for itself, by the names of its INFO.
NOT_STATE: Final = ("used_memory_startup", "mem_clients_normal", "mem_aof_buffer")

COUNTS: Final = """
SELECT
    countIf(user_id != '') AS customers, sum(orders) AS purchases, sum(revenue) AS revenue,
    sum(refunded) AS refunded, count() AS profiles, sum(events) AS events_in_profiles,
    sum(length(identifiers)) AS identifiers
FROM customers
"""
BY_MODEL: Final = "SELECT * EXCEPT (first_gap_days) FROM models_newest"
BY_STAGE: Final = """
SELECT stage, count() AS profiles, sum(orders) AS orders, toFloat64(sum(net_revenue)) AS revenue,
    avg(p_alive) AS p_alive
FROM customers GROUP BY stage
"""
BY_RFM: Final = "SELECT recency, frequency, customers FROM rfm_grid ORDER BY recency, frequency"
BY_SEGMENT: Final = """
SELECT segment, count() AS customers FROM customers WHERE segment != ''
GROUP BY segment ORDER BY customers DESC
"""
BY_ALERT: Final = """
SELECT kind, countIf(state = 'raised') AS raised, countIf(state = 'cleared') AS cleared,
    countIf(NOT historic) AS sent
FROM alerts FINAL GROUP BY kind ORDER BY kind
"""
BY_REASON: Final = """
SELECT reason, count() AS letters FROM dead_letters FINAL GROUP BY reason ORDER BY reason
"""
WHOSE: Final = """
SELECT toString(profile_id), identifiers.kind, identifiers.value
FROM profiles FINAL WHERE merged_into IS NULL
"""
BY_ACCOUNT: Final = "SELECT account_id, members, orders, revenue FROM accounts"
INTERESTING: Final = """
SELECT * FROM customers
WHERE user_id != '' AND calls > 0 AND complaints > 0
ORDER BY notEmpty(open_alerts) + high_value + (length(identifiers) >= 4) + (orders >= 5) DESC,
    clv_total DESC, user_id
LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Columns:
    """What ClickHouse says."""

    distinct: int
    counts: Row
    redirects: int
    dead_letters: dict[str, int]
    stages: dict[str, Row]
    rfm: tuple[Row, ...]
    segments: dict[str, int]
    model: Row
    alerts: tuple[Row, ...]
    interesting: Row
    identity_errors: tuple[str, ...]
    companies: dict[str, Company]


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of Redis, by what they are for.

    `state`: all but message ids, an empty Redis, and the buffers of connections and of the log.
    """

    used: int
    state: int
    message_ids: int
    remembered: int
    by_prefix: dict[str, int]

    @property
    def profiles(self) -> int:
        """What the profile service keeps: components, and identifiers that lead to them."""
        return self.by_prefix.get("c:", 0) + self.by_prefix.get("n:", 0)


class Questions:
    """Asks ClickHouse; every answer is rows as dicts."""

    def __init__(self, settings: Settings) -> None:
        self._client = clients.clickhouse_client(settings, database=DATABASE)

    def rows(self, sql: str) -> tuple[Row, ...]:
        return tuple(self._client.query(sql).named_results())

    def one(self, sql: str) -> Row:
        """The only row, or an empty dict."""
        return next(iter(self.rows(sql)), {})

    def number(self, sql: str) -> int:
        return int(self._client.query(sql).result_rows[0][0])

    def identifiers(self) -> Iterator[tuple[Name, str]]:
        """Every identifier of every living profile, with the profile's id."""
        for profile, kinds, values in self._client.query(WHOSE).result_rows:
            for kind, value in zip(kinds, values, strict=True):
                yield (kind, value), profile

    def columns(self, owners: Mapping[Name, int]) -> Columns:
        """All that the results page and the check need."""
        return Columns(
            distinct=self.number("SELECT count() FROM touchpoints FINAL"),
            counts=self.one(COUNTS),
            redirects=self.number("SELECT count() FROM profile_redirects FINAL"),
            dead_letters={row["reason"]: row["letters"] for row in self.rows(BY_REASON)},
            stages={row["stage"]: row for row in self.rows(BY_STAGE)},
            rfm=self.rows(BY_RFM),
            segments={row["segment"]: row["customers"] for row in self.rows(BY_SEGMENT)},
            model=self.one(BY_MODEL),
            alerts=self.rows(BY_ALERT),
            interesting=self.one(INTERESTING),
            identity_errors=tuple(identity_errors(dict(owners), self.identifiers())),
            companies={
                row["account_id"]: Company(row["members"], row["orders"], row["revenue"])
                for row in self.rows(BY_ACCOUNT)
            },
        )


def money(value: object) -> str:
    """An amount as it is compared and printed: two digits."""
    return str(Decimal(str(value)).quantize(Decimal("0.01")))


def redis_memory(client: redis.Redis) -> Memory:
    """Every key's memory by its first letter; message ids are the members of the m: sets."""
    found: dict[str, int] = {}
    remembered = 0
    for keys in _chunks(client):
        asked = client.pipeline(transaction=False)
        for key in keys:
            asked.memory_usage(key)
        for key, used in zip(keys, asked.execute(), strict=True):
            prefix = key[:2].decode(errors="replace")
            found[prefix] = found.get(prefix, 0) + (used or 0)
        sets = [key for key in keys if key.startswith(b"m:")]
        asked = client.pipeline(transaction=False)
        for key in sets:
            asked.scard(key)
        remembered += sum(asked.execute())
    memory: Any = client.info("memory")
    ids = found.get("m:", 0)
    used = int(memory["used_memory"])
    other = sum(int(memory.get(name, 0)) for name in NOT_STATE)
    return Memory(used, used - other - ids, ids, remembered, found)


def _chunks(client: redis.Redis) -> Iterator[list[bytes]]:
    keys: list[bytes] = []
    for key in client.scan_iter(count=5_000):
        keys.append(key)
        if len(keys) == 5_000:
            yield keys
            keys = []
    if keys:
        yield keys
