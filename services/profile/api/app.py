"""The profile API in one process: HTTP in the main thread, Kafka's link beside it."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from functools import partial
from typing import Final

import redis.asyncio
import uvicorn

from services.common import clients
from services.common.connections import Connection
from services.common.health import Check, HealthServer
from services.common.http_server import Application, nothing, server
from services.common.run import Stop, settle_memory
from services.common.settings import Settings
from services.common.workspace import Workspace
from services.common.workspace_watch import WorkspaceWatch
from services.profile.api import metrics
from services.profile.api.account_reader import AccountReader
from services.profile.api.accounts import Accounts
from services.profile.api.answers import Refused
from services.profile.api.application import application
from services.profile.api.columns import DATABASE, Columns, connected
from services.profile.api.endpoint import Parts
from services.profile.api.front import Front
from services.profile.api.kafka import KafkaLink
from services.profile.api.keys import Keys
from services.profile.api.merging import Merging
from services.profile.api.people import People
from services.profile.api.reader import Reader
from services.profile.api.streams import Streams
from services.profile.api.together import QUESTIONS_MAX

log = logging.getLogger(__name__)

REDIS_ANSWERS_WITHIN_S: Final = 2.0


class ApiConnection(Connection):
    """With the metrics of the profile API."""

    open_connections = metrics.CONNECTIONS
    closed_connections = metrics.CONNECTIONS_CLOSED


class ProfileApi:
    """Everything that is open, from start to stop."""

    def __init__(
        self,
        settings: Settings,
        workspaces: Mapping[str, Workspace],
        stop: Stop,
        database: str = DATABASE,
    ) -> None:
        self._settings = settings
        self._stop = stop
        self._server: uvicorn.Server | None = None
        self._link = KafkaLink(settings, self._stopping)
        self._keys = Keys(workspaces)
        self._watch = WorkspaceWatch(settings.workspace, workspaces, self._keys.renew)
        self._redis = _redis(settings)
        self._columns = Columns(partial(connected, settings, database))
        self._streams = Streams(self._stopping)
        people = People(Reader(self._redis), settings.salt, self._link)
        accounts = Accounts(AccountReader(self._redis), people, settings.salt)
        merging = Merging(people, self._link)
        parts = Parts(
            settings, people, accounts, self._columns, merging, self._streams, self._opens
        )
        self._front = Front(self._keys, people, accounts, application(parts))
        # later on the endpoints that need Kafka or ClickHouse say so themselves
        checks: dict[str, Check] = {
            "Redis": partial(clients.missing, settings, "Redis"),
            "Kafka": self._link.fault,
        }
        self._health = HealthServer(settings, checks)

    def serve(self, bound: socket.socket) -> None:
        """Until a signal: finish what is in flight, then flush and close."""
        wanted = self._settings.profile_api_connections_max
        application = Application(self._front, nothing, self._redis.aclose)
        setting = "RAPPORT_PROFILE_API_CONNECTIONS_MAX"
        self._server = server(application, ApiConnection, wanted, setting)
        self._health.start()
        self._link.start()
        self._watch.start()
        settle_memory()
        log.info("listening on %s:%d, health on port %d", *bound.getsockname(), self._health.port)
        try:
            self._server.run(sockets=[bound])
        finally:
            self._stop.set()
            self._watch.stop()
            self._link.close()
            self._columns.close()
            self._streams.close()
            self._health.stop()

    def _stopping(self) -> bool:
        return self._stop() or (self._server is not None and self._server.should_exit)

    def _opens(self, authorization: bytes | None) -> bool:
        """Whether a key that opened a stream still does."""
        try:
            self._keys.holder(authorization)
        except Refused:
            return False
        return True


def _redis(settings: Settings) -> redis.asyncio.Redis:
    """Fails fast: whoever waits is told to ask again."""
    return redis.asyncio.Redis.from_url(
        clients.address(settings, "Redis"),
        socket_timeout=REDIS_ANSWERS_WITHIN_S,
        socket_connect_timeout=REDIS_ANSWERS_WITHIN_S,
        health_check_interval=0,
        max_connections=2 * QUESTIONS_MAX + 1,  # of people, and of accounts
        protocol=2,
    )
