"""What ClickHouse knows of people, asked from the event loop: bounded, and never holding it up.

No identifier's value is in a question but for a search by prefix: ClickHouse may log what it is
asked. What must be compared is compared by its SHA-256.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from clickhouse_connect.driver.exceptions import ClickHouseError

from services.common.clients import EngineMissing, clickhouse_client
from services.common.settings import Settings
from services.profile.api.answers import Refused, unavailable

log = logging.getLogger(__name__)

DATABASE: Final = "rapport"
#: Questions at once, and requests that may wait for their turn besides.
QUESTIONS_MAX: Final = 8
WAITING_MAX: Final = 64
SECONDS_MAX: Final = 10
#: Reading only, for so long, and without a line in ClickHouse's own log of queries.
LIMITS: Final = {"readonly": "2", "max_execution_time": SECONDS_MAX, "log_queries": "0"}

Parameters = Mapping[str, Any]
Row = dict[str, Any]


class Columns:
    """Asks with a client that is made when it is first needed."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._client: Any = None
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(QUESTIONS_MAX, thread_name_prefix="columns")
        self._asked = 0

    async def rows(self, sql: str, parameters: Parameters) -> list[Row]:
        """The rows of a question. Refused (503) without an answer."""
        if self._asked >= QUESTIONS_MAX + WAITING_MAX:
            raise Refused(503, "busy", "too many questions wait for ClickHouse; ask again later")
        self._asked += 1
        ask = partial(self._ask, sql, parameters)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        except (ClickHouseError, EngineMissing, OSError) as error:
            log.warning("ClickHouse did not answer: %s", type(error).__name__)
            raise unavailable("ClickHouse") from None
        finally:
            self._asked -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    def _ask(self, sql: str, parameters: Parameters) -> list[Row]:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            client = self._client
        answer = client.query(sql, parameters=dict(parameters), settings=LIMITS)
        return list(answer.named_results())


def connected(settings: Settings, database: str = DATABASE) -> Any:
    """A client whose answers come in time. EngineMissing or ClickHouseError without one."""
    return clickhouse_client(
        settings, database=database, connect_timeout=3, send_receive_timeout=SECONDS_MAX + 5
    )
