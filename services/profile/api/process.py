"""The profile API as a process: what it is told, and what is wrong with that."""

from __future__ import annotations

import logging

from services.common.clients import EngineMissing
from services.common.http_server import CannotListen, listen
from services.common.logs import setup
from services.common.run import Stop
from services.common.settings import Settings
from services.common.workspace_files import WorkspaceError, load_workspaces
from services.profile.api.app import ProfileApi
from services.profile.api.kafka import SERVICE

log = logging.getLogger(__name__)


def run(settings: Settings) -> int:
    """Until SIGTERM. 0 when stopped; 2 when it can not start."""
    setup(settings, SERVICE)
    try:
        workspaces = load_workspaces(settings.workspace)
        bound = listen(settings, settings.profile_api_port, "RAPPORT_PROFILE_API_PORT")
        api = ProfileApi(settings, workspaces, Stop().on_signals())
    except (WorkspaceError, EngineMissing, CannotListen) as error:
        log.error("%s", error)
        return 2
    api.serve(bound)
    return 0
