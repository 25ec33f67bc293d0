"""The service in one process: HTTP in the main thread, Kafka's link and the stream beside it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
from collections.abc import Mapping

from services.common.connections import Connection
from services.common.health import HealthServer, Readiness
from services.common.http_server import GRACE_S, Application, server
from services.common.run import Stop, settle_memory
from services.common.settings import Settings
from services.common.suppression import Listed
from services.common.workspace import Workspace
from services.common.workspace_watch import WorkspaceWatch
from services.ingest import metrics
from services.ingest.api import Api
from services.ingest.keys import Doors
from services.ingest.link import Link
from services.ingest.live import Live
from services.ingest.publisher import KafkaPublisher
from services.ingest.stream import Inbound
from services.ingest.suppressions import NOT_READ, Suppressions

log = logging.getLogger(__name__)


class IngestConnection(Connection):
    """With the metrics of ingest."""

    open_connections = metrics.CONNECTIONS
    closed_connections = metrics.CONNECTIONS_CLOSED


class Ingest:
    """Everything that is open, from start to stop."""

    def __init__(self, settings: Settings, workspaces: Mapping[str, Workspace], stop: Stop) -> None:
        self._settings = settings
        self._stop = stop
        self._publisher = KafkaPublisher()
        self._link = Link(settings, self._publisher, stop)
        self._listed = Listed(fault=NOT_READ)
        self._suppressions = Suppressions(settings, self._listed, self._link, stop)
        checks = {"Kafka": self._link.fault, "suppressions": self._suppressions.fault}
        live = Live()
        self._health = HealthServer(settings, checks, {"/live": live.stream})
        doors = Doors(workspaces, settings.salt, self._listed)
        self._watch = WorkspaceWatch(settings.workspace, workspaces, doors.renew)
        self._api = Api(doors, self._publisher, Readiness(checks), live)
        self._inbound = Inbound(settings, doors, stop, live)
        self._stream = threading.Thread(target=self._run_stream, name="stream", daemon=True)
        self._reports: asyncio.Task[None] | None = None

    def serve(self, bound: socket.socket) -> None:
        """Until a signal: finish what is in flight, then flush and close."""
        wanted = self._settings.http_connections_max
        application = Application(self._api, self._open, self._close)
        http = server(application, IngestConnection, wanted, "RAPPORT_HTTP_CONNECTIONS_MAX")
        self._health.start()
        self._link.start()
        self._suppressions.start()
        self._stream.start()
        self._watch.start()
        settle_memory()
        log.info("listening on %s:%d, health on port %d", *bound.getsockname(), self._health.port)
        try:
            http.run(sockets=[bound])
        finally:
            self._stop.set()
            self._watch.stop()
            self._stream.join(GRACE_S)
            self._suppressions.join(GRACE_S)
            self._health.stop()

    async def _open(self) -> None:
        self._reports = asyncio.create_task(self._publisher.serve_reports())
        self._reports.add_done_callback(_end_if_failed)

    async def _close(self) -> None:
        assert self._reports is not None, "what is closed was opened"
        self._reports.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reports
        self._publisher.close(GRACE_S)

    def _run_stream(self) -> None:
        while not self._link.connected.wait(0.2) or self._listed.fault is not None:
            if self._stop.wait(0.05):
                return
        try:
            self._inbound.run()
        except Exception:
            log.exception("the stream of touchpoints.inbound ended; ending the process")
            os._exit(1)


def _end_if_failed(task: asyncio.Task[None]) -> None:
    """Without delivery reports no request would ever be answered: a restart is better."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("delivery reports are not served any more: %r; ending the process", error)
        os._exit(1)
