"""python -m services.profile: touchpoints.accepted → profiles; `... api`: profiles over HTTP."""

from __future__ import annotations

import logging
import sys

from schemas.topics import ACCEPTED
from services.common.logs import setup
from services.common.ports import Gap
from services.common.run import Stop
from services.common.settings import Settings
from services.common.step_service import Plan, run
from services.common.workspace_files import WorkspaceError
from services.common.workspace_follow import Followed
from services.profile.stream import SERVICE, ProfileHandler


def main(arguments: list[str]) -> int:
    """0 when stopped; 1 or 2 when a person must look: a wrong workspace, a gap in the log."""
    if arguments == ["api"]:
        from services.profile.api.process import run as run_api  # FastAPI: the stream needs none

        return run_api(Settings())
    if arguments:
        sys.stderr.write("usage: python -m services.profile [api]\n")
        return 2
    return stream(Settings())


def stream(settings: Settings) -> int:
    """0 when stopped; 1 when a person must look."""
    setup(settings, SERVICE)
    try:
        with Followed(settings.workspace) as followed:
            plan = Plan(
                service=SERVICE,
                topic=ACCEPTED.name,
                make_handler=lambda client: ProfileHandler(client, followed.current, settings),
                fenced=True,
                renewed=followed.renewed,
            )
            run(settings, plan, Stop().on_signals())
    except (WorkspaceError, Gap) as error:
        logging.getLogger(__name__).critical("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
