"""Assembles and runs profile: without an argument people's profiles, `accounts`, or `api`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from typing import Final

import redis

from schemas import topics
from services.common import logs, step_service
from services.common.batch import Handler
from services.common.clients import ConsumerLost
from services.common.ports import Gap
from services.common.run import Stop
from services.common.settings import Settings
from services.common.workspace import Workspace
from services.common.workspace_files import WorkspaceError
from services.common.workspace_follow import Followed
from services.profile import stream
from services.profile.accounts import stream as accounts
from services.profile.accounts.stream import AccountsHandler
from services.profile.stream import ProfileHandler

Make = Callable[[redis.Redis, Mapping[str, Workspace], Settings], Handler]

#: Argument -> service, topic that it reads, handler.
COMMANDS: Final[dict[tuple[str, ...], tuple[str, str, Make]]] = {
    (): (stream.SERVICE, topics.ACCEPTED.name, ProfileHandler),
    ("accounts",): (accounts.SERVICE, topics.PROFILES.name, AccountsHandler),
}


def run(settings: Settings, service: str, topic: str, make: Make) -> None:
    """Until SIGTERM."""
    logs.setup(settings, service)
    with Followed(settings.workspace) as followed:
        plan = step_service.Plan(
            service=service,
            topic=topic,
            make_handler=lambda client: make(client, followed.current, settings),
            fenced=True,
            renewed=followed.renewed,
        )
        step_service.run(settings, plan, Stop().on_signals())


def main(arguments: list[str]) -> int:
    """0 when stopped; 1 when a person must look (workspace, gap in the log), or the consumer is
    lost; 2 for wrong usage."""
    if arguments == ["api"]:
        from services.profile.api.process import run as run_api  # FastAPI: the others need none

        return run_api(Settings())
    command = COMMANDS.get(tuple(arguments))
    if command is None:
        sys.stderr.write("usage: python -m services.profile [accounts|api]\n")
        return 2
    try:
        run(Settings(), *command)
    except (WorkspaceError, Gap, ConsumerLost) as error:
        logging.getLogger(__name__).critical("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
