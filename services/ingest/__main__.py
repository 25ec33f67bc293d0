"""python -m services.ingest: the HTTP API and the reader of touchpoints.inbound."""

from __future__ import annotations

import logging
import sys

from services.common import logs
from services.common.http_server import CannotListen, listen
from services.common.run import Stop
from services.common.settings import Settings
from services.common.workspace_files import WorkspaceError, load_workspaces
from services.ingest.app import Ingest

log = logging.getLogger(__name__)


def main() -> int:
    settings = Settings()
    logs.setup(settings, "ingest")
    stop = Stop().on_signals()
    try:
        workspaces = load_workspaces(settings.workspace)
        bound = listen(settings, settings.http_port, "RAPPORT_HTTP_PORT")
    except (WorkspaceError, CannotListen) as error:
        log.error("%s", error)
        return 2
    Ingest(settings, workspaces, stop).serve(bound)
    return 0


if __name__ == "__main__":
    sys.exit(main())
